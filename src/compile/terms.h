/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parts of rules that ask about one list of a service: a comparison, or an anonymous set. */
#pragma once

#include "compile/writer.h"

/* `iifname "eth0"` or `iifname { … }` (oifname in output). Nothing for an empty list. */
void write_interfaces(struct writer *w, enum hook hook, const interfaces *names);

/* `meta l4proto . th dport { … }` (sport on side S), or `meta l4proto …` without ports. Nothing for
 * a match without protocols. */
void write_ports(struct writer *w, const struct match *match, enum side side);
