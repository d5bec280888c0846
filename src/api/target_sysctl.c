/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/target.h"

#include "base/cleanup.h"
#include "kernel/sysctl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool add_value(sysctl_values *values, const char *name, uint64_t value,
		      struct untrack_error *err)
{
	struct sysctl_value copy = {strdup(name), value};

	if (!copy.name || !array_push(values, copy)) {
		free(copy.name);
		return error_memory(err);
	}
	return true;
}

static const struct sysctl_value *find_value(const sysctl_values *values, const char *name)
{
	array_for_each(value, values) {
		if (!strcmp(value->name, name))
			return value;
	}
	return NULL;
}

static bool add_wish(struct target *target, const char *name, uint64_t from, uint64_t to,
		     struct untrack_error *err)
{
	struct sysctl_wish one = {strdup(name), from, to};

	if (!one.name || !array_push(&target->sysctls, one)) {
		free(one.name);
		return error_memory(err);
	}
	return true;
}

/*
 * One sysctl: its value now, and a wish if that is not yet what it shall be. What this namespace may
 * not write is told before anything is committed, and is no difference: apply could never make it
 * equal. path: where it stands in the policy, or NULL.
 */
static bool wish(struct target *target, const char *name, uint64_t value, const char *path,
		 struct untrack_error *err)
{
	const char *between = path ? ": " : "";
	autoerror why = ERROR_INIT;
	uint64_t now;

	path = path ? path : "";
	if (!sysctl_read(name, &now, &why))
		return warn(&target->warnings, err, "%s%s%s; it is left out", path, between,
			    why.message ? why.message : name);
	if (!add_value(&target->now, name, now, err))
		return false;
	if (now == sysctl_rounded(name, value))
		return true;
	if (sysctl_writable(name))
		return add_wish(target, name, now, value, err);
	return warn(
		&target->warnings, err,
		"%s%s%s cannot be set in this network namespace, only in the initial one: it stays "
		"at %" PRIu64 ", not %" PRIu64,
		path, between, name, now, value);
}

/* Has it to be remembered what this one was before: it changes now, or we changed it earlier. */
static bool remember(struct target *target, const char *name, const sysctl_values *known,
		     bool lasting, struct untrack_error *err)
{
	const struct sysctl_value *before = find_value(known, name);
	uint64_t original = before ? before->value : 0;
	bool wished = false;

	array_for_each(one, &target->sysctls) {
		if (!strcmp(one->name, name)) {
			original = before ? original : one->from;
			wished = true;
		}
	}
	if (!before && !wished)
		return true;
	return add_value(&target->originals, name, original, err) &&
	       (!lasting || add_value(&target->originals_end, name, original, err));
}

/* What was set earlier and is not any more goes back to what it was. */
static bool wish_back(struct target *target, const sysctl_values *known, struct untrack_error *err)
{
	array_for_each(value, known) {
		if (!find_value(&target->originals, value->name) &&
		    (!wish(target, value->name, value->value, NULL, err) ||
		     !remember(target, value->name, known, false, err)))
			return false;
	}
	return true;
}

static bool wish_policy(struct target *target, const struct policy *policy,
			const sysctl_values *known, struct untrack_error *err)
{
	array_for_each(sysctl, &policy->sysctls) {
		if (!wish(target, sysctl->name, sysctl->value, sysctl->origin.path, err) ||
		    !remember(target, sysctl->name, known, true, err))
			return false;
	}
	return true;
}

static bool wish_values(struct target *target, const sysctl_values *values,
			const sysctl_values *known, struct untrack_error *err)
{
	array_for_each(value, values) {
		const struct sysctl_value *before = find_value(known, value->name);

		if (!wish(target, value->name, value->value, NULL, err) ||
		    !remember(target, value->name, known, before && before->value != value->value,
			      err))
			return false;
	}
	return true;
}

bool target_add_sysctls(struct untrack *untrack, struct target *target, const struct policy *policy,
			struct untrack_error *err)
{
	sysctl_values known = {0};
	bool ok;

	if (untrack->is_saved)
		return true;
	autoenter entered = netns_enter(&untrack->ns, err);
	if (entered.failed || !store_load_originals(untrack->store, target->owner, &known, err))
		return false;
	ok = (!policy || wish_policy(target, policy, &known, err)) &&
	     wish_back(target, &known, err);
	sysctl_values_free(&known);
	return ok;
}

bool target_add_values(struct untrack *untrack, struct target *target, const sysctl_values *values,
		       struct untrack_error *err)
{
	sysctl_values known = {0};
	bool ok;

	autoenter entered = netns_enter(&untrack->ns, err);
	if (entered.failed || !target->owner)
		return !entered.failed;
	if (!store_load_originals(untrack->store, target->owner, &known, err))
		return false;
	ok = wish_values(target, values, &known, err) && wish_back(target, &known, err);
	sysctl_values_free(&known);
	return ok;
}
