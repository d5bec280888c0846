/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/packet_set.h"

#include <linux/netfilter/nf_tables.h>
#include <string.h>

static bool all_known(const struct partial_key *key, size_t offset, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!key->known[offset + i])
			return false;
	return true;
}

static uint32_t element_flags(struct span element)
{
	return attr_find_be32(element, NFTA_SET_ELEM_FLAGS);
}

/* Compares a whole, known key with an element's, as elements are sorted. */
static int compare_key(const struct partial_key *key, size_t length, struct span element)
{
	struct span value = element_key(element);
	int order = memcmp(key->byte, value.data, length < value.len ? length : value.len);

	return order ? order : length < value.len ? -1 : length > value.len;
}

/* How many elements have a key that is not greater: the last of them is where a key would be. */
static size_t count_not_greater(const struct set *set, const struct partial_key *key, size_t length)
{
	size_t low = 0, high = elements_count(&set->elements);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_key(key, length, element_at(&set->elements, middle)) >= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static enum ternary lookup_exact(const struct set *set, const struct partial_key *key,
				 size_t length, struct span *ret_element)
{
	size_t n = count_not_greater(set, key, length);
	struct span element;

	if (!n)
		return NO;
	element = element_at(&set->elements, n - 1);
	if (compare_key(key, length, element))
		return NO;
	*ret_element = element;
	return YES;
}

/* Intervals of one field: each begins at an element and ends before one that is marked. */
static enum ternary lookup_interval(const struct set *set, const struct partial_key *key,
				    size_t length, struct span *ret_element)
{
	size_t n = count_not_greater(set, key, length);
	struct span element;

	if (!n)
		return NO;
	element = element_at(&set->elements, n - 1);
	if (element_flags(element) & NFT_SET_ELEM_INTERVAL_END)
		return NO;
	*ret_element = element;
	return YES;
}

static bool is_everything(struct span first, struct span last, size_t offset, size_t length)
{
	for (size_t i = offset; i < offset + length; i++)
		if (first.data[i] != 0 || last.data[i] != 0xff)
			return false;
	return true;
}

/* Is a field between two bounds (or may it be)? */
static enum ternary field_between(const struct partial_key *key, size_t offset, size_t length,
				  struct span first, struct span last)
{
	if (is_everything(first, last, offset, length))
		return YES;
	if (memcmp(first.data + offset, last.data + offset, length)) {
		if (!all_known(key, offset, length))
			return MAYBE;
		return memcmp(key->byte + offset, first.data + offset, length) >= 0 &&
				       memcmp(key->byte + offset, last.data + offset, length) <= 0
			       ? YES
			       : NO;
	}
	for (size_t i = 0; i < length; i++)
		if (key->known[offset + i] && key->byte[offset + i] != first.data[offset + i])
			return NO;
	return all_known(key, offset, length) ? YES : MAYBE;
}

/* The fields of a concatenation, or the whole key where the set does not tell them. */
static enum ternary element_holds(struct span fields, size_t length, const struct partial_key *key,
				  struct span element)
{
	struct span first = element_key(element), last = element_key_end(element);
	enum ternary answer = YES;
	size_t offset = 0;

	if (!last.len)
		last = first;
	if (first.len < length || last.len < length)
		return MAYBE;
	attr_for_each(field, fields) {
		size_t one = attr_find_be32(field.body, NFTA_SET_FIELD_LEN);
		enum ternary inside;

		if (!one || offset + one > length)
			return MAYBE;
		inside = field_between(key, offset, one, first, last);
		if (inside == NO)
			return NO;
		if (inside == MAYBE)
			answer = MAYBE;
		offset += (one + 3) & ~(size_t)3;
	}
	if (offset)
		return answer;
	return field_between(key, 0, length, first, last);
}

static enum ternary lookup_each(const struct set *set, const struct partial_key *key, size_t length,
				struct span *ret_element)
{
	struct span desc = {NULL, 0}, fields = {NULL, 0};
	enum ternary answer = NO;

	if (set->flags & NFT_SET_INTERVAL && attr_find(buf_span(&set->attrs), NFTA_SET_DESC, &desc))
		attr_find(desc, NFTA_SET_DESC_CONCAT, &fields);
	for (size_t i = 0; i < elements_count(&set->elements); i++) {
		struct span element = element_at(&set->elements, i);
		enum ternary holds = element_flags(element) & NFT_SET_ELEM_CATCHALL
					     ? NO
					     : element_holds(fields, length, key, element);

		if (holds == YES) {
			*ret_element = element;
			return YES;
		}
		if (holds == MAYBE)
			answer = MAYBE;
	}
	return answer;
}

/* The element that stands for all keys that are not in the set. */
static enum ternary lookup_catchall(const struct set *set, struct span *ret_element)
{
	for (size_t i = 0; i < elements_count(&set->elements); i++) {
		struct span element = element_at(&set->elements, i);

		if (element_flags(element) & NFT_SET_ELEM_CATCHALL) {
			*ret_element = element;
			return YES;
		}
		if (element_key(element).len)
			return NO; /* sorted: it has no key, and so would be first */
	}
	return NO;
}

enum ternary set_lookup(const struct set *set, const struct partial_key *key,
			struct span *ret_element)
{
	size_t length = attr_find_be32(buf_span(&set->attrs), NFTA_SET_KEY_LEN);
	bool interval = set->flags & NFT_SET_INTERVAL, concat = set->flags & NFT_SET_CONCAT;
	enum ternary answer;

	if (!set->elements_read || !length || length > KEY_BYTES || !set->elements.sorted ||
	    set->flags & (NFT_SET_EVAL | NFT_SET_TIMEOUT))
		return MAYBE;
	if ((interval && concat) || (!interval && !all_known(key, 0, length)))
		answer = lookup_each(set, key, length, ret_element);
	else if (!all_known(key, 0, length))
		answer = elements_count(&set->elements) ? MAYBE : NO;
	else if (interval)
		answer = lookup_interval(set, key, length, ret_element);
	else
		answer = lookup_exact(set, key, length, ret_element);
	return answer == NO ? lookup_catchall(set, ret_element) : answer;
}
