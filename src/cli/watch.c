/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --watch: the same look again and again. On a terminal each frame is drawn over the last one, by
 * moving up as many lines as that had. Neither the terminal's modes nor its cursor are changed, so
 * whatever ends the program leaves it as it was.
 */
#include "cli/cli.h"

#include "base/buf.h"
#include "base/text.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

static struct winsize terminal_size(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		size = (struct winsize){.ws_row = 24, .ws_col = 80};
	return size;
}

/* One line, cut to the columns that there are, since a line that wraps would be two. */
static void put_line(struct buf *out, const char *line, size_t length, size_t columns)
{
	size_t at = 0;

	for (size_t column = 0; at < length && column < columns; column++) {
		size_t step = text_utf8_length(line + at, length - at);

		at += step ? step : 1;
	}
	buf_put(out, line, at);
	buf_puts(out, "\033[K\n");
}

/* Draws text over the frame before, which had *lines lines. */
static bool draw(const char *text, size_t *lines, struct untrack_error *err)
{
	struct winsize size = terminal_size();
	autobuf out = {0};
	size_t count = 0;

	if (*lines)
		buf_printf(&out, "\033[%zuA\r", *lines);
	while (*text && count + 1 < size.ws_row) {
		size_t length = strcspn(text, "\n");

		put_line(&out, text, length, size.ws_col);
		text += length + (text[length] == '\n');
		count++;
	}
	buf_puts(&out, "\033[J");
	*lines = count;
	return buf_ok(&out, err) && print_text(buf_text(&out), err);
}

static void print_warnings(const struct invocation *in, const struct untrack_result *result)
{
	for (size_t i = 0; in->verbosity >= 0 && untrack_result_warning(result, i); i++)
		fprintf(stderr, "untrack: %s\n", untrack_result_warning(result, i));
}

static bool show_frame(const struct invocation *in, struct untrack_result *result, bool terminal,
		       bool first, size_t *lines, struct untrack_error *err)
{
	if (first)
		print_warnings(in, result);
	if (in->json)
		return print_text(untrack_result_json(result), err) && print_text("\n", err);
	/* Lines are cut by columns, which escapes would be counted as. */
	if (terminal)
		return draw(untrack_result_text(result, false), lines, err);
	return (first || print_text("\n", err)) &&
	       print_text(untrack_result_text(result, false), err);
}

/* Waits; true when the user wants an end. */
static bool wait_for_end(const sigset_t *ends, uint32_t seconds, int *ret_signal)
{
	const struct timespec pause = {.tv_sec = seconds};

	*ret_signal = sigtimedwait(ends, NULL, &pause);
	return *ret_signal > 0;
}

static bool watch(const struct invocation *in, struct untrack *untrack, look_fn *look,
		  struct untrack_error *err)
{
	bool terminal = isatty(STDOUT_FILENO) && !in->json, first = true;
	size_t lines = 0;
	sigset_t ends;
	int number;

	/* Blocked, so that none is lost between two frames. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	do {
		struct untrack_result *result = look(untrack, in, err);
		bool shown = result && show_frame(in, result, terminal, first, &lines, err);

		untrack_result_free(result);
		if (!shown)
			return false;
		first = false;
	} while (!wait_for_end(&ends, in->interval, &number));
	/* Behind the ^C that the terminal has echoed. */
	return !terminal || number != SIGINT || print_text("\n", err);
}

bool print_look(const struct invocation *in, look_fn *look, int *ret_status,
		struct untrack_error *err)
{
	autoclean(untrack_free_p) struct untrack *untrack = untrack_new(&in->context, err);

	if (!untrack)
		return false;
	if (!(in->given & OPTION(WATCH)))
		return print_result(in, look(untrack, in, err), false, ret_status, err);
	*ret_status = 0;
	return watch(in, untrack, look, err);
}
