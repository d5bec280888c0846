/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft.h"

#include "base/cleanup.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#define COMMANDS "/dev/stdin"
#define LIST "list ruleset"
#define JSON_PLACE "internal:0:0-0: Error: "

struct request {
	const char *commands;
	unsigned flags;
};

DEFINE_AUTOCLEAN(struct nft_ctx, nft_ctx_free)

/* libnftables 1.0.6 reads JSON only where it would also write it. */
static bool is_json(const char *commands)
{
	return commands[strspn(commands, " \t\r\n")] == '{';
}

static unsigned output_flags(const struct request *request)
{
	unsigned flags = 0;

	if ((request->flags & NFT_JSON) || is_json(request->commands))
		flags |= NFT_CTX_OUTPUT_JSON;
	if (request->flags & NFT_HANDLES)
		flags |= NFT_CTX_OUTPUT_HANDLE;
	if (request->flags & NFT_TERSE)
		flags |= NFT_CTX_OUTPUT_TERSE;
	if (request->flags & NFT_NUMERIC)
		flags |= NFT_CTX_OUTPUT_NUMERIC_ALL;
	if (request->flags & NFT_STATELESS)
		flags |= NFT_CTX_OUTPUT_STATELESS;
	return flags;
}

/* Where nft says it is: "FILE:LINE:COLUMN-COLUMN: Error: …", after lines that tell by whom FILE was
 * included. JSON has "internal:0:0-0". */
struct place {
	char *file; /* NULL: the commands themselves */
	unsigned line, column;
	const char *message;
};

static struct place find_place(const char *words)
{
	static const char error[] = "Error: ", included[] = "In file included from ";
	static const char from[] = "                 from "; /* and that by another */
	struct place place = {.message = words};
	const char *message, *end;

	while ((!strncmp(words, included, strlen(included)) ||
		!strncmp(words, from, strlen(from))) &&
	       strchr(words, '\n'))
		words = strchr(words, '\n') + 1;
	message = strstr(words, error);
	if (!message || memchr(words, '\n', (size_t)(message - words)))
		return place;
	place.message = message + strlen(error);
	/* The name may have colons. */
	for (const char *at = words; at < message; at++) {
		if (sscanf(at, ":%u:%u-%*u: Error", &place.line, &place.column) != 2)
			continue;
		end = at;
		if (place.line && strncmp(words, COMMANDS ":", strlen(COMMANDS) + 1))
			place.file = strndup(words, (size_t)(end - words));
		return place;
	}
	return place;
}

static bool refuse(const char *words, struct untrack_error *err)
{
	bool denied =
		strstr(words, "Operation not permitted") || strstr(words, "Permission denied");
	enum error_code code = denied ? ERROR_PERMISSION : ERROR_DOCUMENT;
	struct place place = find_place(words);
	autofree char *file = place.file;
	autobuf message = {0};

	for (const char *at = place.message; *at;) {
		if (!strncmp(at, JSON_PLACE, strlen(JSON_PLACE)))
			at += strlen(JSON_PLACE);
		else if (at[0] == '\n' && at[1] == '\n')
			at++;
		else if (at[-1] == '\n' && !strncmp(at, COMMANDS ":", strlen(COMMANDS) + 1)) {
			buf_puts(&message, "line ");
			at += strlen(COMMANDS) + 1;
		} else
			buf_putc(&message, *at++);
	}
	while (message.len && strchr(" \t\r\n", message.data[message.len - 1]))
		message.data[--message.len] = 0;
	if (!message.len)
		return error_set(err, code, "nft refused it and did not say why");
	return error_at(err, code, file, place.line, place.column, NULL, "%s", buf_text(&message));
}

static bool write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno != EINTR)
			return false;
		text += written > 0 ? written : 0;
		length -= written > 0 ? (size_t)written : 0;
	}
	return true;
}

/* nft tells lines and columns of text only where it reads a file or standard input, so the child's
 * standard input becomes the text. */
