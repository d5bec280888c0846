/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysctl.conf: both generations of connection tracking's settings, and the words of `ipset save`.
 */
#include "base/cleanup.h"
#include "document/import/own.h"
#include "document/import/read.h"
#include "document/import/words.h"

#include <stdio.h>
#include <string.h>

/* The part behind "conntrack_" under any of the names it had; NULL if it is something else. The old
 * module was ip_conntrack; nf_conntrack kept those names for a while. */
static const char *conntrack_part(const char *name)
{
	static const char *const prefixes[] = {
		"net.netfilter.nf_conntrack_",	    "net.nf_conntrack_",
		"net.ipv4.netfilter.ip_conntrack_", "net.ipv4.ip_conntrack_",
		"net.ipv4.netfilter.nf_conntrack_",
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return name + strlen(prefixes[i]);
	return NULL;
}

static bool set_sysctl(struct import *import, const struct place *place, const char *part,
		       uint64_t value)
{
	struct sysctl_line line = {.place = *place, .value = value};

	if (asprintf(&line.name, "net.netfilter.nf_conntrack_%s", part) < 0)
		line.name = NULL;
	array_for_each(known, &import->sysctls) {
		if (!line.name || strcmp(known->name, line.name))
			continue;
		import_warn(import, place,
			    "%s is set again: the last value counts, as sysctl has it", line.name);
		known->value = value;
		free(line.name);
		return true;
	}
	if (line.name && array_push(&import->sysctls, line))
		return true;
	free(line.name);
	import->no_memory = true;
	return false;
}

bool import_sysctl(struct import *import, const struct place *place, const char *name,
		   const char *value)
{
	autofree char *dotted = strdup(name);
	const char *part;
	uint64_t number;

	if (!dotted) {
		import->no_memory = true;
		return false;
	}
	if (strchr(dotted, '/'))
		for (char *c = dotted; *c; c++)
			*c = *c == '/' ? '.' : *c;
	part = conntrack_part(dotted);
	if (!part) {
		import->other_sysctls++;
		return false;
	}
	if (!read_number(value, UINT64_MAX, &number))
		import_refuse(import, place, "%s: got '%s'; expected a number", name, value);
	else if (strcmp(part, "max") && strcmp(part, "buckets") &&
		 (!strstr(part, "_timeout") || !strcmp(part, "frag6_timeout")))
		import_refuse(
			import, place,
			"%s: a policy has max, buckets and timeouts; keep this one in sysctl.conf",
			name);
	else
		set_sysctl(import, place, part, number);
	return true;
}

bool import_ipset_lines(struct import *import, const char *name, const char *text)
{
	struct place place = {name, 0};

	while (*text && !import->no_memory) {
		size_t length = strcspn(text, "\n");
		struct ipset_line line = {0};
		unsigned typography;
		const char *why;

		place.line++;
		line.place = place;
		if (!words_split(text, length, false, &line.words, &typography, &why)) {
			if (!why)
				import->no_memory = true;
			else
				import_refuse(import, &place, "%s", why);
		} else if (!line.words.w.n || line.words.w.v[0].text[0] == '#') {
			words_free(&line.words);
		} else if (!array_push(&import->ipsets, line)) {
			words_free(&line.words);
			import->no_memory = true;
		}
		text += length;
		text += *text == '\n';
	}
	return !import->no_memory;
}
