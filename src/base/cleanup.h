/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cleanup at scope end, and a named way to hand ownership on. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define autoclean(fn) __attribute__((cleanup(fn)))

/* Define fn_p(T **) so that `autoclean(fn_p) T *x` frees x at scope end. */
#define DEFINE_AUTOCLEAN(T, fn)                                                                    \
	__attribute__((unused)) static inline void fn##_p(T **p)                                   \
	{                                                                                          \
		if (*p)                                                                            \
			fn(*p);                                                                    \
	}

static inline void free_p(void *p)
{
	free(*(void **)p);
}

static inline void close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclose_p(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define autofree autoclean(free_p)
#define autoclose autoclean(close_p)
#define autofclose autoclean(fclose_p)

/* Take the pointer out of its variable: the scope no longer frees it. */
#define steal_pointer(pp)                                                                          \
	__extension__({                                                                            \
		__typeof__(*(pp)) stolen_ = *(pp);                                                 \
		*(pp) = NULL;                                                                      \
		stolen_;                                                                           \
	})

static inline int steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}
