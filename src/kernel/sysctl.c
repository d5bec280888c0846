/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/sysctl.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROOT "/proc/sys/"

/* As sysctl(8): dots part the name; a slash stands for a dot inside a part (eth0/1). NULL with the
 * error set for what is no name: nothing outside /proc/sys is ever opened. */
static char *path_of(const char *name, struct untrack_error *err)
{
	size_t len = strlen(name);
	char *path;

	if (!len || name[0] == '.' || name[0] == '/' || name[len - 1] == '.' ||
	    strstr(name, "..") || strstr(name, "//")) {
		error_set(err, ERROR_USAGE, "sysctl, got '%s'; expected a name with dots", name);
		return NULL;
	}
	if (asprintf(&path, ROOT "%s", name) < 0) {
		error_memory(err);
		return NULL;
	}
	for (char *c = path + sizeof(ROOT) - 1; *c; c++)
		*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	return path;
}

static bool failed(const char *name, int why, struct untrack_error *err)
{
	if (why == ENOENT)
		return error_set(err, ERROR_SYSTEM,
				 "sysctl %s does not exist in this network namespace; is its "
				 "module loaded?",
				 name);
	return error_errno(err, why, "sysctl %s", name);
}

bool sysctl_read(const char *name, uint64_t *ret_value, struct untrack_error *err)
{
	autofree char *path = path_of(name, err);
	autofclose FILE *file = NULL;
	uint64_t value;

	if (!path)
		return false;
	file = fopen(path, "re");
	if (!file)
		return failed(name, errno, err);
	if (fscanf(file, "%" SCNu64, &value) != 1)
		return error_set(err, ERROR_SYSTEM, "sysctl %s does not hold a number", name);
	*ret_value = value;
	return true;
}

bool sysctl_write(const char *name, uint64_t value, struct untrack_error *err)
{
	autofree char *path = path_of(name, err);
	autoclose int fd = -1;
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRIu64 "\n", value);

	if (!path)
		return false;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return failed(name, errno, err);
	if (write(fd, text, (size_t)len) == len)
		return true;
	if (errno == EINVAL)
		return error_set(err, ERROR_SYSTEM,
				 "sysctl %s, got '%" PRIu64 "', which the kernel takes for out of "
				 "range",
				 name, value);
	return failed(name, errno, err);
}

bool sysctl_writable(const char *name)
{
	autoerror unknown = ERROR_INIT;
	autofree char *path = path_of(name, &unknown);

	return path && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

uint64_t sysctl_rounded(const char *name, uint64_t value)
{
	/* nf_ct_alloc_hashtable(): roundup(*sizep, PAGE_SIZE / sizeof(struct hlist_nulls_head)) */
	uint64_t heads = (uint64_t)sysconf(_SC_PAGESIZE) / sizeof(void *);

	if (strcmp(name, "net.netfilter.nf_conntrack_buckets"))
		return value;
	return (value + heads - 1) / heads * heads;
}
