/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kernel/legacy.h"

#include "base/cleanup.h"
#include "kernel/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void legacy_free(struct legacy *legacy)
{
	free(legacy->ipv4);
	free(legacy->ipv6);
	free(legacy->unread);
	*legacy = (struct legacy){0};
}

/* --- running a program ------------------------------------------------------------------------ */

struct run {
	const char *program;
	const char *table; /* -t, or NULL: all */
	const char *input; /* its standard input, or NULL */
};

static bool find_program(const char *name, char *ret_path, size_t size)
{
	static const char *const folders[] = {"/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin",
					      "/bin"};

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
		snprintf(ret_path, size, "%s/%s", folders[i], name);
		if (!access(ret_path, X_OK))
			return true;
	}
	return false;
}

static bool read_whole(int fd, struct buf *output, struct untrack_error *err)
{
	char chunk[4096];
	ssize_t len;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return error_errno(err, errno, "reading back");
	while ((len = read(fd, chunk, sizeof(chunk))) > 0)
		buf_put(output, chunk, (size_t)len);
	return len == 0 ? buf_ok(output, err) : error_errno(err, errno, "reading back");
}

static bool spawn(const char *path, const char *table, int in, int out, int *ret_status,
		  struct untrack_error *err)
{
	char name[64], option[] = "-t", value[64];
	char *const argv[] = {name, table ? option : NULL, value, NULL};
	/* Locks and a fixed language, whatever the caller has. */
	char language[] = "LC_ALL=C", search[] = "PATH=/usr/sbin:/sbin:/usr/bin:/bin";
	char *const environment[] = {language, search, NULL};
	posix_spawn_file_actions_t actions;
	int failed;
	pid_t pid;

	snprintf(name, sizeof(name), "%s", strrchr(path, '/') + 1);
	snprintf(value, sizeof(value), "%s", table ? table : "");
	if (posix_spawn_file_actions_init(&actions))
		return error_memory(err);
	failed = posix_spawn_file_actions_adddup2(&actions, in, 0);
	failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, out, 1);
	failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, out, 2);
	failed = failed ? failed : posix_spawn(&pid, path, &actions, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	if (failed)
		return error_errno(err, failed, "starting %s", path);
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return error_errno(err, errno, "waiting for %s", path);
	return true;
}

/* In a child, in the namespace. What it prints is the output, or on failure the error. */
static bool run_program(void *arg, struct buf *output, struct untrack_error *err)
{
	autoclose int in = memfd_create("input", MFD_CLOEXEC);
	autoclose int out = memfd_create("output", MFD_CLOEXEC);
	const struct run *run = arg;
	size_t length = run->input ? strlen(run->input) : 0;
	char path[64];
	int status;

	if (in < 0 || out < 0)
		return error_errno(err, errno, "memfd_create");
	if (!find_program(run->program, path, sizeof(path)))
		return error_set(err, ERROR_SYSTEM, "%s is not installed", run->program);
	for (size_t done = 0; done < length;) {
		ssize_t len = write(in, run->input + done, length - done);

		if (len < 0)
			return error_errno(err, errno, "writing to %s", path);
		done += (size_t)len;
	}
	if (lseek(in, 0, SEEK_SET) < 0 || !spawn(path, run->table, in, out, &status, err) ||
	    !read_whole(out, output, err))
		return false;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	return error_set(err, ERROR_SYSTEM, "%s ended with status %d: %.400s", run->program,
			 WIFEXITED(status) ? WEXITSTATUS(status) : -1, buf_text(output));
}

