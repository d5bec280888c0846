/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/nft_include.h"

#include "base/cleanup.h"
#include "document/nft.h"

#include <glob.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

static bool begins_with(const char *text, const char *prefix)
{
	return !strncmp(text, prefix, strlen(prefix));
}

/* Where libnftables looks for a name without a directory in front is built into it: /etc where it came
 * with the system, but not where someone built it for himself. */
static const char *search_directory(void)
{
	const char *library = nft_library();

	return library && (begins_with(library, "/usr/lib") || begins_with(library, "/lib"))
		       ? "/etc/"
		       : NULL;
}

static bool add(texts *list, const char *text, size_t length)
{
	char *copy = strndup(text, length);

	if (copy && array_push(list, copy))
		return true;
	free(copy);
	return false;
}

/* Notes what the pattern depends on, beside the files that it found. */
static bool note_pattern(const char *pattern, struct inclusions *inclusions)
{
	const char *slash = strrchr(pattern, '/');
	size_t magic = strcspn(pattern, "*?[");

	inclusions->relative |= *pattern != '/';
	if (!pattern[magic])
		return true;
	if (!slash || pattern + magic < slash)
		return inclusions->elsewhere = true;
	return add(&inclusions->directories, pattern, (size_t)(slash + 1 - pattern));
}

/* As libnftables does it (scanner.l: include_glob()): directories are passed over, and a name without
 * wildcards must be there. */
static bool find(const char *pattern, texts *files, struct inclusions *inclusions)
{
	autoclean(globfree) glob_t found = {0};
	int result = glob(pattern, GLOB_NOESCAPE | GLOB_MARK, NULL, &found);

	if (result == GLOB_NOMATCH)
		return strpbrk(pattern, "*?[") && note_pattern(pattern, inclusions);
	if (result)
		return false;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *path = found.gl_pathv[i];
		size_t length = strlen(path);
		struct stat info;

		if (!length || path[length - 1] == '/')
			continue;
		if (stat(path, &info) || !S_ISREG(info.st_mode) || !add(files, path, length) ||
		    !add(&inclusions->files, path, length))
			return false;
	}
	return note_pattern(pattern, inclusions);
}

void inclusions_free(struct inclusions *inclusions)
{
	texts_free(&inclusions->files);
	texts_free(&inclusions->directories);
}

bool nft_include_find(const char *path, texts *files, struct inclusions *inclusions)
{
	const char *directory = search_directory();
	char pattern[PATH_MAX];
	int length;

	if (begins_with(path, "/") || begins_with(path, "./") || begins_with(path, "../"))
		directory = "";
	else if (*path == '.') /* versions of libnftables differ */
		directory = NULL;
	if (!directory || !*path)
		return false;
	length = snprintf(pattern, sizeof(pattern), "%s%s", directory, path);
	return length > 0 && (size_t)length < sizeof(pattern) && find(pattern, files, inclusions);
}
