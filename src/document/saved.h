/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A saved `nft list ruleset`, made loadable elsewhere: what that host has and this one may lack is
 * stood in for. Interfaces that rules name by index must be made first; offloading to flowtables
 * and iptables' extensions become `log` statements whose prefix tells what stood there.
 */
#pragma once

#include "base/array.h"
#include "base/error.h"

/* Begins the prefix; "flow add", "xt match NAME" or "xt target NAME" follows. */
#define SAVED_STAND_IN "untrack stands in: "

struct saved {
	char *text;	       /* for nft */
	ARRAY(char *) devices; /* names, each once, without lo */
};
void saved_free(struct saved *saved);
#define autosaved __attribute__((cleanup(saved_free))) struct saved

/* Reads the file ("-": standard input). JSON is refused: libnftables 1.0.6 loses too much in it. */
bool saved_read(const char *path, struct saved *ret_saved, struct untrack_error *err);
