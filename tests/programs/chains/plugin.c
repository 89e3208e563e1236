// SPDX-License-Identifier: GPL-2.0-or-later
/* Built several times, with PLUGIN as another name each time, and with frames that differ as ROOM
 * does. */
#include "chains.h"

#define JOIN(a, b)  a##b
#define NAMED(a, b) JOIN(a, b)

FUNCTION void NAMED(PLUGIN, _leaf)(size_t size)
{
	volatile char room[ROOM] = { 0 };

	ALLOCATE(size);
	(void)room;
}

__attribute__((constructor)) FUNCTION void NAMED(PLUGIN, _begin)(void)
{
	NAMED(PLUGIN, _leaf)(SIZE + 10);
	STAY;
}

__attribute__((destructor)) FUNCTION void NAMED(PLUGIN, _end)(void)
{
	volatile char room[ROOM * 2] = { 0 };

	NAMED(PLUGIN, _leaf)(SIZE + 20);
	STAY;
	(void)room;
}

__attribute__((visibility("default"))) FUNCTION void plugin_run(unsigned times)
{
	volatile char room[ROOM * 3] = { 0 };

	for (unsigned i = 0; i < times; i++)
		NAMED(PLUGIN, _leaf)(SIZE);
	STAY;
	(void)room;
}
