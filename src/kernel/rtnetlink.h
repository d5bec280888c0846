/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps over rtnetlink, of the namespace that the calling thread is in. */
#pragma once

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

/* Asks with that message type (RTM_GET*) and family header, and calls fn for each answer; again
 * from the start (fn sees answers twice) when a change interrupts it. 0, or the errno. */
int rtnetlink_dump(uint16_t type, const void *header, size_t length, mnl_cb_t fn, void *arg);
