/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/execute.h"

#include "api/judge_change.h"
#include "api/known.h"
#include "api/memo.h"
#include "api/rehearse.h"
#include "api/snapshots.h"
#include "api/stale.h"
#include "api/unchanged.h"
#include "base/cleanup.h"
#include "kernel/sysctl.h"
#include "store/armed.h"
#include "view/plan.h"
#include "view/words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	LOCK_WAIT_MS = 10000, /* the contract's 10 s for another apply to end */
	ATTEMPTS = 500,	      /* of commits that find the ruleset changed */
};

DEFINE_AUTOCLEAN(struct plan, plan_free)
DEFINE_AUTOCLEAN(struct rendering, rendering_free)

/* One change on its way. */
struct work {
	struct untrack *untrack;
	const struct execution *execution;
	struct untrack_error *err;
	struct target target; /* of this attempt */
	struct plan *plan;
	struct target prepared; /* of the attempt for which all was prepared */
	struct plan *prepared_plan;
	struct rendering *rendering;
	texts advice;	   /* of a dry run: what a real one would say; not in its JSON */
	uint32_t snapshot; /* 0: none taken */
	uint64_t purged;   /* entries deleted by --purge; that would be, in a dry run */
	bool armed;
	bool changed;
	bool asked_to_purge;
	bool counted;		  /* purged is what a real run with --purge would delete */
	bool warned;		  /* of what is there, which does not end with the change */
	uint32_t generation;	  /* for the result */
	struct ruleset *compiled; /* owned: the target's tables may lie in it */
	uint32_t settled;	  /* the generation at which all was as wanted */
};

static void work_free(void *context)
{
	struct work *w = context;

	target_free(&w->target);
	plan_free(w->plan);
	rendering_free(w->rendering);
	plan_free(w->prepared_plan);
	target_free(&w->prepared);
	texts_free(&w->advice);
	ruleset_free(w->compiled);
	free(w);
}

/* ------------------------------------------------------------------ prepare */

static bool take_snapshot(struct work *w)
{
	autoclean(snapshot_free_p) struct snapshot *snapshot = snapshot_of_target(
		&w->target, w->execution->document, w->execution->rollback_to, w->err);

	if (!snapshot || !store_save_snapshot(w->untrack->store, snapshot, w->err))
		return false;
	w->snapshot = snapshot->id;
	return true;
}

static bool drop_snapshot(struct work *w)
{
	uint32_t id = w->snapshot;

	w->snapshot = 0;
	return !id || store_drop_snapshot(w->untrack->store, id, w->err);
}

static bool arm(struct work *w)
{
	const struct untrack_apply_options *options = w->execution->options;

	if (!options->confirm_seconds)
		return true;
	autoenter entered = netns_enter(&w->untrack->ns, w->err);
	if (entered.failed || !armed_start(w->untrack->store, w->snapshot, options->confirm_seconds,
					   options->guard, w->err))
		return false;
	w->armed = true;
	return true;
}

static void disarm(struct work *w)
{
	autoerror ignored = ERROR_INIT; /* an error is on its way already */

	if (w->armed)
		armed_end(w->untrack->store, &ignored);
	w->armed = false;
}

/* All that takes time, before the moment of the commit. When the ruleset changes underneath, but not
 * what this was prepared for, it need not be done again. */
static bool prepare(struct work *w)
{
	bool same = false;

	if (w->prepared.live && !target_same_base(&w->prepared, &w->target, &same, w->err))
		return false;
	if (same)
		return true;
	disarm(w);
	rendering_free(steal_pointer(&w->rendering));
	plan_free(steal_pointer(&w->prepared_plan));
	target_free(&w->prepared);
	if (!w->execution->options->no_rehearse && !rehearse(&w->target, w->err))
		return false;
	if (w->execution->options->dry_run ? !judge_change_dry(w->untrack, w->execution, &w->target,
							       w->plan, &w->advice, w->err)
					   : !judge_change(w->untrack, w->execution, &w->target,
							   w->plan, &w->target.warnings, w->err))
		return false;
	w->rendering = rendering_new(&w->target, w->plan, w->untrack->report, w->err);
	if (!w->rendering)
		return false;
	return w->execution->options->dry_run || (drop_snapshot(w) && take_snapshot(w) && arm(w));
}

/* ------------------------------------------------------------------ commit */

static bool takes_away(const struct plan *plan)
{
	array_for_each(step, &plan->steps) {
		if (step->operation != OPERATION_ADD)
			return true;
	}
	return false;
}

static bool remember_originals(struct work *w, const sysctl_values *values)
{
	return !w->target.owner ||
	       store_save_originals(w->untrack->store, w->target.owner, values, w->err);
}

