/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "base/inet.h"

/* The values of this host's timeout policy (nfct(8)) as nft writes them, "established : 100, …".
 * Owned. NULL: there is none of that name, family and protocol (tcp, udp). */
char *timeout_policy(const char *name, enum inet_family family, uint8_t protocol);
