/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/judge_host.h"

#include "api/legacy.h"
#include "base/cleanup.h"
#include "kernel/addresses.h"
#include "kernel/sysctl.h"

#include <stdlib.h>

void judge_host_free(struct judge_host *host)
{
	array_free(&host->devices);
	array_free(&host->addresses);
	ruleset_free(host->legacy);
	array_free(&host->failsafe);
}

/* UNTRACK_FAILSAFE_PORTS: TCP ports with commas between. */
static bool find_failsafe(struct judge_host *host, struct untrack_error *err)
{
	const char *at = getenv("UNTRACK_FAILSAFE_PORTS");

	while (at && *at) {
		char *end;
		unsigned long port = strtoul(at, &end, 10);

		if (end == at || port < 1 || port > UINT16_MAX || (*end && *end != ','))
			return error_set(err, ERROR_USAGE,
					 "UNTRACK_FAILSAFE_PORTS, got '%s'; expected TCP ports "
					 "with commas between, as in '22,2222'",
					 getenv("UNTRACK_FAILSAFE_PORTS"));
		if (!array_push(&host->failsafe, (uint16_t)port))
			return error_memory(err);
		at = *end ? end + 1 : end;
	}
	return true;
}

/* --- the kernel ------------------------------------------------------------------------------- */

static enum known known_sysctl(const char *name)
{
	autoerror ignored = ERROR_INIT; /* a module that is not there has no sysctls */
	uint64_t value;

	if (!sysctl_read(name, &value, &ignored))
		return KNOWN_NOT;
	return value ? KNOWN_YES : KNOWN_NO;
}

static enum known either(enum known a, enum known b)
{
	if (a == KNOWN_YES || b == KNOWN_YES)
		return KNOWN_YES;
	return a == KNOWN_NOT ? b : a;
}

bool judge_host_read(struct untrack *untrack, struct judge_host *host, struct lint_input *input,
		     texts *warnings, struct untrack_error *err)
{
	if (!legacy_rules(untrack, &host->legacy, warnings, err) || !find_failsafe(host, err))
		return false;
	autoenter entered = netns_enter(&untrack->ns, err);
	if (entered.failed || !interfaces_read(&host->devices, err) ||
	    !kernel_addresses(&host->addresses, err))
		return false;
	input->addresses = &host->addresses;
	input->forwarding = either(known_sysctl("net.ipv4.ip_forward"),
				   known_sysctl("net.ipv6.conf.all.forwarding"));
	input->tcp_loose = known_sysctl("net.netfilter.nf_conntrack_tcp_loose");
	input->devices = &host->devices;
	input->legacy = host->legacy;
	input->failsafe = host->failsafe.v;
	input->failsafe_n = host->failsafe.n;
	ssh_session_find(&input->session);
	return true;
}