static bool run_in(const struct netns *ns, const char *program, const char *table,
		   const char *input, char **ret_output, struct untrack_error *err)
{
	struct run run = {program, table, input};
	autobuf output = {0};

	if (!netns_run(ns, run_program, &run, &output, err))
		return false;
	if (ret_output) {
		*ret_output = buf_steal_text(&output);
		return *ret_output || error_memory(err);
	}
	return true;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Names of tables, as ", "-joined text; an empty one if there are none. */
static bool table_names(void *arg, struct buf *output, struct untrack_error *err)
{
	autofree char *line = NULL;
	size_t size = 0;
	ssize_t len;

	/* /proc/net is the first thread's; absent where the modules are not there. */
	autofclose FILE *file = fopen(arg, "re");
	while (file && (len = getline(&line, &size, file)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		buf_printf(output, "%s%s", output->len ? ", " : "", line);
	}
	return buf_ok(output, err);
}

static bool read_family(const struct netns *ns, const char *names_in, const char *program,
			char **ret_text, struct buf *unread, struct untrack_error *err)
{
	char path[64], names_path[64];
	autobuf names = {0};

	snprintf(names_path, sizeof(names_path), "/proc/thread-self/net/%s", names_in);
	if (!netns_run(ns, table_names, names_path, &names, err))
		return false;
	if (!names.len)
		return true;
	if (find_program(program, path, sizeof(path)))
		return run_in(ns, program, NULL, NULL, ret_text, err);
	buf_printf(unread, "%s%s (%s is not installed)", unread->len ? "; " : "", buf_text(&names),
		   program);
	return buf_ok(unread, err);
}

bool legacy_read(const struct netns *ns, struct legacy *ret_legacy, struct untrack_error *err)
{
	autolegacy legacy = {0};
	autobuf unread = {0};

	if (!read_family(ns, "ip_tables_names", "iptables-legacy-save", &legacy.ipv4, &unread,
			 err) ||
	    !read_family(ns, "ip6_tables_names", "ip6tables-legacy-save", &legacy.ipv6, &unread,
			 err))
		return false;
	if (unread.len && !(legacy.unread = buf_steal_text(&unread)))
		return error_memory(err);
	*ret_legacy = legacy;
	legacy = (struct legacy){0};
	return true;
}

/* --- loading ---------------------------------------------------------------------------------- */

bool legacy_restore(const struct netns *ns, const struct legacy *legacy, struct untrack_error *err)
{
	return (!legacy->ipv4 ||
		run_in(ns, "iptables-legacy-restore", NULL, legacy->ipv4, NULL, err)) &&
	       (!legacy->ipv6 ||
		run_in(ns, "ip6tables-legacy-restore", NULL, legacy->ipv6, NULL, err));
}

static enum read_depth whole(void *arg, uint8_t family, const char *table)
{
	(void)arg;
	(void)family;
	(void)table;
	return READ_ALL;
}

struct ruleset *legacy_ruleset(const struct legacy *legacy, struct untrack_error *err)
{
	autoclean(kernel_close_p) struct kernel *kernel = NULL;
	autonetns ns = NETNS_OWN;

	if (!legacy->ipv4 && !legacy->ipv6) {
		struct ruleset *none = ruleset_new();

		if (!none)
			error_memory(err);
		return none;
	}
	if (!netns_scratch(&ns, err) ||
	    (legacy->ipv4 && !run_in(&ns, "iptables-nft-restore", NULL, legacy->ipv4, NULL, err)) ||
	    (legacy->ipv6 && !run_in(&ns, "ip6tables-nft-restore", NULL, legacy->ipv6, NULL, err)))
		return NULL;
	kernel = kernel_open(&ns, err);
	return kernel ? kernel_read(kernel, whole, NULL, err) : NULL;
}

bool xtables_copy(const struct netns *from, const struct netns *to, uint8_t family,
		  const char *table, struct untrack_error *err)
{
	bool six = family == NFPROTO_IPV6;
	autofree char *text = NULL;

	return run_in(from, six ? "ip6tables-nft-save" : "iptables-nft-save", table, NULL, &text,
		      err) &&
	       run_in(to, six ? "ip6tables-nft-restore" : "iptables-nft-restore", NULL, text, NULL,
		      err);
}
