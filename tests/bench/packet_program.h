/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The XDP program that turns the one frame of a BPF_PROG_TEST_RUN into packets of many flows, and
 * hands each to the stack (XDP_PASS).
 */
#pragma once

#include <stdint.h>

enum { FIELDS_MAX = 16384 }; /* a power of two */

/* What differs between the packets; in network order, as it goes into the frame. */
struct packet_fields {
	uint32_t source;
	uint32_t destination;
	uint16_t check; /* of the IP header */
	uint16_t source_port;
	uint16_t destination_port;
	uint16_t unused;
};

/* The program's memory, mapped here too. */
struct packet_state {
	uint64_t count; /* of packets so far; the next takes fields[count & mask] */
	uint32_t mask;
	uint32_t fresh_mask; /* 0xffff: each turn through the fields has source ports of its own */
	struct packet_fields fields[FIELDS_MAX];
};

enum {
	FRAME_CHECK = 24,
	FRAME_SOURCE = 26,
	FRAME_DESTINATION = 30,
	FRAME_SOURCE_PORT = 34,
	FRAME_DESTINATION_PORT = 36,
	FRAME_UDP_END = 42,
	FRAME_LENGTH = 60,
};

/* Loads the program; ends the process if the kernel refuses it. */
struct packet_state *packet_program_load(int *ret_program);
/* Runs it for that many packets into the interface of the current network namespace. Nanoseconds a
 * packet, as the kernel timed it. */
uint32_t packet_program_run(int program, const uint8_t frame[FRAME_LENGTH], unsigned interface,
			    unsigned packets);
/* Keeps it attached to an interface, as long as the process lives. A program that stands nowhere is
 * taken out of the dispatcher after each run, and waiting for all processors takes 25 ms. */
void packet_program_attach(int program, unsigned interface);
