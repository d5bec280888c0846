/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan as the bytes of one nfnetlink batch: begin, a message or more for each step, end. Which
 * message came of which step is kept, so that a refusal can be told in the plan's words.
 */
#pragma once

#include "base/array.h"
#include "base/attr.h"
#include "base/error.h"
#include "model/plan.h"

#include <stdbool.h>
#include <stdint.h>

struct batch_message {
	size_t at;   /* in bytes */
	size_t step; /* of the plan */
};

/* Something without a name until the kernel gives it one: an anonymous set, or a chain bound to a
 * rule. In the batch it goes by an id. */
struct batch_unnamed {
	const void *object;
	uint32_t id;
	bool numbered; /* a set with a number that we found */
	uint32_t number;
};

struct batch {
	struct buf bytes;
	uint32_t sequence; /* of batch-begin; messages follow one by one */
	ARRAY(struct batch_message) messages;
	ARRAY(struct batch_unnamed) unnamed; /* of the rules that are being written */
	set_number_list numbers;	     /* the plan's: what is left of them */
	uint32_t last_id;
	size_t step;	/* that is being written */
	unsigned depth; /* of chains bound to rules in one another */
};

/* False with the error set without memory, or for a plan that cannot be sent. */
bool batch_build(struct batch *batch, const struct plan *plan, uint32_t generation, bool dry_run,
		 uint32_t sequence, struct untrack_error *err);
void batch_free(struct batch *batch);

/* Begins a message of nf_tables about something in that family; batch_end() ends it. */
size_t batch_begin(struct batch *batch, uint8_t message, uint16_t flags, uint8_t family);
void batch_end(struct batch *batch, size_t begin);

/* Appends attributes of an object as they are, without names (KEY) and what the kernel fills in. */
void batch_copy(struct batch *batch, enum object_kind kind, const struct buf *attrs);
/* Appends one attribute with the header that stands in front of its body. */
void batch_copy_attr(struct buf *b, struct span body);

/* The data of a quota, without the flag of one that is used up: it is dumped, and not taken back
 * (net/netfilter/nft_quota.c: nft_quota_do_init). */
void batch_copy_quota(struct buf *b, struct span data);

/* table: of an anonymous set, or NULL. */
uint32_t batch_new_id(struct batch *batch, const void *object, const struct table *table);
/* NULL: it has no id. */
const struct batch_unnamed *batch_unnamed(const struct batch *batch, const void *object);
/* 0: it has none. */
uint32_t batch_id(const struct batch *batch, const void *object);

/* batch_rule.c */
void batch_add_rule(struct batch *batch, const struct plan_step *step, struct untrack_error *err);
void batch_delete_rule(struct batch *batch, const struct plan_step *step);
void batch_flush_chain(struct batch *batch, const struct plan_step *step);

/* batch_set.c */
/* Its definition. The name of an anonymous set is a template, of which the kernel makes one, or we do. */
void batch_add_set(struct batch *batch, const struct table *table, const struct set *set,
		   uint16_t flags);
void batch_set_name(struct batch *batch, uint16_t type, const struct set *set);
void batch_elements(struct batch *batch, const struct plan_step *step);
void batch_all_elements(struct batch *batch, const struct table *table, const struct set *set);
