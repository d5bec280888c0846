/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host tells beside its rules: management, loose, no-tracking, regenerated. */
#include "lint/check.h"
#include "model/tracking.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};

/* --- management ------------------------------------------------------------------------------- */

struct reaching_us {
	struct lint *lint;
	bool untracked;
	const struct rule_facts *by;
};

static void note_untracked(void *arg, struct walk *walk, enum event event, const struct path *path,
			   const struct rule_facts *rule, const struct fact *fact)
{
	struct reaching_us *reaching = arg;

	(void)walk;
	(void)rule;
	(void)fact;
	if (event != EVENT_ARRIVED || !path->untracked || path->assumed ||
	    !lint_is_ours(reaching->lint, path->untracked_by->chain))
		return;
	reaching->untracked = true;
	reaching->by = path->untracked_by;
}

/* The service that takes such packets; rules have none. */
static const struct flow *whose(struct lint *lint, struct walk *walk, const struct path *path)
{
	array_for_each(flow, &lint->flows) {
		struct path both = flow->path;
		bool meet = flow->journey == JOURNEY_IN;

		for (unsigned key = 0; meet && key < KEYS; key++)
			if (path->key[key])
				meet = path_demand(walk, &both, key, path->key[key]);
		if (meet)
			return flow;
	}
	return NULL;
}

static void judge_port(struct lint *lint, struct walk *walk, const struct path *start,
		       const char *what, unsigned port)
{
	struct reaching_us reaching = {.lint = lint};
	const struct flow *flow;

	walk->event = note_untracked;
	walk->arg = &reaching;
	walk_raw(walk, JOURNEY_IN, *start);
	if (!reaching.untracked)
		return;
	flow = whose(lint, walk, start);
	lint_find(lint, "management",
		  (struct place){flow ? flow_service(flow) : NULL, NULL,
				 flow && flow->service ? NULL : reaching.by},
		  "leave the way that you manage this host by tracked",
		  "%s would be untracked (TCP port %u): where a firewall lets it in by its entry, "
		  "you lock yourself out",
		  what, port);
}

void check_management(struct lint *lint)
{
	const struct ssh_session *session = &lint->input->session;
	autowalk walk = lint_walk(lint, NULL, NULL);
	bool four = session->family == INET_V4;
	size_t length = four ? 4 : 16;
	struct path path;

	for (size_t i = 0; i < lint->input->failsafe_n; i++) {
		for (size_t f = 0; f < sizeof(families); f++) {
			path_init(&walk, &path, families[f]);
			if (path_demand_one(&walk, &path, KEY_L4PROTO, IPPROTO_TCP) &&
			    path_demand_one(&walk, &path, KEY_DPORT, lint->input->failsafe[i]) &&
			    path_refuse_loopback(&walk, &path, JOURNEY_IN))
				judge_port(lint, &walk, &path, "a port that must stay reachable",
					   lint->input->failsafe[i]);
		}
	}
	if (session->family == INET_ANY)
		return;
	path_init(&walk, &path, four ? NFPROTO_IPV4 : NFPROTO_IPV6);
	if (path_demand_one(&walk, &path, KEY_L4PROTO, IPPROTO_TCP) &&
	    path_demand_one(&walk, &path, KEY_DPORT, session->local_port) &&
	    path_demand_one(&walk, &path, KEY_SPORT, session->peer_port) &&
	    path_demand_one(&walk, &path, four ? KEY_DADDR4 : KEY_DADDR6,
			    number_read(session->local.byte, length)) &&
	    path_demand_one(&walk, &path, four ? KEY_SADDR4 : KEY_SADDR6,
			    number_read(session->peer.byte, length)))
		judge_port(lint, &walk, &path, "your own ssh session", session->local_port);
}

/* --- loose ------------------------------------------------------------------------------------ */

struct before {
	struct lint *lint;
	struct path taken[64];
	size_t n;
	bool tracked;
};

static void note_before(void *arg, struct walk *walk, enum event event, const struct path *path,
			const struct rule_facts *rule, const struct fact *fact)
{
	struct before *before = arg;

	(void)rule;
	(void)fact;
	if (event == EVENT_EFFECT && fact->effect == EFFECT_NOTRACK && !path->assumed &&
	    !path->untracked && before->n < sizeof(before->taken) / sizeof(*before->taken))
		before->taken[before->n++] = path_origin(path, walk->base->hook.hook);
}

static void note_after(void *arg, struct walk *walk, enum event event, const struct path *path,
		       const struct rule_facts *rule, const struct fact *fact)
{
	struct before *before = arg;

	(void)walk;
	(void)rule;
	(void)fact;
	if (event == EVENT_ARRIVED && !path->untracked && !path->assumed)
		before->tracked = true;
}

static bool switched_back(struct lint *lint, uint8_t nfproto, enum journey journey)
{
	struct before before = {.lint = lint};
	autowalk old = {.facts = lint->facts_before, .event = note_before, .arg = &before};
	autowalk new = lint_walk(lint, note_after, &before);
	struct path start;

	path_init(&old, &start, nfproto);
	if (!path_demand_one(&old, &start, KEY_L4PROTO, IPPROTO_TCP))
		return false;
	walk_raw(&old, journey, start);
	for (size_t i = 0; i < before.n; i++) {
		start = before.taken[i];
		if (path_refuse_loopback(&new, &start, journey))
			walk_raw(&new, journey, start);
	}
	return before.tracked;
}

