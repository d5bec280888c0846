/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes a table's objects as the kernel dumps them once nft has loaded them, so that the compiled
 * table equals both what is read back and what comes of saving its listing and loading that again.
 *
 * Nothing here reports errors: memory that runs out leaves `failed` set, later calls do nothing
 * that matters, and writer_finish() tells.
 */
#pragma once

#include "compile/boxes.h"
#include "compile/layout.h"
#include "compile/match.h"
#include "compile/roles.h"
#include "model/ruleset.h"

struct writer {
	struct table *table; /* owned until writer_finish() */
	unsigned anonymous;  /* number for the next anonymous set's name */
	struct buf draft;    /* the rule being written */
	size_t list;	     /* its expressions */
	uint8_t family;	     /* what it has asked for already */
	struct chain *chain; /* where it goes */
	bool failed;
};

bool writer_begin(struct writer *w, uint8_t family, const char *table, const char *comment,
		  struct untrack_error *err);
/* The table, owned by the caller, or NULL with the error set. The writer is empty afterwards. */
struct table *writer_finish(struct writer *w, struct untrack_error *err);
void writer_free(struct writer *w);
#define autowriter autoclean(writer_free) struct writer

struct chain *writer_chain(struct writer *w, const char *name); /* a regular one */
struct chain *writer_base_chain(struct writer *w, const char *name, uint32_t hook);
void writer_counter(struct writer *w, const char *name, const char *origin);

/* ---- sets ---- */

/* A key as rules and sets see it. */
struct key {
	struct layout layout;
	enum side side;	    /* which of source and destination is near */
	enum side port;	    /* and whose port it is */
	uint32_t interface; /* NFT_META_IIFNAME or NFT_META_OIFNAME */
};

enum set_kind { SET_NAMED, SET_MAP, SET_ANONYMOUS };
/* name: for SET_ANONYMOUS NULL. size: how many elements it may hold; 0 is any number. The set
 * belongs to the table; NULL without memory. */
struct set *writer_set(struct writer *w, enum set_kind kind, const char *name,
		       const struct key *key, size_t size);
/* A size for a set that may get more elements. With a size a hash is found in faster (measured), and
 * loads faster, but it is made anew when its size grows (diff.c). */
size_t room_to_grow(size_t count);
/* A hash element, or an interval of a concatenation (key_end). counter: maps only, else NULL. */
void writer_element(struct writer *w, struct set *set, const struct layout *layout,
		    const uint8_t key[KEY_MAX], const uint8_t *key_end, const char *counter);
/* The elements of an interval set of a single field: sorted, disjoint closed intervals. */
void writer_intervals(struct writer *w, struct set *set, const uint8_t *first, const uint8_t *last,
		      size_t stride, size_t count, size_t length);

/* ---- rules ---- */

/* Opens a rule at the end of the chain (NULL is taken, after a failure) and returns where its
 * expressions go. */
struct buf *writer_rule(struct writer *w, struct chain *chain);
/* comment and origin may be NULL. */
void writer_rule_end(struct writer *w, const char *comment, const char *origin);

/* `meta nfproto`, once a rule, where the table has both families; nothing for INET_ANY. */
void write_family(struct writer *w, uint8_t family);
/* Loads the key into registers from slot 0 on, as nft does. */
void write_key(struct writer *w, const struct key *key);
/* `ip daddr 192.0.2.1 udp dport 53`: compares field by field with a key of layout_key(). */
void write_one_key(struct writer *w, const struct key *key, const uint8_t value[KEY_MAX]);
/* Loads the key and looks it up in that set. */
void write_lookup(struct writer *w, const struct key *key, const struct set *set);
/* `oif "lo"`, by its index, which is cheaper than its name. It is 1 in every namespace (net/core/dev.c: net_dev_init(); drivers/net/loopback.c: loopback_net_init()). */
void write_loopback(struct writer *w);
void write_interface(struct writer *w, uint32_t meta, const struct interface *interface);
/* source: match the source address, else the destination. */
void write_prefix(struct writer *w, bool source, const struct inet_range *prefix);
void write_protocol(struct writer *w, uint8_t protocol);
/* `icmp type { destination-unreachable, … }` or icmpv6, by family. */
void write_icmp_error_types(struct writer *w, uint8_t family);
void write_verdict(struct writer *w, int32_t code, const char *chain);
