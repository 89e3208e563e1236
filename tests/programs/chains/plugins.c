// SPDX-License-Identifier: GPL-2.0-or-later
/* Libraries that come and go while the program runs, at the same address: plugins ... with two
 * libraries beside the program, PROGRAM.one.so and PROGRAM.two.so. */
#include "chains.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 200

static ElfW(Addr) first_address;
static unsigned same_address;

FUNCTION void runs(void (*run)(unsigned))
{
	run(5);
	STAY;
}

FUNCTION void load_and_run(const char *program, const char *plugin, int is_first)
{
	char path[4096];
	ElfW(Addr) address;
	void *library;
	void (*run)(unsigned);

	snprintf(path, sizeof(path), "%s.%s.so", program, plugin);
	library = dlopen(path, RTLD_NOW);
	run = library ? (void (*)(unsigned))dlsym(library, "plugin_run") : NULL;
	if (!run) {
		fprintf(stderr, "%s\n", dlerror());
		_exit(1);
	}
	/* what a handle points to, as dlinfo() would say */
	address = ((const struct link_map *)library)->l_addr;
	if (!first_address)
		first_address = address;
	same_address += address == first_address;
	runs(run);
	/* at its first sight a recorder has to open it */
	if (is_first)
		usleep(500000);
	dlclose(library);
}

int main(int argc, char **argv)
{
	char program[4000];
	ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (size < 0)
		return 1;
	program[size] = 0;
	chains_begin(argc, argv);
	for (unsigned i = 0; i < ROUNDS; i++) {
		load_and_run(program, "one", i == 0);
		load_and_run(program, "two", i == 0);
		usleep(2000);
	}
	/* else it tells nothing */
	if (same_address <= ROUNDS) {
		fprintf(stderr, "the plugins are not at one address\n");
		return 1;
	}
	chain(13001, CHAIN_LATER, "one_leaf plugin_run runs load_and_run @main");
	chain(13002, CHAIN_LATER, "two_leaf plugin_run runs load_and_run @main");
	/* while glibc maps and unmaps */
	chain(13011, CHAIN_LATER, "one_leaf one_begin call_init ... load_and_run @main");
	chain(13012, CHAIN_LATER, "two_leaf two_begin call_init ... load_and_run @main");
	chain(13021, CHAIN_LATER, "one_leaf one_end ... load_and_run @main");
	chain(13022, CHAIN_LATER, "two_leaf two_end ... load_and_run @main");
	chains_end();
}
