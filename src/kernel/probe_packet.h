/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of a probe. */
#pragma once

#include "base/attr.h"
#include "base/buf.h"
#include "kernel/probe.h"

/* Appends the packet, from the IP header on, with right checksums. */
void probe_packet(const struct probe *probe, struct buf *out);
/* Is this the header of the probe itself, not of what it makes others say? header: from the IP
 * header on, transport: behind it. NAT may have changed addresses and ports. */
bool probe_is_its_own(const struct probe *probe, struct span header, struct span transport);
