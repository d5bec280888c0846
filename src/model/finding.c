/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/finding.h"

const char *severity_name(enum severity severity)
{
	static const char *const name[] = {
		[SEVERITY_NOTE] = "note",
		[SEVERITY_WARNING] = "warning",
		[SEVERITY_ERROR] = "error",
	};

	return name[severity];
}

void findings_free(struct findings *findings)
{
	array_for_each(finding, &findings->list) {
		free(finding->service);
		free(finding->table);
		free(finding->chain);
		free(finding->message);
		free(finding->remedy);
	}
	array_free(&findings->list);
}

size_t findings_count(const struct findings *findings, enum severity severity)
{
	size_t count = 0;

	array_for_each(finding, &findings->list)
		count += finding->severity == severity;
	return count;
}
