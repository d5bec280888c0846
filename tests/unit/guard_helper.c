/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard that tests of the armed rollback start: guard_helper IDENTITY FILE. Where the program
 * would roll back, it writes the snapshot's number into the file. */
#include "base/cleanup.h"
#include "store/armed.h"

#include <inttypes.h>

int main(int argc, char **argv)
{
	autoerror err = ERROR_INIT;
	autoclean(store_close_p) struct store *store = NULL;
	autofclose FILE *fired = NULL;
	uint32_t snapshot = 0;
	bool fire = false;

	if (argc != 3)
		return 2;
	store = store_open(NULL, NULL, argv[1], &err);
	if (!store || !armed_wait(store, &fire, &snapshot, &err))
		return 2;
	if (!fire)
		return 0;
	fired = fopen(argv[2], "w");
	if (!fired || fprintf(fired, "%" PRIu32, snapshot) < 0)
		return 2;
	return armed_end(store, &err) ? 0 : 2;
}
