/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/unchanged.h"

#include "api/render.h"
#include "base/cleanup.h"
#include "document/nft_document.h"
#include "kernel/sysctl.h"
#include "model/record.h"
#include "store/armed.h"

#include <ctype.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/*
 * A file is taken for untouched when device, inode, size and both times are the same. That is certain
 * only if it had been left alone for longer than the step of file times (a jiffy, at most 10 ms) when
 * it was read: the note is not written otherwise.
 */
enum { SETTLED_NS = 100000000 };

DEFINE_AUTOCLEAN(struct plan, plan_free)

/* Types of records. */
enum field {
	FIELD_VERSION = 1,
	FIELD_GENERATION,
	FIELD_FILE,
	FIELD_SYSCTL,
	FIELD_DEVICE,
	FIELD_DIRECTORY, /* in which a wildcard was looked up: its time is that of the names in it */
	FIELD_HERE,	 /* the working directory */
};

/* What the note says of a file, as bytes to compare. */
struct mark {
	uint64_t device, inode, size, changed_ns, modified_ns;
};

static uint64_t nanoseconds(struct timespec time)
{
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static bool mark_of(const char *path, enum field field, struct mark *ret_mark)
{
	const mode_t kind = field == FIELD_FILE ? S_IFREG : S_IFDIR;
	struct stat info;

	if (!strcmp(path, "-") || stat(path, &info) || (info.st_mode & S_IFMT) != kind)
		return false;
	*ret_mark = (struct mark){.device = info.st_dev,
				  .inode = info.st_ino,
				  .size = (uint64_t)info.st_size,
				  .changed_ns = nanoseconds(info.st_ctim),
				  .modified_ns = nanoseconds(info.st_mtim)};
	return true;
}

static char *title_of(const struct untrack_document *document, bool whole_ruleset)
{
	struct buf title = {0};

	buf_puts(&title, whole_ruleset ? "whole " : "");

	array_for_each(path, &document->paths) {
		autofree char *whole = realpath(*path, NULL);

		buf_printf(&title, "note %s\n", whole ? whole : "");
		title.failed |= !whole;
	}
	return buf_steal_text(&title);
}

/* ------------------------------------------------------------------ writing */

static void put_sysctls(struct buf *note, const struct policy *policy)
{
	array_for_each(sysctl, &policy->sysctls) {
		size_t begin = record_begin(note, FIELD_SYSCTL);

		record_put_text(note, FIELD_SYSCTL, sysctl->name);
		record_put_u64(note, FIELD_SYSCTL, sysctl_rounded(sysctl->name, sysctl->value));
		record_end(note, begin);
	}
}

static bool put_marks(struct buf *note, enum field field, const texts *paths, uint64_t seen)
{
	array_for_each(path, paths) {
		struct mark mark;
		size_t begin;

		if (!mark_of(*path, field, &mark) || mark.changed_ns + SETTLED_NS > seen ||
		    mark.modified_ns + SETTLED_NS > seen)
			return false;
		begin = record_begin(note, field);
		record_put_text(note, field, *path);
		record_put(note, field, &mark, sizeof(mark));
		record_end(note, begin);
	}
	return true;
}

/* What a document includes. */
static bool put_inclusions(struct buf *note, const struct inclusions *inclusions, uint64_t seen)
{
	autofree char *here = inclusions->relative ? getcwd(NULL, 0) : NULL;

	if (here)
		record_put_text(note, FIELD_HERE, here);
	return !inclusions->elsewhere && !inclusions->relative == !here &&
	       put_marks(note, FIELD_FILE, &inclusions->files, seen) &&
	       put_marks(note, FIELD_DIRECTORY, &inclusions->directories, seen);
}

/* Devices that the document names, by the numbers that rules may have of them. */
static bool put_devices(struct buf *note, const struct document *document)
{
	struct if_nameindex *all = if_nameindex();

	for (const struct if_nameindex *one = all; one && one->if_index; one++) {
		size_t begin;

		if (!nft_document_mentions(document, one->if_name))
			continue;
		begin = record_begin(note, FIELD_DEVICE);
		record_put_text(note, FIELD_DEVICE, one->if_name);
		record_put_u32(note, FIELD_DEVICE, one->if_index);
		record_end(note, begin);
	}
	if_freenameindex(all);
	return all;
}

/* Something with letters and a dot may be a host's name, whose address changes without a trace here. */
static bool may_name_host(const struct buf *text)
{
	bool dot = false, letter = false;

	for (size_t i = 0; i < text->len; i++) {
		int byte = text->data[i];

		if (byte == '.' || isalnum(byte) || byte == '-') {
			dot |= byte == '.';
			letter |= isalpha(byte) != 0;
			if (dot && letter)
				return true;
		} else {
			dot = letter = false;
		}
	}
	return false;
}

/* Does what the document means depend on nothing but its files, and devices? */
static bool stands_alone(const struct document *document)
{
	if (nft_document_mentions(document, "include"))
		return false;
	array_for_each(source, &document->sources) {
		if (may_name_host(&source->text))
			return false;
	}
	return true;
}

bool generation_tells_all(const struct target *target)
{
	array_for_each(pair, &target->pairs) {
		if (!pair->desired)
			continue;
		array_for_each(set, &pair->desired->sets) {
			if ((*set)->flags & (NFT_SET_TIMEOUT | NFT_SET_EVAL))
				return false;
		}
	}
	return true;
}

void remember_unchanged(struct untrack *untrack, const struct untrack_document *document,
			bool whole_ruleset, uint32_t generation)
{
	const struct policy *policy = document->document->policy;
	autofree char *title = title_of(document, whole_ruleset);
	uint64_t seen = nanoseconds(document->seen);
	autoerror ignored = ERROR_INIT;
	autobuf note = {0};

	if (!title || !generation || (!policy && !stands_alone(document->document)))
		return;
	record_put_text(&note, FIELD_VERSION, UNTRACK_VERSION);
	record_put_u32(&note, FIELD_GENERATION, generation);
	if (policy)
		put_sysctls(&note, policy);
	if (put_marks(&note, FIELD_FILE, &document->paths, seen) &&
	    (policy ? put_marks(&note, FIELD_FILE, &policy->list_files, seen)
		    : put_inclusions(&note, &document->document->inclusions, seen) &&
			      put_devices(&note, document->document)) &&
	    !note.failed)
		store_save_note(untrack->store, title, &note, &ignored);
}

/* ------------------------------------------------------------------ reading */

static bool mark_holds(struct span body, enum field field)
{
	autoerror ignored = ERROR_INIT;
	autofree char *path = NULL;
	struct record record;
	struct mark mark;

	return record_next(&body, &record) && record_text(&record, &path, &ignored) &&
	       record_next(&body, &record) && mark_of(path, field, &mark) &&
	       record.body.len == sizeof(mark) && !memcmp(record.body.data, &mark, sizeof(mark));
}

static bool sysctl_holds(struct span body)
{
	autoerror ignored = ERROR_INIT;
	autofree char *name = NULL;
	struct record record;
	uint64_t wanted, now;

	return record_next(&body, &record) && record_text(&record, &name, &ignored) &&
	       record_next(&body, &record) && record_u64(&record, &wanted, &ignored) &&
	       sysctl_read(name, &now, &ignored) && now == wanted;
}

static bool device_holds(struct span body)
{
	autoerror ignored = ERROR_INIT;
	autofree char *name = NULL;
	struct record record;
	uint32_t index;

	return record_next(&body, &record) && record_text(&record, &name, &ignored) &&
	       record_next(&body, &record) && record_u32(&record, &index, &ignored) &&
	       if_nametoindex(name) == index;
}

static bool says(const struct record *record, const char *wanted)
{
	autoerror ignored = ERROR_INIT;
	autofree char *text = NULL;

	return wanted && record_text(record, &text, &ignored) && !strcmp(text, wanted);
}

static bool here_holds(const struct record *record)
{
	autofree char *here = getcwd(NULL, 0);

	return says(record, here);
}

static bool field_holds(const struct record *record)
{
	switch (record->type) {
	case FIELD_FILE:
	case FIELD_DIRECTORY:
		return mark_holds(record->body, record->type);
	case FIELD_DEVICE:
		return device_holds(record->body);
	case FIELD_HERE:
		return here_holds(record);
	default:
		return record->type == FIELD_SYSCTL && sysctl_holds(record->body);
	}
}

static bool note_holds(const struct buf *note, uint32_t generation)
{
	struct span rest = buf_span(note);
	autoerror ignored = ERROR_INIT;
	struct record record;
	uint32_t noted = 0;
	bool holds = true, version = false;

	while (holds && record_next(&rest, &record)) {
		if (record.type == FIELD_VERSION)
			holds = version = says(&record, UNTRACK_VERSION);
		else if (record.type == FIELD_GENERATION)
			holds = record_u32(&record, &noted, &ignored) && noted == generation;
		else
			holds = field_holds(&record);
	}
	return holds && version && noted == generation && !rest.len;
}

static struct untrack_result *nothing_to_change(const struct untrack_apply_options *options,
						uint32_t generation, struct untrack_error *err)
{
	autoclean(plan_free_p) struct plan *plan = plan_new(generation);
	texts none = {0};

	if (!plan) {
		error_memory(err);
		return NULL;
	}
	return result_new(0,
			  render_json(NULL, plan, &none, generation, (struct told_purge){0}, err),
			  strdup(options->dry_run ? "" : NOTHING_TO_CHANGE), err);
}

struct untrack_result *unchanged_result(struct untrack *untrack,
					const struct untrack_document *document,
					const struct untrack_apply_options *options,
					struct untrack_error *err)
{
	struct kernel *kernel = context_kernel(untrack, err);
	autofree char *title = title_of(document, options->whole_ruleset);
	struct armed armed;
	uint32_t generation;
	autobuf note = {0};

	if (!kernel || !kernel_generation(kernel, &generation, err) || document->document ||
	    !title || options->purge || options->whole_ruleset ||
	    (options->has_generation && options->generation != generation) ||
	    !store_load_note(untrack->store, title, &note) || !note_holds(&note, generation) ||
	    armed_read(untrack->store, &armed, err) || error_is_set(err))
		return NULL;
	return nothing_to_change(options, generation, err);
}
