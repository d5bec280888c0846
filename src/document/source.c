/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/source.h"

#include "base/cleanup.h"
#include "document/json_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536

static bool refuse_errno(const char *name, int error, struct untrack_error *err)
{
	bool denied = error == EACCES || error == EPERM;

	return error_at(err, denied ? ERROR_PERMISSION : ERROR_DOCUMENT, name, 0, 0, NULL,
			"cannot be read: %s", strerror(error));
}

static bool refuse_size(const char *name, struct untrack_error *err)
{
	return error_at(err, ERROR_DOCUMENT, name, 0, 0, NULL,
			"too large; expected at most %u bytes in a document", DOCUMENT_MAX);
}

/* size: as far as it is known; 0: not at all. */
static bool read_all(int fd, const char *name, size_t size, size_t limit, struct buf *text,
		     struct untrack_error *err)
{
	buf_reserve_exactly(text, size ? size + 1 : CHUNK);
	for (;;) {
		size_t room = text->capacity - text->len;
		ssize_t n;

		if (room < 2) {
			if (!buf_reserve(text, CHUNK))
				return error_memory(err);
			room = text->capacity - text->len;
		}
		n = read(fd, text->data + text->len, room - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return refuse_errno(name, errno, err);
		if (!n)
			break;
		text->len += (size_t)n;
		if (text->len > limit)
			return refuse_size(name, err);
	}
	buf_putc(text, 0); /* a NUL behind the text */
	text->len--;
	return buf_ok(text, err);
}

static bool check_text(const struct buf *text, const char *name, struct untrack_error *err)
{
	struct json_text bytes = {buf_text(text), text->len};
	const char *nul = text->len ? memchr(bytes.data, 0, bytes.length) : NULL;

	if (text->len >= 3 && !memcmp(bytes.data, "\xef\xbb\xbf", 3))
		return error_at(err, ERROR_DOCUMENT, name, 1, 1, NULL,
				"begins with a byte order mark, got bytes EF BB BF; expected UTF-8 "
				"without it");
	if (nul) {
		struct json_place place = json_place(bytes, JSON_START, (size_t)(nul - bytes.data));

		return error_at(err, ERROR_DOCUMENT, name, place.line, place.column, NULL,
				"NUL byte, got 0x00; expected text");
	}
	return true;
}

bool source_read(const char *path, const char *name, size_t limit, struct buf *ret_text,
		 struct untrack_error *err)
{
	autoclose int opened = -1;
	autobuf text = {0};
	struct stat status;
	int fd = STDIN_FILENO;

	if (strcmp(path, "-")) {
		opened = fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			return refuse_errno(name, errno, err);
	}
	if (fstat(fd, &status) < 0)
		return refuse_errno(name, errno, err);
	if (S_ISDIR(status.st_mode))
		return refuse_errno(name, EISDIR, err);
	if (S_ISREG(status.st_mode) && status.st_size > (off_t)limit)
		return refuse_size(name, err);
	if (!read_all(fd, name, S_ISREG(status.st_mode) ? (size_t)status.st_size : 0, limit, &text,
		      err) ||
	    !check_text(&text, name, err))
		return false;
	*ret_text = text;
	text = (struct buf){0};
	return true;
}

void source_free(struct source *source)
{
	free(source->name);
	buf_free(&source->text);
}

void sources_free(source_list *sources)
{
	array_for_each(source, sources) {
		source_free(source);
	}
	array_free(sources);
}
