/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nobody needs to wait for, in a thread of its own. Where none can be made it is done at once.
 */
#pragma once

#include <sys/types.h>

/* Closing a netlink socket waits until the kernel is rid of what was committed last
 * (nf_tables_api.c: nft_rcv_nl_event), 5 to 20 ms behind a commit. */
void close_later(int fd);
/* Waits for a child that has said all, and ends with such a socket open. */
void reap_later(pid_t child);
