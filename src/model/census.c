/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/census.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 256

_Static_assert(sizeof(struct census_key) == 40, "a key has no padding");

DEFINE_AUTOCLEAN(struct census, census_free)

struct census *census_new(unsigned by, inet_ranges *locals, uint16_t ephemeral_from,
			  struct untrack_error *err)
{
	autoclean(census_free_p) struct census *census = calloc(1, sizeof(*census));

	if (census)
		census->slots = calloc(FIRST_SLOTS, sizeof(*census->slots));
	if (!census || !census->slots) {
		error_memory(err);
		return NULL;
	}
	census->slot_count = FIRST_SLOTS;
	census->by = by;
	census->ephemeral_from = ephemeral_from;
	census->locals = *locals;
	*locals = (inet_ranges){0};
	return steal_pointer(&census);
}

void census_free(struct census *census)
{
	if (!census)
		return;
	array_free(&census->locals);
	array_free(&census->groups);
	free(census->slots);
	free(census);
}

static struct census_key key_of(const struct census *census, const struct flow_entry *entry)
{
	struct flow_sides sides = flow_sides(entry, &census->locals, census->ephemeral_from);
	struct census_key key = {0};
	size_t length = inet_length(entry->family);

	if (census->by & CENSUS_ADDRESS)
		memcpy(key.address.byte, sides.address->byte, length);
	if (census->by & CENSUS_SERVING)
		memcpy(key.address.byte,
		       (sides.role == ROLE_CLIENT ? sides.peer : sides.address)->byte, length);
	if (census->by & CENSUS_PEER)
		memcpy(key.peer.byte, sides.peer->byte, length);
	if (census->by & (CENSUS_ADDRESS | CENSUS_PEER | CENSUS_SERVING))
		key.family = (uint8_t)entry->family;
	if (census->by & CENSUS_PROTOCOL)
		key.protocol = entry->protocol;
	if (census->by & CENSUS_PORT)
		key.port = sides.port;
	if (census->by & CENSUS_ZONE)
		key.zone = entry->zone;
	if (census->by & CENSUS_STATE)
		key.state = (uint8_t)flow_state(entry);
	if (census->by & CENSUS_ROLE)
		key.role = (uint8_t)sides.role;
	return key;
}

static size_t hash(const struct census_key *key)
{
	uint64_t words[sizeof(*key) / 8], mixed = 0;

	memcpy(words, key, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		mixed = (mixed ^ words[i]) * 0x9e3779b97f4a7c15u;
		mixed ^= mixed >> 32;
	}
	return (size_t)mixed;
}

/* The slot that holds the key's group, or the free one where it belongs. */
static uint32_t *find_slot(const struct census *census, const struct census_key *key)
{
	size_t at = hash(key) & (census->slot_count - 1);

	while (census->slots[at] &&
	       memcmp(&census->groups.v[census->slots[at] - 1].key, key, sizeof(*key)) != 0)
		at = (at + 1) & (census->slot_count - 1);
	return &census->slots[at];
}

static bool grow(struct census *census)
{
	uint32_t *slots = calloc(census->slot_count * 2, sizeof(*slots));

	if (!slots)
		return false;
	free(census->slots);
	census->slots = slots;
	census->slot_count *= 2;
	for (uint32_t i = 0; i < census->groups.n; i++)
		*find_slot(census, &census->groups.v[i].key) = i + 1;
	return true;
}

static struct census_group *group_of(struct census *census, const struct census_key *key)
{
	uint32_t *slot = find_slot(census, key);

	if (*slot)
		return &census->groups.v[*slot - 1];
	if (census->groups.n >= census->slot_count / 2) {
		if (!grow(census))
			return NULL;
		slot = find_slot(census, key);
	}
	if (!array_push(&census->groups, (struct census_group){.key = *key}))
		return NULL;
	*slot = (uint32_t)census->groups.n;
	return &census->groups.v[census->groups.n - 1];
}

static void add(struct census_group *group, const struct flow_entry *entry)
{
	unsigned bonds = flow_bonds(entry);

	group->entries++;
	group->one_way += !(entry->status & IPS_SEEN_REPLY);
	group->bytes += entry->bytes[0] + entry->bytes[1];
	group->packets += entry->packets[0] + entry->packets[1];
	group->states[flow_state(entry)]++;
	if (!bonds)
		return;
	group->bound++;
	for (unsigned i = 0; i < BOND_KINDS; i++)
		group->bonds[i] += bonds >> i & 1;
}

bool census_count(struct census *census, const struct flow_entry *entry)
{
	struct census_key key = key_of(census, entry);
	struct census_group *group = group_of(census, &key);

	if (!group)
		return false;
	add(group, entry);
	add(&census->all, entry);
	census->entries++;
	return true;
}

static int compare_groups(const void *a, const void *b)
{
	const struct census_group *left = a, *right = b;

	if (left->entries != right->entries)
		return left->entries > right->entries ? -1 : 1;
	return memcmp(&left->key, &right->key, sizeof(left->key));
}

void census_sort(struct census *census)
{
	if (census->groups.n)
		qsort(census->groups.v, census->groups.n, sizeof(*census->groups.v),
		      compare_groups);
}

unsigned census_group_state(const struct census_group *group)
{
	unsigned most = 0;

	for (unsigned i = 1; i < FLOW_STATES; i++)
		if (group->states[i] > group->states[most])
			most = i;
	return most;
}

static const struct {
	const char *name;
	unsigned fields;
} field_names[] = {
	{"protocol", CENSUS_PROTOCOL}, {"port", CENSUS_PROTOCOL | CENSUS_PORT},
	{"address", CENSUS_ADDRESS},   {"peer", CENSUS_PEER},
	{"state", CENSUS_STATE},       {"zone", CENSUS_ZONE},
	{"role", CENSUS_ROLE},
};
#define FIELD_NAMES (sizeof(field_names) / sizeof(*field_names))

static bool unknown_field(const char *word, size_t length, struct untrack_error *err)
{
	char shown[TEXT_SHOWN_MAX];
	autofree char *copy = strndup(word, length);
	const char *meant =
		copy ? text_suggest(copy, field_names, FIELD_NAMES, sizeof(*field_names)) : NULL;

	return error_set(
		err, ERROR_USAGE,
		"cannot count by '%s'; expected protocol, port, address, peer, state, zone or "
		"role, several with commas%s%s%s",
		text_show(word, length, shown), meant ? "; did you mean '" : "", meant ? meant : "",
		meant ? "'?" : "");
}

bool census_parse_by(const char *text, unsigned *ret_by, struct untrack_error *err)
{
	unsigned by = 0;
	const char *at = text;

	for (;;) {
		size_t length = strcspn(at, ","), i = 0;

		while (i < FIELD_NAMES && (strlen(field_names[i].name) != length ||
					   strncmp(field_names[i].name, at, length) != 0))
			i++;
		if (i == FIELD_NAMES)
			return unknown_field(at, length, err);
		by |= field_names[i].fields;
		if (!at[length])
			break;
		at += length + 1;
	}
	*ret_by = by;
	return true;
}
