/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/element.h"

#include "base/inet.h"
#include "view/datatype.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* Where an element's fields end when it is an interval: the last value, or nothing. */
static bool interval_last(const struct set *set, struct span element, const uint32_t *next,
			  uint8_t out[NFT_DATA_VALUE_MAXLEN], struct span *ret_last)
{
	struct span end = element_key_end(element), key = element_key(element);

	*ret_last = (struct span){NULL, 0};
	if (!(set->flags & NFT_SET_INTERVAL))
		return false;
	if (end.len) {
		*ret_last = end;
		return true;
	}
	if (set->flags & NFT_SET_CONCAT || key.len > NFT_DATA_VALUE_MAXLEN)
		return false;
	memset(out, 0xff, key.len); /* open: up to the last value there is */
	if (next) {
		struct span stop = element_key(element_at(&set->elements, *next));

		if (stop.len != key.len)
			return false;
		memcpy(out, stop.data, stop.len);
		for (size_t i = key.len; i-- > 0;) /* the end element is the first one behind */
			if (out[i]--)
				break;
	}
	*ret_last = (struct span){out, key.len};
	return true;
}

static json_t *key_json(const struct set *set, struct span element, struct span last)
{
	struct datatype_field fields[DATATYPE_FIELDS_MAX];
	size_t count = datatype_fields(set, fields);
	struct span key = element_key(element);
	json_t *list;

	if (attr_find_be32(element, NFTA_SET_ELEM_FLAGS) & NFT_SET_ELEM_CATCHALL)
		return json_string("*");
	if (count == 1)
		return datatype_value(&fields[0], key, last);
	list = json_array();
	for (size_t i = 0, at = 0; i < count; i++) {
		size_t len = fields[i].length;
		struct span from = {key.data + at, len}, to = {last.data + at, len};

		if (at + len > key.len)
			break;
		if (at + len > last.len)
			to = (struct span){NULL, 0};
		json_array_append_new(list, datatype_value(&fields[i], from, to));
		at += (len + 3) / 4 * 4;
	}
	return json_pack("{s:o}", "concat", list);
}

static json_t *verdict_json(struct span verdict)
{
	const char *chain = attr_find_text(verdict, NFTA_VERDICT_CHAIN);

	switch ((int32_t)attr_find_be32(verdict, NFTA_VERDICT_CODE)) {
	case NF_ACCEPT:
		return json_pack("{s:n}", "accept");
	case NF_DROP:
		return json_pack("{s:n}", "drop");
	case NFT_CONTINUE:
		return json_pack("{s:n}", "continue");
	case NFT_RETURN:
		return json_pack("{s:n}", "return");
	case NFT_JUMP:
		return json_pack("{s:{s:s?}}", "jump", "target", chain);
	case NFT_GOTO:
		return json_pack("{s:{s:s?}}", "goto", "target", chain);
	default:
		return json_null();
	}
}

/* What a map has for the key, or NULL for sets. */
static json_t *data_json(const struct set *set, struct span element)
{
	const char *object = attr_find_text(element, NFTA_SET_ELEM_OBJREF);
	struct span data, body;

	if (object)
		return json_string(object);
	if (!(set->flags & NFT_SET_MAP) || !attr_find(element, NFTA_SET_ELEM_DATA, &data))
		return NULL;
	if (attr_find(data, NFTA_DATA_VERDICT, &body))
		return verdict_json(body);
	if (attr_find(data, NFTA_DATA_VALUE, &body)) {
		struct datatype_field fields[DATATYPE_FIELDS_MAX];

		if (datatype_data_fields(set, body.len, fields) == 1)
			return datatype_value(&fields[0], body, (struct span){NULL, 0});
		return datatype_number(body);
	}
	return NULL;
}

