/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tables in memory; whoever may choose the keys can make them slow. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* FNV-1a (Fowler, Noll and Vo). Goes on with more bytes; sum: HASH_BEGIN, or of the ones before. */
static inline uint64_t hash_bytes(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
	return sum;
}

/* Goes on with a number. */
static inline uint64_t hash_mix(uint64_t sum, uint64_t number)
{
	sum = (sum ^ number) * UINT64_C(0x9e3779b97f4a7c15); /* 2^64 by the golden ratio */
	return sum ^ sum >> 32;
}

/* Other sums than hash_bytes(), for what is longer: eight bytes at a time. */
static inline uint64_t hash_words(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint64_t word;

	for (sum = hash_mix(sum, len); len >= sizeof(word); len -= sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		sum = hash_mix(sum, word);
		bytes += sizeof(word);
	}
	word = 0;
	if (len)
		memcpy(&word, bytes, len);
	return len ? hash_mix(sum, word) : sum;
}

/* For a table whose size is a power of two: the low bits alone are weak. */
static inline size_t hash_place(uint64_t sum)
{
	return (size_t)(sum ^ sum >> 32);
}
