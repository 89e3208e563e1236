// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * names FILE [DEBUG] <ADDRESSES: names addresses of a module as the symbolizer does, and prints
 * what eu-addr2line -a -i -f -C would. One address in hexadecimal per line.
 */
#include "symbols/dwarf.h"
#include "symbols/elf.h"
#include "symbols/nearest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ADDRESSES_MAX (1u << 22)

static uint64_t addresses[ADDRESSES_MAX];
static size_t address_count;
static struct source *sources[ADDRESSES_MAX];
static size_t source_counts[ADDRESSES_MAX];
static struct demangler demangler;

static void fail(const char *what, int err)
{
	fprintf(stderr, "names: %s: %s\n", what, strerror(-err));
	exit(1);
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static void read_addresses(void)
{
	char line[64];

	while (address_count < ADDRESSES_MAX && fgets(line, sizeof(line), stdin))
		addresses[address_count++] = strtoull(line, NULL, 16);
	qsort(addresses, address_count, sizeof(addresses[0]), compare_u64);
}

static void keep(size_t i, const struct source *found, size_t count, void *context)
{
	(void)context;
	sources[i] = malloc(count * sizeof(*found));
	if (!sources[i])
		fail("memory", -ENOMEM);
	memcpy(sources[i], found, count * sizeof(*found));
	source_counts[i] = count;
}

static struct debug_info *find_debug_info(int fd)
{
	struct debug_info *info = NULL;
	int err = debug_info_open(fd, -1, &info);

	if (!err)
		err = debug_info_find(info, &demangler, addresses, address_count, keep, NULL);
	if (err && err != -ENODATA)
		fail("debug information", err);
	return info;
}

static void print_one(const struct nearest *nearest, size_t i)
{
	static const struct source NOTHING;
	size_t count = source_counts[i] ? source_counts[i] : 1;

	printf("0x%016lx\n", addresses[i]);
	for (size_t k = 0; k < count; k++) {
		const struct source *source = sources[i] ? &sources[i][k] : &NOTHING;
		const char *function = source->function;
		if (!function && k == count - 1)
			function = nearest_find(nearest, addresses[i]);
		printf("%s\n%s:%u\n", function ? demangle(&demangler, function) : "??",
		       source->file ? source->file : "??", source->line);
	}
}

static struct elf *open_elf(const char *path, int *fd)
{
	struct elf *elf = NULL;

	*fd = open(path, O_RDONLY | O_CLOEXEC);
	int err = *fd < 0 ? -errno : elf_open(*fd, &elf);
	if (err)
		fail(path, err);
	return elf;
}

int main(int argc, char **argv)
{
	struct nearest *nearest = NULL;
	int fd;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: names FILE [DEBUG] <ADDRESSES\n");
		return 2;
	}
	read_addresses();
	struct elf *elf = open_elf(argv[1], &fd);
	struct elf *debug = argc == 3 ? open_elf(argv[2], &fd) : NULL;
	struct debug_info *info = find_debug_info(fd);
	int err = nearest_new(elf, debug, &nearest);
	if (err)
		fail("symbols", err);
	for (size_t i = 0; i < address_count; i++) {
		print_one(nearest, i);
		free(sources[i]);
	}
	nearest_free(nearest);
	debug_info_close(info);
	demangler_free(&demangler);
	elf_close(debug);
	elf_close(elf);
	return 0;
}
