/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "golden.h"

Test(json, refuses_what_is_no_json_with_these_words)
{
	golden_folder(TEST_DATA "/json-bad");
}
