/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rates, quotas and counts: matches with a state. */
#include "base/cleanup.h"
#include "document/import/own.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

struct rate {
	uint64_t count;
	const char *unit; /* "second", … */
	unsigned seconds;
	const char *bytes; /* "bytes", "kbytes", "mbytes"; NULL: packets */
};

/* "5", "5/sec", "5/minute"; for hashlimit also "512kb/s". A unit may be cut (libxt_limit.c). */
static bool read_rate(const char *text, bool bytes_too, struct rate *ret_rate)
{
	static const struct {
		const char *name;
		unsigned seconds;
	} units[] = {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}};
	struct rate rate = {.unit = "second", .seconds = 1};
	size_t digits = strspn(text, "0123456789");
	autofree char *first = strndup(text, digits);
	const char *rest = text + digits;

	if (!first || !read_number(first, 1000000000, &rate.count) || !rate.count)
		return false;
	if (bytes_too && !strcasecmp(rest, "b/s"))
		rate.bytes = "bytes";
	else if (bytes_too && !strcasecmp(rest, "kb/s"))
		rate.bytes = "kbytes";
	else if (bytes_too && !strcasecmp(rest, "mb/s"))
		rate.bytes = "mbytes";
	else if (*rest == '/' && rest[1]) {
		size_t i = 0;

		while (i < 4 && strncasecmp(units[i].name, rest + 1, strlen(rest + 1)))
			i++;
		if (i == 4)
			return false;
		rate.unit = units[i].name;
		rate.seconds = units[i].seconds;
	} else if (*rest) {
		return false;
	}
	*ret_rate = rate;
	return true;
}

enum own_answer own_limit(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *limit = use_find(piece, "limit"),
			 *burst_use = use_find(piece, "limit-burst");
	struct rate rate = {.count = 3, .unit = "hour"}; /* libxt_limit.c: the default */
	uint64_t burst = 5;

	(void)spec;
	if (limit && !read_rate(limit->value[0], false, &rate))
		return own_refuse(own, limit, "expected a rate");
	if (burst_use && !read_number(burst_use->value[0], 10000, &burst))
		return own_refuse(own, burst_use, "expected a number up to 10000");
	if (!burst)
		return own_refuse(own, burst_use, "nf_tables needs a burst");
	buf_printf(&own->text, "limit rate %" PRIu64 "/%s burst %" PRIu64 " packets", rate.count,
		   rate.unit, burst);
	return OWN_TEXT;
}

enum own_answer own_quota(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *use = use_find(piece, "quota");
	uint64_t bytes;

	(void)spec;
	if (!use || !read_number(use->value[0], INT64_MAX, &bytes))
		return own_refuse(own, use, "expected a number of bytes");
	buf_printf(&own->text, "quota %s%" PRIu64 " bytes", use->negated ? "over " : "", bytes);
	return OWN_TEXT;
}

enum own_answer own_statistic(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *mode = use_find(piece, "mode");
	const struct use *every = use_find(piece, "every"), *packet = use_find(piece, "packet");
	const struct use *probability = use_find(piece, "probability");
	uint64_t count, first = 0;
	double share;
	char *end;

	(void)spec;
	if (mode && !strcmp(mode->value[0], "nth") && every && !probability) {
		if (!read_number(every->value[0], UINT32_MAX, &count) || !count)
			return own_refuse(own, every, "expected a number");
		if (packet &&
		    (!read_number(packet->value[0], UINT32_MAX, &first) || first >= count))
			return own_refuse(own, packet, "expected a number less than --every");
		buf_printf(&own->text, "numgen inc mod %" PRIu64 " %s%" PRIu64, count,
			   not_word(every->negated), first);
		return OWN_TEXT;
	}
	if (!mode || strcmp(mode->value[0], "random") || !probability || every || packet)
		return own_refuse(own, mode,
				  "expected random with --probability, or nth with --every");
	share = strtod(probability->value[0], &end);
	if (end == probability->value[0] || *end || !(share >= 0 && share <= 1))
		return own_refuse(own, probability, "expected a number from 0 to 1");
	buf_printf(&own->text, "meta random & 2147483647 %s %ld", probability->negated ? ">=" : "<",
		   (long)(0x80000000 * share + 0.5));
	return OWN_TEXT;
}

