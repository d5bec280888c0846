/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/session.h"

#include <criterion/criterion.h>

Test(session, reads_what_sshd_writes)
{
	struct ssh_session session;

	cr_assert(ssh_session_parse("198.51.100.7 40000 192.0.2.10 22", &session));
	cr_assert_eq(session.family, INET_V4);
	cr_assert_eq(session.peer_port, 40000);
	cr_assert_eq(session.local_port, 22);
	cr_assert_eq(session.local.byte[3], 10);
	cr_assert(ssh_session_parse("fe80::7%eth0 40000 fe80::10%eth0 2222", &session));
	cr_assert_eq(session.family, INET_V6);
	cr_assert_eq(session.local_port, 2222);
}

Test(session, refuses_the_rest)
{
	struct ssh_session session;

	cr_assert_not(ssh_session_parse("", &session));
	cr_assert_not(ssh_session_parse("198.51.100.7 40000 192.0.2.10", &session));
	cr_assert_not(ssh_session_parse("198.51.100.7 70000 192.0.2.10 22", &session));
	cr_assert_not(ssh_session_parse("198.51.100.7 40000 2001:db8::1 22", &session));
	cr_assert_not(ssh_session_parse("198.51.100.0/24 40000 192.0.2.10 22", &session));
	cr_assert_not(ssh_session_parse("UNKNOWN 65535 UNKNOWN 65535", &session));
}
