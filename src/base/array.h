/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Growing arrays of any type: `ARRAY(int) numbers = {0};`. array_push() returns false when memory
 * runs out, and then leaves the array as it was. Elements are the owner's to free; array_free()
 * frees the storage only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define ARRAY(T)                                                                                   \
	struct {                                                                                   \
		T *v;                                                                              \
		size_t n;                                                                          \
		size_t capacity;                                                                   \
	}

bool array_grow_(void **v, size_t *capacity, size_t n, size_t size);

#define array_reserve(a, count)                                                                    \
	((count) <= (a)->capacity ||                                                               \
	 array_grow_((void **)&(a)->v, &(a)->capacity, (count), sizeof(*(a)->v)))

/* The value comes variadic so that compound literals with commas pass. */
#define array_push(a, ...)                                                                         \
	(array_reserve((a), (a)->n + 1) ? ((a)->v[(a)->n++] = (__VA_ARGS__), true) : false)

#define array_free(a) (free((a)->v), (a)->v = NULL, (a)->n = (a)->capacity = 0, (void)0)

#define array_for_each(item, a)                                                                    \
	for (__typeof__((a)->v + 0) item = (a)->v; item && item < (a)->v + (a)->n; item++)
