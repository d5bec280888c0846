/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields of the transport and network headers. */
#include "base/cleanup.h"
#include "document/import/own.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* ---- ports ---- */

/* Every port: iptables-restore-translate leaves that out, though it says that there are ports. */
static bool is_every_port(const struct use *use, const char *protocol)
{
	uint64_t from, to;

	return use->option->how == HOW_TOOL && strstr(use->option->name, "port") &&
	       read_ports(use->value[0], protocol, &from, &to) && !from && to == 65535;
}

static bool put_port(struct own *own, const struct use *use, const char *protocol, struct buf *b)
{
	uint64_t from, to;

	if (!read_ports(use->value[0], protocol, &from, &to)) {
		own_refuse(own, use, "expected a port or a range of ports");
		return false;
	}
	if (use->negated && !from && to == 65535) {
		own_refuse(own, use, "'!' before every port matches no packet");
		return false;
	}
	buf_printf(b, "%s %s %s", protocol, use->option->name[0] == 's' ? "sport" : "dport",
		   not_word(use->negated));
	put_range(b, from, to);
	buf_putc(b, ' ');
	return true;
}

/* udp, dccp: the tool's, unless it leaves something out. */
enum own_answer own_ports(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const char *protocol = piece->extension->name;
	bool mine = false;

	(void)spec;
	array_for_each(use, &piece->uses)
		mine |= is_every_port(use, protocol);
	if (!mine)
		return OWN_TOOL;
	array_for_each(use, &piece->uses)
		if (!strstr(use->option->name, "port"))
			return own_refuse(own, use, "leave out the option that says every port");
		else if (!put_port(own, use, protocol, &own->text))
			return OWN_REFUSED;
	return OWN_TEXT;
}

/* ---- tcp ---- */
static bool read_flags(const char *text, unsigned *ret_flags)
{
	static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
	autofree char *copy = strdup(text);
	char *rest = copy, *word;

	*ret_flags = 0;
	while (rest && (word = strsep(&rest, ","))) {
		bool known = false;

		if (!strcasecmp(word, "ALL")) {
			*ret_flags |= 0x3f;
			known = true;
		} else if (!strcasecmp(word, "NONE")) {
			known = true;
		}
		for (unsigned i = 0; i < 6; i++) {
			if (strcasecmp(word, names[i]))
				continue;
			*ret_flags |= 1u << i;
			known = true;
		}
		if (!known)
			return false;
	}
	return copy;
}

static bool put_tcp_use(struct own *own, const struct use *use, struct buf *ports)
{
	const char *name = use->option->name;
	unsigned mask = 0x17, flags = 0x02; /* --syn */
	uint64_t option;

	if (use->option->how == HOW_TOOL)
		return put_port(own, use, "tcp", ports);
	if (!strcmp(name, "tcp-option")) {
		if (!read_number(use->value[0], 255, &option)) {
			own_refuse(own, use, "not a number from 0 to 255");
			return false;
		}
		if (option < 2) {
			own_refuse(own, use, "nf_tables does not find padding");
			return false;
		}
		buf_printf(&own->text, "tcp option %" PRIu64 " %s ", option,
			   use->negated ? "missing" : "exists");
		return true;
	}
	if (strcmp(name, "syn") &&
	    (!read_flags(use->value[0], &mask) || !read_flags(use->value[1], &flags))) {
		own_refuse(own, use, "not a list of TCP flags");
		return false;
	}
	buf_printf(&own->text, "tcp flags & 0x%x %s 0x%x ", mask,
		   use->negated ? "!=" : "==", flags);
	return true;
}

enum own_answer own_tcp(struct own *own, const struct spec *spec, const struct piece *piece)
{
	autobuf ports = {0};
	bool mine = false;

	(void)spec;
	array_for_each(use, &piece->uses)
		mine |= use->option->how == HOW_OWN || is_every_port(use, "tcp");
	if (!mine)
		return OWN_TOOL;
	array_for_each(use, &piece->uses)
		if (!put_tcp_use(own, use, &ports))
			return OWN_REFUSED;
	/* ports first: nft then keeps what it needs to read them */
	buf_puts(&ports, buf_text(&own->text));
	own->text.len = 0;
	buf_puts(&own->text, buf_text(&ports));
	return OWN_TEXT;
}

/* libxt_ipcomp.c begins with the range 0 to 0. */
enum own_answer own_ipcomp(struct own *own, const struct spec *spec, const struct piece *piece)
{
	(void)spec;
	if (use_find(piece, "ipcompspi"))
		return OWN_TOOL;
	buf_puts(&own->text, "comp cpi 0");
	return OWN_TEXT;
}

