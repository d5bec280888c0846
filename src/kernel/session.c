/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/session.h"

#include "base/buf.h"
#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define VARIABLE "SSH_CONNECTION"
#define ANCESTORS_MAX 64
#define ENVIRON_MAX (1 << 20)

static bool parse_side(const char **text, enum inet_family *family, struct inet_address *address,
		       uint16_t *port)
{
	char word[64];
	struct inet_range range;
	unsigned number;
	int length;

	if (sscanf(*text, "%63s %u%n", word, &number, &length) != 2 || number > UINT16_MAX)
		return false;
	word[strcspn(word, "%")] = '\0';
	if (strchr(word, '/') || inet_parse(word, &range) != INET_OK ||
	    (*family != INET_ANY && *family != range.family))
		return false;
	*family = range.family;
	*address = range.first;
	*port = (uint16_t)number;
	*text += length;
	return true;
}

bool ssh_session_parse(const char *text, struct ssh_session *ret_session)
{
	struct ssh_session session = {.family = INET_ANY};

	if (!parse_side(&text, &session.family, &session.peer, &session.peer_port) ||
	    !parse_side(&text, &session.family, &session.local, &session.local_port))
		return false;
	*ret_session = session;
	return true;
}

/* The file's bytes, with a NUL behind them. False if it cannot be read. */
static bool read_file(const char *path, struct buf *out)
{
	autofclose FILE *file = fopen(path, "re");
	char part[4096];
	size_t length;

	if (!file)
		return false;
	while (out->len < ENVIRON_MAX && (length = fread(part, 1, sizeof(part), file)))
		buf_put(out, part, length);
	return !out->failed && !ferror(file);
}

static bool in_environment(unsigned pid, struct ssh_session *ret_session)
{
	char path[64];
	autobuf environment = {0};

	snprintf(path, sizeof(path), "/proc/%u/environ", pid);
	if (!read_file(path, &environment))
		return false;
	for (size_t at = 0; at < environment.len;
	     at += strlen((const char *)environment.data + at) + 1) {
		const char *entry = (const char *)environment.data + at;

		if (!strncmp(entry, VARIABLE "=", sizeof(VARIABLE)))
			return ssh_session_parse(entry + sizeof(VARIABLE), ret_session);
	}
	return false;
}

/* 0 at the end, or where it cannot be found out. */
static unsigned parent_of(unsigned pid)
{
	char path[64];
	autobuf stat = {0};
	const char *behind;
	unsigned parent;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (!read_file(path, &stat) || !stat.len)
		return 0;
	/* The name stands in parentheses and may hold any characters. */
	behind = strrchr(buf_text(&stat), ')');
	return behind && sscanf(behind, ") %*c %u", &parent) == 1 ? parent : 0;
}

bool ssh_session_find(struct ssh_session *ret_session)
{
	const char *own = getenv(VARIABLE);
	unsigned pid = (unsigned)getppid();

	if (own && ssh_session_parse(own, ret_session))
		return true;
	for (unsigned i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		if (in_environment(pid, ret_session))
			return true;
		pid = parent_of(pid);
	}
	return false;
}
