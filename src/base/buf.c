/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/buf.h"

#include "base/array.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool array_grow_(void **v, size_t *capacity, size_t n, size_t size)
{
	size_t want = *capacity ? *capacity : 8;
	void *grown;

	while (want < n) {
		if (want > SIZE_MAX / 2)
			return false;
		want *= 2;
	}
	grown = reallocarray(*v, want, size);
	if (!grown)
		return false;
	*v = grown;
	*capacity = want;
	return true;
}

bool buf_reserve_exactly(struct buf *b, size_t size)
{
	if (b->failed || b->data || size == SIZE_MAX)
		return buf_reserve(b, size);
	b->data = malloc(size + 1);
	b->capacity = b->data ? size + 1 : 0;
	b->failed = !b->data;
	return !b->failed;
}

bool buf_reserve(struct buf *b, size_t more)
{
	if (b->failed || more > SIZE_MAX - b->len - 1) {
		b->failed = true;
		return false;
	}
	if (b->len + more + 1 > b->capacity &&
	    !array_grow_((void **)&b->data, &b->capacity, b->len + more + 1, 1))
		b->failed = true;
	return !b->failed;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
	if (!len || !buf_reserve(b, len))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = 0;
}

void buf_puts(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text));
}

void buf_putc(struct buf *b, char c)
{
	buf_put(b, &c, 1);
}

void buf_zero(struct buf *b, size_t len)
{
	if (!len || !buf_reserve(b, len))
		return;
	memset(b->data + b->len, 0, len + 1);
	b->len += len;
}

void buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap, again;
	int len;

	va_start(ap, format);
	va_copy(again, ap);
	len = vsnprintf(NULL, 0, format, ap);
	if (len > 0 && buf_reserve(b, (size_t)len)) {
		vsnprintf((char *)b->data + b->len, (size_t)len + 1, format, again);
		b->len += (size_t)len;
	}
	va_end(again);
	va_end(ap);
}

bool buf_ok(const struct buf *b, struct untrack_error *err)
{
	return b->failed ? error_memory(err) : true;
}

char *buf_steal_text(struct buf *b)
{
	char *text = NULL;

	if (!b->failed)
		text = b->data ? (char *)b->data : calloc(1, 1);
	else
		free(b->data);
	*b = (struct buf){0};
	return text;
}
