/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading a ruleset as of one generation: dumps are not atomic, and a dump of elements can lose
 * some without being marked as interrupted. So the generation is read before and after, and every
 * message must bear it.
 */
#include "kernel/kernel.h"

#include "base/cleanup.h"
#include "kernel/socket.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <string.h>
#include <time.h>

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)
DEFINE_AUTOCLEAN(struct table, table_free)
DEFINE_AUTOCLEAN(struct chain, chain_free)
DEFINE_AUTOCLEAN(struct rule, rule_free)
DEFINE_AUTOCLEAN(struct set, set_free)
DEFINE_AUTOCLEAN(struct stateful, stateful_free)
DEFINE_AUTOCLEAN(struct flowtable, flowtable_free)

/* With waits of 1, 2, 4, … 64 ms between them: about 1.5 s in all. */
enum { ATTEMPTS = 28, WAIT_DOUBLINGS = 6 };

struct reading {
	struct kernel *kernel;
	struct ruleset *ruleset;
	ARRAY(enum read_depth) depths; /* of ruleset->tables */
	struct table *table;	       /* whose parts come in */
	struct chain *chain;	       /* the last rule's */
	struct set *set;	       /* whose elements come in */
	int refused;
};

static bool keep_attrs(struct buf *attrs, const struct netlink_answer *answer,
		       struct untrack_error *err)
{
	buf_reserve_exactly(attrs, answer->attrs.len); /* there may be very many */
	buf_put(attrs, answer->attrs.data, answer->attrs.len);
	return buf_ok(attrs, err);
}

/* ------------------------------------------------------------------ objects, one a message */

static bool take_table(void *arg, const struct netlink_answer *answer, struct untrack_error *err)
{
	const char *name = attr_find_text(answer->attrs, NFTA_TABLE_NAME);
	struct reading *reading = arg;
	autoclean(table_free_p) struct table *table = NULL;

	if (!name)
		return error_set(err, ERROR_KERNEL, "the kernel dumped a table without a name");
	table = table_new(answer->family, name);
	if (!table || !keep_attrs(&table->attrs, answer, err))
		return error_memory(err);
	table->handle = attr_find_be64(answer->attrs, NFTA_TABLE_HANDLE);
	/* An owner lets nobody else change it. */
	table->unknown = attr_find_be32(answer->attrs, NFTA_TABLE_FLAGS) & NFT_TABLE_F_OWNER;
	if (!array_push(&reading->ruleset->tables, table))
		return error_memory(err);
	steal_pointer(&table);
	return true;
}

/* The table of a chain, if its chains are wanted. */
static struct table *wanted_table(struct reading *reading, uint8_t family, const char *name)
{
	for (size_t i = 0; name && i < reading->ruleset->tables.n; i++) {
		struct table *table = reading->ruleset->tables.v[i];

		if (table->family == family && !strcmp(table->name, name))
			return reading->depths.v[i] == READ_NAME ? NULL : table;
	}
	return NULL;
}

static bool take_chain(void *arg, const struct netlink_answer *answer, struct untrack_error *err)
{
	struct reading *reading = arg;
	const char *name = attr_find_text(answer->attrs, NFTA_CHAIN_NAME);
	struct table *table = wanted_table(reading, answer->family,
					   attr_find_text(answer->attrs, NFTA_CHAIN_TABLE));
	autoclean(chain_free_p) struct chain *chain = NULL;

	if (!table)
		return true;
	if (!name) {
		table->unknown = true;
		return true;
	}
	chain = chain_new(name);
	if (!chain || !keep_attrs(&chain->attrs, answer, err))
		return error_memory(err);
	chain->handle = attr_find_be64(answer->attrs, NFTA_CHAIN_HANDLE);
	if (!array_push(&table->chains, chain))
		return error_memory(err);
	steal_pointer(&chain);
	return true;
}

static bool take_set(void *arg, const struct netlink_answer *answer, struct untrack_error *err)
{
	struct reading *reading = arg;
	const char *name = attr_find_text(answer->attrs, NFTA_SET_NAME);
	autoclean(set_free_p) struct set *set = NULL;

	if (!name) {
		reading->table->unknown = true;
		return true;
	}
	set = set_new(name);
	if (!set || !keep_attrs(&set->attrs, answer, err))
		return error_memory(err);
	set->handle = attr_find_be64(answer->attrs, NFTA_SET_HANDLE);
	set->flags = attr_find_be32(answer->attrs, NFTA_SET_FLAGS);
	if (!array_push(&reading->table->sets, set))
		return error_memory(err);
	steal_pointer(&set);
	return true;
}

