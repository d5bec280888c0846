/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink attributes as bytes (linux/netlink.h: struct nlattr, padded to 4). Rulesets are held in the
 * form the kernel dumps them, so that they can be sent back as they are; this reads and writes that
 * form without any netlink library.
 */
#pragma once

#include "base/buf.h"

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Bytes that someone else owns. */
struct span {
	const uint8_t *data;
	size_t len;
};

struct attr {
	uint16_t type; /* without NLA_F_NESTED and NLA_F_NET_BYTEORDER */
	struct span body;
};

/* Next attribute of *rest, which moves on. False at the end and at malformed bytes. */
static inline bool attr_next(struct span *rest, struct attr *ret_attr)
{
	struct nlattr head;
	size_t step;

	if (rest->len < sizeof(head))
		return false;
	memcpy(&head, rest->data, sizeof(head));
	if (head.nla_len < sizeof(head) || head.nla_len > rest->len)
		return false;
	ret_attr->type = head.nla_type & NLA_TYPE_MASK;
	ret_attr->body = (struct span){rest->data + sizeof(head), head.nla_len - sizeof(head)};
	step = NLA_ALIGN(head.nla_len);
	if (step > rest->len)
		step = rest->len;
	rest->data += step;
	rest->len -= step;
	return true;
}

#define attr_for_each(a, span_)                                                                    \
	for (struct span rest_##a = (span_), *once_##a = &rest_##a; once_##a; once_##a = NULL)     \
		for (struct attr a; attr_next(&rest_##a, &a);)

/* First attribute of that type; false if there is none. */
bool attr_find(struct span attrs, uint16_t type, struct span *ret_body);

/* Values in network byte order, as nf_tables has them. A short or absent body gives 0. */
uint32_t attr_be32(struct span body);
uint64_t attr_be64(struct span body);
static inline uint32_t attr_find_be32(struct span attrs, uint16_t type)
{
	struct span body;

	return attr_find(attrs, type, &body) ? attr_be32(body) : 0;
}
static inline uint64_t attr_find_be64(struct span attrs, uint16_t type)
{
	struct span body;

	return attr_find(attrs, type, &body) ? attr_be64(body) : 0;
}
/* A string body as text inside the message, or NULL if it is absent or lacks its NUL. */
const char *attr_text(struct span body);
const char *attr_find_text(struct span attrs, uint16_t type);

bool span_equal(struct span a, struct span b);
bool span_is_zero(struct span a);
static inline struct span buf_span(const struct buf *b)
{
	return (struct span){b->data, b->len};
}

void attr_put(struct buf *b, uint16_t type, const void *data, size_t len);
void attr_put_text(struct buf *b, uint16_t type, const char *text); /* with its NUL */
void attr_put_be32(struct buf *b, uint16_t type, uint32_t value);
void attr_put_be64(struct buf *b, uint16_t type, uint64_t value);
/* Begin returns the place that end needs. NLA_F_NESTED is left out, as nf_tables leaves it out of its
 * dumps (nla_nest_start_noflag), so that what we build equals what is read back. The body of a nest holds at most 64 KiB: end sets
 * b->failed beyond that. */
size_t attr_nest_begin(struct buf *b, uint16_t type);
void attr_nest_end(struct buf *b, size_t begin);
