/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FNV-1a (Fowler, Noll and Vo), for tables in memory; whoever may choose the keys can make it slow. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* Goes on with more bytes; sum: HASH_BEGIN, or of the ones before. */
static inline uint64_t hash_bytes(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
	return sum;
}

/* For a table whose size is a power of two: the low bits alone are weak. */
static inline size_t hash_place(uint64_t sum)
{
	return (size_t)(sum ^ sum >> 32);
}
