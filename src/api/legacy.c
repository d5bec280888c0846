/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "api/legacy.h"

#include "kernel/legacy.h"

DEFINE_AUTOCLEAN(struct ruleset, ruleset_free)

bool legacy_rules(struct untrack *untrack, struct ruleset **ret_rules, texts *warnings,
		  struct untrack_error *err)
{
	autoclean(ruleset_free_p) struct ruleset *rules = NULL;
	autolegacy legacy = {0};
	autoerror why = ERROR_INIT;

	if (!legacy_read(&untrack->ns, &legacy, err))
		return false;
	/* Extensions or sets that iptables-nft has not, for example, make it fail. */
	rules = legacy_ruleset(&legacy, &why);
	if (!rules && !warn(warnings, err, "legacy iptables tables were not looked at: %s",
			    why.message ? why.message : "out of memory"))
		return false;
	if (legacy.unread &&
	    !warn(warnings, err, "legacy iptables tables were not looked at: %s", legacy.unread))
		return false;
	*ret_rules = legacy.unread ? NULL : steal_pointer(&rules);
	return true;
}
