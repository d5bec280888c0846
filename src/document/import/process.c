/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/process.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* Files in memory instead of pipes: whatever the program reads first, neither side waits. */
struct job {
	const char *path;
	const char *const *argv;
	const struct buf *input;
};

struct summary {
	int status;
	size_t output, errors;
};

void process_result_free(struct process_result *result)
{
	buf_free(&result->output);
	buf_free(&result->errors);
}

static bool write_all(int fd, const uint8_t *data, size_t length)
{
	while (length) {
		ssize_t written = write(fd, data, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		data += written;
		length -= (size_t)written;
	}
	return true;
}

static bool read_whole(int fd, struct buf *b, size_t *ret_length)
{
	size_t before = b->len;
	ssize_t got = 1;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return false;
	while (got > 0) {
		if (!buf_reserve(b, 65536))
			return false;
		got = read(fd, b->data + b->len, 65536);
		if (got > 0)
			b->len += (size_t)got;
	}
	if (b->data)
		b->data[b->len] = 0;
	*ret_length = b->len - before;
	return got == 0;
}

/* Its words in plain English, and none of the host's locks: the namespace is the program's alone.
 */
static void set_environment(void)
{
	setenv("LC_ALL", "C", 1);
	setenv("XTABLES_LOCKFILE", "/dev/null", 1);
	unsetenv("XTABLES_LIBDIR");
}

static void __attribute__((noreturn)) become(const struct job *job, int in, int out, int errors)
{
	if (dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(errors, STDERR_FILENO) >= 0) {
		set_environment();
		execv(job->path, (char *const *)(uintptr_t)job->argv);
	}
	_exit(127);
}

static bool run(void *arg, struct buf *output, struct untrack_error *err)
{
	const struct job *job = arg;
	autoclose int in = memfd_create("input", MFD_CLOEXEC);
	autoclose int out = memfd_create("output", MFD_CLOEXEC);
	autoclose int errors = memfd_create("errors", MFD_CLOEXEC);
	struct summary summary = {0};
	int status = 0;
	pid_t pid, got;

	if (in < 0 || out < 0 || errors < 0 || !write_all(in, job->input->data, job->input->len) ||
	    lseek(in, 0, SEEK_SET) < 0)
		return error_errno(err, errno, "no files for %s", job->path);
	pid = fork();
	if (pid == 0)
		become(job, in, out, errors);
	if (pid < 0)
		return error_errno(err, errno, "%s cannot be started", job->path);
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	summary.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	buf_put(output, &summary, sizeof(summary));
	if (!read_whole(out, output, &summary.output) ||
	    !read_whole(errors, output, &summary.errors))
		return error_errno(err, errno, "the answer of %s cannot be read", job->path);
	memcpy(output->data, &summary, sizeof(summary));
	return true;
}

bool process_run(const struct netns *ns, const char *path, const char *const *argv,
		 const struct buf *input, struct process_result *ret_result,
		 struct untrack_error *err)
{
	struct job job = {path, argv, input};
	struct process_result result = {0};
	struct summary summary;
	autobuf answer = {0};

	if (!netns_run(ns, run, &job, &answer, err))
		return false;
	if (answer.len < sizeof(summary))
		return error_set(err, ERROR_SYSTEM, "%s gave no answer", path);
	memcpy(&summary, answer.data, sizeof(summary));
	result.status = summary.status;
	buf_put(&result.output, answer.data + sizeof(summary), summary.output);
	buf_put(&result.errors, answer.data + sizeof(summary) + summary.output, summary.errors);
	if (result.output.failed || result.errors.failed) {
		process_result_free(&result);
		return error_memory(err);
	}
	*ret_result = result;
	return true;
}

static char *join_path(const char *directory, size_t length, const char *name)
{
	char *path;

	if (asprintf(&path, "%.*s/%s", (int)length, directory, name) < 0)
		return NULL;
	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}

/* Users' PATH often lacks the sbin directories, where Debian puts iptables. */
char *process_find(const char *name)
{
	const char *path = getenv("PATH");

	while (path && *path) {
		size_t length = strcspn(path, ":");
		autofree char *beside = NULL;
		char *found = length ? join_path(path, length, name) : NULL;

		if (!found && length >= 4 && !strncmp(path + length - 4, "/bin", 4) &&
		    asprintf(&beside, "%.*s/sbin", (int)length - 4, path) >= 0)
			found = join_path(beside, strlen(beside), name);
		if (found)
			return found;
		path += length;
		path += *path == ':';
	}
	return NULL;
}