/* xt_tcpmss matches negated where there is no such option; nf_tables matches nothing then. */
enum own_answer own_tcpmss(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *use = use_find(piece, "mss");
	uint64_t from, to;

	(void)spec;
	if (!use || !read_range(use->value[0], ':', 65535, &from, &to))
		return own_refuse(own, use, "expected a range of sizes");
	if (use->negated)
		return own_refuse(own, use,
				  "negated it also matches packets without the option, "
				  "which nf_tables cannot say in one rule");
	buf_puts(&own->text, "tcp option maxseg size ");
	put_range(&own->text, from, to);
	return OWN_TEXT;
}

/* ---- sctp ---- */
static bool put_chunk(struct buf *b, const char *name, bool missing)
{
	static const struct {
		const char *iptables, *nft;
	} chunks[] = {
		{"DATA", "data"},
		{"INIT", "init"},
		{"INIT_ACK", "init-ack"},
		{"SACK", "sack"},
		{"HEARTBEAT", "heartbeat"},
		{"HEARTBEAT_ACK", "heartbeat-ack"},
		{"ABORT", "abort"},
		{"SHUTDOWN", "shutdown"},
		{"SHUTDOWN_ACK", "shutdown-ack"},
		{"ERROR", "error"},
		{"COOKIE_ECHO", "cookie-echo"},
		{"COOKIE_ACK", "cookie-ack"},
		{"ECN_ECNE", "ecne"},
		{"ECN_CWR", "cwr"},
		{"SHUTDOWN_COMPLETE", "shutdown-complete"},
		{"ASCONF", "asconf"},
		{"ASCONF_ACK", "asconf-ack"},
		{"FORWARD_TSN", "forward-tsn"},
	};

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		if (strcasecmp(name, chunks[i].iptables))
			continue;
		buf_printf(b, "sctp chunk %s %s ", chunks[i].nft, missing ? "missing" : "exists");
		return true;
	}
	return false;
}

enum own_answer own_sctp(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const struct use *use = use_find(piece, "chunk-types");
	autofree char *list = use ? strdup(use->value[1]) : NULL;
	bool any, negated = use && use->negated;
	char *rest = list, *word;

	if (!use)
		return own_ports(own, spec, piece);
	any = !strcasecmp(use->value[0], "any");
	if (!any && strcasecmp(use->value[0], "all"))
		return own_refuse(own, use, "nf_tables cannot say that no other chunks are there");
	if (strchr(use->value[1], ',') && any != negated)
		return own_refuse(own, use,
				  "nf_tables cannot say one chunk or another in one rule");
	while (rest && (word = strsep(&rest, ",")))
		if (!put_chunk(&own->text, word, negated))
			return own_refuse(own, use, "nf_tables cannot say the chunk '%s'", word);
	array_for_each(other, &piece->uses)
		if (other != use && !put_port(own, other, "sctp", &own->text))
			return OWN_REFUSED;
	return OWN_TEXT;
}

/* ---- multiport ---- */
struct ports {
	ARRAY(struct port_range) v;
};

static int compare_ports(const void *left, const void *right)
{
	const struct port_range *a = left, *b = right;

	return a->from != b->from ? (int)a->from - (int)b->from : (int)a->to - (int)b->to;
}

static bool read_list(const char *text, const char *protocol, struct ports *ret_ports)
{
	autofree char *copy = strdup(text);
	char *rest = copy, *word;
	uint64_t from, to;
	size_t n = 0;

	while (rest && (word = strsep(&rest, ",")))
		if (!*word || !read_ports(word, protocol, &from, &to) ||
		    !array_push(&ret_ports->v, (struct port_range){(uint16_t)from, (uint16_t)to}))
			return false;
	if (!ret_ports->v.n)
		return false;
	qsort(ret_ports->v.v, ret_ports->v.n, sizeof(struct port_range), compare_ports);
	for (size_t i = 1; i < ret_ports->v.n; i++) {
		struct port_range *last = &ret_ports->v.v[n], next = ret_ports->v.v[i];

		if (next.from > last->to + 1)
			ret_ports->v.v[++n] = next;
		else if (next.to > last->to)
			last->to = next.to;
	}
	ret_ports->v.n = n + 1;
	return true;
}

static void put_ports(struct buf *b, const struct ports *ports)
{
	if (ports->v.n > 1)
		buf_puts(b, "{ ");
	for (size_t i = 0; i < ports->v.n; i++) {
		buf_puts(b, i ? ", " : "");
		put_range(b, ports->v.v[i].from, ports->v.v[i].to);
	}
	if (ports->v.n > 1)
		buf_puts(b, " }");
}

/* Either port: the source port is one and the destination port anything, or the source port is none
 * and the destination port is one. (Boxes of one set must be disjoint.) */
