/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "packet_program.h"

#include <err.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef BPF_F_TEST_XDP_LIVE_FRAMES
#define BPF_F_TEST_XDP_LIVE_FRAMES (1U << 1)
#endif

enum {
	BATCH = 64,	  /* packets that are made before the stack takes them */
	BOUNDS_CHECK = 5, /* instruction, jumps to the last one */
};

/* Registers: 6 the frame, 7 the state, 8 the packet's number, 9 its fields; 1 to 4 are scratch. */
#define OP(code_, dst, src, off_, imm_)                                                            \
	((struct bpf_insn){.code = (code_),                                                        \
			   .dst_reg = (dst),                                                       \
			   .src_reg = (src),                                                       \
			   .off = (int16_t)(off_),                                                 \
			   .imm = (imm_)})
#define MOVE(dst, src) OP(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ADD(dst, src) OP(BPF_ALU64 | BPF_ADD | BPF_X, dst, src, 0, 0)
#define AND(dst, src) OP(BPF_ALU64 | BPF_AND | BPF_X, dst, src, 0, 0)
#define MOVE_CONST(dst, n) OP(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, n)
#define ADD_CONST(dst, n) OP(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, n)
#define AND_CONST(dst, n) OP(BPF_ALU64 | BPF_AND | BPF_K, dst, 0, 0, n)
#define SHIFT_LEFT(dst, n) OP(BPF_ALU64 | BPF_LSH | BPF_K, dst, 0, 0, n)
#define SHIFT_RIGHT(dst, n) OP(BPF_ALU64 | BPF_RSH | BPF_K, dst, 0, 0, n)
#define LOAD(size, dst, src, off) OP(BPF_LDX | BPF_MEM | (size), dst, src, off, 0)
#define STORE(size, dst, off, src) OP(BPF_STX | BPF_MEM | (size), dst, src, off, 0)
#define JUMP_ABOVE(dst, src, off) OP(BPF_JMP | BPF_JGT | BPF_X, dst, src, off, 0)
#define MAP_VALUE(dst, map) OP(BPF_LD | BPF_DW | BPF_IMM, dst, BPF_PSEUDO_MAP_VALUE, 0, map)
#define SECOND_HALF OP(0, 0, 0, 0, 0)
#define RETURN OP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define FIELD(name) ((int)offsetof(struct packet_fields, name))
#define STATE(name) ((int)offsetof(struct packet_state, name))
#define COPY(size, to, name) LOAD(size, 1, 9, FIELD(name)), STORE(size, 6, to, 1)

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int load(int map)
{
	static char log[1 << 16];
	struct bpf_insn program[] = {
		MOVE_CONST(0, XDP_DROP),
		LOAD(BPF_W, 6, 1, offsetof(struct xdp_md, data)),
		LOAD(BPF_W, 2, 1, offsetof(struct xdp_md, data_end)),
		MOVE(3, 6),
		ADD_CONST(3, FRAME_UDP_END),
		JUMP_ABOVE(3, 2, 0),
		MAP_VALUE(7, map),
		SECOND_HALF,
		LOAD(BPF_DW, 8, 7, STATE(count)),
		MOVE(1, 8),
		ADD_CONST(1, 1),
		STORE(BPF_DW, 7, STATE(count), 1),
		/* 9 = &state->fields[count & mask] */
		LOAD(BPF_W, 1, 7, STATE(mask)),
		AND(1, 8),
		AND_CONST(1, FIELDS_MAX - 1),
		SHIFT_LEFT(1, 4),
		MOVE(9, 7),
		ADD_CONST(9, STATE(fields)),
		ADD(9, 1),
		COPY(BPF_W, FRAME_SOURCE, source),
		COPY(BPF_W, FRAME_DESTINATION, destination),
		COPY(BPF_H, FRAME_CHECK, check),
		COPY(BPF_H, FRAME_DESTINATION_PORT, destination_port),
		/* source port + (count / FIELDS_MAX & fresh_mask), whatever the byte order */
		LOAD(BPF_W, 2, 7, STATE(fresh_mask)),
		SHIFT_RIGHT(8, 14),
		AND(8, 2),
		LOAD(BPF_H, 1, 9, FIELD(source_port)),
		ADD(1, 8),
		STORE(BPF_H, 6, FRAME_SOURCE_PORT, 1),
		MOVE_CONST(0, XDP_PASS),
		RETURN,
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)program,
		.insn_cnt = sizeof(program) / sizeof(*program),
		.license = (uintptr_t) "GPL",
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	long fd;

	program[BOUNDS_CHECK].off = (int16_t)(attr.insn_cnt - 1 - (BOUNDS_CHECK + 1));
	fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		err(2, "BPF_PROG_LOAD: %s", log);
	return (int)fd;
}

struct packet_state *packet_program_load(int *ret_program)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(struct packet_state),
		.max_entries = 1,
		.map_flags = BPF_F_MMAPABLE,
	};
	struct packet_state *state;
	long map;

	_Static_assert(sizeof(struct packet_fields) == 1 << 4, "shifted by 4 above");
	_Static_assert(FIELDS_MAX == 1 << 14, "shifted by 14 above");
	map = bpf(BPF_MAP_CREATE, &attr);
	if (map < 0)
		err(2, "BPF_MAP_CREATE");
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, (int)map, 0);
	if (state == MAP_FAILED)
		err(2, "the program's memory");
	*ret_program = load((int)map);
	return state;
}

uint32_t packet_program_run(int program, const uint8_t frame[FRAME_LENGTH], unsigned interface,
			    unsigned packets)
{
	struct xdp_md context = {.data_end = FRAME_LENGTH, .ingress_ifindex = interface};
	union bpf_attr attr = {
		.test =
			{
				.prog_fd = (uint32_t)program,
				.data_in = (uintptr_t)frame,
				.data_size_in = FRAME_LENGTH,
				.ctx_in = (uintptr_t)&context,
				.ctx_size_in = sizeof(context),
				.repeat = packets,
				.flags = BPF_F_TEST_XDP_LIVE_FRAMES,
				.batch_size = BATCH,
			},
	};

	if (bpf(BPF_PROG_TEST_RUN, &attr) < 0)
		err(2, "BPF_PROG_TEST_RUN");
	return attr.test.duration;
}

void packet_program_attach(int program, unsigned interface)
{
	union bpf_attr attr = {
		.link_create =
			{
				.prog_fd = (uint32_t)program,
				.target_ifindex = interface,
				.attach_type = BPF_XDP,
				.flags = XDP_FLAGS_DRV_MODE,
			},
	};

	if (bpf(BPF_LINK_CREATE, &attr) < 0)
		err(2, "BPF_LINK_CREATE");
}
