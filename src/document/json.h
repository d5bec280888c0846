/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON, read strictly: every value is asked for by what it must be, every key of an object stands
 * in a table, and what is refused is refused with its file, line, column and JSON path, with what
 * stood there and what was expected.
 */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "document/json_scan.h"
#include "model/policy.h"

#include <jansson.h>

struct json_document {
	const char *file; /* borrowed, like the text */
	struct json_text text;
	json_t *root;
	texts files; /* that lists were read from */
	/* The place found last: lists are mostly asked about from front to back. */
	struct {
		const json_t *container;
		size_t begin; /* its offset */
		size_t index;
		struct json_step step;
		struct json_place place;
	} last;
};

/* Parses text whose first character is '{'. Refused are duplicate keys, trailing text, NUL, invalid
 * UTF-8 and nesting beyond 2048. file and text are borrowed and must outlive the document. */
bool json_parse(const char *file, const struct buf *text, struct json_document *ret_document,
		struct untrack_error *err);
void json_document_free(struct json_document *document);
#define autojson __attribute__((cleanup(json_document_free))) struct json_document

/* A value and where it stands. Nodes live on the stack of the function that steps down. */
struct node {
	struct json_document *document;
	const struct node *parent; /* NULL: the whole document */
	const char *key;	   /* NULL in a list */
	size_t index;		   /* in a list */
	json_t *value;
};

struct node node_root(struct json_document *document);
struct node node_child(const struct node *object, const char *key); /* which must be there */
struct node node_element(const struct node *list, size_t index);

/* "/services/0/ports/2", owned by the caller; NULL without memory. "/" for the whole document. */
char *node_path(const struct node *node);
/* Line and column of the value. */
struct json_place node_place(const struct node *node);

/* Refuses the value. Returns false. */
bool node_refuse(const struct node *node, struct untrack_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "wrong type, got '…'; expected …" */
bool node_wrong_type(const struct node *node, const char *expected, struct untrack_error *err);
/* The value as it stands in the document, cut and harmless (TEXT_SHOWN_MAX bytes). Returns out. */
const char *node_show(const struct node *node, char *out);

/* Values of one type. `expected` completes "expected …". */
bool node_string(const struct node *node, const char *expected, const char **ret_text,
		 struct untrack_error *err);
bool node_integer(const struct node *node, const char *expected, json_int_t min, json_int_t max,
		  json_int_t *ret_value, struct untrack_error *err);
bool node_boolean(const struct node *node, bool *ret_value, struct untrack_error *err);
/* One of the words; its index. */
bool node_word(const struct node *node, const char *what, const char *const *words, size_t count,
	       size_t *ret_index, struct untrack_error *err);
/* A copy of a string without control characters, in place of what *text had. */
bool node_free_text(const struct node *node, char **text, struct untrack_error *err);

/* Reads one value into the target. */
typedef bool node_reader(const struct node *node, void *target, struct untrack_error *err);

/* Each element of a list, in order. */
bool node_list(const struct node *node, const char *expected, bool may_be_empty, node_reader *read,
	       void *target, struct untrack_error *err);

struct node_field {
	const char *key;
	bool required;
	node_reader *read;
};
/* Each member of an object, in the order of the document; other keys than those of the table are
 * refused. `what` names the object: "a service". */
bool node_object(const struct node *node, const char *what, const struct node_field *fields,
		 size_t count, void *target, struct untrack_error *err);
#define NODE_FIELDS(fields) (fields), sizeof(fields) / sizeof(*(fields))

/* Refuses a key of an object that no table has. */
bool node_unknown_key(const struct node *member, const char *what, const void *keys, size_t count,
		      size_t stride, struct untrack_error *err);
