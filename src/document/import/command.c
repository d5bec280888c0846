/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/command.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/import/option.h"
#include "document/import/own.h"

#include <ctype.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct parser {
	const struct word *words;
	size_t at, count;
	struct command *command;
	struct spec *spec;
	bool negated;
	bool comment;	/* the -m comment that came last still lacks its text */
	char list_only; /* an option that goes with -L and -S alone; 0: none came */
	char **why;
};

static bool because(struct parser *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static bool because(struct parser *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	if (vasprintf(p->why, format, ap) < 0)
		*p->why = NULL;
	va_end(ap);
	return false;
}

void command_free(struct command *command)
{
	free(command->table);
	free(command->chain);
	free(command->second);
	free(command->sources);
	free(command->destinations);
	if (command->spec)
		spec_free(command->spec);
	*command = (struct command){0};
}

static bool load_match(struct parser *p, const char *name);

/* An option that nobody knows loads the protocol's match (xtables.c: load_proto()). */
static struct found find_option(struct parser *p, const char *word, size_t length)
{
	struct found found = option_find(p->spec, word, length);
	const char *match = extension_of_protocol(p->spec->protocol_number);

	if (found.candidates == 1 || !match || p->spec->protocol_negated)
		return found;
	array_for_each(piece, &p->spec->matches)
		if (!strcmp(piece->extension->name, match) ||
		    (!strncmp(piece->extension->name, "icmp", 4) && !strncmp(match, "icmp", 4)))
			return found;
	if (!load_match(p, match))
		return (struct found){0};
	return option_find(p->spec, word, length);
}

/* ---- values ---- */
static const struct word *next_word(struct parser *p)
{
	return p->at < p->count ? &p->words[p->at++] : NULL;
}

static bool optional_follows(const struct parser *p)
{
	return p->at < p->count && p->words[p->at].text[0] != '-' && p->words[p->at].text[0] != '!';
}

static bool keep(struct parser *p, char **place, const char *value, const char *what)
{
	if (*place)
		return because(p, "%s is given twice", what);
	*place = strdup(value);
	return *place != NULL;
}

static bool set_protocol(struct parser *p, const char *value)
{
	struct spec *spec = p->spec;
	const struct protoent *entry;
	uint64_t number;

	if (spec->protocol)
		return because(p, "-p is given twice");
	spec->protocol = strdup(value);
	if (!spec->protocol)
		return false;
	for (char *c = spec->protocol; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	spec->protocol_negated = p->negated;
	if (read_number(value, 255, &number))
		spec->protocol_number = (int)number;
	else if (!strcmp(spec->protocol, "icmpv6"))
		spec->protocol_number = 58;
	else if (!strcmp(spec->protocol, "mh") || !strcmp(spec->protocol, "ipv6-mh"))
		spec->protocol_number = 135;
	else if (!strcmp(spec->protocol, "all"))
		spec->protocol_number = 0;
	else if ((entry = getprotobyname(spec->protocol)))
		spec->protocol_number = entry->p_proto;
	else
		return because(p, "-p: there is no protocol '%s'", value);
	if (spec->protocol_number)
		return true;
	/* 0 is any protocol */
	free(steal_pointer(&spec->protocol));
	spec->protocol_number = -1;
	return p->negated ? because(p, "! -p all matches no packet") : true;
}

static bool set_interface(struct parser *p, char **place, bool *negated, const char *value,
			  char letter)
{
	const char *what = letter == 'i' ? "-i" : "-o";

	if (!*value || strlen(value) > 15 || strpbrk(value, "*\"\\/ \t"))
		return because(p, "%s: '%s' is not the name of an interface", what, value);
	*negated = p->negated;
	return keep(p, place, value, what);
}

static bool load_match(struct parser *p, const char *name)
{
	uint8_t family = p->spec->family == INET_V6 ? FAMILY_6 : FAMILY_4;
	const struct extension *extension = extension_find(name, false, family);
	struct piece piece = {.extension = extension};
	const char *near;

	if (!strcmp(name, "comment")) {
		p->comment = true;
	}
	if (!extension) {
		near = extension_suggest(name, false, family);
		return because(p, "-m %s: there is no such match for %s%s%s%s", name,
			       family == FAMILY_6 ? "IPv6" : "IPv4", near ? "; did you mean '" : "",
			       near ? near : "", near ? "'?" : "");
	}
	if (extension->refused)
		return because(p, "-m %s: %s", name, extension->refused);
	return array_push(&p->spec->matches, piece);
}

static bool set_target(struct parser *p, const char *name, bool is_goto)
{
	uint8_t family = p->spec->family == INET_V6 ? FAMILY_6 : FAMILY_4;
	const struct extension *extension = is_goto ? NULL : extension_find(name, true, family);

	if (p->spec->jump)
		return because(p, "-%c: a target is given already", is_goto ? 'g' : 'j');
	if (p->negated)
		return because(p, "-%c cannot be negated", is_goto ? 'g' : 'j');
	if (extension && extension->refused)
		return because(p, "-j %s: %s", name, extension->refused);
	p->spec->is_goto = is_goto;
	p->spec->jump = strdup(name);
	if (!p->spec->jump)
		return false;
	if (extension && strcmp(name, "ACCEPT") && strcmp(name, "DROP") && strcmp(name, "RETURN") &&
	    strcmp(name, "QUEUE"))
		p->spec->target.extension = extension;
	return true;
}

/* "-c 5 100" or "-c 5,100" */
static bool take_numbers(struct parser *p, const char *text)
{
	const char *comma = strchr(text, ',');
	autofree char *packets = strndup(text, comma ? (size_t)(comma - text) : strlen(text));
	const struct word *word = comma ? NULL : next_word(p);
	const char *bytes = comma ? comma + 1 : word ? word->text : NULL;

	if (!packets)
		return false;
	if (!bytes || !read_number(packets, UINT64_MAX, &p->command->packets) ||
	    !read_number(bytes, UINT64_MAX, &p->command->bytes))
		return because(p, "-c: expected packets and bytes");
	return true;
}

static bool take_verb(struct parser *p, char letter, const char *value)
{
	struct command *command = p->command;
	uint64_t number;

	if (command->verb)
		return because(p, "two commands in one line");
	command->verb = strchr("LSZC", letter) ? VERB_LOOK : (enum verb)letter;
	if (value && !(command->chain = strdup(value)))
		return false;
	if (letter == 'C' || letter == 'A' || letter == 'D' || letter == 'I' || letter == 'R')
		command->has_match = true;
	if (strchr("IRDLSZ", letter) && value && optional_follows(p)) {
		const struct word *word = next_word(p);

		if (!read_number(word->text, UINT32_MAX, &number) || !number)
			return because(p, "-%c %s: '%s' is not the number of a rule", letter, value,
				       word->text);
		command->number = (size_t)number;
	} else if (letter == 'R') {
		return because(p, "-R %s: expected the number of a rule", value);
	}
	if (letter == 'E' || letter == 'P') {
		const struct word *word = next_word(p);

		if (!word)
			return because(p, "-%c %s: expected %s", letter, value,
				       letter == 'E' ? "a new name" : "a policy");
		command->second = strdup(word->text);
		return command->second != NULL;
	}
	return true;
}

static bool take_global(struct parser *p, const struct global *global, const char *value)
{
	struct spec *spec = p->spec;

	switch (global->letter) {
	case 't':
		return keep(p, &p->command->table, value, "-t");
	case 'p':
		return set_protocol(p, value);
	case 's':
		spec->source.negated = p->negated;
		return keep(p, &p->command->sources, value, "-s");
	case 'd':
		spec->destination.negated = p->negated;
		return keep(p, &p->command->destinations, value, "-d");
	case 'i':
		return set_interface(p, &spec->in, &spec->in_negated, value, 'i');
	case 'o':
		return set_interface(p, &spec->out, &spec->out_negated, value, 'o');
	case 'f':
		if (spec->family == INET_V6)
			return because(p, "-f: ip6tables has no such option; use -m frag");
		spec->fragment = true;
		spec->fragment_negated = p->negated;
		return true;
	case 'm':
		return load_match(p, value);
	case 'j':
	case 'g':
		return set_target(p, value, global->letter == 'g');
	case 'c':
		return take_numbers(p, value);
	case '4':
	case '6':
		if ((global->letter == '6') != (spec->family == INET_V6))
			return because(p, "-%c: the rule is for the other IP version",
				       global->letter);
		return true;
	case 'n':
	case 'x':
	case '0':
		p->list_only = global->letter;
		return true;
	case 'w':
	case 'W':
	case 'v':
	case 'M':
		return true;
	default:
		return take_verb(p, global->letter, value);
	}
}

static bool take_comment(struct parser *p, const char *text)
{
	char *joined = NULL;

	p->comment = false;
	if (asprintf(&joined, "%s%s%s", p->spec->comment ? p->spec->comment : "",
		     p->spec->comment ? "; " : "", text) < 0)
		return false;
	free(p->spec->comment);
	p->spec->comment = joined;
	return true;
}

static bool take_use(struct parser *p, struct piece *piece, const struct option_def *option,
		     const char *attached)
{
	struct use use = {.option = option, .negated = p->negated};
	unsigned taken = 0;

	if (option->how == HOW_REFUSED)
		return because(p, "-%c %s --%s: %s", piece->extension->target ? 'j' : 'm',
			       piece->extension->name, option->name, option->says);
	if (attached && !option->args)
		return because(p, "--%s takes no value", option->name);
	/* libxt_multiport.c wants to know what the names of ports mean */
	if (!strcmp(piece->extension->name, "multiport") && !p->spec->protocol)
		return because(p, "--%s: -p must stand before it", option->name);
	for (; taken < option->args; taken++) {
		const struct word *word = attached ? NULL : next_word(p);
		const char *value = attached ? attached : word ? word->text : NULL;

		attached = NULL;
		use.value[taken] = value ? strdup(value) : NULL;
		if (use.value[taken])
			continue;
		free(use.value[0]);
		return value ? false : because(p, "--%s: expected a value", option->name);
	}
	if (!strcmp(option->name, "comment") && !piece->extension->target) {
		bool ok = p->comment ? take_comment(p, use.value[0])
				     : because(p, "--comment is given twice");

		free(use.value[0]);
		return ok;
	}
	if (use_find(piece, option->name)) {
		free(use.value[0]);
		free(use.value[1]);
		return because(p, "--%s is given twice", option->name);
	}
	return array_push(&piece->uses, use);
}

/* ---- the words of one command ---- */
static bool take_value_and_go(struct parser *p, const struct global *global, const char *attached)
{
	const char *value = attached;
	const struct word *word;

	/* xshared.c takes these from the word itself, whatever getopt() found behind the option */
	if (attached && strchr("psdjio", global->letter))
		return because(p, "%s: the value must be a word of its own",
			       p->words[p->at - 1].text);
	if (p->negated && !strchr("psdiofj", global->letter))
		return because(p, "--%s cannot be negated", global->name);
	if (!value && (global->args == 1 || global->args == 2 ||
		       (global->args == 3 && optional_follows(p)))) {
		word = next_word(p);
		if (!word && global->letter)
			return because(p, "-%c: expected a value", global->letter);
		value = word ? word->text : NULL;
		if (word && !strcmp(word->text, "!") && !word->quoted)
			return because(p, "-%c !: '!' stands before the option now: ! -%c VALUE",
				       global->letter, global->letter);
	}
	return take_global(p, global, value);
}

static bool take_long(struct parser *p, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t length = equals ? (size_t)(equals - word) : strlen(word);
	struct found found = find_option(p, word, length);
	char shown[TEXT_SHOWN_MAX];

	if (*p->why)
		return false;
	if (found.candidates != 1 || !length)
		return because(p, "--%s: %s", text_show(word, length, shown),
			       found.candidates > 1 ? "several options begin like that"
						    : "iptables knows no such option here");
	if (found.option)
		return take_use(p, found.piece, found.option, equals ? equals + 1 : NULL);
	return take_value_and_go(p, found.global, equals ? equals + 1 : NULL);
}

static bool take_short(struct parser *p, const char *letters)
{
	for (; *letters; letters++) {
		const struct global *global = option_short(*letters);

		if (!global)
			return because(p, "-%c: iptables knows no such option", *letters);
		if (global->args && letters[1])
			return take_value_and_go(p, global, letters + 1);
		if (!take_value_and_go(p, global, NULL))
			return false;
	}
	return true;
}

static bool take_word(struct parser *p)
{
	const struct word *word = &p->words[p->at++];
	char shown[TEXT_SHOWN_MAX];
	bool ok;

	if (!strcmp(word->text, "!") && !word->quoted) {
		if (p->negated)
			return because(p, "two '!' in a row");
		p->negated = true;
		return p->at < p->count ? true : because(p, "nothing follows '!'");
	}
	if (!strncmp(word->text, "--", 2) && word->text[2])
		ok = take_long(p, word->text + 2);
	else if (word->text[0] == '-' && word->text[1])
		ok = take_short(p, word->text + 1);
	else
		return because(p, "'%s' stands where an option is expected",
			       text_show(word->text, strlen(word->text), shown));
	p->negated = false;
	return ok;
}

bool command_parse(const struct word *words, size_t count, enum inet_family family,
		   struct command *ret_command, char **ret_why)
{
	struct command command = {.spec = calloc(1, sizeof(*command.spec))};
	struct parser p = {.words = words, .count = count, .command = &command, .why = ret_why};
	char shown[TEXT_SHOWN_MAX];
	bool ok = command.spec != NULL;

	*ret_why = NULL;
	p.spec = command.spec;
	if (ok) {
		p.spec->family = family;
		p.spec->protocol_number = -1;
	}
	for (size_t i = 0; ok && i < count; i++)
		if (words[i].variable)
			ok = because(
				&p, "the value of %s is not known; write it out",
				text_show(words[i].variable, strlen(words[i].variable), shown));
	while (ok && p.at < count)
		ok = take_word(&p);
	if (ok && p.comment)
		ok = because(&p, "-m comment: expected --comment");
	if (ok && !command.verb)
		ok = because(&p, "expected a command such as -A CHAIN");
	if (ok && p.list_only && command.verb != VERB_LOOK)
		ok = because(&p, "-%c goes with -L only", p.list_only);
	if (!ok) {
		command_free(&command);
		return false;
	}
	*ret_command = command;
	return true;
}
