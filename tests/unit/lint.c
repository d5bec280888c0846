/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each file of lint/ is a host and a document, in sections that begin with "== NAME":
 *
 *   == live       nft text: the host's ruleset (through /bin/sh if it begins with "#!": iptables)
 *   == saved      instead of live: a saved ruleset, through document/saved.h
 *   == document   a policy, or nft text of tables
 *   == host       forwarding yes|no, tcp_loose 0, ssh PEER PORT LOCAL PORT, failsafe PORT,
 *                 device NAME, address ADDRESS (its own),
 *                 entry KIND PROTOCOL SOURCE PORT DESTINATION PORT
 *   == find       the codes to be found, exactly, one a line: CODE [SERVICE] [@ CHAIN]
 *
 * The live part and the document are loaded by nft into an empty namespace each, and read back.
 */
#include "lint/lint.h"

#include "base/cleanup.h"
#include "compile/compile.h"
#include "document/document.h"
#include "document/nft.h"
#include "document/saved.h"
#include "kernel/kernel.h"
#include "lint/walk.h"
#include "scratch_dir.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <dirent.h>
#include <linux/netfilter.h>
#include <netinet/in.h>
#include <string.h>

#define FOLDER TEST_DATA "/lint/"

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)
DEFINE_AUTOCLEAN(struct document, document_free)

struct scene {
	char *live;
	char *saved;
	char *document;
	char *host;
	char *find;
};

static void scene_free(struct scene *scene)
{
	free(scene->live);
	free(scene->saved);
	free(scene->document);
	free(scene->host);
	free(scene->find);
}

/* --- reading the file ------------------------------------------------------------------------- */

