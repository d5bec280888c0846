/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * packet [-c CPU] [-r ROUNDS] [-m MICROSECONDS] IDLE_NETNS < PLAN: what a packet costs inside the
 * kernel, on one processor, without a traffic generator: nanoseconds from an XDP program on bench0
 * through the stack to where the packet ends.
 *
 * PLAN has a line for each variant, the first is the one that all are gated by:
 *   NAME NETNS known|new FLUSH SINK FILE
 * NETNS has an interface bench0; `new` makes each packet the first of its flow; FLUSH (0 or 1)
 * empties the connection table after each run, outside of what is timed; SINK is 0, or the port of
 * a UDP socket that throws away what it gets; FILE has the destinations, one `ADDRESS PORT` a line,
 * taken in turn.
 *
 * How the figures are made to repeat on a machine that others use too: variants are interleaved in
 * slices of a few milliseconds, each round the other way round; a slice counts only if the first
 * variant, run before and after it, was as fast as it is when the machine is quiet, which never
 * looks at the slice itself; caches are warmed before each slice.
 *
 * Prints {"quiet": ns, "threshold": ns, "variants": [{"name": …, "refused": n, "samples": [ns, …]},
 * …]}.
 */
#include "packet_program.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	VARIANTS_MAX = 128,
	NAME_ROOM = 64,
	PATH_ROOM = 512,
	WARM_UP = 128,	    /* packets before each slice */
	CALIBRATION = 1000, /* packets of the gate's variant */
	CALIBRATIONS = 100,
	QUIET_PERCENTILE = 5,
	TRIES = 8,    /* for a slice between two quiet ones */
	PAUSE = 4000, /* microseconds, after one that was not */
	SLICE_MIN = 128,
	SLICE_MAX = 100000,
	FLUSHED_MAX = 20000,  /* packets of new flows, before the table is emptied */
	SOURCES = 0x0a4d0002, /* 10.77.0.2, on bench0's network */
	SOURCE_PORT = 10000,
	SOURCE_PORTS = 1024,
};

struct variant {
	char name[NAME_ROOM];
	int netns;
	unsigned interface;
	uint8_t mac[6];
	bool fresh;
	bool flush;
	struct mnl_socket *conntrack;
	struct packet_fields *fields;
	uint32_t n; /* a power of two */
	uint64_t count;
	unsigned slice; /* packets */
	double *samples;
	unsigned accepted;
	unsigned refused;
};

struct meter {
	int program;
	struct packet_state *state;
	struct variant variants[VARIANTS_MAX];
	unsigned n;
	double threshold; /* of the gate; ns a packet */
	double quiet;
};

static void enter(int netns)
{
	if (setns(netns, CLONE_NEWNET) < 0)
		err(2, "setns");
}

static int open_netns(const char *name)
{
	char path[PATH_ROOM];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(2, "%s", path);
	return fd;
}

/* Of the IP header's 16-bit words; its check stands at zero while it is summed. */
static uint16_t header_check(const uint8_t *header)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2) {
		uint16_t word;

		memcpy(&word, header + i, sizeof(word));
		sum += word;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum += sum >> 16;
	return (uint16_t)~sum;
}

/* Ethernet, IPv4, UDP without a checksum: legal for IPv4, and conntrack takes it as it is. */
static void make_frame(const struct variant *variant, uint8_t frame[FRAME_LENGTH])
{
	static const uint8_t sender[6] = {2, 0, 0, 0, 0, 0x99};
	static const uint8_t start[] = {8, 0, 0x45, 0, 0,  FRAME_LENGTH - 14,
					0, 0, 0x40, 0, 64, IPPROTO_UDP};

	memset(frame, 0, FRAME_LENGTH);
	memcpy(frame, variant->mac, sizeof(variant->mac));
	memcpy(frame + 6, sender, sizeof(sender));
	memcpy(frame + 12, start, sizeof(start));
	frame[39] = FRAME_LENGTH - FRAME_SOURCE_PORT; /* length of UDP */
}

