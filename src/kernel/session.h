/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ssh session that this program runs in. */
#pragma once

#include "base/inet.h"

#include <stdbool.h>
#include <stdint.h>

struct ssh_session {
	enum inet_family family;
	struct inet_address peer; /* where the operator sits */
	struct inet_address local;
	uint16_t peer_port;
	uint16_t local_port;
};

/* By SSH_CONNECTION of this process, or, since sudo drops it, of the nearest ancestor that has it
 * and may be read (/proc/PID/environ). False if there is none. */
bool ssh_session_find(struct ssh_session *ret_session);
/* "PEER PORT LOCAL PORT", as sshd writes it; link-local addresses have a scope ("fe80::1%eth0"). */
bool ssh_session_parse(const char *text, struct ssh_session *ret_session);