static char *read_file(const char *name)
{
	autofree char *path = NULL;
	struct buf text = {0};
	char chunk[4096];
	size_t len;

	cr_assert_gt(asprintf(&path, FOLDER "%s", name), 0);
	autofclose FILE *file = fopen(path, "r");
	cr_assert_not_null(file, "%s", path);
	while ((len = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buf_put(&text, chunk, len);
	return buf_steal_text(&text);
}

static char *section(const char *text, const char *name)
{
	autofree char *head = NULL;
	const char *begin, *end;

	cr_assert_gt(asprintf(&head, "== %s\n", name), 0);
	begin = strstr(text, head);
	if (!begin)
		return strdup("");
	begin += strlen(head);
	end = strstr(begin, "\n== ");
	return end ? strndup(begin, (size_t)(end - begin) + 1) : strdup(begin);
}

static struct scene scene_read(const char *name)
{
	autofree char *text = read_file(name);

	return (struct scene){section(text, "live"), section(text, "saved"),
			      section(text, "document"), section(text, "host"),
			      section(text, "find")};
}

/* --- loading ---------------------------------------------------------------------------------- */

static bool run_script(void *arg, struct buf *output, struct untrack_error *err)
{
	int status;

	(void)output;
	setenv("SCRIPT", arg, 1);
	status = system("eval \"$SCRIPT\" >&2");
	return status == 0 || error_set(err, ERROR_SYSTEM, "the script ended with %d", status);
}

static enum read_depth whole(void *arg, uint8_t family, const char *table)
{
	(void)arg;
	(void)family;
	(void)table;
	return READ_ALL;
}

/* The ruleset of that text; a table of its own at the end of `more` if it is given. */
static struct ruleset *load(const char *text)
{
	autonetns ns = NETNS_OWN;
	autoerror err = ERROR_INIT;
	struct ruleset *ruleset;

	cr_assert(netns_scratch(&ns, &err), "%s", err.message);
	if (!strncmp(text, "#!", 2)) {
		autofree char *script = strdup(strchr(text, '\n'));
		autobuf output = {0};

		cr_assert(netns_run(&ns, run_script, script, &output, &err), "%s", err.message);
	} else {
		cr_assert(nft_run(&ns, text, 0, NULL, &err), "%s", err.message);
	}
	autoclean(kernel_close_p) struct kernel *kernel = kernel_open(&ns, &err);
	ruleset = kernel ? kernel_read(kernel, whole, NULL, &err) : NULL;
	cr_assert_not_null(ruleset, "%s", err.message);
	return ruleset;
}

static void write_document(const char *text)
{
	FILE *file = fopen(scratch_path("document"), "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static struct document *read_document(const char *text)
{
	const char *path = scratch_path("document");
	autoerror err = ERROR_INIT;
	struct document *document;

	write_document(text);
	document = document_read(&path, 1, &err);
	cr_assert_not_null(document, "%s", err.message);
	return document;
}

/* The tables that the document makes. */
static struct ruleset *tables_of(const struct document *document, const char *text)
{
	autoerror err = ERROR_INIT;
	struct ruleset *made;
	struct table *table;

	if (!document->policy)
		return load(text);
	made = ruleset_new();
	table = compile_table(document->policy, NULL, &err);
	cr_assert(table && array_push(&made->tables, table), "%s", err.message);
	return made;
}

/* Live tables that the document does not name, and its own. */
static struct ruleset *after(const struct ruleset *live, const struct ruleset *declared)
{
	struct ruleset *all = ruleset_new();

	array_for_each(table, &live->tables)
		if (!ruleset_find(declared, (*table)->family, (*table)->name))
			cr_assert(array_push(&all->tables, table_copy(*table)));
	array_for_each(table, &declared->tables)
		cr_assert(array_push(&all->tables, table_copy(*table)));
	return all;
}

/* --- the host --------------------------------------------------------------------------------- */

struct host {
	struct lint_input *input;
	uint16_t failsafe;
	struct flow_entry entries[8];
	size_t n;
	inet_ranges addresses;
	interfaces *devices;
};

static void put_address(const char *text, enum inet_family *ret_family, struct inet_address *ret)
{
	*ret_family = strchr(text, ':') ? INET_V6 : INET_V4;
	cr_assert_eq(inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, ret->byte), 1);
}

static void put_entry(struct host *host, const char *line)
{
	struct flow_entry *entry = &host->entries[host->n++];
	char kind[16], protocol[8], from[64], to[64];
	unsigned from_port, to_port;

	cr_assert_eq(sscanf(line, "entry %15s %7s %63s %u %63s %u", kind, protocol, from,
			    &from_port, to, &to_port),
		     6);
	put_address(from, &entry->family, &entry->original.source);
	put_address(to, &entry->family, &entry->original.destination);
	entry->protocol = strcmp(protocol, "tcp") ? IPPROTO_UDP : IPPROTO_TCP;
	entry->original.source_port = entry->reply.destination_port = (uint16_t)from_port;
	entry->original.destination_port = entry->reply.source_port = (uint16_t)to_port;
	entry->reply.source = entry->original.destination;
	entry->reply.destination = entry->original.source;
	entry->status = strcmp(kind, "nat") ? 0 : 1u << 5;
	entry->helper = !strcmp(kind, "helper");
}

static void put_own(struct host *host, const char *word, const char *value)
{
	struct interface device = {.index = 7};
	struct inet_range range;

	if (!strcmp(word, "device")) {
		strncpy(device.name, value, sizeof(device.name) - 1);
		cr_assert(array_push(host->devices, device));
	} else {
		cr_assert_eq(inet_parse(value, &range), INET_OK);
		cr_assert(array_push(&host->addresses, range));
		host->input->addresses = &host->addresses;
	}
}

static void read_host(const char *text, struct host *host)
{
	autofree char *lines = strdup(text);
	struct lint_input *input = host->input;

	for (char *rest = lines, *line; (line = strsep(&rest, "\n"));) {
		struct ssh_session *session = &input->session;
		unsigned port, other;
		char peer[64], local[64];

		if (!strcmp(line, "forwarding yes"))
			input->forwarding = KNOWN_YES;
		else if (!strcmp(line, "forwarding unknown"))
			input->forwarding = KNOWN_NOT;
		else if (!strcmp(line, "tcp_loose 0"))
			input->tcp_loose = KNOWN_NO;
		else if (sscanf(line, "failsafe %u", &port) == 1)
			host->failsafe = (uint16_t)port;
		else if (!strncmp(line, "entry ", 6))
			put_entry(host, line);
		else if (!strncmp(line, "device ", 7) || !strncmp(line, "address ", 8))
			put_own(host, line[0] == 'd' ? "device" : "address", strchr(line, ' ') + 1);
		else if (sscanf(line, "ssh %63s %u %63s %u", peer, &port, local, &other) == 4) {
			put_address(peer, &session->family, &session->peer);
			put_address(local, &session->family, &session->local);
			session->peer_port = (uint16_t)port;
			session->local_port = (uint16_t)other;
		} else
			cr_assert_str_empty(line);
	}
	input->failsafe = &host->failsafe;
	input->failsafe_n = host->failsafe != 0;
}

/* --- running ---------------------------------------------------------------------------------- */

static char *words_of(const struct findings *findings)
{
	struct buf words = {0};

	array_for_each(finding, &findings->list) {
		buf_puts(&words, finding->code);
		if (finding->service)
			buf_printf(&words, " %s", finding->service);
		if (finding->chain)
			buf_printf(&words, " @ %s", finding->chain);
		buf_putc(&words, '\n');
	}
	return buf_steal_text(&words);
}

static void print(const struct findings *findings)
{
	array_for_each(finding, &findings->list)
		fprintf(stderr, "%s: %s: %s [%llu]\n\t%s\n", severity_name(finding->severity),
			finding->code, finding->message, (unsigned long long)finding->handle,
			finding->remedy);
}

/* The devices that a saved ruleset names, under indexes of their own. */
static struct ruleset *load_saved(const char *text, interfaces *devices)
{
	autonetns ns = NETNS_OWN;
	autoerror err = ERROR_INIT;
	struct ruleset *ruleset;
	autosaved saved = {0};
	unsigned index = 1000;

	write_document(text);
	cr_assert(saved_read(scratch_path("document"), &saved, &err), "%s", err.message);
	array_for_each(name, &saved.devices) {
		struct interface device = {.index = index++};

		strcpy(device.name, *name);
		cr_assert(array_push(devices, device));
	}
	cr_assert(netns_scratch(&ns, &err) && interfaces_mirror(&ns, devices, &err) &&
			  nft_run(&ns, saved.text, 0, NULL, &err),
		  "%s", err.message);
	autoclean(kernel_close_p) struct kernel *kernel = kernel_open(&ns, &err);
	ruleset = kernel ? kernel_read(kernel, whole, NULL, &err) : NULL;
	cr_assert_not_null(ruleset, "%s", err.message);
	return ruleset;
}

static void judge(const struct host *host, const struct ruleset *touched, struct findings *findings)
{
	autoerror err = ERROR_INIT;
	autoclean(lint_free_p) struct lint *lint = lint_new(host->input, &err);

	cr_assert(lint && lint_look(lint, touched, &err), "%s", err.message);
	for (size_t i = 0; i < host->n; i++)
		lint_count(lint, &host->entries[i]);
	cr_assert(lint_run(lint, findings, &err), "%s", err.message);
}

/* --- what one rule makes of it ---------------------------------------------------------------- */

struct lines {
	char *text;
	size_t n;
	const char *line[256];
};

static void lines_free(struct lines *lines)
{
	free(lines->text);
}
#define autolines __attribute__((cleanup(lines_free))) struct lines

/* What is found, one a line. */
static struct lines judge_lines(const struct host *host, const struct ruleset *touched)
{
	struct lines lines = {0};
	autofindings findings = {0};

	judge(host, touched, &findings);
	lines.text = words_of(&findings);
	for (char *rest = lines.text, *line; (line = strsep(&rest, "\n")) && *line;) {
		cr_assert(lines.n < 256);
		lines.line[lines.n++] = line;
	}
	return lines;
}

static size_t count_line(const struct lines *lines, const char *line)
{
	size_t count = 0;

	for (size_t i = 0; i < lines->n; i++)
		count += !strcmp(lines->line[i], line);
	return count;
}

/* Looking near the rule that came (or went) finds all that this brought about, and nothing that looking
 * everywhere does not find. */
static void check_near(const char *name, const char *rule, const struct lines *before,
		       const struct lines *after, const struct lines *near)
{
	for (size_t i = 0; i < after->n; i++) {
		const char *line = after->line[i];
		size_t then = count_line(before, line), now = count_line(after, line);

		cr_assert(now <= then || count_line(near, line) >= now - then,
			  "%s: %s: %s: not found near it", name, rule, line);
	}
	for (size_t i = 0; i < near->n; i++)
		cr_assert(count_line(after, near->line[i]), "%s: %s: %s: found near it alone", name,
			  rule, near->line[i]);
}

static struct chain *same_chain(const struct ruleset *ruleset, const struct table *table,
				const struct chain *chain)
{
	return table_find_chain(ruleset_find(ruleset, table->family, table->name), chain->name);
}

static void take_rule(const struct ruleset *ruleset, const struct table *table,
		      const struct chain *chain, size_t i)
{
	struct chain *from = same_chain(ruleset, table, chain);

	rule_free(from->rules.v[i]);
	memmove(&from->rules.v[i], &from->rules.v[i + 1],
		(from->rules.n - i - 1) * sizeof(struct rule *));
	from->rules.n--;
}

static struct ruleset *copy_of(const struct ruleset *ruleset)
{
	struct ruleset *copy = ruleset_new();

	array_for_each(table, &ruleset->tables)
		cr_assert(array_push(&copy->tables, table_copy(*table)));
	return copy;
}

/* The document without one of its rules, and with it. */
static void check_rule(const char *name, const struct host *host, const struct table *table,
		       const struct chain *chain, size_t i)
{
	autoclean(ruleset_free_p) struct ruleset *all = copy_of(host->input->after);
	autoclean(ruleset_free_p) struct ruleset *declared = copy_of(host->input->document);
	autoclean(ruleset_free_p) struct ruleset *touched = ruleset_new();
	struct lint_input less = *host->input;
	struct host without = *host;
	autofree char *rule = NULL;
	struct chain *only;

	cr_assert(array_push(&touched->tables, table_copy_frame(table)));
	only = same_chain(touched, table, chain);
	if (only->rules.n) /* it is a part of another chain's rule */
		return;
	cr_assert(array_push(&only->rules, rule_copy(chain->rules.v[i])));
	take_rule(all, table, chain, i);
	take_rule(declared, table, chain, i);
	less.after = all;
	less.document = declared;
	without.input = &less;
	autolines before = judge_lines(&without, NULL);
	autolines after = judge_lines(host, NULL);
	autolines came = judge_lines(host, touched);
	autolines went = judge_lines(&without, touched);
	cr_assert_gt(asprintf(&rule, "%s %zu", chain->name, i), 0);
	check_near(name, rule, &before, &after, &came);
	check_near(name, rule, &after, &before, &went);
}

static void check_each_rule(const char *name, const struct host *host)
{
	array_for_each(table, &host->input->document->tables)
		array_for_each(chain, &(*table)->chains)
			for (size_t i = 0; i < (*chain)->rules.n; i++)
				check_rule(name, host, *table, *chain, i);
}

static void check_scene(const char *name)
{
	interfaces devices = {0};
	__attribute__((cleanup(scene_free))) struct scene scene = scene_read(name);
	autoclean(document_free_p) struct document *document = read_document(scene.document);
	autoclean(ruleset_free_p) struct ruleset *live =
		*scene.saved ? load_saved(scene.saved, &devices) : load(scene.live);
	autoclean(ruleset_free_p) struct ruleset *declared = tables_of(document, scene.document);
	autoclean(ruleset_free_p) struct ruleset *all = after(live, declared);
	autofindings findings = {0};
	struct lint_input input = {.before = live,
				   .after = all,
				   .document = declared,
				   .policy = document->policy,
				   .devices = &devices,
				   .tcp_loose = KNOWN_YES};
	struct host host = {.input = &input, .devices = &devices};

	read_host(scene.host, &host);
	judge(&host, NULL, &findings);
	autofree char *found = words_of(&findings);
	if (strcmp(found, scene.find))
		print(&findings);
	cr_assert_str_eq(found, scene.find, "%s: found:\n%s", name, found);
	if (!document->policy)
		check_each_rule(name, &host);
	array_free(&devices);
	array_free(&host.addresses);
}

static int is_scene(const struct dirent *entry)
{
	return strchr(entry->d_name, '.') == NULL;
}

ParameterizedTestParameters(lint, scenes)
{
	struct dirent **entries;
	int n = scandir(FOLDER, &entries, is_scene, alphasort);
	char(*names)[64] = cr_malloc((size_t)(n > 0 ? n : 0) * sizeof(*names));

	for (int i = 0; i < n; i++)
		snprintf(names[i], sizeof(*names), "%.63s", entries[i]->d_name);
	for (int i = 0; i < n; i++)
		free(entries[i]);
	if (n >= 0)
		free(entries);
	return cr_make_param_array(char[64], names, (size_t)(n > 0 ? n : 0));
}

ParameterizedTest(char (*name)[64], lint, scenes, .init = scratch_begin, .fini = scratch_end)
{
	check_scene(*name);
}

/* --- near, at random -------------------------------------------------------------------------- */

static uint32_t seed;
static const char *pick(const char *const *list)
{
	uint32_t n = 0;

	while (list[n])
		n++;
	seed = seed * 1664525u + 1013904223u;
	return list[(seed >> 8) % n];
}
#define PICK(...) pick((const char *const[]){__VA_ARGS__, NULL})

static void put_condition(struct buf *text)
{
	const char *address = PICK("10.0.0.1", "10.0.0.0/8", "192.0.2.7", "192.0.2.0/24");
	const char *port = PICK("53", "80", "21", "50-90", "1024-65535", "{ 53, 80 }");

	buf_printf(text, "%s %s ", PICK("ip saddr", "ip daddr", "ip saddr !=", "ip daddr !="),
		   address);
	if (*PICK("", "1"))
		buf_printf(text, "%s %s %s ", PICK("udp", "tcp"), PICK("sport", "dport"), port);
}

static void put_rules(struct buf *text, const char *const *ends)
{
	for (size_t n = strlen(PICK("1", "12", "123", "1234")); n; n--) {
		if (*PICK("", "", "1"))
			buf_printf(text, "%s ",
				   PICK("meta l4proto udp", "meta l4proto icmp", "udp dport 53",
					"tcp sport 80", "iifname lo", "oifname lo", ""));
		else
			put_condition(text);
		buf_printf(text, "%s\n", pick(ends));
	}
	buf_puts(text, "}\n");
}

static void put_document(struct buf *text)
{
	static const char *const raw[] = {"notrack", "notrack", "notrack",	   "accept",
					  "drop",    "return",	"meta mark set 1", NULL};
	static const char *const filter[] = {"accept",
					     "drop",
					     "ct state established,related accept",
					     "ct state new accept",
					     "ct state untracked accept",
					     "ct state invalid drop",
					     "ct mark 1 accept",
					     "jump more",
					     NULL};
	static const char *const hooks[] = {"input", "output", "forward"};

	buf_puts(text, "table inet t {\nchain more {\n");
	put_rules(text, (const char *const[]){"accept", "drop", "ct state invalid drop", NULL});
	buf_puts(text, "chain prerouting {\ntype filter hook prerouting priority raw;\n");
	put_rules(text, raw);
	buf_puts(text, "chain out {\ntype filter hook output priority raw;\n");
	put_rules(text, raw);
	for (size_t i = 0; i < 3; i++) {
		buf_printf(text, "chain %s {\ntype filter hook %s priority 0; policy %s;\n",
			   hooks[i], hooks[i], PICK("accept", "drop"));
		put_rules(text, filter);
	}
	buf_puts(text, "}\n");
}

Test(lint, what_a_rule_brings_about_is_near_it)
{
	enum { ROUNDS = 60 };

	for (uint32_t round = 0; round < ROUNDS; round++) {
		autobuf text = {0};

		seed = round;
		put_document(&text);
		autoclean(ruleset_free_p) struct ruleset *ruleset = load(buf_text(&text));
		struct lint_input input = {.before = ruleset,
					   .after = ruleset,
					   .document = ruleset,
					   .forwarding = round % 2 ? KNOWN_YES : KNOWN_NO,
					   .tcp_loose = KNOWN_YES};
		struct host host = {.input = &input};

		check_each_rule(buf_text(&text), &host);
	}
}

/* --- work ------------------------------------------------------------------------------------- */

/* A firewall of so many rules, of which one in ten is about the port. */
static struct ruleset *load_long(unsigned rules)
{
	autobuf text = {0};

	buf_puts(&text,
		 "table ip t {\nchain input {\ntype filter hook input priority 0; policy drop;\n");
	for (unsigned i = 0; i < rules; i++)
		buf_printf(&text, "ip saddr 10.%u.%u.7 tcp dport %u accept\n", i / 250, i % 250,
			   80 + i % 10);
	buf_puts(&text, "}\n}\n");
	return load(buf_text(&text));
}

/* Rules that split paths while TCP packets (to one port, or 0: to all) come in. */
static size_t count_steps(unsigned rules, unsigned port)
{
	autoclean(ruleset_free_p) struct ruleset *ruleset = load_long(rules);
	struct facts_source source = {ruleset, NULL};
	autoerror err = ERROR_INIT;
	autoclean(facts_free_p) struct facts *facts = facts_new(&source, 1, &err);
	autowalk walk = {.facts = facts};
	struct path start;

	cr_assert_not_null(facts, "%s", err.message);
	path_init(&walk, &start, NFPROTO_IPV4);
	cr_assert(path_demand_one(&walk, &start, KEY_L4PROTO, IPPROTO_TCP));
	cr_assert(!port || path_demand_one(&walk, &start, KEY_DPORT, port));
	walk_journey(&walk, JOURNEY_IN, STATE_NEW, start);
	cr_assert(!walk.truncated);
	return walk.steps;
}

Test(lint, a_rule_costs_only_whom_it_concerns)
{
	cr_assert_eq(count_steps(2000, 80), 200);
	cr_assert_eq(count_steps(2000, 79), 0);
	cr_assert_eq(count_steps(2000, 0), 2000);
}
