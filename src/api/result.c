/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct untrack_result *result_new(int status, char *json, char *text, struct untrack_error *err)
{
	struct untrack_result *result = calloc(1, sizeof(*result));

	if (!result || !json || !text) {
		free(result);
		free(json);
		free(text);
		error_memory(err);
		return NULL;
	}
	result->status = status;
	result->json = json;
	result->text = text;
	return result;
}

struct untrack_result *result_new_lazy(int status, char *(*make_json)(void *context), void *context,
				       void (*release)(void *context), char *text,
				       struct untrack_error *err)
{
	struct untrack_result *result = calloc(1, sizeof(*result));

	if (!result || !text) {
		free(result);
		free(text);
		release(context);
		error_memory(err);
		return NULL;
	}
	result->status = status;
	result->text = text;
	result->make_json = make_json;
	result->context = context;
	result->release = release;
	return result;
}

void result_take_warnings(struct untrack_result *result, texts *warnings)
{
	texts_free(&result->warnings);
	result->warnings = *warnings;
	*warnings = (texts){0};
}

bool warn(texts *warnings, struct untrack_error *err, const char *format, ...)
{
	va_list ap;
	char *text;
	int len;

	va_start(ap, format);
	len = vasprintf(&text, format, ap);
	va_end(ap);
	if (len < 0)
		return error_memory(err);
	if (!array_push(warnings, text)) {
		free(text);
		return error_memory(err);
	}
	return true;
}

bool texts_copy(const texts *from, texts *to)
{
	array_for_each(text, from) {
		char *copy = strdup(*text);

		if (!copy || !array_push(to, copy)) {
			free(copy);
			return false;
		}
	}
	return true;
}

int untrack_result_status(const struct untrack_result *result)
{
	return result->status;
}

const char *untrack_result_json(struct untrack_result *result)
{
	if (!result->json && result->make_json)
		result->json = result->make_json(result->context);
	return result->json;
}

static const char *line_color(char first)
{
	switch (first) {
	case '+':
		return "\033[32m";
	case '-':
		return "\033[31m";
	case '~':
		return "\033[33m";
	default:
		return NULL;
	}
}

static char *color_lines(const char *text)
{
	struct buf out = {0};

	while (*text) {
		size_t len = strcspn(text, "\n");
		const char *color = line_color(*text);

		buf_puts(&out, color ? color : "");
		buf_put(&out, text, len);
		buf_puts(&out, color ? "\033[0m" : "");
		text += len;
		if (*text == '\n') {
			buf_putc(&out, '\n');
			text++;
		}
	}
	return buf_steal_text(&out);
}

const char *untrack_result_text(struct untrack_result *result, bool color)
{
	if (!color || !result->is_change)
		return result->text;
	if (!result->colored)
		result->colored = color_lines(result->text);
	return result->colored ? result->colored : result->text;
}

const char *untrack_result_warning(const struct untrack_result *result, size_t index)
{
	return index < result->warnings.n ? result->warnings.v[index] : NULL;
}

void untrack_result_free(struct untrack_result *result)
{
	if (!result)
		return;
	texts_free(&result->warnings);
	if (result->release)
		result->release(result->context);
	free(result->json);
	free(result->text);
	free(result->colored);
	free(result);
}