static bool take_object(void *arg, const struct netlink_answer *answer, struct untrack_error *err)
{
	struct reading *reading = arg;
	const char *name = attr_find_text(answer->attrs, NFTA_OBJ_NAME);
	autoclean(stateful_free_p) struct stateful *object = NULL;

	if (!name) {
		reading->table->unknown = true;
		return true;
	}
	object = stateful_new(name, attr_find_be32(answer->attrs, NFTA_OBJ_TYPE));
	if (!object || !keep_attrs(&object->attrs, answer, err))
		return error_memory(err);
	object->handle = attr_find_be64(answer->attrs, NFTA_OBJ_HANDLE);
	if (!array_push(&reading->table->objects, object))
		return error_memory(err);
	steal_pointer(&object);
	return true;
}

static bool take_flowtable(void *arg, const struct netlink_answer *answer,
			   struct untrack_error *err)
{
	struct reading *reading = arg;
	const char *name = attr_find_text(answer->attrs, NFTA_FLOWTABLE_NAME);
	autoclean(flowtable_free_p) struct flowtable *flowtable = NULL;

	if (!name) {
		reading->table->unknown = true;
		return true;
	}
	flowtable = flowtable_new(name);
	if (!flowtable || !keep_attrs(&flowtable->attrs, answer, err))
		return error_memory(err);
	flowtable->handle = attr_find_be64(answer->attrs, NFTA_FLOWTABLE_HANDLE);
	if (!array_push(&reading->table->flowtables, flowtable))
		return error_memory(err);
	steal_pointer(&flowtable);
	return true;
}

/* Can the rule be sent back as it is? Not if it uses xtables modules (nft_compat). */
static bool is_decodable(const struct rule *rule)
{
	struct span rest = rule_expressions(rule);
	struct expression expression;

	while (expression_next(&rest, &expression))
		if (expression_is(&expression, "match") || expression_is(&expression, "target"))
			return false;
	return !rest.len;
}

static bool take_rule(void *arg, const struct netlink_answer *answer, struct untrack_error *err)
{
	struct reading *reading = arg;
	const char *name = attr_find_text(answer->attrs, NFTA_RULE_CHAIN);
	autoclean(rule_free_p) struct rule *rule = NULL;

	if (name && (!reading->chain || strcmp(reading->chain->name, name)))
		reading->chain = table_find_chain(reading->table, name);
	if (!name || !reading->chain) {
		reading->table->unknown = true;
		return true;
	}
	rule = rule_new();
	if (!rule || !keep_attrs(&rule->attrs, answer, err))
		return error_memory(err);
	rule->handle = attr_find_be64(answer->attrs, NFTA_RULE_HANDLE);
	if (!is_decodable(rule))
		reading->table->unknown = true;
	if (!array_push(&reading->chain->rules, rule))
		return error_memory(err);
	steal_pointer(&rule);
	return true;
}

/* A message holds as many elements as fit, one behind the other. */
static bool take_elements(void *arg, const struct netlink_answer *answer, struct untrack_error *err)
{
	struct reading *reading = arg;
	struct elements *elements = &reading->set->elements;
	size_t base = elements->bytes.len;
	struct span list, rest;
	struct attr item;

	if (!attr_find(answer->attrs, NFTA_SET_ELEM_LIST_ELEMENTS, &list))
		return true;
	if (base + list.len > UINT32_MAX)
		return error_set(err, ERROR_KERNEL, "set '%s' is too large", reading->set->name);
	rest = list;
	buf_put(&elements->bytes, list.data, list.len);
	while (attr_next(&rest, &item)) {
		size_t at = base + (size_t)(item.body.data - list.data) - NLA_HDRLEN;

		if (!array_push(&elements->at, (uint32_t)at))
			return error_memory(err);
	}
	if (rest.len)
		reading->table->unknown = true;
	return buf_ok(&elements->bytes, err);
}

/* ------------------------------------------------------------------ dumps */

static enum netlink_outcome dump(struct reading *reading, uint8_t message, uint8_t family,
				 const struct buf *attrs, netlink_fn *fn, struct untrack_error *err)
{
	struct netlink_request request = {
		.type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | message),
		.dump = true,
		.family = family,
		.consistent = true,
		.generation = reading->ruleset->generation,
	};

	if (attrs) {
		if (!buf_ok(attrs, err))
			return NETLINK_FAILED;
		request.attrs = buf_span(attrs);
	}
	return netlink_ask(&reading->kernel->netlink, &request, fn, reading, &reading->refused,
			   err);
}

