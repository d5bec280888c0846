/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/record.h"

#include <string.h>

struct record_head {
	uint32_t type;
	uint32_t len;
};

size_t record_begin(struct buf *out, uint32_t type)
{
	struct record_head head = {.type = type};
	size_t begin = out->len;

	buf_put(out, &head, sizeof(head));
	return begin;
}

void record_end(struct buf *out, size_t begin)
{
	struct record_head head;
	size_t len;

	if (out->failed)
		return;
	len = out->len - begin - sizeof(head);
	if (len > UINT32_MAX) {
		out->failed = true;
		return;
	}
	memcpy(&head, out->data + begin, sizeof(head));
	head.len = (uint32_t)len;
	memcpy(out->data + begin, &head, sizeof(head));
}

void record_put(struct buf *out, uint32_t type, const void *data, size_t len)
{
	size_t begin = record_begin(out, type);

	buf_put(out, data, len);
	record_end(out, begin);
}

void record_put_text(struct buf *out, uint32_t type, const char *text)
{
	if (text)
		record_put(out, type, text, strlen(text));
}

void record_put_u32(struct buf *out, uint32_t type, uint32_t value)
{
	record_put(out, type, &value, sizeof(value));
}

void record_put_u64(struct buf *out, uint32_t type, uint64_t value)
{
	record_put(out, type, &value, sizeof(value));
}

bool record_next(struct span *rest, struct record *ret_record)
{
	struct record_head head;

	if (rest->len < sizeof(head))
		return false;
	memcpy(&head, rest->data, sizeof(head));
	if (head.len > rest->len - sizeof(head))
		return false;
	ret_record->type = head.type;
	ret_record->body = (struct span){rest->data + sizeof(head), head.len};
	rest->data += sizeof(head) + head.len;
	rest->len -= sizeof(head) + head.len;
	return true;
}

bool record_damaged(struct untrack_error *err, const char *what)
{
	return error_set(err, ERROR_SYSTEM, "the stored bytes are damaged: %s", what);
}

bool record_u32(const struct record *record, uint32_t *ret_value, struct untrack_error *err)
{
	if (record->body.len != sizeof(*ret_value))
		return record_damaged(err, "a number's length is not 4");
	memcpy(ret_value, record->body.data, sizeof(*ret_value));
	return true;
}

bool record_u64(const struct record *record, uint64_t *ret_value, struct untrack_error *err)
{
	if (record->body.len != sizeof(*ret_value))
		return record_damaged(err, "a number's length is not 8");
	memcpy(ret_value, record->body.data, sizeof(*ret_value));
	return true;
}

bool record_text(const struct record *record, char **ret_text, struct untrack_error *err)
{
	char *text;

	if (*ret_text)
		return record_damaged(err, "a text comes twice");
	if (record->body.len && memchr(record->body.data, 0, record->body.len))
		return record_damaged(err, "a text has a NUL inside");
	text = strndup((const char *)record->body.data, record->body.len);
	if (!text)
		return error_memory(err);
	*ret_text = text;
	return true;
}
