/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A packet as people write it, for `expect` of a policy and for `trace`. */
#pragma once

#include "base/error.h"
#include "base/inet.h"

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#define PACKET_TEXT_SYNTAX                                                                         \
	"PROTOCOL SOURCE[:PORT] > DESTINATION[:PORT] [type NAME | flags FLAG,…] [mark NUMBER] "  \
	"[on INTERFACE | from here]"

struct packet_text {
	enum inet_family family;
	uint8_t protocol;
	struct inet_address source, destination;
	bool has_source_port, has_destination_port; /* one of them where the protocol has ports */
	uint16_t source_port, destination_port;	    /* host order; 0 where there is none */
	uint8_t icmp_type; /* of icmp and icmpv6; echo-request unless it is given */
	uint8_t tcp_flags; /* 0: not told */
	uint32_t mark;
	char interface[IFNAMSIZ]; /* that it comes in on; empty: not told */
	bool from_here;		  /* it is sent by this host */
};

/* Refuses with ERROR_DOCUMENT and what was expected, the column that of the word that is wrong; the
 * place of the text itself is the caller's to add. */
bool packet_text_parse(const char *text, struct packet_text *ret_packet, struct untrack_error *err);
