/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every operation gives: one JSON object, text for people, and warnings. */
#pragma once

#include "base/buf.h"
#include "model/policy.h"

#include <untrack.h>

struct untrack_result {
	int status;
	char *json; /* made by make_json when first asked for, if that is set */
	char *(*make_json)(void *context);
	void (*release)(void *context);
	void *context;
	char *text;
	char *colored;	/* made when first asked for */
	bool is_change; /* lines that begin with + - ~ are colored */
	texts warnings;
};

/* A result whose JSON is made from the context when it is asked for, since few ask and it may be long:
 * takes over text and context, also on failure. */
struct untrack_result *result_new_lazy(int status, char *(*make_json)(void *context), void *context,
				       void (*release)(void *context), char *text,
				       struct untrack_error *err);
/* Takes over json and text (each may come from buf_steal_text(); NULL is out of memory). */
struct untrack_result *result_new(int status, char *json, char *text, struct untrack_error *err);
/* Moves the warnings into the result. */
void result_take_warnings(struct untrack_result *result, texts *warnings);

bool warn(texts *warnings, struct untrack_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
bool texts_copy(const texts *from, texts *to);
