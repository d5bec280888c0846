/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/terms.h"

#include "base/cleanup.h"

#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

static int compare_interfaces(const void *left, const void *right)
{
	const struct interface *a = left, *b = right;

	return memcmp(a->first, b->first, INTERFACE_LENGTH);
}

void write_interfaces(struct writer *w, enum hook hook, const interfaces *names)
{
	uint32_t meta = hook == HOOK_OUTPUT ? NFT_META_OIFNAME : NFT_META_IIFNAME;
	struct key key = {.layout = {.n = 1, .field = {DIM_INTERFACE}}, .interface = meta};
	interfaces sorted = {0};
	struct set *set;

	if (names->n == 1)
		write_interface(w, meta, &names->v[0]);
	if (names->n < 2)
		return;
	array_for_each(name, names) {
		key.layout.interval |= name->wildcard;
		w->failed |= !array_push(&sorted, *name);
	}
	if (w->failed) {
		array_free(&sorted);
		return;
	}
	qsort(sorted.v, sorted.n, sizeof(*sorted.v), compare_interfaces);
	set = writer_set(w, SET_ANONYMOUS, NULL, &key, 2 * sorted.n + 1);
	if (key.layout.interval)
		writer_intervals(w, set, sorted.v->first, sorted.v->last, sizeof(*sorted.v),
				 sorted.n, INTERFACE_LENGTH);
	for (size_t i = 0; !key.layout.interval && i < sorted.n; i++) {
		uint8_t bytes[KEY_MAX] = {0};

		memcpy(bytes, sorted.v[i].first, INTERFACE_LENGTH);
		writer_element(w, set, &key.layout, bytes, NULL, NULL);
	}
	write_lookup(w, &key, set);
	array_free(&sorted);
}

static bool has_port_ranges(const struct match *match)
{
	array_for_each(range, &match->ports) {
		if (range->from != range->to)
			return true;
	}
	return false;
}

static void write_port_elements(struct writer *w, struct set *set, const struct key *key,
				const struct match *match, uint8_t protocol)
{
	struct box box = box_any(INET_ANY, 0);
	size_t n = 0;

	box_limit(&box, DIM_PROTOCOL, &protocol, &protocol);
	do {
		uint8_t first[KEY_MAX], last[KEY_MAX];

		if (match->ports.n)
			box_limit_port(&box, match->ports.v[n].from, match->ports.v[n].to);
		layout_key(&key->layout, box.first, first);
		layout_key(&key->layout, box.last, last);
		writer_element(w, set, &key->layout, first, key->layout.interval ? last : NULL,
			       NULL);
	} while (++n < match->ports.n);
}

void write_ports(struct writer *w, const struct match *match, enum side side)
{
	struct key key = {.port = side};
	struct set *set;

	if (!match->protocols.n)
		return;
	if (!match->ports.n && match->protocols.n == 1) {
		write_protocol(w, match->protocols.v[0]);
		return;
	}
	key.layout = *class_layout(!match->ports.n	    ? CLASS_N
				   : has_port_ranges(match) ? CLASS_R
							    : CLASS_P);
	set = writer_set(w, SET_ANONYMOUS, NULL, &key,
			 match->protocols.n * (match->ports.n ? match->ports.n : 1));
	array_for_each(protocol, &match->protocols) {
		write_port_elements(w, set, &key, match, *protocol);
	}
	write_lookup(w, &key, set);
}