static bool set_sysctls(struct work *w)
{
	autoenter entered = netns_enter(&w->untrack->ns, w->err);
	if (entered.failed)
		return false;
	array_for_each(sysctl, &w->plan->sysctls) {
		if (!sysctl_write(sysctl->name, sysctl->to, w->err)) {
			error_prefix(w->err, "the ruleset was changed, but a sysctl was not");
			w->err->changed = true;
			return false;
		}
	}
	return !w->plan->sysctls.n || remember_originals(w, &w->target.originals_end);
}

/* What is loaded now, for tables with long lists. It is only an aid: without it the next run looks. */
static bool remember(struct work *w, uint32_t generation)
{
	array_for_each(pair, &w->target.pairs) {
		autoerror ignored = ERROR_INIT;

		if (!pair->mark)
			remember_table(w->untrack, pair, generation, &ignored);
	}
	return true;
}

/* Sends it. *ret_again: someone committed in between. */
static bool commit(struct work *w, bool *ret_again)
{
	struct kernel *kernel = context_kernel(w->untrack, w->err);
	uint64_t cleared;

	*ret_again = false;
	if (takes_away(w->plan) && !clear_stale(w->untrack, &w->target, &cleared, w->err))
		return false;
	if (w->plan->sysctls.n && !remember_originals(w, &w->target.originals))
		return false;
	switch (kernel_commit(kernel, w->plan, w->plan->generation, false, w->err)) {
	case COMMIT_DONE:
		/* bound to a generation, the commit made the next one (an empty plan made none) */
		w->settled = w->plan->generation + (w->plan->steps.n ? 1 : 0);
		return remember(w, w->settled) && set_sysctls(w);
	case COMMIT_STALE:
		*ret_again = true;
		return true;
	case COMMIT_FAILED:
	default:
		return false;
	}
}

/* ------------------------------------------------------------------ the loop */

static bool check_generation(const struct work *w)
{
	const struct untrack_apply_options *options = w->execution->options;

	if (!options->has_generation || options->generation == w->target.live->generation)
		return true;
	return error_set(w->err, ERROR_CHANGED,
			 "the ruleset is at generation %" PRIu32 ", not at %" PRIu32
			 " as asked for: it changed underneath",
			 w->target.live->generation, options->generation);
}

static bool make_plan(struct work *w)
{
	target_free(&w->target);
	plan_free(steal_pointer(&w->plan));
	if (!w->execution->maker->make(w->execution->maker, w->untrack, &w->target, w->err) ||
	    !check_generation(w))
		return false;
	w->plan = target_plan(&w->target, w->err);
	return w->plan;
}

/* What was prepared for keeps the plan and the objects that the rendering names. */
static void keep_prepared(struct work *w)
{
	if (w->prepared.live)
		return;
	w->prepared = w->target;
	w->target = (struct target){0};
	w->prepared_plan = steal_pointer(&w->plan);
}

static void rest(unsigned attempt)
{
	struct timespec pause = {.tv_nsec = 100000L * (attempt % 16)};

	if (attempt > 4)
		nanosleep(&pause, NULL);
}

static bool commit_at_last(struct work *w, bool *ret_changed)
{
	bool again = true;

	for (unsigned attempt = 0; again; attempt++) {
		if (attempt == ATTEMPTS)
			return error_set(
				w->err, ERROR_CHANGED,
				"the ruleset changed underneath %u times: someone else goes "
				"on committing",
				attempt);
		rest(attempt);
		if (!make_plan(w))
			return false;
		*ret_changed = !plan_is_empty(w->plan);
		w->warned = w->target.warnings.n;
		w->settled = w->target.live->generation;
		if (!*ret_changed)
			return !w->target.verified || w->execution->options->dry_run ||
			       remember(w, w->target.live->generation);
		if (!prepare(w))
			return false;
		if (w->execution->options->dry_run)
			return true;
		if (!commit(w, &again))
			return false;
		if (again)
			keep_prepared(w);
	}
	return true;
}

static bool refuse_while_armed(struct work *w)
{
	struct armed armed;

	if (w->execution->while_armed || !armed_read(w->untrack->store, &armed, w->err))
		return !error_is_set(w->err);
	return error_set(w->err, ERROR_CONFLICT,
			 "a rollback to snapshot %" PRIu32
			 " is armed%s; end it with 'untrack confirm', or with 'untrack rollback'",
			 armed.snapshot,
			 armed.guard_alive ? "" : ", but the process that should do it has died");
}

static bool begin(struct work *w)
{
	if (w->execution->options->dry_run)
		return true;
	if (!w->execution->locked && !store_lock(w->untrack->store, LOCK_WAIT_MS, w->err))
		return false;
	return refuse_while_armed(w);
}

/* ------------------------------------------------------------------ the result */

/* The plan that the rendering was made for. */
static const struct plan *told_plan(const struct work *w)
{
	return w->prepared_plan && w->rendering ? w->prepared_plan : w->plan;
}

