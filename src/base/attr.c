/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/attr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netlink.h>
#include <string.h>

bool attr_find(struct span attrs, uint16_t type, struct span *ret_body)
{
	attr_for_each(a, attrs) {
		if (a.type == type) {
			*ret_body = a.body;
			return true;
		}
	}
	return false;
}

uint32_t attr_be32(struct span body)
{
	uint32_t value;

	if (body.len < sizeof(value))
		return 0;
	memcpy(&value, body.data, sizeof(value));
	return ntohl(value);
}

uint64_t attr_be64(struct span body)
{
	uint64_t value;

	if (body.len < sizeof(value))
		return 0;
	memcpy(&value, body.data, sizeof(value));
	return be64toh(value);
}

const char *attr_text(struct span body)
{
	if (!body.len || body.data[body.len - 1])
		return NULL;
	return (const char *)body.data;
}

const char *attr_find_text(struct span attrs, uint16_t type)
{
	struct span body;

	return attr_find(attrs, type, &body) ? attr_text(body) : NULL;
}

bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

bool span_is_zero(struct span a)
{
	for (size_t i = 0; i < a.len; i++)
		if (a.data[i])
			return false;
	return true;
}

void attr_put(struct buf *b, uint16_t type, const void *data, size_t len)
{
	struct nlattr head = {.nla_type = type, .nla_len = (uint16_t)(sizeof(head) + len)};

	if (len > UINT16_MAX - sizeof(head)) {
		b->failed = true;
		return;
	}
	buf_put(b, &head, sizeof(head));
	buf_put(b, data, len);
	buf_zero(b, NLA_ALIGN(len) - len);
}

void attr_put_text(struct buf *b, uint16_t type, const char *text)
{
	attr_put(b, type, text, strlen(text) + 1);
}

void attr_put_be32(struct buf *b, uint16_t type, uint32_t value)
{
	value = htonl(value);
	attr_put(b, type, &value, sizeof(value));
}

void attr_put_be64(struct buf *b, uint16_t type, uint64_t value)
{
	value = htobe64(value);
	attr_put(b, type, &value, sizeof(value));
}

size_t attr_nest_begin(struct buf *b, uint16_t type)
{
	struct nlattr head = {.nla_type = type, .nla_len = sizeof(head)};
	size_t begin = b->len;

	buf_put(b, &head, sizeof(head));
	return begin;
}

void attr_nest_end(struct buf *b, size_t begin)
{
	size_t len = b->len - begin;
	uint16_t len16 = (uint16_t)len;

	if (b->failed)
		return;
	if (len > UINT16_MAX) {
		b->failed = true;
		return;
	}
	memcpy(b->data + begin, &len16, sizeof(len16)); /* nla_len is the first field */
}