static void put_either(struct buf *b, const char *word, bool negated, const struct ports *ports)
{
	unsigned next = 0;
	const char *comma = "";

	buf_printf(b, "%s sport . %s dport %s{ ", word, word, not_word(negated));
	for (size_t i = 0; i < ports->v.n; i++) {
		buf_puts(b, comma);
		put_range(b, ports->v.v[i].from, ports->v.v[i].to);
		buf_puts(b, " . 0-65535");
		comma = ", ";
	}
	for (size_t i = 0; i <= ports->v.n; i++) {
		unsigned end = i < ports->v.n ? ports->v.v[i].from : 65536;

		for (size_t j = 0; end > next && j < ports->v.n; j++) {
			buf_puts(b, comma);
			put_range(b, next, end - 1);
			buf_puts(b, " . ");
			put_range(b, ports->v.v[j].from, ports->v.v[j].to);
		}
		next = i < ports->v.n ? ports->v.v[i].to + 1u : 65536;
	}
	buf_puts(b, " }");
}

enum own_answer own_multiport(struct own *own, const struct spec *spec, const struct piece *piece)
{
	const char *word = port_word(spec);
	const struct use *use = piece->uses.n ? piece->uses.v : NULL;
	enum own_answer answer = OWN_TEXT;
	struct ports ports = {0};

	if (!word || piece->uses.n != 1)
		return own_refuse(own, use,
				  "needs -p tcp, udp, udplite, dccp or sctp, and one list");
	if (!read_list(use->value[0], word, &ports))
		answer = own_refuse(own, use, "not a list of ports");
	else if (!strcmp(use->option->name, "ports"))
		put_either(&own->text, word, use->negated, &ports);
	else {
		buf_printf(&own->text, "%s %s %s", word,
			   use->option->name[0] == 's' ? "sport" : "dport", not_word(use->negated));
		put_ports(&own->text, &ports);
	}
	array_free(&ports.v);
	return answer;
}

/* ---- fields of the network header ---- */

/* The traffic class starts in the middle of a byte in IPv6. An equality over whole fields is
 * written as a range: nft 1.0.6 lists it otherwise as several matches, which are not its negation.
 */
enum own_answer own_tos(struct own *own, const struct spec *spec, const struct piece *piece)
{
	static const struct {
		const char *name;
		unsigned value, mask;
	} names[] = {
		{"Minimize-Delay", 0x10, 0x3f},	      {"Maximize-Throughput", 0x08, 0x3f},
		{"Maximize-Reliability", 0x04, 0x3f}, {"Minimize-Cost", 0x02, 0x3f},
		{"Normal-Service", 0x00, 0x3f},
	};
	const struct use *use = use_find(piece, "tos");
	uint64_t value = 0, mask = 0;
	bool known = false;

	if (use && read_mark(use->value[0], &value, &mask)) {
		known = value <= 255 && (mask <= 255 || mask == UINT32_MAX);
		mask &= 0xff;
	}
	for (size_t i = 0; use && !known && i < sizeof(names) / sizeof(names[0]); i++) {
		known = !strcasecmp(use->value[0], names[i].name);
		value = names[i].value;
		mask = names[i].mask;
	}
	if (!known)
		return own_refuse(own, use, "expected a type of service");
	if (spec->family == INET_V6)
		buf_printf(&own->text, "@nh,0,16 & 0x%" PRIx64 " %s0x%" PRIx64 "-0x%" PRIx64,
			   mask << 4, not_word(use->negated), value << 4, value << 4);
	else if (mask == 0xff)
		buf_printf(&own->text, "@nh,8,8 %s0x%" PRIx64 "-0x%" PRIx64, not_word(use->negated),
			   value, value);
	else
		buf_printf(&own->text, "@nh,8,8 & 0x%" PRIx64 " %s0x%" PRIx64 "-0x%" PRIx64, mask,
			   not_word(use->negated), value, value);
	return OWN_TEXT;
}

enum own_answer own_ecn(struct own *own, const struct spec *spec, const struct piece *piece)
{
	array_for_each(use, &piece->uses) {
		uint64_t value;

		if (!strcmp(use->option->name, "ecn-ip-ect")) {
			if (!read_number(use->value[0], 3, &value))
				return own_refuse(own, use, "expected a number from 0 to 3");
			buf_printf(&own->text, "%s ecn %s%" PRIu64 " ", ip_word(spec->family),
				   not_word(use->negated), value);
		} else {
			buf_printf(&own->text, "tcp flags & 0x%x %s 0x0 ",
				   strcmp(use->option->name, "ecn-tcp-cwr") ? 0x40u : 0x80u,
				   use->negated ? "==" : "!=");
		}
	}
	return OWN_TEXT;
}
