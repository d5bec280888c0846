/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sends packets over a stage, and tells what became of them. */
#pragma once

#include "api/stage.h"
#include "document/packet_text.h"
#include "view/trace.h"

/* Makes the devices known that these packets come in on. */
bool trace_devices(const struct packet_text *packet, interfaces *devices,
		   struct untrack_error *err);

/* One packet; reply may be NULL: its answer is then not asked for. */
bool trace_packet(const struct stage *stage, const struct packet_text *packet,
		  struct trace_way *ret_way, struct trace_way *ret_reply,
		  struct untrack_error *err);
