/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The algebra of boxes against brute force: small universes, every point asked. */
#include "compile/boxes.h"
#include "compile/layout.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 6, POINTS = SIZE * SIZE * SIZE * 2 * 4 };

/* A generator of one's own, so that a failure can be repeated. */
static uint32_t seed;
static uint32_t pick(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static void interval(uint32_t size, uint8_t *first, uint8_t *last)
{
	uint8_t a = (uint8_t)pick(size), b = (uint8_t)pick(size);

	*first = a < b ? a : b;
	*last = a < b ? b : a;
}

/* "w*" covers "wa" and "wb", "x" is apart; anything covers all. */
static void set_interface(struct box *box, uint32_t which)
{
	uint8_t first[INTERFACE_LENGTH] = {0}, last[INTERFACE_LENGTH] = {0};

	switch (which) {
	case 0:
		return;
	case 1:
		memset(last, 0xff, sizeof(last));
		first[0] = last[0] = 'w';
		break;
	case 2:
	case 3:
		first[0] = last[0] = 'w';
		first[1] = last[1] = which == 2 ? 'a' : 'b';
		break;
	default:
		first[0] = last[0] = 'x';
	}
	box_limit(box, DIM_INTERFACE, first, last);
}

static struct box random_box(uint8_t family, uint32_t owner)
{
	struct box box = box_any(family, owner);
	uint8_t first[ADDRESS_LENGTH] = {0}, last[ADDRESS_LENGTH] = {0}, protocol;

	interval(SIZE, &first[3], &last[3]);
	box_limit(&box, DIM_NEAR, first, last);
	interval(SIZE, &first[3], &last[3]);
	box_limit(&box, DIM_FAR, first, last);
	interval(SIZE, &first[0], &last[0]);
	box_limit_port(&box, first[0], last[0]);
	protocol = (uint8_t)pick(2);
	box_limit(&box, DIM_PROTOCOL, &protocol, &protocol);
	set_interface(&box, pick(5));
	return box;
}

/* The point of that number, as a box of one point. */
static struct box point(uint8_t family, uint32_t number)
{
	struct box box = box_any(family, 0);
	uint8_t address[ADDRESS_LENGTH] = {0}, protocol;
	static const uint32_t names[] = {2, 3, 4, 1};

	address[3] = (uint8_t)(number % SIZE);
	box_limit(&box, DIM_NEAR, address, address);
	number /= SIZE;
	address[3] = (uint8_t)(number % SIZE);
	box_limit(&box, DIM_FAR, address, address);
	number /= SIZE;
	box_limit_port(&box, (uint16_t)(number % SIZE), (uint16_t)(number % SIZE));
	number /= SIZE;
	protocol = (uint8_t)(number % 2);
	box_limit(&box, DIM_PROTOCOL, &protocol, &protocol);
	number /= 2;
	set_interface(&box, names[number]);
	memcpy(box.last + box_offset(DIM_INTERFACE), box.first + box_offset(DIM_INTERFACE),
	       INTERFACE_LENGTH); /* of "w*" the name "w" */
	return box;
}

/* How many boxes hold the point, and the owner of the first. */
static unsigned holders(const boxes *all, const struct box *at, uint32_t *ret_owner)
{
	unsigned count = 0;

	array_for_each(box, all) {
		if (!box_overlaps(box, at))
			continue;
		if (!count++)
			*ret_owner = box->owner;
	}
	return count;
}

static void copy(boxes *to, const boxes *from)
{
	array_for_each(box, from) {
		cr_assert(array_push(to, *box));
	}
}

static void check_disjoint(uint8_t family, uint32_t count)
{
	boxes all = {0}, original = {0};
	struct clash clash;

	for (uint32_t i = 0; i < count; i++)
		cr_assert(array_push(&all, random_box(family, i)));
	cr_assert(boxes_widest_interface_first(&all));
	copy(&original, &all);
	cr_assert_eq(boxes_disjoint(&all, 100000, &clash), BOXES_OK);
	for (uint32_t i = 0; i < POINTS; i++) {
		struct box at = point(family, i);
		uint32_t before = 0, after = 0;
		unsigned n = holders(&original, &at, &before);

		cr_assert_eq(holders(&all, &at, &after), n ? 1 : 0, "seed %u point %u", seed, i);
		if (n)
			cr_assert_eq(before, after, "the first of those that meet keeps the point");
	}
	array_free(&all);
	array_free(&original);
}

Test(boxes, disjoint_ones_cover_the_same_and_the_first_wins)
{
	for (seed = 1; seed < 4000; seed += 97) {
		uint32_t start = seed;

		check_disjoint(INET_V4, 2 + pick(20));
		check_disjoint(INET_V6, 2 + pick(60));
		seed = start;
	}
}

Test(boxes, either_order_covers_the_same)
{
	for (seed = 5; seed < 3000; seed += 101) {
		uint32_t start = seed, ignored;
		boxes forth = {0}, back = {0};
		struct clash clash;

		for (uint32_t i = 0; i < 12; i++)
			cr_assert(array_push(&forth, random_box(INET_V4, i)));
		for (size_t i = forth.n; i-- > 0;)
			cr_assert(array_push(&back, forth.v[i]));
		cr_assert(boxes_widest_interface_first(&forth));
		cr_assert(boxes_widest_interface_first(&back));
		cr_assert_eq(boxes_disjoint(&forth, 100000, &clash), BOXES_OK);
		cr_assert_eq(boxes_disjoint(&back, 100000, &clash), BOXES_OK);
		for (uint32_t i = 0; i < POINTS; i++) {
			struct box at = point(INET_V4, i);

			cr_assert_eq(holders(&forth, &at, &ignored), holders(&back, &at, &ignored));
		}
		array_free(&forth);
		array_free(&back);
		seed = start;
	}
}

Test(boxes, what_is_subtracted_is_gone_and_the_rest_stays)
{
	for (seed = 3; seed < 20000; seed += 41) {
		uint32_t start = seed, ignored;
		struct box a = random_box(INET_V6, 0), b = random_box(INET_V6, 1);
		boxes rest = {0};

		if (box_overlaps(&a, &b)) {
			cr_assert(box_subtract(&a, &b, &rest));
			for (uint32_t i = 0; i < POINTS; i++) {
				struct box at = point(INET_V6, i);
				bool expected = box_overlaps(&a, &at) && !box_overlaps(&b, &at);

				cr_assert_eq(holders(&rest, &at, &ignored), expected ? 1 : 0);
			}
		}
		array_free(&rest);
		seed = start;
	}
}

Test(boxes, bounds_at_the_ends_of_the_address_space)
{
	struct box all = box_any(INET_V4, 0), middle = box_any(INET_V4, 1);
	boxes rest = {0};

	box_limit(&middle, DIM_NEAR, "\x00\x00\x00\x00", "\x7f\xff\xff\xff");
	box_limit_port(&middle, 1, 65535);
	cr_assert(box_subtract(&all, &middle, &rest));
	cr_assert_eq(rest.n, 2);
	cr_assert_eq(box_last_port(&rest.v[0]), 0);
	cr_assert_arr_eq(rest.v[1].first, "\x80\x00\x00\x00", 4);
	cr_assert_arr_eq(rest.v[1].last, "\xff\xff\xff\xff", 4);
	array_free(&rest);
}

Test(boxes, too_many_pieces_name_two_that_meet)
{
	boxes all = {0};
	struct clash clash = {{99, 99}};

	for (uint32_t i = 0; i < 20; i++) {
		struct box box = box_any(INET_V4, i);

		box_limit_port(&box, (uint16_t)(10 * i), (uint16_t)(10 * i));
		cr_assert(array_push(&all, box));
	}
	cr_assert(array_push(&all, box_any(INET_V4, 20)));
	cr_assert_eq(boxes_disjoint(&all, 10, &clash), BOXES_TOO_MANY);
	cr_assert_eq(clash.owner[1], 20);
	cr_assert_lt(clash.owner[0], 20);
	cr_assert_eq(boxes_disjoint(&all, 100, &clash), BOXES_OK);
	cr_assert_eq(all.n, 40); /* 20 ports, and the gaps between and behind them */
	array_free(&all);
}

static uint32_t most_sharing(const boxes *all, enum dimension field)
{
	uint32_t most = 0;

	array_for_each(at, all) {
		uint32_t n = 0;

		array_for_each(box, all) {
			size_t o = box_offset(field), length = box_length(box->family, field);

			n += memcmp(box->first + o, at->first + o, length) <= 0 &&
			     memcmp(at->first + o, box->last + o, length) <= 0;
		}
		most = n > most ? n : most;
	}
	return most;
}

static struct box ends(uint32_t owner, uint16_t near, uint16_t far)
{
	uint8_t address[ADDRESS_LENGTH] = {10};
	struct box box = box_any(INET_V4, owner);

	address[2] = (uint8_t)(near >> 8);
	address[3] = (uint8_t)near;
	if (near)
		box_limit(&box, DIM_NEAR, address, address);
	address[2] = (uint8_t)(far >> 8);
	address[3] = (uint8_t)far;
	if (far)
		box_limit(&box, DIM_FAR, address, address);
	return box;
}

Test(layout, the_first_field_is_shared_by_few)
{
	struct layout layout = *class_layout(CLASS_4X), second = layout;
	boxes all = {0}, rest = {0};

	for (uint16_t i = 1; i <= 300; i++)
		cr_assert(array_push(&all, ends(i, 0, i)));
	cr_assert(layout_order(&all, &layout, &rest, &second));
	cr_assert_eq(layout.field[0], DIM_FAR);
	cr_assert_eq(layout.field[1], DIM_NEAR);
	cr_assert_eq(rest.n, 0);
	array_free(&all);
}

Test(layout, what_no_order_suits_is_split)
{
	struct layout layout = *class_layout(CLASS_4X), second = layout;
	boxes all = {0}, rest = {0};

	for (uint16_t i = 1; i <= 300; i++) {
		cr_assert(array_push(&all, ends(i, 0, i)));
		cr_assert(array_push(&all, ends(i, i, 0)));
	}
	cr_assert(layout_order(&all, &layout, &rest, &second));
	cr_assert_eq(all.n + rest.n, 600);
	cr_assert_leq(most_sharing(&all, layout.field[0]), 32);
	cr_assert_leq(most_sharing(&rest, second.field[0]), 32);
	cr_assert_neq(layout.field[0], second.field[0]);
	array_free(&all);
	array_free(&rest);
}

Test(layout, the_usual_order_stays_where_it_is_good_enough)
{
	struct layout layout = *class_layout(CLASS_4X), second = layout;
	boxes all = {0}, rest = {0};

	for (uint16_t i = 1; i <= 16; i++)
		cr_assert(array_push(&all, ends(i, 0, i)));
	cr_assert(layout_order(&all, &layout, &rest, &second));
	cr_assert_eq(layout.field[0], DIM_NEAR);
	array_free(&all);
}