static bool become_input(const char *text, struct untrack_error *err)
{
	autoclose int fd = memfd_create("untrack", MFD_CLOEXEC);
	const char newline = '\n'; /* nft does not take an include line without one */

	if (fd < 0 || !write_all(fd, text, strlen(text)) || !write_all(fd, &newline, 1) ||
	    lseek(fd, 0, SEEK_SET) < 0 || dup2(fd, STDIN_FILENO) < 0)
		return error_errno(err, errno, "commands cannot be handed to nft");
	return true;
}

/* A child that has little to do: the caller's memory may be of huge pages, and the first byte that it
 * writes into another one would have all of that cleared. */
static void take_small_pages(const struct request *request)
{
	enum { LITTLE = 64 << 10 };

	if (strlen(request->commands) < LITTLE)
		prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

/* Runs in the child. When nft fails an assertion it says so on standard error, which is not ours to
 * write to; the signal tells the caller. */
/* Seconds; a document of a million elements takes half a minute. */
enum { TIME_LIMIT = 180 };

static bool run(void *arg, struct buf *output, struct untrack_error *err)
{
	const struct request *request = arg;

	take_small_pages(request);
	autoclean(nft_ctx_free_p) struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
	bool json = is_json(request->commands);
	autoclose int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (!nft)
		return error_memory(err);
	alarm(TIME_LIMIT); /* ends this child: `monitor` in a document would never end by itself */
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	if (nft_ctx_buffer_output(nft) || nft_ctx_buffer_error(nft))
		return error_memory(err);
	nft_ctx_output_set_flags(nft, output_flags(request));
	if (request->flags & NFT_BYTECODE)
		nft_ctx_output_set_debug(nft, NFT_DEBUG_NETLINK);
	if (request->flags & NFT_UTC) {
		setenv("TZ", "UTC0", 1);
		tzset();
	}
	if (!json && !become_input(request->commands, err))
		return false;
	if (json ? nft_run_cmd_from_buffer(nft, request->commands)
		 : nft_run_cmd_from_filename(nft, COMMANDS))
		return refuse(nft_ctx_get_error_buffer(nft), err);
	buf_puts(output, nft_ctx_get_output_buffer(nft));
	return true;
}

bool nft_run(const struct netns *ns, const char *commands, unsigned flags, char **ret_output,
	     struct untrack_error *err)
{
	struct request request = {.commands = commands, .flags = flags};
	autobuf output = {0};
	char *text;

	if (!netns_run(ns, run, &request, &output, err))
		return false;
	if (!ret_output)
		return true;
	text = buf_steal_text(&output);
	if (!text)
		return error_memory(err);
	*ret_output = text;
	return true;
}

/* In one child: a fork of a process with a large ruleset costs as much as the listing of a small one. */
static bool run_both(void *arg, struct buf *output, struct untrack_error *err)
{
	const struct request *requests = arg;
	bool ok = run((void *)(uintptr_t)&requests[0], output, err);

	buf_zero(output, 1);
	return ok && run((void *)(uintptr_t)&requests[1], output, err);
}

static bool list_both(const struct netns *ns, char **ret_json, char **ret_text,
		      struct untrack_error *err)
{
	struct request requests[] = {{LIST, NFT_JSON | NFT_HANDLES}, {LIST, NFT_HANDLES}};
	autofree char *json = NULL, *text = NULL;
	autobuf output = {0};

	if (!netns_run(ns, run_both, requests, &output, err))
		return false;
	json = strdup(buf_text(&output));
	text = json ? strdup(buf_text(&output) + strlen(json) + 1) : NULL;
	if (!text)
		return error_memory(err);
	*ret_json = steal_pointer(&json);
	*ret_text = steal_pointer(&text);
	return true;
}

bool nft_list(const struct netns *ns, char **ret_json, char **ret_text, struct untrack_error *err)
{
	if (ret_json && ret_text)
		return list_both(ns, ret_json, ret_text, err);
	return nft_run(ns, LIST, ret_json ? NFT_JSON | NFT_HANDLES : NFT_HANDLES,
		       ret_json ? ret_json : ret_text, err);
}

const char *nft_library(void)
{
	Dl_info info;

	return dladdr((void *)(uintptr_t)nft_ctx_new, &info) ? info.dli_fname : NULL;
}