static struct packet_fields make_fields(const struct variant *variant, uint32_t number,
					uint32_t destination, uint16_t port)
{
	struct packet_fields fields = {
		.source = htonl(SOURCES + (variant->fresh ? number : 0)),
		.destination = destination,
		.source_port = htons((uint16_t)(SOURCE_PORT + number % SOURCE_PORTS)),
		.destination_port = htons(port),
	};
	uint8_t frame[FRAME_LENGTH];

	make_frame(variant, frame);
	memcpy(frame + FRAME_SOURCE, &fields.source, sizeof(fields.source));
	memcpy(frame + FRAME_DESTINATION, &fields.destination, sizeof(fields.destination));
	fields.check = header_check(frame + 14);
	return fields;
}

static void read_destinations(struct variant *variant, const char *path)
{
	uint32_t address[FIELDS_MAX];
	uint16_t port[FIELDS_MAX];
	FILE *file = fopen(path, "re");
	uint32_t n = 0;
	char text[64];

	if (!file)
		err(2, "%s", path);
	while (n < FIELDS_MAX && fscanf(file, "%63s %hu", text, &port[n]) == 2)
		if (inet_pton(AF_INET, text, &address[n++]) != 1)
			errx(2, "%s:%u: %s", path, n, text);
	fclose(file);
	if (!n)
		errx(2, "%s: no destinations", path);
	variant->n = SOURCE_PORTS;
	while (variant->n < n || (variant->fresh && variant->n < FIELDS_MAX))
		variant->n *= 2;
	variant->fields = calloc(variant->n, sizeof(*variant->fields));
	if (!variant->fields)
		err(2, "%s", path);
	for (uint32_t i = 0; i < variant->n; i++)
		variant->fields[i] = make_fields(variant, i, address[i % n], port[i % n]);
}

/* Both calls answer about the current network namespace. */
static void find_interface(struct variant *variant)
{
	struct ifreq request = {.ifr_name = "bench0"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		err(2, "%s: bench0", variant->name);
	memcpy(variant->mac, request.ifr_hwaddr.sa_data, sizeof(variant->mac));
	variant->interface = if_nametoindex("bench0");
	close(fd);
}

/* A packet that arrives here has gone all the way to a socket; its filter takes none of it. */
static void open_sink(uint16_t port)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = {.len = 1, .filter = &nothing};
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int yes = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		err(2, "the sink at port %u", port);
}

static struct mnl_socket *open_conntrack(void)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_NETFILTER);

	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		err(2, "netlink");
	return socket;
}

static void flush_conntrack(struct mnl_socket *socket)
{
	char buffer[4096] = {0};
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *body = mnl_nlmsg_put_extra_header(header, sizeof(*body));
	const struct nlmsgerr *answer;

	header->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	body->nfgen_family = AF_INET;
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0 ||
	    mnl_socket_recvfrom(socket, buffer, sizeof(buffer)) < 0)
		err(2, "cannot empty the connection table");
	answer = mnl_nlmsg_get_payload(header);
	if (answer->error)
		errx(2, "cannot empty the connection table: %s", strerror(-answer->error));
}

static void read_plan(struct meter *meter, unsigned rounds)
{
	char line[PATH_ROOM], netns[NAME_ROOM], flows[NAME_ROOM], path[PATH_ROOM];

	while (fgets(line, sizeof(line), stdin)) {
		struct variant *variant = &meter->variants[meter->n];
		unsigned flush;
		uint16_t sink;

		if (meter->n++ == VARIANTS_MAX)
			errx(2, "more than %d variants", VARIANTS_MAX);
		if (sscanf(line, "%63s %63s %63s %u %hu %511s", variant->name, netns, flows, &flush,
			   &sink, path) != 6)
			errx(2, "plan: %s", line);
		variant->fresh = strcmp(flows, "new") == 0;
		variant->flush = flush;
		variant->samples = calloc(rounds, sizeof(*variant->samples));
		variant->netns = open_netns(netns);
		enter(variant->netns);
		find_interface(variant);
		if (sink)
			open_sink(sink);
		if (flush)
			variant->conntrack = open_conntrack();
		read_destinations(variant, path);
	}
	if (!meter->n)
		errx(2, "an empty plan");
}

static void select_variant(struct meter *meter, const struct variant *variant)
{
	enter(variant->netns);
	memcpy(meter->state->fields, variant->fields, variant->n * sizeof(*variant->fields));
	meter->state->mask = variant->n - 1;
	meter->state->fresh_mask = variant->fresh ? UINT16_MAX : 0;
	meter->state->count = variant->count;
}

