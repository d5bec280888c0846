/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/judge_host.h"

#include "api/legacy.h"
#include "base/cleanup.h"
#include "kernel/sysctl.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void judge_host_free(struct judge_host *host)
{
	array_free(&host->devices);
	ruleset_free(host->legacy);
	array_free(&host->failsafe);
}

/* --- the session ------------------------------------------------------------------------------ */

static bool read_address(const char *text, enum inet_family *ret_family,
			 struct inet_address *ret_address)
{
	struct inet_range range;

	if (inet_parse(text, &range) != INET_OK)
		return false;
	*ret_family = range.family;
	*ret_address = range.first;
	return true;
}

/* sshd(8): "client address, client port, server address, server port". */
static bool read_session(const char *text, struct lint_session *session)
{
	enum inet_family peer, local;
	char from[64], to[64];
	unsigned from_port, to_port;

	if (sscanf(text, "%63s %u %63s %u", from, &from_port, to, &to_port) != 4 ||
	    from_port > UINT16_MAX || to_port > UINT16_MAX ||
	    !read_address(from, &peer, &session->peer) ||
	    !read_address(to, &local, &session->local) || peer != local)
		return false;
	session->family = peer;
	session->peer_port = (uint16_t)from_port;
	session->local_port = (uint16_t)to_port;
	return true;
}

static bool read_file(const char *path, struct buf *out)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[4096];
	ssize_t len = 0;

	while (fd >= 0 && (len = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(out, chunk, (size_t)len);
	return fd >= 0 && len == 0 && !out->failed;
}

/* proc_pid_stat(5): the name in parentheses may hold anything, ") R 1" too. */
static pid_t parent_of(pid_t pid)
{
	autobuf text = {0};
	const char *end;
	char path[64];
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (!read_file(path, &text))
		return 0;
	end = strrchr(buf_text(&text), ')');
	return end && sscanf(end, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* sudo and su take SSH_CONNECTION out of the environment; an ancestor has it still. */
static void find_session(struct lint_session *session)
{
	static const char name[] = "SSH_CONNECTION=";
	const char *own = getenv("SSH_CONNECTION");
	pid_t pid = getppid();

	if (own) {
		read_session(own, session);
		return;
	}
	for (unsigned depth = 0; pid > 1 && depth < 64; depth++) {
		autobuf text = {0};
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
		read_file(path, &text);
		for (size_t at = 0; at < text.len; at += strlen(buf_text(&text) + at) + 1)
			if (!strncmp(buf_text(&text) + at, name, sizeof(name) - 1) &&
			    read_session(buf_text(&text) + at + sizeof(name) - 1, session))
				return;
		pid = parent_of(pid);
	}
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
	if (entered.failed || !interfaces_read(&host->devices, err))
		return false;
	input->forwarding = either(known_sysctl("net.ipv4.ip_forward"),
				   known_sysctl("net.ipv6.conf.all.forwarding"));
	input->tcp_loose = known_sysctl("net.netfilter.nf_conntrack_tcp_loose");
	input->devices = &host->devices;
	input->legacy = host->legacy;
	input->failsafe = host->failsafe.v;
	input->failsafe_n = host->failsafe.n;
	find_session(&input->session);
	return true;
}
