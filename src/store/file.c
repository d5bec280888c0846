/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store/file.h"

#include "base/attr.h"
#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <zlib.h>

static const char temporary_prefix[] = ".new-";

enum { FORMAT = 1 };

/* In the host's byte order: the magic of a host of the other order does not fit. */
struct file_head {
	uint64_t magic;
	uint32_t format;
	uint32_t kind;
	uint64_t length; /* of the content behind */
	uint32_t zero;
	uint32_t crc; /* CRC-32 of the head before it and of the content */
};
static const uint64_t magic = UINT64_C(0x0a6b636172746e75); /* "untrack\n" on little-endian hosts */

static void closedir_p(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}
#define autoclosedir autoclean(closedir_p)

/* --- directories --------------------------------------------------------------------------------- */

static bool directory_sync(const char *path, struct untrack_error *err)
{
	autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return error_errno(err, errno, "%s", path);
	return true;
}

/* Makes one directory, whose parent exists, so that it is still there after a power loss. */
static bool make_one(char *path, struct untrack_error *err)
{
	char *slash = strrchr(path, '/');
	bool synced;

	if (mkdir(path, 0700) < 0)
		return errno == EEXIST ? true : error_errno(err, errno, "%s", path);
	*slash = 0;
	synced = directory_sync(slash == path ? "/" : path, err);
	*slash = '/';
	return synced;
}

bool directory_make(const char *path, struct untrack_error *err)
{
	autofree char *step = strdup(path);
	struct stat st;

	if (!step)
		return error_memory(err);
	for (char *slash = strchr(step + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (!make_one(step, err))
			return false;
		*slash = '/';
	}
	if (!make_one(step, err))
		return false;
	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return error_errno(err, ENOTDIR, "%s", path);
	return true;
}

static void remove_beneath(int parent, const char *name, int depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	autoclosedir DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(directory))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(fd, entry->d_name, 0) < 0 && depth > 0)
			remove_beneath(fd, entry->d_name, depth - 1);
	}
	unlinkat(parent, name, AT_REMOVEDIR);
}

void directory_remove(const char *path)
{
	remove_beneath(AT_FDCWD, path, 1);
}

void file_sweep(const char *path)
{
	autoclosedir DIR *directory = opendir(path);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)))
		if (!strncmp(entry->d_name, temporary_prefix, strlen(temporary_prefix)))
			unlinkat(dirfd(directory), entry->d_name, 0);
}

/* --- writing ------------------------------------------------------------------------------------- */

static uint32_t checksum(const struct file_head *head, const void *content, size_t len)
{
	uLong crc = crc32_z(0, (const Bytef *)head, offsetof(struct file_head, crc));

	return (uint32_t)crc32_z(crc, content, len);
}

static bool write_all(int fd, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len) {
		ssize_t written = write(fd, at, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		at += written;
		len -= (size_t)written;
	}
	return true;
}

/* What is remembered is true for one boot: a power loss ends it. Keys are synced when a snapshot needs
 * them. */
static bool is_durable(enum file_kind kind)
{
	return kind != FILE_REMEMBERED && kind != FILE_NOTE && kind != FILE_KEYS;
}

static bool write_content(int fd, enum file_kind kind, const struct buf *content)
{
	struct file_head head = {
		.magic = magic, .format = FORMAT, .kind = kind, .length = content->len};

	head.crc = checksum(&head, content->data, content->len);
	return write_all(fd, &head, sizeof(head)) && write_all(fd, content->data, content->len) &&
	       (!is_durable(kind) || fsync(fd) == 0);
}

static bool write_in(int directory, const char *name, enum file_kind kind,
		     const struct buf *content)
{
	autoclose int fd = -1;
	char temporary[40];
	uint64_t number;
	int failure;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return false;
	snprintf(temporary, sizeof(temporary), "%s%016" PRIx64, temporary_prefix, number);
	fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	if (write_content(fd, kind, content) &&
	    renameat(directory, temporary, directory, name) == 0)
		return !is_durable(kind) || fsync(directory) == 0;
	failure = errno;
	unlinkat(directory, temporary, 0);
	errno = failure;
	return false;
}

bool file_write(const char *directory, const char *name, enum file_kind kind,
		const struct buf *content, struct untrack_error *err)
{
	autoclose int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!buf_ok(content, err))
		return false;
	if (fd < 0 || !write_in(fd, name, kind, content))
		return error_errno(err, errno, "%s/%s cannot be written", directory, name);
	return true;
}

enum file_result file_remove(const char *directory, const char *name, struct untrack_error *err)
{
	autoclose int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && unlinkat(fd, name, 0) == 0 && fsync(fd) == 0)
		return FILE_READ;
	if (errno == ENOENT)
		return FILE_ABSENT;
	error_errno(err, errno, "%s/%s cannot be removed", directory, name);
	return FILE_FAILED;
}

/* --- reading ------------------------------------------------------------------------------------- */

static bool read_all(int fd, size_t len, struct buf *to)
{
	if (!(to->len ? buf_reserve(to, len) : buf_reserve_exactly(to, len))) {
		errno = ENOMEM;
		return false;
	}
	for (size_t end = to->len + len; to->len < end;) {
		ssize_t got = read(fd, to->data + to->len, end - to->len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		if (got == 0)
			break; /* shorter than it was: the length in the head tells */
		to->len += (size_t)got;
	}
	return true;
}

/* What is wrong with the file, or NULL. The checksum first: only then is the rest worth a word. */
static const char *find_fault(const struct file_head *head, struct span content,
			      enum file_kind kind)
{
	if (head->magic != magic)
		return "was not written by untrack on a host like this one";
	if (head->length != content.len)
		return "is damaged: its length does not fit";
	if (head->crc != checksum(head, content.data, content.len))
		return "is damaged: its checksum does not fit";
	if (head->format != FORMAT)
		return "was written by another version of untrack";
	if (head->kind != (uint32_t)kind)
		return "is not what its name says";
	return NULL;
}

/* Head and content, which is appended. An errno; ERANGE: it has no head. */
static int read_file(int fd, struct file_head *ret_head, struct buf *content)
{
	autobuf head = {0};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !read_all(fd, sizeof(*ret_head), &head))
		return errno;
	if (head.len < sizeof(*ret_head) || (size_t)st.st_size < sizeof(*ret_head))
		return ERANGE;
	memcpy(ret_head, head.data, sizeof(*ret_head));
	return read_all(fd, (size_t)st.st_size - sizeof(*ret_head), content) ? 0 : errno;
}

enum file_result file_read(const char *directory, const char *name, enum file_kind kind,
			   struct buf *ret_content, struct untrack_error *err)
{
	size_t begin = ret_content->len;
	autofree char *path = NULL;
	autoclose int fd = -1;
	struct file_head head;
	const char *fault;
	int why;

	if (asprintf(&path, "%s/%s", directory, name) < 0) {
		path = NULL;
		error_memory(err);
		return FILE_FAILED;
	}
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return FILE_ABSENT;
	why = read_file(fd, &head, ret_content);
	fault = why == ERANGE ? "is cut off"
		: why	      ? NULL
			      : find_fault(
					&head,
					(struct span){ret_content->data + begin, ret_content->len - begin},
					kind);
	if (!why && !fault)
		return FILE_READ;
	if (ret_content->len)
		ret_content->len = begin;
	if (fault)
		error_set(err, ERROR_SYSTEM, "%s %s", path, fault);
	else
		error_errno(err, why, "%s cannot be read", path);
	return FILE_FAILED;
}
