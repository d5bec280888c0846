/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -m set and -j SET: the members of an ipset become an nft set of the same name. */
#include "base/cleanup.h"
#include "document/import/ipset.h"
#include "document/import/own.h"
#include "document/reserved.h"

#include <inttypes.h>
#include <string.h>

/* A list:set whose members are of one type is their union. */
static const struct ipset *shape_of(const struct ipset_list *list, const struct ipset *set)
{
	const struct ipset *first = NULL;

	if (!set->list)
		return set;
	array_for_each(member, &set->members) {
		const struct ipset *part = ipset_find(list, member->text);

		if (!part || part->list || (first && strcmp(first->type, part->type)) ||
		    (first && (first->family != part->family || first->netmask != part->netmask)))
			return NULL;
		first = part;
	}
	return first;
}

/* "ip saddr . meta l4proto . th dport" */
static bool put_key(struct own *own, const struct use *use, const struct spec *spec,
		    const struct ipset *set, struct buf *b)
{
	autofree char *flags = strdup(use->value[1]);
	char *rest = flags;
	struct inet_range mask = {.family = set->family};
	char text[INET_TEXT_MAX];

	for (unsigned i = 0; i < set->dimensions; i++) {
		const char *flag = rest ? strsep(&rest, ",") : NULL;
		bool source = flag && !strcmp(flag, "src");

		if (!flag || (!source && strcmp(flag, "dst"))) {
			own_refuse(own, use, "%s needs %u of src and dst", set->type,
				   set->dimensions);
			return false;
		}
		buf_puts(b, i ? " . " : "");
		switch (set->dimension[i]) {
		case DIM_IP:
		case DIM_NET:
			buf_printf(b, "%s %s", ip_word(set->family), source ? "saddr" : "daddr");
			for (unsigned bit = 0; bit < set->netmask; bit++)
				mask.first.byte[bit / 8] |= (uint8_t)(0x80 >> (bit % 8));
			mask.last = mask.first;
			if (set->netmask)
				buf_printf(b, " & %s", inet_format(&mask, text));
			break;
		case DIM_PORT:
			if (use->negated && !port_word(spec)) {
				own_refuse(own, use,
					   "negated it needs -p, as nft reads no port elsewhere");
				return false;
			}
			buf_printf(b, "%sth %s",
				   strncmp(set->type, "bitmap", 6) ? "meta l4proto . " : "",
				   source ? "sport" : "dport");
			break;
		case DIM_MAC:
			if (!source && !strncmp(set->type, "hash:mac", 8)) {
				own_refuse(own, use, "nft sees the sender's address here only");
				return false;
			}
			buf_puts(b, source ? "ether saddr" : "ether daddr");
			break;
		case DIM_MARK:
			buf_puts(b, "meta mark");
			break;
		case DIM_IFACE:
			buf_puts(b, source ? "iifname" : "oifname");
			break;
		}
	}
	return true;
}

/* Timeouts stand with the elements: nft 1.0.6 has no word for one that stays in a set whose
 * elements go by default. */
static bool define_set(struct own *own, const struct use *use, const struct ipset *set,
		       const struct ipset *shape, const char *name)
{
	autofree char *why = NULL, *type = NULL;
	autobuf text = {0}, elements = {0}, origin = {0};
	bool interval, timed = shape->has_timeout;

	type = ipset_nft_type(shape, &interval, &why);
	if (!type || !ipset_put_elements(own->ipsets, set, &elements, &why)) {
		own_refuse(own, use, "%s", why ? why : "out of memory");
		return false;
	}
	/* A port or an address of hash:ip may be a range when the set was made of ranges. */
	interval |=
		set->list || strchr(buf_text(&elements), '-') || strchr(buf_text(&elements), '/');
	buf_printf(&text, "add set %s untrack_raw %s { type %s; ", ip_word(own->family), name,
		   type);
	if (interval)
		buf_printf(&text, "flags interval%s; auto-merge; ", timed ? ",timeout" : "");
	else
		buf_printf(&text, "size 65536; flags dynamic%s; ", timed ? ",timeout" : "");
	if (elements.len)
		buf_printf(&text, "elements = { %s } ", buf_text(&elements));
	buf_puts(&text, "}");
	buf_printf(&origin, "ipset %s", set->name);
	if (text.failed || elements.failed || origin.failed) {
		own_refuse(own, use, "out of memory");
		return false;
	}
	/* JSON has no auto-merge, and needs none: the elements are listed merged. */
	return own_define(own, name, buf_text(&origin), buf_text(&text), false);
}