/* Those of the attempt that was prepared, which later ones did not look at again. */
static const texts *told_warnings(const struct work *w)
{
	return w->prepared.live && w->rendering ? &w->prepared.warnings : &w->target.warnings;
}

/* With a last line behind the change. */
static char *make_text(struct work *w)
{
	const struct untrack_apply_options *options = w->execution->options;
	autofree char *change = render_text(w->changed ? w->rendering : NULL, told_plan(w), w->err);
	autofree char *summary = view_plan_summary(told_plan(w), w->err);
	struct buf out = {0};

	if (!change || !summary)
		return NULL;
	buf_puts(&out, change);
	if (options->dry_run)
		return buf_steal_text(&out);
	if (w->changed)
		buf_printf(&out, "done: %s (snapshot %" PRIu32 " has what was there before)\n",
			   summary, w->snapshot);
	else
		buf_puts(&out, NOTHING_TO_CHANGE);
	if (options->purge)
		buf_printf(&out, "purged %" PRIu64 " connection entries that are now kept out\n",
			   w->purged);
	if (w->armed)
		buf_printf(&out, "comes back in %u s unless 'untrack confirm' is run before\n",
			   options->confirm_seconds);
	return buf_steal_text(&out);
}

static char *make_json(void *context)
{
	const struct work *w = context;
	autoerror ignored = ERROR_INIT; /* only memory can fail; NULL says so */

	return render_json(
		w->changed ? w->rendering : NULL, told_plan(w), told_warnings(w), w->generation,
		(struct told_purge){
			.entries = w->purged, .done = w->asked_to_purge, .would = w->counted},
		&ignored);
}

/* What --purge would delete, told beforehand. A dry run is none the worse where that is unknown. */
static bool count_purge(struct work *w)
{
	char room[2][COUNT_TEXT_MAX];
	autoerror ignored = ERROR_INIT;
	uint64_t all = 0;

	if (!w->changed && !w->execution->options->purge)
		return true;
	w->counted = count_kept_out(w->untrack, &w->target, &w->purged, &all, &ignored);
	return !w->purged || warn(&w->advice, w->err,
				  "--purge would delete %s of %s entries of the connection table",
				  view_count(w->purged, room[0]), view_count(all, room[1]));
}

/* What can be known only after the commit. */
static bool look_after(struct work *w)
{
	bool dry_run = w->execution->options->dry_run;

	if (dry_run && !count_purge(w))
		return false;

	w->generation = w->target.live->generation;
	w->asked_to_purge = w->execution->options->purge && !dry_run;
	return (!w->changed || dry_run ||
		kernel_generation(w->untrack->kernel, &w->generation, w->err)) &&
	       (!w->asked_to_purge || purge_kept_out(w->untrack, &w->target, &w->purged, w->err));
}

/* Takes the work over: the JSON is made of it when it is asked for. */
static struct untrack_result *finish(struct work *w)
{
	bool dry_run = w->execution->options->dry_run, changed = w->changed && !dry_run;
	struct untrack_error *err = w->err;
	struct untrack_result *result = NULL;
	texts warnings = {0};

	if (!look_after(w) || !texts_copy(told_warnings(w), &warnings) ||
	    !texts_copy(&w->advice, &warnings)) {
		error_memory(err);
		work_free(w);
	} else {
		char *text = make_text(w);

		if (w->execution->compiled)
			w->compiled = steal_pointer(w->execution->compiled);
		result = result_new_lazy(dry_run && w->changed, make_json, w, work_free, text, err);
	}
	if (result && !dry_run && w->execution->given && !w->warned &&
	    generation_tells_all(&w->target))
		remember_unchanged(w->untrack, w->execution->given,
				   w->execution->options->whole_ruleset, w->settled);
	if (result) {
		result->is_change = true;
		result_take_warnings(result, &warnings);
	} else if (err) {
		texts_free(&warnings);
		err->changed = changed;
	}
	return result;
}

struct untrack_result *execute(struct untrack *untrack, const struct execution *execution,
			       struct untrack_error *err)
{
	struct work *w = calloc(1, sizeof(*w));
	struct untrack_result *result = NULL;
	bool ok;

	if (!w) {
		error_memory(err);
		return NULL;
	}
	*w = (struct work){.untrack = untrack, .execution = execution, .err = err};
	ok = begin(w) && commit_at_last(w, &w->changed);
	if ((!ok || !w->changed) &&
	    !(err && err->changed)) { /* what was made ready is not needed */
		autoerror ignored = ERROR_INIT;

		disarm(w);
		if (w->snapshot)
			store_drop_snapshot(untrack->store, w->snapshot, &ignored);
	}
	if (ok)
		result = finish(w);
	else
		work_free(w);
	if (result && execution->maker->memo && !execution->options->dry_run)
		memo_save(untrack->store, execution->maker->memo);
	if (!execution->locked)
		store_unlock(untrack->store);
	return result;
}
