// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a target's file is probed: sites of functions, those that the person has told of among
 * them, and points that it declares. */
#include "tests/fuzz/elf_input.h"

#include "base/functions.h"
#include "symbols/points.h"
#include "symbols/sites.h"

/* By name, and by an offset that may be anything in the file. */
static void add_users(void)
{
	static const char *const TEXTS[] = { "main:size=arg2,old=arg1", "x+0x1000:size=arg1",
					     "x+0x1040:size=arg1,result=arg6" };
	static bool are_added;
	struct user_function user;
	const char *why;

	for (size_t i = 0; !are_added && i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
		require(user_function_parse(TEXTS[i], false, &user, &why) == 0 &&
			functions_add(&user) == 0);
	are_added = true;
}

static void check(const struct elf *elf, const struct probe_site *site, size_t size)
{
	uint64_t address;

	require(site->offset < size && site->entry_offset < size);
	require(elf_address_of(elf, site->offset, &address));
	require(site->function < functions_count());
	require(memchr(site->symbol, 0, sizeof(site->symbol)) &&
		memchr(site->instruction, 0, sizeof(site->instruction)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct probe_site sites[MODULE_SITES_MAX];
	struct elf_input input;
	uint32_t count = 0, refused = 0;

	add_users();
	if (!elf_input_open(&input, data, size))
		return 0;
	sites_find(input.elf, sites, &count, &refused);
	points_find(input.elf, sites, &count, &refused, &refused);
	require(count <= MODULE_SITES_MAX);
	for (uint32_t i = 0; i < count; i++)
		check(input.elf, &sites[i], size);
	elf_input_close(&input);
	return 0;
}
