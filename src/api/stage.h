/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A scratch namespace in which this host is played: its interfaces by name, addresses, routes, and
 * a ruleset. Packets end there behind the last hook, so nothing of it is ever heard outside.
 */
#pragma once

#include "api/context.h"
#include "api/result.h"
#include "kernel/replica.h"
#include "view/listing.h"

/* Its own tables. */
#define STAGE_FIRST "untrack-trace-first" /* turns nftrace on, ahead of all others */
#define STAGE_STATE "untrack-trace-state" /* right behind tracking: what ct state says */
#define STAGE_LAST "untrack-trace-last"	  /* behind all others: the packet has come through */

/* Where packets come in for whose source no route tells. */
#define STAGE_DEVICE "untrack-in"
#define STAGE_DEVICE_INDEX (1u << 27)

struct stage {
	struct netns ns;
	struct replica replica;
	struct ruleset *inside;	    /* all that is loaded there */
	const struct ruleset *host; /* borrowed: the ruleset that it plays */
	struct listing *listing;    /* texts of rules, or NULL */
	bool tracks;		    /* something in the ruleset turns tracking on */
};
void stage_free(struct stage *stage);
#define autostage __attribute__((cleanup(stage_free))) struct stage

struct staging {
	struct untrack *untrack;     /* the host */
	const struct ruleset *rules; /* of all tables, elements read */
	const interfaces *more;	     /* that it needs beside the host's own */
	bool routes;		     /* what the host has no route for leaves by STAGE_DEVICE */
	bool tracks;		     /* tracking is on, also if nothing in the rules turns it on */
};

/* What could not be put on the stage becomes a warning. */
bool stage_set(const struct staging *staging, struct stage *ret_stage, texts *warnings,
	       struct untrack_error *err);
