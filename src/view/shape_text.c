/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/shape_text.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

struct shape_text {
	size_t count;
	char *parts[SHAPE_VALUES + 1]; /* between values */
};

void shape_text_free(struct shape_text *text)
{
	if (!text)
		return;
	for (size_t i = 0; i <= SHAPE_VALUES; i++)
		free(text->parts[i]);
	free(text);
}

DEFINE_AUTOCLEAN(struct shape_text, shape_text_free)

static bool cut(struct shape_text *text, const struct shape_value *values, const char *listed)
{
	for (size_t i = 0; i < text->count; i++) {
		autobuf value = {0};
		const char *found;

		shape_value_put(&values[i], &value);
		found = value.len && !value.failed ? strstr(listed, buf_text(&value)) : NULL;
		if (!found)
			return false;
		text->parts[i] = strndup(listed, (size_t)(found - listed));
		if (!text->parts[i])
			return false;
		listed = found + value.len;
	}
	text->parts[text->count] = strdup(listed);
	return text->parts[text->count];
}

static bool proves(const struct shape_text *text, const struct rule *sample, const char *listed)
{
	autobuf out = {0};

	shape_text_put(text, sample, &out);
	return !out.failed && !strcmp(buf_text(&out), listed);
}

struct shape_text *shape_text_learn(const struct rule_shape *shape,
				    const char *const texts[SHAPE_SAMPLES])
{
	autoclean(shape_text_free_p) struct shape_text *text = calloc(1, sizeof(*text));

	if (!text || !texts[0])
		return NULL;
	text->count = rule_shape_count(shape);
	if (!cut(text, rule_shape_sample_values(shape, 0), texts[0]))
		return NULL;
	for (size_t i = 0; i < SHAPE_SAMPLES; i++) {
		if (!texts[i] || !proves(text, rule_shape_sample(shape, i), texts[i]))
			return NULL;
	}
	return steal_pointer(&text);
}

void shape_text_put(const struct shape_text *text, const struct rule *rule, struct buf *out)
{
	for (size_t i = 0; i < text->count; i++) {
		struct shape_value value = rule_shape_value(rule, i);

		buf_puts(out, text->parts[i]);
		shape_value_put(&value, out);
	}
	buf_puts(out, text->parts[text->count]);
}
