/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/suggestion.h"

#include "base/buf.h"
#include "view/words.h"

#include <inttypes.h>
#include <jansson.h>

static json_t *protocols_of(const struct suggested_service *service)
{
	json_t *list = json_array();
	char number[4];

	array_for_each(protocol, &service->protocols) {
		const char *text = protocol_text(*protocol, number);

		json_array_append_new(list,
				      text == number ? json_integer(*protocol) : json_string(text));
	}
	if (service->protocols.n == 1) {
		json_t *only = json_incref(json_array_get(list, 0));

		json_decref(list);
		return only;
	}
	return list;
}

static json_t *addresses_of(const struct suggested_service *service)
{
	json_t *list = json_array();
	char room[INET_TEXT_MAX];

	array_for_each(range, &service->addresses) {
		json_array_append_new(list, json_string(inet_format(range, room)));
	}
	return list;
}

static json_t *comment_of(const struct suggestion *suggestion,
			  const struct suggested_service *service)
{
	char entries[COUNT_TEXT_MAX], all[COUNT_TEXT_MAX];
	autobuf text = {0};

	buf_printf(&text, "frees %s of %s entries (%.1f %%)", view_count(service->entries, entries),
		   view_count(suggestion->entries, all),
		   view_percent(service->entries, suggestion->entries));
	return json_string(buf_text(&text));
}

static json_t *service_object(const struct suggestion *suggestion,
			      const struct suggested_service *service)
{
	json_t *object = json_pack("{s:s, s:s, s:o}", "name", service->name, "role",
				   view_role(service->role), "protocol", protocols_of(service));

	if (service->port)
		json_object_set_new(object, "ports", json_pack("[i]", (int)service->port));
	if (service->addresses.n)
		json_object_set_new(object, service->role == ROLE_CLIENT ? "peers" : "addresses",
				    addresses_of(service));
	if (service->accept)
		json_object_set_new(object, "accept", json_true());
	json_object_set_new(object, "comment", comment_of(suggestion, service));
	return object;
}

char *view_suggestion(const struct suggestion *suggestion, unsigned indent)
{
	json_t *services = json_array(), *object;
	char *text;

	array_for_each(service, &suggestion->services) {
		json_array_append_new(services, service_object(suggestion, service));
	}
	object = json_pack("{s:i, s:o}", "untrack", 1, "services", services);
	if (suggestion->accept_in.n) {
		json_t *chains = json_array();

		array_for_each(chain, &suggestion->accept_in) {
			json_array_append_new(chains, json_string(*chain));
		}
		json_object_set_new(object, "accept_in", chains);
	}
	text = object ? json_dumps(object, JSON_INDENT(indent)) : NULL;
	json_decref(object);
	return text;
}

char *view_refused_service(const struct refused_service *refused)
{
	struct buf out = {0};
	char number[4];

	buf_puts(&out, protocol_text(refused->protocol, number));
	if (refused->port)
		buf_printf(&out, " %u", (unsigned)refused->port);
	buf_printf(&out, " (%s, %" PRIu64 " %s) is left out: %s", view_role(refused->role),
		   refused->entries, refused->entries == 1 ? "entry" : "entries", refused->why);
	return buf_steal_text(&out);
}
