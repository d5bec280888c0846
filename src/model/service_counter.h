/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the services of loaded policies have taken off tracking, from their tables' named counters.
 */
#pragma once

#include "model/ruleset.h"

#include <stdbool.h>
#include <stdint.h>

/* Is the table a policy's: does its comment bear its own name ("untrack inet untrack")? */
bool table_is_policy(const struct table *table);

struct service_count {
	uint64_t packets;
	uint64_t bytes;
	bool used; /* the service has a counter in that direction */
};

/* One service of one policy's table. */
struct service_counter {
	const struct table *table;
	const char *name; /* the first name_length bytes of a counter's name, in the ruleset */
	size_t name_length;
	/* By hook and by the side where the service is: 'd' as destination, 's' as source. On the
	 * wire a server's packets come in as prerouting 'd' and leave as output 's', a client's
	 * leave as output 'd' and come in as prerouting 's'; a forward service has both in
	 * prerouting, a peer 'd' in both. */
	struct service_count prerouting_d, prerouting_s, output_d, output_s;
};
typedef ARRAY(struct service_counter) service_counters;

/* Of all policies' tables whose objects were read (READ_OBJECTS), by table and name. */
bool service_counters_read(const struct ruleset *ruleset, service_counters *ret_list,
			   struct untrack_error *err);