/* The parts of that kind of the current table. */
static enum netlink_outcome dump_parts(struct reading *reading, uint8_t message,
				       uint16_t table_attribute, netlink_fn *fn,
				       struct untrack_error *err)
{
	autobuf attrs = {0};

	attr_put_text(&attrs, table_attribute, reading->table->name);
	return dump(reading, message, reading->table->family, &attrs, fn, err);
}

/*
 * While the kernel resizes a hash (in the background, some time after elements came), a dump returns
 * some elements twice and leaves out others, at an unchanged generation and without a mark: for each
 * message nft_rhash_walk() begins anew and skips as many as were sent, whatever their order is now.
 * As a dump ends only with a walk to the end, none is missing unless another came twice.
 */
static bool has_repeated(const struct elements *elements)
{
	for (size_t i = 1; i < elements->at.n; i++)
		if (!element_compare_keys(element_at(elements, i - 1), element_at(elements, i)))
			return true;
	return false;
}

static enum netlink_outcome dump_elements(struct reading *reading, struct untrack_error *err)
{
	struct set *set = reading->set;
	enum netlink_outcome outcome;
	autobuf attrs = {0};

	attr_put_text(&attrs, NFTA_SET_ELEM_LIST_TABLE, reading->table->name);
	attr_put_text(&attrs, NFTA_SET_ELEM_LIST_SET, set->name);
	outcome = dump(reading, NFT_MSG_GETSETELEM, reading->table->family, &attrs, take_elements,
		       err);
	if (outcome == NETLINK_DONE) {
		set->elements_read = true;
		set->elements.listed = true;
		elements_sort(&set->elements);
		if (has_repeated(&set->elements))
			return NETLINK_CHANGED;
	}
	return outcome;
}

/* NFTA_SET_COUNT, newer than the headers of Debian 12: how many elements there are (intervals counted
 * once). Absent on older kernels. */
enum { SET_COUNT = 20 };

/* Only keys, which can be verified otherwise: a dump starts from the first element again for every
 * message (nft_hash_walk), so a large one takes quadratic time. */
static bool is_beyond_bound(const struct set *set)
{
	return !(set->flags & (NFT_SET_MAP | NFT_SET_OBJECT | NFT_SET_TIMEOUT | NFT_SET_EVAL)) &&
	       attr_find_be32(buf_span(&set->attrs), SET_COUNT) > READ_BOUND;
}

static bool wants_elements(const struct set *set, enum read_depth depth)
{
	if (depth == READ_OBJECTS && (set->flags & NFT_SET_MAP) &&
	    attr_find_be32(buf_span(&set->attrs), NFTA_SET_DATA_TYPE) == NFT_DATA_VERDICT)
		return true;
	return depth == READ_ALL || set_is_anonymous(set) ||
	       (depth == READ_BOUNDED && !is_beyond_bound(set));
}

static enum netlink_outcome read_sets(struct reading *reading, enum read_depth depth,
				      struct untrack_error *err)
{
	enum netlink_outcome outcome =
		dump_parts(reading, NFT_MSG_GETSET, NFTA_SET_TABLE, take_set, err);

	array_for_each(set, &reading->table->sets) {
		if (outcome != NETLINK_DONE)
			return outcome;
		reading->set = *set;
		(*set)->elements_uncertain = depth == READ_BOUNDED && !wants_elements(*set, depth);
		if (wants_elements(*set, depth))
			outcome = dump_elements(reading, err);
	}
	return outcome;
}

static enum netlink_outcome read_contents(struct reading *reading, enum read_depth depth,
					  struct untrack_error *err)
{
	enum netlink_outcome outcome;

	reading->chain = NULL;
	outcome = dump_parts(reading, NFT_MSG_GETRULE, NFTA_RULE_TABLE, take_rule, err);
	if (outcome != NETLINK_DONE)
		return outcome;
	array_for_each(chain, &reading->table->chains) {
		(*chain)->rules_read = true;
	}
	outcome = read_sets(reading, depth, err);
	if (outcome == NETLINK_DONE && depth >= READ_OBJECTS)
		outcome = dump_parts(reading, NFT_MSG_GETOBJ, NFTA_OBJ_TABLE, take_object, err);
	if (outcome == NETLINK_DONE && depth >= READ_OBJECTS)
		outcome = dump_parts(reading, NFT_MSG_GETFLOWTABLE, NFTA_FLOWTABLE_TABLE,
				     take_flowtable, err);
	return outcome;
}

