/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/path.h"

#include "base/text.h"
#include "model/ruleset.h"

#include <jansson.h>
#include <string.h>

/* A name as it is, or what can be shown of it where it is no UTF-8. */
static json_t *name_text(const char *name)
{
	json_t *text = json_string(name);
	char shown[TEXT_SHOWN_MAX];

	return text ? text : json_string(text_show(name, strlen(name), shown));
}

static json_t *strings(const texts *list)
{
	json_t *array = json_array();

	array_for_each(text, list) {
		json_array_append_new(array, name_text(*text));
	}
	return array;
}

static json_t *stage_families(const struct stage *stage)
{
	json_t *array = json_array();

	if (stage->families & STAGE_IP)
		json_array_append_new(array, json_string("ip"));
	if (stage->families & STAGE_IP6)
		json_array_append_new(array, json_string("ip6"));
	return array;
}

static const char *const untracks_words[] = {
	[UNTRACKS_NOT] = "no", [UNTRACKS] = "yes", [UNTRACKS_IN_VAIN] = "in vain"};

static void add_chain(json_t *object, enum path_hook hook, const struct stage *stage)
{
	json_object_set_new(object, "family", json_string(family_name(stage->family)));
	json_object_set_new(object, "table", name_text(stage->table));
	json_object_set_new(object, "chain", name_text(stage->chain));
	json_object_set_new(object, "type", name_text(stage->type));
	json_object_set_new(object, "policy", json_string(stage->drop ? "drop" : "accept"));
	json_object_set_new(object, "rules", json_integer((json_int_t)stage->rules));
	json_object_set_new(object, "dormant", json_boolean(stage->dormant));
	json_object_set_new(object, "untracks",
			    json_string(untracks_words[stage_untracks(hook, stage)]));
	json_object_set_new(object, "services", strings(&stage->services));
}

static json_t *stage_object(enum path_hook hook, const struct stage *stage)
{
	json_t *object = json_object();
	autobuf title = {0};
	bool has_priority = stage->kind != STAGE_XDP && stage->kind != STAGE_QDISC;

	stage_title(&title, hook, stage, 0);
	json_object_set_new(object, "kind", json_string(stage_kind_name(stage->kind)));
	json_object_set_new(object, "title", json_string(buf_text(&title)));
	json_object_set_new(object, "priority",
			    has_priority ? json_integer(stage->priority) : json_null());
	json_object_set_new(object, "families", stage_families(stage));
	json_object_set_new(object, "activity", json_string(stage_activity_name(stage->activity)));
	json_object_set_new(object, "inside_nat", json_boolean(stage->inside_nat));
	if (stage->devices)
		json_object_set_new(object, "devices", json_string(stage->devices));
	if (stage->kind == STAGE_CHAIN)
		add_chain(object, hook, stage);
	if (stage->kind == STAGE_LEGACY) {
		json_object_set_new(object, "table", name_text(stage->table));
		json_object_set_new(object, "untracks",
				    json_string(untracks_words[stage_untracks(hook, stage)]));
	}
	return object;
}

static json_t *hook_object(const struct path *path, enum path_lane lane, enum path_hook hook)
{
	json_t *stages = json_array();

	array_for_each(stage, &path->hooks[lane][hook]) {
		json_array_append_new(stages, stage_object(hook, stage));
	}
	return json_pack("{s:s, s:s, s:o}", "lane", path_lane_name(lane), "hook",
			 path_hook_name(hook), "stages", stages);
}

static json_t *journey_object(const struct journey *journey)
{
	json_t *hooks = json_array();

	for (unsigned i = 0; i < journey->count; i++)
		json_array_append_new(hooks, json_string(path_hook_name(journey->hooks[i])));
	return json_pack("{s:s, s:o}", "name", journey->name, "hooks", hooks);
}

/* The service's object in the list, made if it is not there. */
static json_t *service_object(json_t *services, const char *name, const char *family,
			      const char *table)
{
	json_t *service;
	size_t i;

	json_array_foreach(services, i, service) {
		const char *other, *other_family, *other_table;

		if (json_unpack(service, "{s:s, s:s, s:s}", "name", &other, "family", &other_family,
				"table", &other_table) == 0 &&
		    !strcmp(other, name) && !strcmp(other_family, family) &&
		    !strcmp(other_table, table))
			return service;
	}
	service = json_pack("{s:o, s:s, s:o, s:[]}", "name", name_text(name), "family", family,
			    "table", name_text(table), "untracked_at");
	json_array_append_new(services, service);
	return service;
}

static void add_services(json_t *services, enum path_hook hook, const struct stage *stage)
{
	array_for_each(name, &stage->services) {
		json_t *service =
			service_object(services, *name, family_name(stage->family), stage->table);

		json_array_append_new(json_object_get(service, "untracked_at"),
				      json_pack("{s:s, s:i, s:o}", "hook", path_hook_name(hook),
						"priority", (int)stage->priority, "chain",
						name_text(stage->chain)));
	}
}

static json_t *service_array(const struct path *path)
{
	json_t *services = json_array();

	for (enum path_hook hook = 0; hook < PATH_HOOKS; hook++) {
		array_for_each(stage, &path->hooks[LANE_IP][hook]) {
			if (stage_untracks(hook, stage) == UNTRACKS && !stage->dormant)
				add_services(services, hook, stage);
		}
	}
	return services;
}

char *view_path_json(const struct path *path)
{
	json_t *hooks = json_array(), *all = json_array(), *object;
	char *text;

	for (int i = 0; i < JOURNEYS; i++)
		json_array_append_new(all, journey_object(&journeys[i]));
	for (enum path_lane lane = 0; lane < LANES; lane++)
		for (enum path_hook hook = 0; hook < PATH_HOOKS; hook++)
			if (lane == LANE_IP || path->hooks[lane][hook].n)
				json_array_append_new(hooks, hook_object(path, lane, hook));
	object = json_pack("{s:{s:s, s:s}, s:s, s:o, s:o, s:o}", "tracking", "ip",
			   stage_activity_name(path->tracking[0]), "ip6",
			   stage_activity_name(path->tracking[1]), "source",
			   path->from_kernel ? "kernel" : "rules", "journeys", all, "hooks", hooks,
			   "services", service_array(path));
	text = object ? json_dumps(object, 0) : NULL;
	json_decref(object);
	return text;
}