/* ---- one state for each address ---- */
struct key {
	struct buf type, expr;
};

static bool put_address(struct own *own, struct key *key, const char *field, const struct use *mask)
{
	unsigned bits = (unsigned)inet_length(own->family) * 8;
	struct inet_range all = {.family = own->family};
	char text[INET_TEXT_MAX];
	uint64_t length = bits;

	if (mask && !read_number(mask->value[0], bits, &length)) {
		own_refuse(own, mask, "expected a prefix length");
		return false;
	}
	if (!length)
		return true;
	buf_printf(&key->type, "%s%s", key->type.len ? " . " : "",
		   own->family == INET_V6 ? "ipv6_addr" : "ipv4_addr");
	buf_printf(&key->expr, "%s%s %s", key->expr.len ? " . " : "", ip_word(own->family), field);
	if (length < bits) {
		for (unsigned i = 0; i < length; i++)
			all.first.byte[i / 8] |= (uint8_t)(0x80 >> (i % 8));
		all.last = all.first;
		buf_printf(&key->expr, " & %s", inet_format(&all, text));
	}
	return true;
}

static bool put_port(struct own *own, const struct spec *spec, struct key *key, const char *field,
		     const struct use *mode)
{
	const char *word = port_word(spec);

	if (!word) {
		own_refuse(own, mode,
			   "nf_tables needs -p tcp, udp, udplite, dccp or sctp to read ports");
		return false;
	}
	buf_printf(&key->type, "%sinet_service", key->type.len ? " . " : "");
	buf_printf(&key->expr, "%s%s %s", key->expr.len ? " . " : "", word, field);
	return true;
}

static bool make_key(struct own *own, const struct spec *spec, const struct piece *piece,
		     struct key *key)
{
	const struct use *mode = use_find(piece, "hashlimit-mode");
	autofree char *list = mode ? strdup(mode->value[0]) : NULL;
	bool source = false, destination = false, sport = false, dport = false;
	char *rest = list, *word;

	while (rest && (word = strsep(&rest, ","))) {
		source |= !strcmp(word, "srcip");
		destination |= !strcmp(word, "dstip");
		sport |= !strcmp(word, "srcport");
		dport |= !strcmp(word, "dstport");
	}
	return (!source || put_address(own, key, "saddr", use_find(piece, "hashlimit-srcmask"))) &&
	       (!destination ||
		put_address(own, key, "daddr", use_find(piece, "hashlimit-dstmask"))) &&
	       (!sport || put_port(own, spec, key, "sport", mode)) &&
	       (!dport || put_port(own, spec, key, "dport", mode));
}

static bool put_rate(struct own *own, const struct piece *piece, struct buf *b,
		     const struct rate *rate, bool above)
{
	const struct use *use = use_find(piece, "hashlimit-burst");
	size_t digits = use ? strspn(use->value[0], "0123456789") : 0;
	autofree char *text = use ? strndup(use->value[0], digits) : NULL;
	uint64_t burst = 5;

	if (use && (!text || !read_number(text, 1000000000, &burst) || !burst ||
		    (!rate->bytes && use->value[0][digits]))) {
		own_refuse(own, use, "expected a number");
		return false;
	}
	buf_printf(b, "limit rate %s%" PRIu64 "%s%s/%s", above ? "over " : "", rate->count,
		   rate->bytes ? " " : "", rate->bytes ? rate->bytes : "", rate->unit);
	if (!rate->bytes) {
		buf_printf(b, " burst %" PRIu64 " packets", burst);
	} else {
		if (use)
			buf_printf(b, " burst %" PRIu64 " %cbytes", burst,
				   use->value[0][digits] ? use->value[0][digits] : ' ');
		buf_puts(&own->note,
			 "hashlimit: iptables and nf_tables count bursts of bytes a little "
			 "differently");
	}
	return true;
}

