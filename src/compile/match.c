/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "compile/match.h"

#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

static int compare_ports(const void *left, const void *right)
{
	const struct port_range *a = left, *b = right;

	return a->from != b->from ? (a->from < b->from ? -1 : 1) : (int)a->to - (int)b->to;
}

static bool merge_ports(const port_ranges *from, port_ranges *to)
{
	array_for_each(range, from) {
		if (!array_push(to, *range))
			return false;
	}
	if (to->n < 2)
		return true;
	qsort(to->v, to->n, sizeof(*to->v), compare_ports);
	size_t n = 0;

	for (size_t i = 1; i < to->n; i++) {
		if (to->v[i].from > to->v[n].to + 1)
			to->v[++n] = to->v[i];
		else if (to->v[i].to > to->v[n].to)
			to->v[n].to = to->v[i].to;
	}
	to->n = n + 1;
	return true;
}

static bool range_is_single(const struct inet_range *range)
{
	return !inet_compare(&range->first, &range->last, range->family);
}

/* Where a single address would stand behind all prefixes that begin before it or at it. */
static bool is_covered(const inet_ranges *prefixes, const struct inet_range *single)
{
	size_t low = 0, high = prefixes->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct inet_range *range = &prefixes->v[middle];

		if (range->family < single->family ||
		    (range->family == single->family &&
		     inet_compare(&range->first, &single->first, range->family) <= 0))
			low = middle + 1;
		else
			high = middle;
	}
	return low && prefixes->v[low - 1].family == single->family &&
	       inet_compare(&single->first, &prefixes->v[low - 1].last, single->family) <= 0;
}

static bool prepare_forms(struct address_list *to)
{
	size_t n = 0;

	for (size_t i = 0; i < inet_list_count(&to->sorted); i++) {
		struct inet_range range = inet_list_at(&to->sorted, i);

		if (!array_push(&to->merged, range) ||
		    !(range_is_single(&range) ? array_push(&to->singles, range)
					      : array_push(&to->prefixes, range)))
			return false;
	}
	to->merged.n = inet_merge(to->merged.v, to->merged.n);
	to->prefixes.n = inet_merge(to->prefixes.v, to->prefixes.n);
	for (size_t i = 0; i < to->singles.n; i++)
		if (!is_covered(&to->prefixes, &to->singles.v[i]))
			to->singles.v[n++] = to->singles.v[i];
	to->singles.n = n;
	return true;
}

static bool prepare_list(const struct inet_list *from, bool all_forms, struct address_list *to)
{
	to->any = !inet_list_count(from);
	if (!array_reserve(&to->sorted.v4, from->v4.n) ||
	    !array_reserve(&to->sorted.v6, from->v6.n))
		return false;
	if (from->v4.n)
		memcpy(to->sorted.v4.v, from->v4.v, from->v4.n * sizeof(*from->v4.v));
	if (from->v6.n)
		memcpy(to->sorted.v6.v, from->v6.v, from->v6.n * sizeof(*from->v6.v));
	to->sorted.v4.n = from->v4.n;
	to->sorted.v6.n = from->v6.n;
	inet_list_sort(&to->sorted, false);
	array_for_each(range, &to->sorted.v4) {
		to->has_length[0][inet4_length(range)] = true;
	}
	for (size_t i = to->sorted.v4.n; i < inet_list_count(&to->sorted); i++)
		to->has_length[1][inet_list_length(&to->sorted, i)] = true;
	to->is_long = !all_forms && inet_list_count(&to->sorted) > LONG_LIST;
	return to->is_long || prepare_forms(to);
}

size_t list_size(const struct address_list *list)
{
	return list->is_long ? inet_list_count(&list->sorted) : list->merged.n;
}

static struct interface read_interface(const char *name)
{
	size_t length = strlen(name);
	struct interface interface = {0};

	if (length && name[length - 1] == '*') {
		interface.wildcard = true;
		length--;
	}
	if (length > INTERFACE_LENGTH)
		length = INTERFACE_LENGTH;
	interface.length = (uint8_t)length;
	memcpy(interface.first, name, length);
	memcpy(interface.last, name, length);
	if (interface.wildcard)
		memset(interface.last + length, 0xff, INTERFACE_LENGTH - length);
	return interface;
}

static bool interface_covers(const struct interface *wide, const struct interface *narrow)
{
	return memcmp(wide->first, narrow->first, INTERFACE_LENGTH) <= 0 &&
	       memcmp(narrow->last, wide->last, INTERFACE_LENGTH) <= 0;
}

static bool merge_interface(interfaces *to, const struct interface *added)
{
	size_t n = 0;

	array_for_each(old, to) {
		if (interface_covers(old, added))
			return true;
	}
	for (size_t i = 0; i < to->n; i++)
		if (!interface_covers(added, &to->v[i]))
			to->v[n++] = to->v[i];
	to->n = n;
	return array_push(to, *added);
}

bool interfaces_merge(interfaces *to, const interfaces *from)
{
	array_for_each(interface, from) {
		if (!merge_interface(to, interface))
			return false;
	}
	return true;
}

static bool prepare_interfaces(const texts *names, interfaces *to)
{
	array_for_each(name, names) {
		struct interface interface = read_interface(*name);

		if (!merge_interface(to, &interface))
			return false;
	}
	return true;
}

bool match_prepare(const struct policy_match *policy, bool all_forms, struct match *ret_match,
		   struct untrack_error *err)
{
	const struct interface loopback = read_interface("lo");
	automatch match = {0};

	array_for_each(protocol, &policy->protocols) {
		if (!array_push(&match.protocols, *protocol))
			return error_memory(err);
	}
	if (!merge_ports(&policy->ports, &match.ports) ||
	    !prepare_list(&policy->addresses, all_forms, &match.addresses) ||
	    !prepare_list(&policy->peers, all_forms, &match.peers) ||
	    !prepare_interfaces(&policy->interfaces, &match.interfaces))
		return error_memory(err);
	array_for_each(interface, &match.interfaces) {
		match.names_loopback |= interface_covers(interface, &loopback);
	}
	*ret_match = match;
	match = (struct match){0};
	return true;
}

static void list_free(struct address_list *list)
{
	inet_list_free(&list->sorted);
	array_free(&list->merged);
	array_free(&list->singles);
	array_free(&list->prefixes);
}

void match_free(struct match *match)
{
	array_free(&match->protocols);
	array_free(&match->ports);
	list_free(&match->addresses);
	list_free(&match->peers);
	array_free(&match->interfaces);
}

struct ranges ranges_of(const inet_ranges *list, uint8_t family)
{
	size_t v4 = 0, high = list->n;

	while (v4 < high) {
		size_t middle = (v4 + high) / 2;

		if (list->v[middle].family == INET_V4)
			v4 = middle + 1;
		else
			high = middle;
	}
	if (family == INET_V4)
		return (struct ranges){list->v, v4};
	return (struct ranges){v4 < list->n ? list->v + v4 : NULL, list->n - v4};
}

bool list_has_family(const struct address_list *list, uint8_t family)
{
	return list->any || (family == INET_V4 ? list->sorted.v4.n : list->sorted.v6.n);
}

bool match_has_family(const struct match *match, uint8_t family)
{
	return list_has_family(&match->addresses, family) && list_has_family(&match->peers, family);
}
