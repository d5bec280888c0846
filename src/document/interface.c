/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "document/interface.h"

#include <ctype.h>
#include <net/if.h>
#include <string.h>

bool interface_is_valid(const char *name, bool may_be_wildcard)
{
	size_t length = strlen(name);
	bool wildcard = may_be_wildcard && length && name[length - 1] == '*';

	if (wildcard)
		length--;
	if (!length || length >= IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (size_t i = 0; i < length; i++)
		if (strchr("/:*", name[i]) || isspace((unsigned char)name[i]))
			return false;
	return true;
}
