/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/sysctl.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Hash tables are made of whole pages of list heads, a pointer each (nf_ct_alloc_hashtable()). */
enum { BUCKETS_STEP = 4096 / 8 };

static bool path_of(const char *name, char ret_path[PATH_MAX])
{
	int len = snprintf(ret_path, PATH_MAX, "/proc/sys/%s", name);

	for (char *c = ret_path; *c; c++)
		if (*c == '.')
			*c = '/';
	return len > 0 && len < PATH_MAX;
}

static int open_sysctl(const char *name, int flags, struct untrack_error *err)
{
	char path[PATH_MAX];
	int fd;

	if (!path_of(name, path)) {
		error_set(err, ERROR_USAGE, "%s: no such sysctl", name);
		return -1;
	}
	fd = open(path, flags | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		error_set(err, ERROR_SYSTEM, "%s: no such sysctl in this network namespace", name);
	else
		error_errno(err, errno, "%s", name);
	return -1;
}

bool sysctl_read(const char *name, uint64_t *ret_value, struct untrack_error *err)
{
	autoclose int fd = open_sysctl(name, O_RDONLY, err);
	char text[32] = "", *end;
	uint64_t value;
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return error_errno(err, errno, "%s", name);
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || (*end && *end != '\n'))
		return error_set(err, ERROR_SYSTEM, "%s: not a number, got '%.*s'", name,
				 (int)strcspn(text, "\n"), text);
	*ret_value = value;
	return true;
}

bool sysctl_write(const char *name, uint64_t value, struct untrack_error *err)
{
	autoclose int fd = open_sysctl(name, O_WRONLY, err);
	char text[32];
	int len = snprintf(text, sizeof(text), "%" PRIu64 "\n", value);

	if (fd < 0)
		return false;
	if (write(fd, text, (size_t)len) != len)
		return error_errno(err, errno, "%s: cannot be set to %" PRIu64, name, value);
	return true;
}

bool sysctl_writable(const char *name)
{
	char path[PATH_MAX];
	struct stat info;

	/* by the mode, not access(): root passes that for files that the kernel never lets be written */
	return path_of(name, path) && !stat(path, &info) && info.st_mode & S_IWUSR &&
	       !access(path, W_OK);
}

uint64_t sysctl_rounded(const char *name, uint64_t value)
{
	if (strcmp(name, "net.netfilter.nf_conntrack_buckets") != 0)
		return value;
	return (value + BUCKETS_STEP - 1) / BUCKETS_STEP * BUCKETS_STEP;
}
