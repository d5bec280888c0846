/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scripts of iptables commands: simple commands one after the other. What a shell would have to
 * work out (variables, loops, conditions) is refused. */
#include "base/cleanup.h"
#include "base/text.h"
#include "document/import/read.h"
#include "document/import/reader.h"

#include <string.h>

/* -t may stand anywhere in a command. */
static const char *table_of(const struct word *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *text = words[i].text;

		if ((!strcmp(text, "-t") || !strcmp(text, "--table")) && i + 1 < count)
			return words[i + 1].text;
		if (starts_with(text, "-t") && strlen(text) > 2 && text[2] != '-')
			return text + 2;
		if (starts_with(text, "--table="))
			return text + 8;
	}
	return NULL;
}

static bool ends_with(const char *text, const char *with)
{
	size_t length = strlen(text), end = strlen(with);

	return length >= end && !strcmp(text + length - end, with);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_iptables(const char *name, enum inet_family *ret_family)
{
	static const char *const endings[] = {"", "-legacy", "-nft"};

	for (size_t i = 0; i < 3; i++) {
		bool four = starts_with(name, "iptables") && !strcmp(name + 8, endings[i]);
		bool six = starts_with(name, "ip6tables") && !strcmp(name + 9, endings[i]);

		if (!four && !six)
			continue;
		*ret_family = six ? INET_V6 : INET_V4;
		return true;
	}
	return false;
}

/* What scripts do beside: it makes no rule. */
static bool is_harmless(const struct word *words, size_t count)
{
	static const char *const names[] = {
		"set", "echo", "printf", "modprobe", "exit", "true", ":", "sleep", "export",
		"logger", "cd", "unset", "umask", "return", "insmod", "depmod",
		/* what saves the rules, and restarts what loads them */
		"iptables-save", "ip6tables-save", "netfilter-persistent", "service", "systemctl",
		"chkconfig"};
	const char *name = base_name(words[0].text), *equals = strchr(words[0].text, '=');

	(void)count;
	if (equals && equals > words[0].text && (!words[0].variable || words[0].variable > equals))
		return true; /* NAME=value */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !words[0].variable; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static bool read_sysctl_command(struct reader *r, const struct word *words, size_t count)
{
	struct place place = reader_here(r);

	for (size_t i = 1; i < count; i++) {
		autofree char *name = strdup(words[i].text);
		char *equals = name ? strchr(name, '=') : NULL;

		if (*words[i].text == '-')
			continue;
		if (words[i].variable || !equals) {
			import_refuse(r->import, &place, "expected sysctl NAME=VALUE");
			return true;
		}
		*equals = 0;
		import_sysctl(r->import, &place, name, equals + 1);
	}
	return true;
}

/* The name of the setting that a file stands for; owned, NULL: none (or no memory). */
static char *setting_of(const char *path)
{
	char *name = NULL;

	/* the module's parameter is the number of buckets, which had no writable sysctl once */
	if (starts_with(path, "/sys/module/") && ends_with(path, "_conntrack/parameters/hashsize"))
		return strdup("net.netfilter.nf_conntrack_buckets");
	if (starts_with(path, "/proc/sys/"))
		name = strdup(path + strlen("/proc/sys/"));
	for (char *c = name; c && *c; c++)
		if (*c == '/')
			*c = '.';
	return name;
}

/* `echo VALUE > FILE` */
static bool read_echo(struct reader *r, const struct word *words, size_t count, const char *path)
{
	struct place place = reader_here(r);
	autofree char *name = NULL;

	if (count != 2 || strcmp(words[0].text, "echo"))
		return false;
	name = setting_of(path);
	if (name)
		import_sysctl(r->import, &place, name, words[1].text);
	return name;
}

static void not_understood(struct reader *r, const struct word *words, size_t count)
{
	struct place place = reader_here(r);
	char shown[TEXT_SHOWN_MAX];

	for (size_t i = 0; i < count; i++)
		if (words[i].variable) {
			import_refuse(
				r->import, &place, "the value of %s is not known; write it out",
				text_show(words[i].variable, strlen(words[i].variable), shown));
			return;
		}
	import_refuse(r->import, &place,
		      "'%s' is neither an iptables command nor a line of iptables-save, "
		      "ipset save or sysctl.conf",
		      text_show(words[0].text, strlen(words[0].text), shown));
}

/* One simple command. */
static void read_command(struct reader *r, const struct word *words, size_t count,
			 const char *redirect)
{
	struct place place = reader_here(r);
	const char *name, *table;
	char shown[TEXT_SHOWN_MAX];

	while (count && (!strcmp(words[0].text, "sudo") || !strcmp(words[0].text, "$") ||
			 !strcmp(words[0].text, "exec") || !strcmp(words[0].text, "command"))) {
		words++;
		count--;
		while (count && (!strcmp(words[0].text, "-n") || !strcmp(words[0].text, "-E"))) {
			words++;
			count--;
		}
	}
	if (!count)
		return;
	name = base_name(words[0].text);
	if (!words[0].variable && is_iptables(name, &r->family)) {
		table = table_of(words + 1, count - 1);
		reader_rule(r, words + 1, count - 1, table ? table : "filter");
	} else if (!words[0].variable && !strcmp(name, "sysctl")) {
		read_sysctl_command(r, words, count);
	} else if (!words[0].variable && !strcmp(name, "ipset") && count > 1) {
		reader_ipset(r, words + 1, count - 1);
	} else if (redirect && read_echo(r, words, count, redirect)) {
		return;
	} else if (is_harmless(words, count)) {
		import_warn(r->import, &place, "'%s' makes no rule: left out",
			    text_show(words[0].text, strlen(words[0].text), shown));
	} else {
		not_understood(r, words, count);
	}
}

/* `a; b && c || true >/dev/null 2>&1`: simple commands one after the other. */
void script_line(struct reader *r)
{
	const struct word *words = r->words.w.v;
	size_t count = r->words.w.n, begin = 0;
	const char *redirect = NULL;
	size_t redirected = 0;
	struct place place = reader_here(r);

	for (size_t i = 0; i <= count; i++) {
		const char *operator= i<count && words[i].operator? words[i].text : NULL;

		if (i < count && !operator)
			continue;
		if (operator&&(strchr("|&(<", *operator) && strcmp(operator, "&&") &&
			       strcmp(operator, "||") && strcmp(operator, "&>"))) {
			import_refuse(r->import, &place,
				      "'%s' of the shell is not understood", operator);
			return;
		}
		if (operator&&(!strcmp(operator, "2>&1") || strchr(operator, '>'))) {
			/* what it prints goes elsewhere; the words so far are the command */
			if (!redirected)
				redirected = i;
			if (strcmp(operator, "2>&1") && i + 1 < count) {
				redirect = redirect ? redirect : words[i + 1].text;
				i++;
			}
			continue;
		}
		if (redirected < begin || !redirected)
			redirected = i;
		if (redirected > begin)
			read_command(r, words + begin, redirected - begin, redirect);
		if (operator&& !strcmp(operator, "||")) {
			/* only what does nothing may follow */
			if (i + 1 >= count || !is_harmless(words + i + 1, count - i - 1))
				import_refuse(r->import, &place,
					      "what follows '||' is not understood");
			return;
		}
		begin = i + 1;
		redirected = 0;
		redirect = NULL;
	}
}