void check_loose(struct lint *lint)
{
	bool found = false;

	if (lint->input->tcp_loose != KNOWN_NO || !lint->facts_before)
		return;
	for (size_t i = 0; i < sizeof(families) && !found; i++)
		found = switched_back(lint, families[i], JOURNEY_IN) ||
			switched_back(lint, families[i], JOURNEY_OUT);
	if (found)
		lint_find(lint, "loose", (struct place){0},
			  "set net.netfilter.nf_conntrack_tcp_loose=1 until these connections have "
			  "ended",
			  "tracking is switched back on for some TCP traffic while "
			  "nf_conntrack_tcp_loose is 0: live connections, picked up in the middle, "
			  "are `invalid`");
}

/* --- no-tracking ------------------------------------------------------------------------------ */

static bool turned_on(struct lint *lint, const struct ruleset *ruleset)
{
	trackers found = {0};
	bool on = true;

	if (!ruleset)
		return false;
	if (ruleset_trackers(ruleset, &found, NULL))
		on = found.n != 0;
	else
		lint->failed = true;
	array_free(&found);
	array_for_each(table, &ruleset->tables)
		array_for_each(chain, &(*table)->chains)
			on = on || !(*chain)->rules_read;
	return on;
}

void check_tracking(struct lint *lint)
{
	if (!lint->flows.n || lint->entries || turned_on(lint, lint->input->after) ||
	    turned_on(lint, lint->input->legacy))
		return;
	lint_find(lint, "no-tracking", (struct place){0}, "nothing needs to be done",
		  "nothing in this namespace turns connection tracking on: no traffic is tracked, "
		  "and the document is not needed");
}

/* --- regenerated ------------------------------------------------------------------------------ */

struct writer {
	uint8_t family;	   /* NFPROTO_UNSPEC: ip or ip6 */
	const char *table; /* NULL: any */
	const char *chain; /* a prefix, or NULL: any */
	const char *program;
};

static const struct writer writers[] = {
	{NFPROTO_INET, "firewalld", NULL, "firewalld"},
	{NFPROTO_UNSPEC, "firewalld", NULL, "firewalld"},
	{NFPROTO_UNSPEC, NULL, "ufw-", "ufw"},
	{NFPROTO_UNSPEC, NULL, "ufw6-", "ufw"},
	{NFPROTO_UNSPEC, NULL, "DOCKER", "Docker"},
	{NFPROTO_UNSPEC, "docker-bridges", NULL, "Docker"},
	{NFPROTO_UNSPEC, NULL, "KUBE-", "Kubernetes"},
	{NFPROTO_UNSPEC, "kube-proxy", NULL, "Kubernetes"},
	{NFPROTO_UNSPEC, "libvirt_network", NULL, "libvirt"},
	{NFPROTO_UNSPEC, NULL, "LIBVIRT_", "libvirt"},
	{NFPROTO_INET, "netavark", NULL, "Podman"},
};

static const char *writer_of(const struct policy_accept_in *at)
{
	for (size_t i = 0; i < sizeof(writers) / sizeof(*writers); i++) {
		const struct writer *writer = &writers[i];
		bool family = writer->family == at->family ||
			      (writer->family == NFPROTO_UNSPEC && at->family != NFPROTO_INET);

		if (family && (!writer->table || !strcmp(writer->table, at->table)) &&
		    (!writer->chain || !strncmp(writer->chain, at->chain, strlen(writer->chain))))
			return writer->program;
	}
	return NULL;
}

static const struct chain_facts *chain_of(const struct lint *lint,
					  const struct policy_accept_in *at)
{
	for (size_t i = 0; i < lint->facts->n; i++) {
		const struct chain_facts *chain = &lint->facts->chains[i];

		if (chain->table->family == at->family && !strcmp(chain->table->name, at->table) &&
		    !strcmp(chain->chain->name, at->chain))
			return chain;
	}
	return NULL;
}

void check_regenerated(struct lint *lint)
{
	if (!lint->input->policy)
		return;
	array_for_each(at, &lint->input->policy->accept_in) {
		const struct table *table = ruleset_find(lint->input->after, at->family, at->table);
		const char *program = writer_of(at);

		if (!program && table &&
		    attr_find_be32(buf_span(&table->attrs), NFTA_TABLE_FLAGS) & NFT_TABLE_F_OWNER)
			program = "the process that owns the table";
		if (program)
			lint_find(lint, "regenerated", (struct place){.chain = chain_of(lint, at)},
				  "let that program write the accept rules itself, or name a chain "
				  "of your own in accept_in",
				  "accept_in names %s %s %s, which %s writes anew: its reload "
				  "removes the accepts while notrack stays, and connections die",
				  family_name(at->family), at->table, at->chain, program);
	}
}
