/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "view/top.h"

#include "base/buf.h"
#include "view/words.h"

#include <inttypes.h>
#include <string.h>

/* One column of the table: `fields` of the census that it is for (0: always). */
struct column {
	const char *title;
	unsigned fields;
	bool left; /* aligned */
	void (*cell)(struct buf *out, const struct census *census,
		     const struct census_group *group);
};

static void cell_entries(struct buf *out, const struct census *census,
			 const struct census_group *group)
{
	char room[COUNT_TEXT_MAX];

	(void)census;
	buf_puts(out, view_count(group->entries, room));
}

static void cell_share(struct buf *out, const struct census *census,
		       const struct census_group *group)
{
	buf_printf(out, "%.1f %%", view_percent(group->entries, census->entries));
}

static void cell_one_way(struct buf *out, const struct census *census,
			 const struct census_group *group)
{
	char room[COUNT_TEXT_MAX];

	(void)census;
	if (group->one_way)
		buf_puts(out, view_count(group->one_way, room));
}

static void cell_protocol(struct buf *out, const struct census *census,
			  const struct census_group *group)
{
	char room[4];

	(void)census;
	buf_puts(out, protocol_text(group->key.protocol, room));
}

static void cell_port(struct buf *out, const struct census *census,
		      const struct census_group *group)
{
	(void)census;
	if (group->key.port)
		buf_printf(out, "%u", (unsigned)group->key.port);
}

static void put_address(struct buf *out, const struct census_group *group,
			const struct inet_address *address)
{
	char room[INET_TEXT_MAX];

	buf_puts(out, view_address(group->key.family, address, room));
}

static void cell_address(struct buf *out, const struct census *census,
			 const struct census_group *group)
{
	(void)census;
	put_address(out, group, &group->key.address);
}

static void cell_peer(struct buf *out, const struct census *census,
		      const struct census_group *group)
{
	(void)census;
	put_address(out, group, &group->key.peer);
}

static void cell_role(struct buf *out, const struct census *census,
		      const struct census_group *group)
{
	(void)census;
	buf_puts(out, view_role((enum policy_role)group->key.role));
}

static void cell_zone(struct buf *out, const struct census *census,
		      const struct census_group *group)
{
	(void)census;
	buf_printf(out, "%u", (unsigned)group->key.zone);
}

static void cell_state(struct buf *out, const struct census *census,
		       const struct census_group *group)
{
	unsigned state = census_group_state(group);

	buf_puts(out, flow_state_name(state));
	if (!(census->by & CENSUS_STATE) && group->states[state] < group->entries)
		buf_printf(out, " %.0f %%", view_percent(group->states[state], group->entries));
}

static void cell_traffic(struct buf *out, const struct census *census,
			 const struct census_group *group)
{
	char room[COUNT_TEXT_MAX];

	(void)census;
	buf_puts(out, view_bytes(group->bytes, room));
}

static void cell_bonds(struct buf *out, const struct census *census,
		       const struct census_group *group)
{
	char room[COUNT_TEXT_MAX];
	const char *separator = "";

	(void)census;
	for (unsigned i = 0; i < BOND_KINDS; i++) {
		if (!group->bonds[i])
			continue;
		buf_printf(out, "%s%s %s", separator, view_count(group->bonds[i], room),
			   bond_name(i));
		separator = ", ";
	}
}

#define TRAFFIC (1u << 30)
#define BONDS (1u << 29)
static const struct column columns[] = {
	{"entries", 0, false, cell_entries},
	{"share", 0, false, cell_share},
	{"one-way", 0, false, cell_one_way},
	{"protocol", CENSUS_PROTOCOL, true, cell_protocol},
	{"port", CENSUS_PORT, false, cell_port},
	{"role", CENSUS_ROLE, true, cell_role},
	{"address", CENSUS_ADDRESS, true, cell_address},
	{"peer", CENSUS_PEER, true, cell_peer},
	{"zone", CENSUS_ZONE, false, cell_zone},
	{"state", 0, true, cell_state},
	{"traffic", TRAFFIC, false, cell_traffic},
	{"cannot be untracked", BONDS, true, cell_bonds},
};
#define COLUMNS (sizeof(columns) / sizeof(*columns))

/* Cells, row by row, before their widths are known; row 0 has the titles. */
struct grid {
	ARRAY(uint32_t) cells; /* offsets into text */
	struct buf text;
	size_t width[COLUMNS];
};

static bool column_shown(const struct column *column, const struct census *census)
{
	if (column->fields == TRAFFIC)
		return census->all.packets;
	if (column->fields == BONDS)
		return census->all.bound;
	return !column->fields || (census->by & column->fields);
}

static void grid_cell(struct grid *grid, size_t column, size_t begin)
{
	size_t width = grid->text.len - begin;

	if (width > grid->width[column])
		grid->width[column] = width;
	buf_zero(&grid->text, 1);
	if (!array_push(&grid->cells, (uint32_t)begin))
		grid->text.failed = true;
}

static void grid_row(struct grid *grid, const struct census *census,
		     const struct census_group *group)
{
	for (size_t i = 0; i < COLUMNS; i++) {
		size_t begin = grid->text.len;

		if (!group)
			buf_puts(&grid->text, columns[i].title);
		else if (column_shown(&columns[i], census))
			columns[i].cell(&grid->text, census, group);
		grid_cell(grid, i, begin);
	}
}

static void put_padding(struct buf *out, size_t count)
{
	while (count--)
		buf_putc(out, ' ');
}

static void end_line(struct buf *out)
{
	while (out->len && out->data[out->len - 1] == ' ')
		out->len--;
	buf_putc(out, '\n');
}