static enum netlink_outcome read_all(struct reading *reading, read_depth_fn *depth, void *arg,
				     struct untrack_error *err)
{
	struct ruleset *ruleset = reading->ruleset;
	enum netlink_outcome outcome =
		dump(reading, NFT_MSG_GETTABLE, NFPROTO_UNSPEC, NULL, take_table, err);
	bool chains = false;

	if (outcome != NETLINK_DONE)
		return outcome;
	array_for_each(table, &ruleset->tables) {
		enum read_depth wanted = depth(arg, (*table)->family, (*table)->name);

		if (!array_push(&reading->depths, wanted)) {
			error_memory(err);
			return NETLINK_FAILED;
		}
		(*table)->contents_read = wanted != READ_NAME;
		chains = chains || wanted != READ_NAME;
	}
	if (chains)
		outcome = dump(reading, NFT_MSG_GETCHAIN, NFPROTO_UNSPEC, NULL, take_chain, err);
	for (size_t i = 0; i < ruleset->tables.n && outcome == NETLINK_DONE; i++) {
		reading->table = ruleset->tables.v[i];
		if (reading->depths.v[i] >= READ_RULES)
			outcome = read_contents(reading, reading->depths.v[i], err);
	}
	return outcome;
}

/* One attempt. NETLINK_DONE without *ret_ruleset cannot be. */
static enum netlink_outcome read_once(struct kernel *kernel, read_depth_fn *depth, void *arg,
				      struct ruleset **ret_ruleset, struct untrack_error *err)
{
	autoclean(ruleset_free_p) struct ruleset *ruleset = ruleset_new();
	struct reading reading = {.kernel = kernel, .ruleset = ruleset};
	enum netlink_outcome outcome;
	uint32_t after;

	if (!ruleset) {
		error_memory(err);
		return NETLINK_FAILED;
	}
	if (!kernel_generation(kernel, &ruleset->generation, err))
		return NETLINK_FAILED;
	outcome = read_all(&reading, depth, arg, err);
	array_free(&reading.depths);
	/* What was there a moment ago is not any more. */
	if (outcome == NETLINK_REFUSED && (reading.refused == ENOENT || reading.refused == EINTR))
		return NETLINK_CHANGED;
	if (outcome == NETLINK_REFUSED)
		netlink_refused(reading.refused, "the ruleset cannot be read", err);
	if (outcome != NETLINK_DONE)
		return outcome;
	if (!kernel_generation(kernel, &after, err))
		return NETLINK_FAILED;
	if (after != ruleset->generation)
		return NETLINK_CHANGED;
	*ret_ruleset = steal_pointer(&ruleset);
	return NETLINK_DONE;
}

struct ruleset *kernel_read(struct kernel *kernel, read_depth_fn *depth, void *arg,
			    struct untrack_error *err)
{
	struct ruleset *ruleset = NULL;

	for (int i = 0; i < ATTEMPTS; i++) {
		struct timespec wait = {.tv_nsec = 1000000L
						   << (i < WAIT_DOUBLINGS ? i : WAIT_DOUBLINGS)};

		switch (read_once(kernel, depth, arg, &ruleset, err)) {
		case NETLINK_DONE:
			return ruleset;
		case NETLINK_CHANGED:
			nanosleep(&wait, NULL);
			break;
		case NETLINK_REFUSED:
		case NETLINK_FAILED:
			return NULL;
		}
	}
	error_set(err, ERROR_CHANGED,
		  "the ruleset went on changing while it was read, %d times in a row", ATTEMPTS);
	return NULL;
}

bool kernel_read_elements(struct kernel *kernel, const struct table *table, struct set *set,
			  uint32_t generation, struct untrack_error *err)
{
	struct ruleset ruleset = {.generation = generation};
	autoclean(table_free_p) struct table *owner = table_new(table->family, table->name);
	autoclean(set_free_p) struct set *read = set_new(set->name);
	struct reading reading = {
		.kernel = kernel, .ruleset = &ruleset, .table = owner, .set = read};
	enum netlink_outcome outcome;
	uint32_t after = 0;

	if (!owner || !read)
		return error_memory(err);
	outcome = dump_elements(&reading, err);
	if (outcome == NETLINK_FAILED || !kernel_generation(kernel, &after, err))
		return false;
	if (outcome != NETLINK_DONE || after != generation || owner->unknown)
		return true;
	elements_free(&set->elements);
	set->elements = read->elements;
	read->elements = (struct elements){0};
	set->elements_read = true;
	set->elements_uncertain = false;
	return true;
}
