/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow: the path of a packet through this host. */
#include "api/context.h"
#include "api/legacy.h"
#include "api/result.h"
#include "base/cleanup.h"
#include "flow/path.h"
#include "kernel/conntrack.h"
#include "view/path.h"

#include <linux/netfilter.h>
#include <string.h>

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)

static enum read_depth depth_of(void *arg, uint8_t family, const char *table)
{
	(void)arg;
	(void)family;
	(void)table;
	return READ_OBJECTS;
}

/* What path_build() is given, with its owner. */
struct survey {
	struct ruleset *ruleset;
	registered_hooks hooks;
	bool hooks_available;
	texts legacy[3];
	struct ruleset *legacy_rules;
	texts warnings;
	devices devices;
	uint64_t entries;
};

static void survey_free(struct survey *survey)
{
	if (survey->ruleset)
		ruleset_free(survey->ruleset);
	registered_hooks_free(&survey->hooks);
	for (int i = 0; i < 3; i++)
		texts_free(&survey->legacy[i]);
	ruleset_free(survey->legacy_rules);
	texts_free(&survey->warnings);
	array_free(&survey->devices);
}

static bool take_survey(struct untrack *untrack, struct survey *survey, struct untrack_error *err)
{
	static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6, NFPROTO_ARP};
	struct kernel *kernel = context_kernel(untrack, err);
	struct conntrack_status table;

	if (!legacy_rules(untrack, &survey->legacy_rules, &survey->warnings, err))
		return false;
	autoenter entered = netns_enter(&untrack->ns, err);
	if (!kernel || entered.failed)
		return false;
	survey->ruleset = kernel_read(kernel, depth_of, NULL, err);
	if (!survey->ruleset || !conntrack_status(&table, err) ||
	    !kernel_hooks(&survey->hooks, &survey->hooks_available, err) ||
	    !kernel_devices(&survey->devices, err))
		return false;
	survey->entries = table.count;
	for (int i = 0; i < 3; i++)
		if (!kernel_legacy_tables(families[i], &survey->legacy[i], err))
			return false;
	return true;
}

struct untrack_result *untrack_flow(struct untrack *untrack,
				    const struct untrack_flow_options *given,
				    struct untrack_error *error)
{
	struct untrack_flow_options options = {.size = sizeof(options)};
	__attribute__((cleanup(survey_free))) struct survey survey = {0};
	autoclean(path_free_p) struct path *path = NULL;
	struct untrack_result *result;

	if (given)
		memcpy(&options, given,
		       given->size < sizeof(options) ? given->size : sizeof(options));
	if (!take_survey(untrack, &survey, error))
		return NULL;
	path = path_build(
		&(struct path_sources){
			.ruleset = survey.ruleset,
			.hooks = survey.hooks_available ? &survey.hooks : NULL,
			.legacy = {&survey.legacy[0], &survey.legacy[1], &survey.legacy[2]},
			.legacy_rules = survey.legacy_rules,
			.devices = &survey.devices,
			.entries = survey.entries,
		},
		error);
	if (!path)
		return NULL;
	result = result_new(0, view_path_json(path),
			    options.svg ? view_path_svg(path) : view_path_text(path), error);
	if (result)
		result_take_warnings(result, &survey.warnings);
	return result;
}