static void grid_print(const struct grid *grid, const struct census *census, struct buf *out)
{
	size_t last = COLUMNS - 1;

	while (!column_shown(&columns[last], census))
		last--;
	for (size_t i = 0; i < grid->cells.n; i++) {
		const struct column *column = &columns[i % COLUMNS];
		const char *cell = (const char *)grid->text.data + grid->cells.v[i];
		size_t gap = grid->width[i % COLUMNS] - strlen(cell);

		if (!column_shown(column, census))
			continue;
		if (!column->left)
			put_padding(out, gap);
		buf_puts(out, cell);
		if (i % COLUMNS == last)
			end_line(out);
		else
			put_padding(out, (column->left ? gap : 0) + 2);
	}
}

static void put_summary(struct buf *out, const struct census *census)
{
	char room[COUNT_TEXT_MAX];

	buf_printf(out, "%s %s in ", view_count(census->entries, room),
		   census->entries == 1 ? "entry" : "entries");
	buf_printf(out, "%s %s", view_count(census->groups.n, room),
		   census->groups.n == 1 ? "group" : "groups");
	if (census->all.one_way)
		buf_printf(out, ", %s one-way", view_count(census->all.one_way, room));
	if (census->all.bound)
		buf_printf(out, ", %s cannot be untracked", view_count(census->all.bound, room));
	buf_putc(out, '\n');
}

static void put_rest(struct buf *out, const struct census *census, size_t shown)
{
	char room[COUNT_TEXT_MAX];
	uint64_t entries = 0;

	for (size_t i = shown; i < census->groups.n; i++)
		entries += census->groups.v[i].entries;
	buf_printf(out, "… and %s more", view_count(census->groups.n - shown, room));
	buf_printf(out, " with %s entries (%.1f %%)\n", view_count(entries, room),
		   view_percent(entries, census->entries));
}

char *view_top_text(const struct census *census, size_t limit)
{
	size_t count = limit && limit < census->groups.n ? limit : census->groups.n;
	struct grid grid = {0};
	struct buf out = {0};

	put_summary(&out, census);
	if (count) {
		buf_putc(&out, '\n');
		grid_row(&grid, census, NULL);
		for (size_t i = 0; i < count; i++)
			grid_row(&grid, census, &census->groups.v[i]);
		if (!grid.text.failed)
			grid_print(&grid, census, &out);
		if (count < census->groups.n)
			put_rest(&out, census, count);
	}
	out.failed |= grid.text.failed;
	buf_free(&grid.text);
	array_free(&grid.cells);
	return buf_steal_text(&out);
}

static void json_key(struct buf *out, const struct census *census, const struct census_group *group)
{
	char room[INET_TEXT_MAX];

	if (census->by & CENSUS_PROTOCOL)
		buf_printf(out, "{\"protocol\": \"%s\"", protocol_text(group->key.protocol, room));
	else
		buf_puts(out, "{\"protocol\": null");
	if (group->key.port)
		buf_printf(out, ", \"port\": %u", (unsigned)group->key.port);
	else
		buf_puts(out, ", \"port\": null");
	if (census->by & CENSUS_ADDRESS)
		buf_printf(out, ", \"address\": \"%s\"",
			   view_address(group->key.family, &group->key.address, room));
	else
		buf_puts(out, ", \"address\": null");
	buf_printf(out, ", \"state\": \"%s\"", flow_state_name(census_group_state(group)));
	if (census->by & CENSUS_PEER)
		buf_printf(out, ", \"peer\": \"%s\"",
			   view_address(group->key.family, &group->key.peer, room));
	if (census->by & CENSUS_ZONE)
		buf_printf(out, ", \"zone\": %u", (unsigned)group->key.zone);
	if (census->by & CENSUS_ROLE)
		buf_printf(out, ", \"role\": \"%s\"", view_role((enum policy_role)group->key.role));
}

static void json_counts(struct buf *out, const struct census_group *group)
{
	const char *separator = "";

	buf_puts(out, ", \"untrackable\": {");
	for (unsigned i = 0; i < BOND_KINDS; i++)
		buf_printf(out, "%s\"%s\": %" PRIu64, i ? ", " : "", bond_name(i), group->bonds[i]);
	buf_printf(out,
		   "}, \"untrackable_entries\": %" PRIu64 ", \"bytes\": %" PRIu64
		   ", \"packets\": %" PRIu64 ", \"states\": {",
		   group->bound, group->bytes, group->packets);
	for (unsigned i = 0; i < FLOW_STATES; i++) {
		if (!group->states[i])
			continue;
		buf_printf(out, "%s\"%s\": %" PRIu32, separator, flow_state_name(i),
			   group->states[i]);
		separator = ", ";
	}
	buf_putc(out, '}');
}

char *view_top_json(const struct census *census, size_t limit)
{
	size_t count = limit && limit < census->groups.n ? limit : census->groups.n;
	struct buf out = {0};

	buf_printf(&out, "{\"entries\": %" PRIu64 ", \"one_way\": %" PRIu64, census->entries,
		   census->all.one_way);
	json_counts(&out, &census->all);
	buf_printf(&out, ", \"group_count\": %zu, \"groups\": [", census->groups.n);
	for (size_t i = 0; i < count; i++) {
		const struct census_group *group = &census->groups.v[i];

		buf_puts(&out, i ? ", " : "");
		json_key(&out, census, group);
		buf_printf(&out,
			   ", \"entries\": %" PRIu64 ", \"one_way\": %" PRIu64
			   ", \"percent\": %.4f",
			   group->entries, group->one_way,
			   view_percent(group->entries, census->entries));
		json_counts(&out, group);
		buf_putc(&out, '}');
	}
	buf_puts(&out, "]}");
	return buf_steal_text(&out);
}