/* The set holds as many, and forgets them after as long, as the hash table of iptables would. */
static bool define_table(struct own *own, const struct piece *piece, const struct rate *rate,
			 const struct key *key, const char *limit, char **ret_name)
{
	const struct use *name = use_find(piece, "hashlimit-name");
	const struct use *max = use_find(piece, "hashlimit-htable-max");
	const struct use *expire = use_find(piece, "hashlimit-htable-expire");
	uint64_t size = 65535, milliseconds = rate->bytes ? 15000 : rate->seconds * 1000u;
	autofree char *set = own_name("hashlimit_", name->value[0]);
	autobuf text = {0}, origin = {0};

	if (max && (!read_number(max->value[0], UINT32_MAX, &size) || !size)) {
		own_refuse(own, max, "expected a number");
		return false;
	}
	if (expire &&
	    (!read_number(expire->value[0], UINT32_MAX, &milliseconds) || !milliseconds)) {
		own_refuse(own, expire, "expected milliseconds");
		return false;
	}
	buf_printf(&text,
		   "add set %s untrack_raw %s { type %s; size %" PRIu64
		   "; flags dynamic,timeout; timeout %" PRIu64 "s; }",
		   ip_word(own->family), set ? set : "", buf_text(&key->type), size,
		   (milliseconds + 999) / 1000);
	buf_printf(&origin, "hashlimit %s { %s %s }", name->value[0], buf_text(&key->expr), limit);
	if (!set || text.failed || origin.failed) {
		own_refuse(own, NULL, "out of memory");
		return false;
	}
	if (!own_define(own, set, buf_text(&origin), buf_text(&text), false))
		return false;
	*ret_name = steal_pointer(&set);
	return true;
}

enum own_answer own_hashlimit(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *above = use_find(piece, "hashlimit-above");
	const struct use *upto = use_find(piece, "hashlimit-upto");
	const struct use *name = use_find(piece, "hashlimit-name"), *use;
	autobuf type = {0}, expr = {0}, limit = {0};
	struct key key = {0};
	autofree char *set = NULL;
	struct rate rate;
	bool ok;

	if (!upto)
		upto = use_find(piece, "hashlimit");
	use = above ? above : upto;
	if (!use || !name || (above && upto))
		return own_refuse(own, use, "expected one rate and --hashlimit-name");
	if (!read_rate(use->value[0], true, &rate))
		return own_refuse(own, use, "expected a rate");
	ok = make_key(own, spec, piece, &key) &&
	     put_rate(own, piece, &limit, &rate, use == above || use->negated);
	type = key.type;
	expr = key.expr;
	if (!ok)
		return OWN_REFUSED;
	if (!type.len) {
		buf_puts(&own->text, buf_text(&limit));
		return OWN_TEXT;
	}
	if (!define_table(own, piece, &rate, &key, buf_text(&limit), &set))
		return OWN_REFUSED;
	buf_printf(&own->text, "update @%s { %s %s }", set, buf_text(&expr), buf_text(&limit));
	return OWN_TEXT;
}

enum own_answer own_connlimit(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *above = use_find(piece, "connlimit-above");
	const struct use *upto = use_find(piece, "connlimit-upto");
	const struct use *use = above ? above : upto;
	autofree char *name = NULL;
	autobuf type = {0}, expr = {0}, text = {0};
	struct key key = {0};
	bool over = above != NULL;
	uint64_t count;
	char number[24];
	bool ok;

	(void)spec;
	if (!use || !read_number(use->value[0], UINT32_MAX, &count))
		return own_refuse(own, use, "expected a number of connections");
	over ^= use->negated;
	ok = put_address(own, &key, use_find(piece, "connlimit-daddr") ? "daddr" : "saddr",
			 use_find(piece, "connlimit-mask"));
	type = key.type;
	expr = key.expr;
	if (!ok)
		return OWN_REFUSED;
	if (!type.len) {
		buf_printf(&own->text, "ct count %s%" PRIu64, over ? "over " : "", count);
		return OWN_TEXT;
	}
	snprintf(number, sizeof(number), "%zu", own->shape);
	name = own_name("connlimit_", number);
	buf_printf(&text, "add set %s untrack_raw %s { type %s; size 65535; flags dynamic; }",
		   ip_word(own->family), name ? name : "", buf_text(&type));
	if (!name || text.failed)
		return own_refuse(own, NULL, "out of memory");
	if (!own_define(own, name, name, buf_text(&text), false))
		return OWN_REFUSED;
	buf_printf(&own->text, "add @%s { %s ct count %s%" PRIu64 " }", name, buf_text(&expr),
		   over ? "over " : "", count);
	return OWN_TEXT;
}
