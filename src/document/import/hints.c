/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/import/hints.h"

#include "base/cleanup.h"
#include "document/import/own.h"
#include "document/nft.h"

#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define DEPTH_MAX 16

static unsigned hook_of(const char *chain)
{
	return !strcmp(chain, "INPUT")	  ? HINT_INPUT
	       : !strcmp(chain, "OUTPUT") ? HINT_OUTPUT
					  : HINT_FORWARD;
}

/* The hooks from which a chain is reached. */
static unsigned hooks_of(const struct raw_table *table, const struct raw_chain *chain,
			 unsigned depth)
{
	unsigned hooks = 0;

	if (chain->builtin)
		return hook_of(chain->name);
	if (depth > DEPTH_MAX)
		return 0;
	array_for_each(from, &table->chains)
		array_for_each(rule, &(*from)->rules)
			if ((*rule)->spec->jump && !strcmp((*rule)->spec->jump, chain->name)) {
				hooks |= hooks_of(table, *from, depth + 1);
				break;
			}
	return hooks;
}

static bool accepts_untracked(const struct spec *spec)
{
	if (!spec->jump || strcmp(spec->jump, "ACCEPT"))
		return false;
	array_for_each(piece, &spec->matches)
		array_for_each(use, &piece->uses)
			if ((!strcmp(use->option->name, "state") ||
			     !strcmp(use->option->name, "ctstate")) &&
			    !use->negated && strcasestr(use->value[0], "UNTRACKED"))
				return true;
	return false;
}

bool hints_find(const struct import *import, hints *ret_hints)
{
	hints found = {0};

	for (int six = 0; six < 2; six++)
		array_for_each(chain, &import->filter[six].chains)
			array_for_each(rule, &(*chain)->rules) {
				struct hint hint = {*rule,
						    hooks_of(&import->filter[six], *chain, 0)};

				if (!accepts_untracked((*rule)->spec) || !hint.hooks)
					continue;
				if (!array_push(&found, hint)) {
					array_free(&found);
					return false;
				}
			}
	*ret_hints = found;
	return true;
}

/* What the rule asks beside the state; matches that are not said here are told. */
static void put_conditions(const struct spec *spec, struct buf *b, bool *ret_more)
{
	uint64_t from, to;

	*ret_more = (spec->source.given && spec->source.masked) ||
		    (spec->destination.given && spec->destination.masked) || spec->fragment;
	if (spec->in)
		buf_printf(b, "iifname %s\"%s\" ", not_word(spec->in_negated), spec->in);
	if (spec->out)
		buf_printf(b, "oifname %s\"%s\" ", not_word(spec->out_negated), spec->out);
	if (spec->source.given && !spec->source.masked)
		buf_printf(b, "%s saddr %s%s ", ip_word(spec->family),
			   not_word(spec->source.negated), spec->source.text);
	if (spec->destination.given && !spec->destination.masked)
		buf_printf(b, "%s daddr %s%s ", ip_word(spec->family),
			   not_word(spec->destination.negated), spec->destination.text);
	if (spec->protocol)
		buf_printf(b, "meta l4proto %s%s ", not_word(spec->protocol_negated),
			   spec->protocol);
	array_for_each(piece, &spec->matches) {
		const char *name = piece->extension->name;

		if (!strcmp(name, "state") || !strcmp(name, "conntrack") ||
		    !strcmp(name, "comment"))
			continue;
		array_for_each(use, &piece->uses) {
			bool ports = (!strcmp(use->option->name, "dport") ||
				      !strcmp(use->option->name, "sport")) &&
				     port_word(spec) &&
				     read_range(use->value[0], ':', 65535, &from, &to);

			*ret_more |= !ports;
			if (!ports)
				continue;
			buf_printf(b, "%s %s %s", port_word(spec), use->option->name,
				   not_word(use->negated));
			put_range(b, from, to);
			buf_putc(b, ' ');
		}
	}
}

void hint_warn(struct import *import, const struct hint *hint)
{
	static const char *const hooks[] = {"input", "output", "forward"};
	autobuf conditions = {0};
	bool more;

	put_conditions(hint->rule->spec, &conditions, &more);
	import->no_memory |= conditions.failed;
	for (unsigned i = 0; i < 3; i++)
		if (hint->hooks & (1u << i))
			import_warn(
				import, &hint->rule->place,
				"this rule of the filter table accepts untracked packets. It goes "
				"on "
				"to do so; "
				"where nf_tables filters instead, add: nft add rule inet filter %s "
				"%sct state "
				"untracked accept%s",
				hooks[i], buf_text(&conditions),
				more ? " (the line asks for more than this)" : "");
}

/* iptables-nft's chains are its own: a rule of ours would make them unreadable to iptables. */
static bool is_iptables(const char *family, const char *table, const char *chain)
{
	return (!strcmp(family, "ip") || !strcmp(family, "ip6")) && !strcmp(table, "filter") &&
	       isupper((unsigned char)*chain);
}

char *hint_chain(unsigned hook)
{
	const char *wanted = hook == HINT_INPUT	   ? "input"
			     : hook == HINT_OUTPUT ? "output"
						   : "forward";
	const struct netns own = NETNS_OWN;
	autofree char *listing = NULL;
	char *found = NULL;
	json_t *root, *chain;
	size_t i;

	if (!nft_run(&own, "list chains", NFT_JSON, &listing, NULL))
		return NULL;
	root = json_loads(listing, 0, NULL);
	json_array_foreach(json_object_get(root, "nftables"), i, chain) {
		const char *family, *table, *name, *at, *type;

		chain = json_object_get(chain, "chain");
		family = json_string_value(json_object_get(chain, "family"));
		table = json_string_value(json_object_get(chain, "table"));
		name = json_string_value(json_object_get(chain, "name"));
		at = json_string_value(json_object_get(chain, "hook"));
		type = json_string_value(json_object_get(chain, "type"));
		if (!family || !table || !name || !at || !type || strcmp(at, wanted) ||
		    strcmp(type, "filter") || is_iptables(family, table, name))
			continue;
		if (found) {
			free(found);
			found = NULL;
			break;
		}
		if (asprintf(&found, "%s %s %s", family, table, name) < 0)
			found = NULL;
	}
	json_decref(root);
	return found;
}
