// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Inlined calls of a thousand addresses, frame by frame, against eu-addr2line: function, file and
 * line of each. Where elfutils 0.188 takes an abstract instance's scopes for those of another
 * inlined copy (it does with one address in three of clang's code, and prints a frame twice),
 * llvm-symbolizer must say what we say.
 */
#include "symbols/dwarf.h"
#include "symbols/elf.h"

#include <fcntl.h>
#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ADDRESSES 1000
#define SOURCE	  "tests/unit/symbols/inlines.cpp"
#define TEXT_MAX  (128u << 10) /* of one address: deep chains of long names */

static char program[64], source[1024];
static uint64_t addresses[ADDRESSES];
static char *ours[ADDRESSES], *of_elfutils[ADDRESSES],
	*of_llvm[ADDRESSES]; /* as addr2line -s says */
static size_t chained, longest;

/* The source is where this program was built, some folders up. */
static int find_source(void **state)
{
	char folder[512] = "", *up = folder;

	(void)state;
	if (readlink("/proc/self/exe", folder, sizeof(folder) - 1) < 0)
		return -1;
	do {
		up = dirname(up);
		snprintf(source, sizeof(source), "%s/" SOURCE, up);
	} while (access(source, R_OK) && strcmp(up, "/") != 0);
	return access(source, R_OK);
}

static void compile(const char *compiler)
{
	char command[2048];

	strcpy(program, "/tmp/heaptrail-inlines-XXXXXX");
	close(mkstemp(program));
	snprintf(command, sizeof(command), "%s -std=c++17 -O2 %s -o %s", compiler, source, program);
	assert_int_equal(system(command), 0);
}

struct covered {
	size_t bytes, step;
	size_t count;
};

/* Not what the C library adds to every program: it has no debug information there. */
static bool is_of_source(const struct elf_symbol *symbol)
{
	return strncmp(symbol->name, "_Z", 2) == 0 || strncmp(symbol->name, "main", 4) == 0;
}

static void count_bytes(const struct elf_symbol *symbol, void *context)
{
	if (is_of_source(symbol))
		((struct covered *)context)->bytes += symbol->size;
}

static void choose_some(const struct elf_symbol *symbol, void *context)
{
	struct covered *covered = context;

	for (uint64_t i = 0; is_of_source(symbol) && i < symbol->size; i++)
		if (covered->bytes++ % covered->step == 0 && covered->count < ADDRESSES)
			addresses[covered->count++] = symbol->address + i;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Evenly over all functions that the program has. */
static void choose_addresses(void)
{
	struct covered covered = { 0 };
	struct elf *elf = NULL;
	int fd = open(program, O_RDONLY);

	assert_int_equal(elf_open(fd, &elf), 0);
	close(fd);
	elf_each_function(elf, count_bytes, &covered);
	covered.step = covered.bytes / ADDRESSES;
	assert_true(covered.step > 1);
	covered.bytes = 0;
	elf_each_function(elf, choose_some, &covered);
	assert_int_equal(covered.count, ADDRESSES);
	qsort(addresses, ADDRESSES, sizeof(addresses[0]), compare_u64);
	elf_close(elf);
}

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "??";
}

static void print_sources(size_t i, const struct source *sources, size_t count, void *context)
{
	char *text = malloc(TEXT_MAX);
	size_t size = 0;

	(void)context;
	assert_null(ours[i]);
	for (size_t k = 0; k < count; k++)
		size += (size_t)snprintf(text + size, TEXT_MAX - size, "%s\n%s:%u\n",
					 sources[k].function ? sources[k].function : "??",
					 base_name(sources[k].file), sources[k].line);
	ours[i] = text;
	chained += count > 1;
	if (count > longest)
		longest = count;
}

static void ask_ours(void)
{
	struct demangler demangler = { 0 };
	struct debug_info *info = NULL;
	int fd = open(program, O_RDONLY);

	chained = longest = 0;
	assert_int_equal(debug_info_open(fd, -1, &info), 0);
	close(fd);
	assert_int_equal(
		debug_info_find(info, &demangler, addresses, ADDRESSES, print_sources, NULL), 0);
	debug_info_close(info);
	demangler_free(&demangler);
}

/* Cuts the line, if there is something, before that. */
static void cut(char *line, const char *before)
{
	char *end = strstr(line, before);

	if (end)
		*end = 0;
}

/* Function, then file:line, and what each tool adds to that. */
static size_t append_line(char *text, size_t size, char *line, bool is_function)
{
	const char *name = is_function ? line : base_name(line);

	cut(line, "\n");
	if (is_function) {
		cut(line, " inlined at ");
		cut(line, " (.cold)");
	} else {
		cut(line, " (discriminator");
		char *colon = strchr(name, ':');
		char *column = colon ? strchr(colon + 1, ':') : NULL;
		if (column)
			*column = 0;
	}
	return size + (size_t)snprintf(text + size, TEXT_MAX - size, "%s\n", name);
}

static void read_theirs(FILE *pipe, char *theirs[static ADDRESSES])
{
	static char line[TEXT_MAX];

	assert_non_null(fgets(line, sizeof(line), pipe));
	for (size_t i = 0; i < ADDRESSES; i++) {
		size_t size = 0;
		bool is_function = true;
		assert_int_equal(strtoull(line, NULL, 16), addresses[i]);
		theirs[i] = calloc(1, TEXT_MAX);
		while (fgets(line, sizeof(line), pipe) && strncmp(line, "0x", 2) != 0) {
			size = append_line(theirs[i], size, line, is_function);
			is_function = !is_function;
		}
	}
}

static void ask_theirs(const char *tool, char *theirs[static ADDRESSES])
{
	char list[80], command[512];

	snprintf(list, sizeof(list), "%s.list", program);
	FILE *file = fopen(list, "w");
	assert_non_null(file);
	for (size_t i = 0; i < ADDRESSES; i++)
		fprintf(file, "0x%lx\n", addresses[i]);
	fclose(file);
	snprintf(command, sizeof(command), "%s%s <%s", tool, program, list);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	read_theirs(pipe, theirs);
	assert_int_equal(pclose(pipe), 0);
	unlink(list);
}

/* The same files and lines. A function without linkage name llvm-symbolizer looks up among symbols;
 * and its demangler writes some things in its own way. */
static bool has_same_lines(const char *left, const char *right)
{
	bool is_function = true;

	for (; *left && *right; is_function = !is_function) {
		size_t left_size = strcspn(left, "\n"), right_size = strcspn(right, "\n");
		if (!is_function &&
		    (left_size != right_size || memcmp(left, right, left_size) != 0))
			return false;
		left += left_size + 1;
		right += right_size + 1;
	}
	return !*left && !*right;
}

static size_t compare(void)
{
	size_t same = 0, names = 0;

	for (size_t i = 0; i < ADDRESSES; i++) {
		assert_non_null(ours[i]);
		if (strcmp(ours[i], of_elfutils[i]) == 0)
			same++;
		else if (strcmp(ours[i], of_llvm[i]) != 0) {
			if (!has_same_lines(ours[i], of_llvm[i]))
				print_message("0x%lx\n%s\nnot\n%s\nnor\n%s\n", addresses[i],
					      ours[i], of_elfutils[i], of_llvm[i]);
			assert_true(has_same_lines(ours[i], of_llvm[i]));
			names++;
		}
		free(ours[i]);
		free(of_elfutils[i]);
		free(of_llvm[i]);
		ours[i] = NULL;
	}
	print_message("%zu are eu-addr2line's, %zu llvm-symbolizer's, %zu but for a name\n", same,
		      ADDRESSES - same, names);
	assert_true(names < ADDRESSES / 20);
	return same;
}

static void check(const char *compiler, size_t same)
{
	compile(compiler);
	choose_addresses();
	ask_ours();
	print_message("%s: %zu of %d addresses are in inlined code, up to %zu deep\n", compiler,
		      chained, ADDRESSES, longest);
	assert_true(chained > ADDRESSES / 4);
	assert_true(longest > 5);
	ask_theirs("eu-addr2line -a -i -f -C -e ", of_elfutils);
	ask_theirs("llvm-symbolizer --output-style=GNU -a -i -f -C --obj=", of_llvm);
	assert_true(compare() >= same);
	unlink(program);
}

static void chains_of_gcc_in_dwarf_4_are_those_of_addr2line(void **state)
{
	(void)state;
	check("g++ -gdwarf-4", 980);
}

static void chains_of_gcc_in_dwarf_5_are_those_of_addr2line(void **state)
{
	(void)state;
	check("g++ -gdwarf-5", 980);
}

/* eu-addr2line finds no unit that has no aranges. */
static void chains_of_clang_in_dwarf_4_are_those_of_addr2line(void **state)
{
	(void)state;
	check("clang++ -gdwarf-aranges -gdwarf-4", 600);
}

static void chains_of_clang_in_dwarf_5_are_those_of_addr2line(void **state)
{
	(void)state;
	check("clang++ -gdwarf-aranges -gdwarf-5", 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_of_gcc_in_dwarf_4_are_those_of_addr2line),
		cmocka_unit_test(chains_of_gcc_in_dwarf_5_are_those_of_addr2line),
		cmocka_unit_test(chains_of_clang_in_dwarf_4_are_those_of_addr2line),
		cmocka_unit_test(chains_of_clang_in_dwarf_5_are_those_of_addr2line),
	};

	return cmocka_run_group_tests(tests, find_source, NULL);
}
