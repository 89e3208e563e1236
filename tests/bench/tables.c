// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tables [-w] [-v] PATH...: compiles the unwind tables of every ELF file below the paths (/usr by
 * default), and says how many rows they have, how large they are, and how long it took. -w: whole
 * tables, not only rows that can hold a return address. -v: a line per file.
 */
#include "base/unwind_blob.h"
#include "symbols/unwind_table.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const KINDS[] = { "invalid", "end",	       "rsp",	     "rbp",
				     "plt",	"deref-rsp",   "deref-rbp",  "signal",
				     "other",	"ra-register", "expression", "register" };

static struct {
	uint64_t files, refused, raw_rows, rows, rules, bytes, time_ns;
	uint64_t kinds[16];
} total;

static bool is_whole, is_verbose;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void add(const char *path, const struct bytes_buffer *table, uint64_t time_ns)
{
	struct unwind_blob blob;

	if (unwind_blob_load(table->data, table->size, &blob)) {
		printf("%s: what was compiled cannot be loaded\n", path);
		exit(1);
	}
	/* as the kernel side holds it: index and rows; rules are shared by all modules */
	uint64_t bytes = 4ULL * (blob.header->page_count + 1 + blob.header->row_count);
	total.files++;
	total.raw_rows += blob.header->raw_row_count;
	total.rows += blob.header->row_count;
	total.rules += blob.header->rule_count;
	total.bytes += bytes;
	for (int i = 0; i < 16; i++)
		total.kinds[i] += blob.header->kind_counts[i];
	if (is_verbose)
		printf("%9u raw rows %8u kept %5u rules %8.1f KiB %7.2f ms  %s\n",
		       blob.header->raw_row_count, blob.header->row_count, blob.header->rule_count,
		       (double)bytes / 1024, (double)time_ns / 1e6, path);
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *where)
{
	struct bytes_buffer table = { 0 };
	struct elf *elf = NULL;

	(void)where;
	if (type != FTW_F || st->st_size < 64)
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (elf_open(fd, &elf) == 0) {
		uint64_t start_ns = now_ns();
		int err = unwind_table_compile(elf, is_whole, &table);
		uint64_t time_ns = now_ns() - start_ns;
		total.time_ns += time_ns;
		if (err == 0)
			add(path, &table, time_ns);
		else if (err != -ENODATA) {
			total.refused++;
			printf("%s: %s\n", path, strerror(-err));
		}
		bytes_free(&table);
		elf_close(elf);
	}
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "wv")) != -1) {
		is_whole |= option == 'w';
		is_verbose |= option == 'v';
		if (option == '?')
			return 2;
	}
	if (optind == argc)
		nftw("/usr", visit, 16, FTW_PHYS);
	for (int i = optind; i < argc; i++)
		nftw(argv[i], visit, 16, FTW_PHYS);
	printf("%lu files, %lu refused\n%lu raw rows, %lu kept, %lu rules, %.2f MB, %.1f bytes per row kept\n",
	       total.files, total.refused, total.raw_rows, total.rows, total.rules,
	       (double)total.bytes / 1e6, (double)total.bytes / (double)(total.rows + !total.rows));
	printf("%.0f ms, %.1f million raw rows per second\n", (double)total.time_ns / 1e6,
	       (double)total.raw_rows * 1e3 / (double)(total.time_ns + 1));
	for (size_t i = 0; i < sizeof(KINDS) / sizeof(*KINDS); i++)
		printf("%s %lu%s", KINDS[i], total.kinds[i],
		       i + 1 < sizeof(KINDS) / sizeof(*KINDS) ? ", " : "\n");
	return 0;
}