/* bitmap:port knows no protocol: it looks at TCP and UDP (ip_set_get_ip_port()), nft's `th` at what
 * stands in that place. */
static bool ask_protocol(struct own *own, const struct spec *spec, const struct use *use)
{
	bool known = spec->protocol && !spec->protocol_negated;

	if (known && spec->protocol_number != 6 && spec->protocol_number != 17) {
		own_refuse(own, use, "a set of ports looks at tcp and udp only");
		return false;
	}
	if (!known)
		buf_puts(&own->text, "meta l4proto { tcp, udp } ");
	return true;
}

/* The key and the name of the nft set; false with the refusal. */
static bool take_set(struct own *own, const struct spec *spec, const struct use *use,
		     struct buf *key, char **ret_name)
{
	const struct ipset *set = ipset_find(own->ipsets, use->value[0]), *shape;
	autofree char *name = own_name("", use->value[0]), *safe = NULL;

	if (!set) {
		own_refuse(
			own, use,
			own->ipsets->unread
				? "its members are not known: %s; give them with --ipset-save FILE"
				: "there is no such set%s",
			own->ipsets->unread ? own->ipsets->unread : "");
		return false;
	}
	shape = shape_of(own->ipsets, set);
	if (!shape) {
		own_refuse(own, use, "the sets in it are not of one type");
		return false;
	}
	if (shape->family != own->family &&
	    (shape->dimension[0] == DIM_IP || shape->dimension[0] == DIM_NET)) {
		own_refuse(own, use, "the set is for the other IP version, so it never matches");
		return false;
	}
	if (!strcmp(shape->type, "bitmap:port") && !ask_protocol(own, spec, use))
		return false;
	safe = name && (!nft_name_is_valid(name) || nft_word_is_reserved(name))
		       ? own_name("set_", name)
		       : steal_pointer(&name);
	if (!safe || !put_key(own, use, spec, shape, key) ||
	    !define_set(own, use, set, shape, safe))
		return false;
	*ret_name = steal_pointer(&safe);
	return true;
}

enum own_answer own_set(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *use = use_find(piece, "match-set");
	autofree char *name = NULL;
	autobuf key = {0};

	if (!use)
		use = use_find(piece, "set");
	if (!use)
		return own_refuse(own, NULL, "expected --match-set");
	if (!take_set(own, spec, use, &key, &name))
		return OWN_REFUSED;
	buf_printf(&own->text, "%s %s@%s", buf_text(&key), not_word(use->negated), name);
	return OWN_TEXT;
}

enum own_answer own_set_target(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *add = use_find(piece, "add-set"), *del = use_find(piece, "del-set");
	const struct use *timeout = use_find(piece, "timeout"), *use = add ? add : del;
	autofree char *name = NULL;
	const struct ipset *set;
	autobuf key = {0};
	uint64_t seconds = 0;
	bool interval = true;
	char *why = NULL;

	if (!use || (add && del))
		return own_refuse(own, use, "expected one of --add-set and --del-set");
	if (timeout && !read_number(timeout->value[0], UINT32_MAX, &seconds))
		return own_refuse(own, timeout, "expected seconds");
	set = ipset_find(own->ipsets, use->value[0]);
	if (set && (set->list || set->netmask))
		return own_refuse(own, use, "nft adds no packet to a set of that kind");
	if (!take_set(own, spec, use, &key, &name))
		return OWN_REFUSED;
	free(ipset_nft_type(set, &interval, &why));
	free(why);
	if (interval)
		return own_refuse(own, use, "nft adds no packet to a set of prefixes");
	buf_printf(&own->text, "%s @%s { %s",
		   del			      ? "delete"
		   : use_find(piece, "exist") ? "update"
					      : "add",
		   name, buf_text(&key));
	if (!timeout)
		seconds = set->timeout;
	if (seconds && add)
		buf_printf(&own->text, " timeout %" PRIu64 "s", seconds);
	buf_puts(&own->text, " }");
	return OWN_TEXT;
}
