// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loads libraries, allocates in each, and unloads it: plugins [-g FIFO] [-o FILE] ROUNDS KEEP
 * LIBRARY...
 *
 * Where KEEP is 0, one library is gone before the next one comes, which then is mapped where the
 * other was. A library exports its site's name, and the site (tests/lib/plugin.c). dlopen()
 * allocates, too: there are more calls than the truth has.
 */
#include "truth.h"

#include <dlfcn.h>
#include <link.h>

static uintptr_t last_base;
static uint64_t same_base;

SITE struct block call_plugin(void *(*site)(size_t), const char *name, size_t size)
{
	return truth_alloc(name, site(size), size);
}

/* A name that stays when its library goes. */
static const char *kept(const char *name)
{
	static char names[8][64];

	for (size_t i = 0; i < 8; i++) {
		if (!names[i][0])
			strncpy(names[i], name, sizeof(names[i]) - 1);
		if (strcmp(names[i], name) == 0)
			return names[i];
	}
	_exit(3);
}

static void round_with(const char *path, bool is_kept, size_t size)
{
	void *library = dlopen(path, RTLD_NOW);
	struct link_map *map;

	if (!library || dlinfo(library, RTLD_DI_LINKMAP, &map))
		_exit(3);
	const char *name = dlsym(library, "plugin_name");
	void *(*site)(size_t) = (void *(*)(size_t))dlsym(library, name);
	same_base += map->l_addr == last_base;
	last_base = map->l_addr;
	for (size_t i = 0; i < 3; i++) {
		struct block block = call_plugin(site, kept(name), size + i);
		block_free(&block);
	}
	if (!is_kept)
		dlclose(library);
}

int main(int argc, char **argv)
{
	int next = truth_arguments(argc, argv);
	uint64_t rounds = truth_number(argc, argv, next, 1);
	uint64_t is_kept = truth_number(argc, argv, next + 1, 0);

	truth_go();
	for (uint64_t i = 0; i < rounds; i++)
		for (int k = next + 2; k < argc; k++) {
			round_with(argv[k], is_kept, 16 + i % 64);
			if (!is_kept)
				usleep(2000);
		}
	truth_put_field("same base ", same_base);
	truth_put("\n");
	truth_write(STDOUT_FILENO);
	truth_end();
}
