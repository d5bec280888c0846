/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netns_run(): a function in a child, its bytes and its error back through a pipe. */
#include "base/namespace.h"

#include "base/attr.h"
#include "base/cleanup.h"
#include "base/later.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* What goes through the pipe: this, the error's texts with their NULs, the output. */
struct answer {
	bool ok;
	bool changed;
	enum error_code code;
	unsigned line, column;
	size_t message, file, path; /* lengths with the NUL; 0: NULL */
	size_t output;
};

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static bool write_all(int fd, const void *data, size_t len)
{
	const char *rest = data;

	while (len) {
		ssize_t written = write(fd, rest, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		rest += written;
		len -= (size_t)written;
	}
	return true;
}

static bool send_answer(int fd, bool ok, const struct untrack_error *err, const struct buf *output)
{
	struct answer answer = {
		.ok = ok,
		.changed = err->changed,
		.code = err->code,
		.line = err->line,
		.column = err->column,
		.message = text_size(err->message),
		.file = text_size(err->file),
		.path = text_size(err->path),
		.output = output->len,
	};

	return write_all(fd, &answer, sizeof(answer)) &&
	       write_all(fd, err->message, answer.message) &&
	       write_all(fd, err->file, answer.file) && write_all(fd, err->path, answer.path) &&
	       write_all(fd, output->data, output->len);
}

static void __attribute__((noreturn)) child(const struct netns *ns, netns_fn *fn, void *arg, int fd)
{
	struct untrack_error err = ERROR_INIT;
	struct buf output = {0};
	bool ok = false;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ns->user >= 0 && setns(ns->user, CLONE_NEWUSER) < 0)
		error_errno(&err, errno, "the user namespace cannot be joined");
	else if (ns->net >= 0 && setns(ns->net, CLONE_NEWNET) < 0)
		error_errno(&err, errno, "the network namespace cannot be joined");
	else
		ok = fn(arg, &output, &err) && buf_ok(&output, &err);
	ok = send_answer(fd, ok, &err, &output);
	close(fd); /* the caller goes on: to end may take some time (base/later.h) */
	/* The exit handlers are the caller's, not the child's: hence _exit. */
	_exit(ok ? 0 : 1);
}

static bool read_all(int fd, struct buf *bytes)
{
	for (;;) {
		ssize_t len;

		if (!buf_reserve(bytes, 65536))
			return false;
		len = read(fd, bytes->data + bytes->len, 65536);
		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			return len == 0;
		bytes->len += (size_t)len;
	}
}

static char *take_text(struct span *rest, size_t len)
{
	char *text = len ? strndup((const char *)rest->data, len) : NULL;

	rest->data += len;
	rest->len -= len;
	return text;
}

/* False without an error: the answer is not whole. */
static bool parse_answer(const struct buf *bytes, bool *ret_ok, struct buf *output,
			 struct untrack_error *err)
{
	struct span rest = buf_span(bytes);
	struct untrack_error got = ERROR_INIT;
	struct answer answer;

	if (rest.len < sizeof(answer))
		return false;
	memcpy(&answer, rest.data, sizeof(answer));
	rest.data += sizeof(answer);
	rest.len -= sizeof(answer);
	if (rest.len != answer.message + answer.file + answer.path + answer.output)
		return false;
	got.code = answer.code;
	got.changed = answer.changed;
	got.line = answer.line;
	got.column = answer.column;
	got.message = take_text(&rest, answer.message);
	got.file = take_text(&rest, answer.file);
	got.path = take_text(&rest, answer.path);
	*ret_ok = answer.ok;
	if (answer.ok) {
		error_clear(&got);
		buf_put(output, rest.data, rest.len);
	} else {
		error_move(err, &got);
		error_set(err, ERROR_SYSTEM, "work in the network namespace failed");
	}
	return true;
}

static bool explain(int status, struct untrack_error *err)
{
	if (WIFSIGNALED(status))
		return error_set(err, ERROR_SYSTEM,
				 "work in the network namespace was ended by signal %d (%s)",
				 WTERMSIG(status), strsignal(WTERMSIG(status)));
	return error_set(err, ERROR_SYSTEM,
			 "work in the network namespace ended early, with exit status %d",
			 WEXITSTATUS(status));
}

bool netns_run(const struct netns *ns, netns_fn *fn, void *arg, struct buf *ret_output,
	       struct untrack_error *err)
{
	autobuf bytes = {0}, output = {0};
	int ends[2], status = 0;
	bool ok = false, readable;
	pid_t pid, got;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(err, errno, "a pipe cannot be made");
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		child(ns, fn, arg, ends[1]);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return error_errno(err, errno, "a process cannot be started");
	}
	readable = read_all(ends[0], &bytes);
	close(ends[0]);
	if (readable && parse_answer(&bytes, &ok, &output, err)) {
		reap_later(pid);
	} else {
		do
			got = waitpid(pid, &status, 0);
		while (got < 0 && errno == EINTR);
		return readable
			       ? explain(status, err)
			       : error_set(err, ERROR_SYSTEM,
					   "the answer from the network namespace is not readable");
	}
	if (!ok || !buf_ok(&output, err))
		return false;
	*ret_output = output;
	output = (struct buf){0};
	return true;
}