/* Timeout, remaining time and comment make an object of it. */
static json_t *with_properties(json_t *key, struct span element)
{
	uint64_t timeout = attr_find_be64(element, NFTA_SET_ELEM_TIMEOUT);
	uint64_t expires = attr_find_be64(element, NFTA_SET_ELEM_EXPIRATION);
	const char *comment = element_comment(element);
	json_t *body;

	if (!timeout && !comment)
		return key;
	body = json_pack("{s:o}", "val", key);
	if (comment)
		json_object_set_new(body, "comment", json_string(comment));
	if (timeout)
		json_object_set_new(body, "timeout", json_integer((json_int_t)(timeout / 1000)));
	if (timeout && expires)
		json_object_set_new(body, "expires", json_integer((json_int_t)(expires / 1000)));
	return json_pack("{s:o}", "elem", body);
}

static json_t *element_json(const struct set *set, uint32_t index, const uint32_t *next)
{
	struct span element = element_at(&set->elements, index), last;
	uint8_t buffer[NFT_DATA_VALUE_MAXLEN];
	json_t *key, *data;

	interval_last(set, element, next, buffer, &last);
	key = with_properties(key_json(set, element, last), element);
	data = data_json(set, element);
	return data ? json_pack("[o, o]", key, data) : key;
}

bool view_element_is_end(const struct set *set, const uint32_t *indexes, uint32_t index)
{
	return element_is_end(element_at(&set->elements, indexes ? indexes[index] : index));
}

json_t *view_elements(const struct set *set, const uint32_t *indexes, uint32_t first,
		      uint32_t count)
{
	json_t *list = json_array();

	for (uint32_t i = 0; list && i < count; i++) {
		uint32_t index = indexes ? indexes[i] : first + i, next = 0;
		bool more = i + 1 < count;

		if (element_is_end(element_at(&set->elements, index)))
			continue; /* told with its start */
		if (more) {
			next = indexes ? indexes[i + 1] : index + 1;
			more = element_is_end(element_at(&set->elements, next));
		}
		if (json_array_append_new(list, element_json(set, index, more ? &next : NULL))) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* ------------------------------------------------------------------ text */

static void list_text(struct buf *out, const json_t *list, const char *between)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		buf_puts(out, i ? between : "");
		view_element_text(out, json_array_get(list, i));
	}
}

static void object_text(struct buf *out, const char *word, const json_t *body)
{
	if (!strcmp(word, "prefix")) {
		view_element_text(out, json_object_get(body, "addr"));
		buf_printf(out, "/%lld",
			   (long long)json_integer_value(json_object_get(body, "len")));
	} else if (!strcmp(word, "range")) {
		list_text(out, body, "-");
	} else if (!strcmp(word, "concat")) {
		list_text(out, body, " . ");
	} else if (!strcmp(word, "elem")) {
		const json_t *timeout = json_object_get(body, "timeout");
		const json_t *comment = json_object_get(body, "comment");

		view_element_text(out, json_object_get(body, "val"));
		if (timeout)
			buf_printf(out, " timeout %llds", (long long)json_integer_value(timeout));
		if (comment)
			buf_printf(out, " comment \"%s\"", json_string_value(comment));
	} else { /* a verdict */
		const char *target = json_string_value(json_object_get(body, "target"));

		buf_printf(out, target ? "%s %s" : "%s", word, target);
	}
}

void view_element_text(struct buf *out, const json_t *element)
{
	if (json_is_string(element)) {
		const char *text = json_string_value(element);

		/* names of interfaces and objects may have characters that only quotes allow */
		buf_printf(out,
			   text[strcspn(text, "*@/ ")] && !strchr(text, '.') && text[1] ? "\"%s\""
											: "%s",
			   text);
	} else if (json_is_integer(element)) {
		buf_printf(out, "%lld", (long long)json_integer_value(element));
	} else if (json_is_array(element)) {
		list_text(out, element, " : ");
	} else if (json_is_object(element)) {
		void *at = json_object_iter((json_t *)(uintptr_t)element);

		if (at)
			object_text(out, json_object_iter_key(at), json_object_iter_value(at));
	}
}