static double run_slice(struct meter *meter, struct variant *variant, unsigned packets)
{
	uint8_t frame[FRAME_LENGTH];
	double cost;

	make_frame(variant, frame);
	select_variant(meter, variant);
	packet_program_run(meter->program, frame, variant->interface, WARM_UP);
	cost = packet_program_run(meter->program, frame, variant->interface, packets);
	variant->count = meter->state->count;
	if (variant->flush)
		flush_conntrack(variant->conntrack);
	return cost;
}

static bool is_quiet(struct meter *meter)
{
	return run_slice(meter, &meter->variants[0], CALIBRATION) <= meter->threshold;
}

static int by_value(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* How fast the first variant is when nothing disturbs; a tenth more is still quiet. */
static void calibrate(struct meter *meter)
{
	double cost[CALIBRATIONS];

	for (int i = 0; i < CALIBRATIONS; i++) {
		cost[i] = run_slice(meter, &meter->variants[0], CALIBRATION);
		usleep(PAUSE / 2);
	}
	qsort(cost, CALIBRATIONS, sizeof(*cost), by_value);
	meter->quiet = cost[CALIBRATIONS * QUIET_PERCENTILE / 100];
	meter->threshold = meter->quiet * 1.1;
}

static void choose_slices(struct meter *meter, unsigned microseconds)
{
	for (unsigned i = 0; i < meter->n; i++) {
		struct variant *variant = &meter->variants[i];
		double cost = run_slice(meter, variant, SLICE_MIN);
		double packets = microseconds * 1e3 / (cost > 1 ? cost : 1);
		unsigned most = variant->flush ? FLUSHED_MAX : SLICE_MAX;

		variant->slice = packets < SLICE_MIN ? SLICE_MIN
				 : packets > most    ? most
						     : (unsigned)packets;
	}
}

static void sample(struct meter *meter, struct variant *variant)
{
	for (int i = 0; i < TRIES; i++) {
		bool quiet = is_quiet(meter);
		double cost;

		if (quiet) {
			cost = run_slice(meter, variant, variant->slice);
			if (is_quiet(meter)) {
				variant->samples[variant->accepted++] = cost;
				return;
			}
		}
		usleep(PAUSE);
	}
	variant->refused++;
}

static void print(const struct meter *meter)
{
	printf("{\"quiet\": %.0f, \"threshold\": %.0f, \"variants\": [", meter->quiet,
	       meter->threshold);
	for (unsigned i = 0; i < meter->n; i++) {
		const struct variant *variant = &meter->variants[i];

		printf("%s\n{\"name\": \"%s\", \"refused\": %u, \"samples\": [", i ? "," : "",
		       variant->name, variant->refused);
		for (unsigned j = 0; j < variant->accepted; j++)
			printf("%s%.0f", j ? ", " : "", variant->samples[j]);
		printf("]}");
	}
	printf("]}\n");
}

static void pin(long cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		err(2, "processor %ld", cpu);
	setpriority(PRIO_PROCESS, 0, -10);
}

int main(int argc, char **argv)
{
	static struct meter meter;
	unsigned rounds = 60, microseconds = 4000;
	long cpu = 0;
	int option;

	while ((option = getopt(argc, argv, "c:r:m:")) > 0) {
		if (option == 'c')
			cpu = strtol(optarg, NULL, 10);
		else if (option == 'r')
			rounds = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'm')
			microseconds = (unsigned)strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	if (optind + 1 != argc || !rounds)
		errx(2, "usage: packet [-c CPU] [-r ROUNDS] [-m MICROSECONDS] IDLE_NETNS < PLAN");
	pin(cpu);
	meter.state = packet_program_load(&meter.program);
	enter(open_netns(argv[optind]));
	packet_program_attach(meter.program, if_nametoindex("bench0"));
	read_plan(&meter, rounds);
	calibrate(&meter);
	choose_slices(&meter, microseconds);
	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < meter.n; i++)
			sample(&meter, &meter.variants[round % 2 ? meter.n - 1 - i : i]);
	print(&meter);
	return 0;
}
