/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/command.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "document/import/own.h"

#include <ctype.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct global {
	const char *name;
	char letter;  /* 0: none */
	uint8_t args; /* 3: one that may be left out */
};

/* Options of iptables itself; capital letters are its commands. */
static const struct global globals[] = {
	{"append", 'A', 1},	   {"delete", 'D', 1},	      {"insert", 'I', 1},
	{"replace", 'R', 1},	   {"list", 'L', 3},	      {"list-rules", 'S', 3},
	{"flush", 'F', 3},	   {"zero", 'Z', 3},	      {"new-chain", 'N', 1},
	{"delete-chain", 'X', 3},  {"rename-chain", 'E', 2},  {"policy", 'P', 2},
	{"check", 'C', 1},	   {"table", 't', 1},	      {"protocol", 'p', 1},
	{"proto", 'p', 1},	   {"source", 's', 1},	      {"src", 's', 1},
	{"destination", 'd', 1},   {"dst", 'd', 1},	      {"in-interface", 'i', 1},
	{"out-interface", 'o', 1}, {"fragments", 'f', 0},     {"match", 'm', 1},
	{"jump", 'j', 1},	   {"goto", 'g', 1},	      {"set-counters", 'c', 2},
	{"wait", 'w', 3},	   {"wait-interval", 'W', 1}, {"verbose", 'v', 0},
	{"numeric", 'n', 0},	   {"exact", 'x', 0},	      {"line-numbers", '0', 0},
	{"modprobe", 'M', 1},	   {"ipv4", '4', 0},	      {"ipv6", '6', 0},
};

struct parser {
	const struct word *words;
	size_t at, count;
	struct command *command;
	struct spec *spec;
	bool negated;
	bool comment; /* the -m comment that came last still lacks its text */
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

/* ---- which option a word names ---- */
struct found {
	const struct global *global;
	const struct option_def *option;
	struct piece *piece;
	unsigned candidates;
};

static void consider(struct found *best, bool *exact, const struct found *candidate,
		     const char *name, const char *word, size_t length)
{
	if (*exact || strncmp(name, word, length))
		return;
	if (!name[length]) {
		*best = *candidate;
		best->candidates = 1;
		*exact = true;
	} else if (!best->candidates++) {
		unsigned one = best->candidates;

		*best = *candidate;
		best->candidates = one;
	}
}

static void consider_piece(struct found *best, bool *exact, struct piece *piece, const char *word,
			   size_t length)
{
	for (size_t i = 0; piece->extension && i < piece->extension->options_count; i++) {
		struct found candidate = {.option = &piece->extension->options[i], .piece = piece};

		consider(best, exact, &candidate, candidate.option->name, word, length);
	}
}

/* The extension that was loaded last is asked first; the beginning of a name is enough if only one
 * option begins so. */
static struct found find_long(struct parser *p, const char *word, size_t length)
{
	struct found best = {0};
	bool exact = false;

	consider_piece(&best, &exact, &p->spec->target, word, length);
	for (size_t i = p->spec->matches.n; i-- > 0;)
		consider_piece(&best, &exact, &p->spec->matches.v[i], word, length);
	for (size_t i = 0; i < sizeof(globals) / sizeof(globals[0]); i++) {
		struct found candidate = {.global = &globals[i]};

		consider(&best, &exact, &candidate, globals[i].name, word, length);
	}
	return best;
}

static bool load_match(struct parser *p, const char *name);

/* An option that nobody knows loads the protocol's match (xtables.c: load_proto()). */
static struct found find_option(struct parser *p, const char *word, size_t length)
{
	struct found found = find_long(p, word, length);
	const char *match = extension_of_protocol(p->spec->protocol_number);

	if (found.candidates == 1 || !match || p->spec->protocol_negated)
		return found;
	array_for_each (piece, &p->spec->matches)
		if (!strcmp(piece->extension->name, match) ||
		    (!strncmp(piece->extension->name, "icmp", 4) && !strncmp(match, "icmp", 4)))
			return found;
	if (!load_match(p, match))
		return (struct found){0};
	return find_long(p, word, length);
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
		near = extension_suggest(name, false);
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

static bool take_numbers(struct parser *p, const char *first)
{
	const struct word *second = next_word(p);

	if (!second || !read_number(first, UINT64_MAX, &p->command->packets) ||
	    !read_number(second->text, UINT64_MAX, &p->command->bytes))
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
	case 'w':
	case 'W':
	case 'v':
	case 'n':
	case 'x':
	case '0':
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

	/* xtables.c takes the protocol from the next word, whatever getopt() found */
	if (attached && global->letter == 'p')
		return because(p, "-p: the protocol must be a word of its own");
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
		const struct global *global = NULL;

		for (size_t i = 0; i < sizeof(globals) / sizeof(globals[0]) && !global; i++)
			if (globals[i].letter == *letters && isalnum((unsigned char)*letters) &&
			    *letters != '0' && *letters != 'M')
				global = &globals[i];
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
	if (!ok) {
		command_free(&command);
		return false;
	}
	*ret_command = command;
	return true;
}
