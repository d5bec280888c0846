/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --watch: the same look again and again, until q or a signal. On a terminal each frame is drawn
 * over the last one, by moving up as many lines as that had; the cursor stays as it is. Keys come
 * unechoed and at once meanwhile; whatever ends the watch, or stops it, puts that back.
 */
#include "cli/cli.h"

#include "base/buf.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

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

/* --- keys and signals ------------------------------------------------------------------------- */

/* The terminal that keys come from. */
struct keys {
	bool on;
	struct termios before;
};

/* In the foreground only: the terminal is somebody else's otherwise. */
static void keys_begin(struct keys *keys)
{
	struct termios wanted;

	keys->on =
		tcgetpgrp(STDIN_FILENO) == getpgrp() && tcgetattr(STDIN_FILENO, &keys->before) == 0;
	if (!keys->on)
		return;
	wanted = keys->before;
	wanted.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	wanted.c_cc[VMIN] = 1;
	wanted.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSADRAIN, &wanted);
}

static void keys_end(struct keys *keys)
{
	if (keys->on)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &keys->before);
	keys->on = false;
}

/* Blocked, so that none is lost between two frames; read from a descriptor. */
static int open_signals(struct untrack_error *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTSTP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		error_errno(err, errno, "signals cannot be waited for");
	return fd;
}

enum event { EVENT_TIME, EVENT_QUIT, EVENT_SIGNAL, EVENT_STOP };

static enum event take_signal(int signals)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return EVENT_TIME;
	return info.ssi_signo == SIGTSTP  ? EVENT_STOP
	       : info.ssi_signo == SIGINT ? EVENT_SIGNAL
					  : EVENT_QUIT;
}

/* q, or ^D, or that the terminal is gone. */
static bool take_key(void)
{
	char key;

	return read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == 4;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum event wait_for_event(const struct keys *keys, int signals, uint32_t seconds)
{
	struct pollfd fds[] = {{.fd = signals, .events = POLLIN},
			       {.fd = keys->on ? STDIN_FILENO : -1, .events = POLLIN}};
	int64_t end = now_ms() + (int64_t)seconds * 1000, left;

	while ((left = end - now_ms()) > 0) {
		/* poll() takes an int: 24 days */
		int most = left > INT32_MAX ? INT32_MAX : (int)left;

		if (poll(fds, 2, most) <= 0)
			continue;
		if (fds[0].revents)
			return take_signal(signals);
		if (fds[1].revents && take_key())
			return EVENT_QUIT;
	}
	return EVENT_TIME;
}

/* Stops as ^Z is expected to, the terminal as it was until the watch goes on. */
static void stop(struct keys *keys)
{
	bool on = keys->on;

	keys_end(keys);
	raise(SIGSTOP);
	if (on)
		keys_begin(keys);
}

static bool watch(const struct invocation *in, struct untrack *untrack, look_fn *look,
		  struct untrack_error *err)
{
	bool terminal = isatty(STDOUT_FILENO) && !in->json, first = true;
	__attribute__((cleanup(keys_end))) struct keys keys = {.on = false};
	autoclose int signals = open_signals(err);
	enum event event = EVENT_TIME;
	size_t lines = 0;

	if (signals < 0)
		return false;
	if (terminal)
		keys_begin(&keys);
	do {
		struct untrack_result *result = look(untrack, in, err);
		bool shown = result && show_frame(in, result, terminal, first, &lines, err);

		untrack_result_free(result);
		if (!shown)
			return false;
		first = false;
		event = wait_for_event(&keys, signals, in->interval);
		if (event == EVENT_STOP) {
			stop(&keys);
			lines = 0; /* others have written behind it */
		}
	} while (event == EVENT_TIME || event == EVENT_STOP);
	/* Behind the ^C that a terminal echoes. */
	return !terminal || keys.on || event != EVENT_SIGNAL || print_text("\n", err);
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
