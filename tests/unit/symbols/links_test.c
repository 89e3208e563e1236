// SPDX-License-Identifier: GPL-2.0-or-later
/* Debug files as distributions make them: split off by objcopy, common parts moved out by dwz. */
#include "symbols/links.h"
#include "symbols/dwarf.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/heaptrail-links-XXXXXX";

static const char HEADER[] =
	"#include <stdlib.h>\n#include <stdio.h>\n"
	"struct shelf { int count; struct shelf *next; double values[7]; char name[33]; };\n"
	"struct shop { struct shelf *first, *last; unsigned int size, capacity; FILE *log; };\n"
	"static inline __attribute__((always_inline)) int shelf_add(struct shelf *shelf, double value)\n"
	"{ shelf->values[shelf->count % 7] = value; if (shelf->next) shelf->next->count += rand();\n"
	"  return shelf->count++; }\n"
	"static inline __attribute__((always_inline)) int shop_fill(struct shop *shop, int n)\n"
	"{ int all = 0; for (int i = 0; i < n; i++)\n"
	"    all += shelf_add(shop->first, rand()) + shelf_add(shop->last, i);\n"
	"  fprintf(shop->log, \"%d\", all); return all; }\n";
static const char FIRST[] = "#include \"shop.h\"\n"
			    "int main(int n, char **args) { return shop_fill((void *)args, n); }\n";
static const char SECOND[] =
	"#include \"shop.h\"\n"
	"int second(struct shop *shop) { return shop_fill(shop, 3) + shelf_add(shop->last, 1); }\n"
	"int main(int n, char **args) { return second((void *)args); }\n";

static void run(const char *command)
{
	char line[1024];

	snprintf(line, sizeof(line), "cd %s && %s", directory, command);
	assert_int_equal(system(line), 0);
}

static void write_file(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	write_file("shop.h", HEADER);
	write_file("first.c", FIRST);
	write_file("second.c", SECOND);
	return 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static int open_path(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return open(path, O_RDONLY);
}

static struct elf *open_elf(const char *name)
{
	struct elf *elf = NULL;
	int fd = open_path(name);

	assert_int_equal(elf_open(fd, &elf), 0);
	close(fd);
	return elf;
}

static bool is_debug(const char *module_name, const char *debug_name)
{
	struct elf *module = open_elf(module_name), *debug = open_elf(debug_name);
	bool is_it = links_is_debug(module, debug);

	elf_close(debug);
	elf_close(module);
	return is_it;
}

static void split(const char *options)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "for p in first second; do gcc -O2 -g %s $p.c -o $p &&"
		 " objcopy --only-keep-debug $p $p.debug &&"
		 " objcopy -S --add-gnu-debuglink=$p.debug $p $p.bare; done",
		 options);
	run(command);
}

static void a_debug_file_is_known_by_its_build_id(void **state)
{
	(void)state;
	split("-Wl,--build-id=sha1");
	assert_true(is_debug("first.bare", "first.debug"));
	assert_false(is_debug("first.bare", "second.debug"));
	/* whatever its bytes are */
	run("objcopy -R .comment first.debug first.other");
	assert_true(is_debug("first.bare", "first.other"));
}

static void a_debug_file_is_known_by_its_checksum(void **state)
{
	struct debug_links links;

	(void)state;
	split("-Wl,--build-id=none");
	struct elf *elf = open_elf("first.bare");
	links_read(elf, &links);
	elf_close(elf);
	assert_string_equal(links.name, "first.debug");
	assert_true(is_debug("first.bare", "first.debug"));
	assert_false(is_debug("first.bare", "second.debug"));
	run("cp first.debug first.other && echo >>first.other");
	assert_false(is_debug("first.bare", "first.other"));
	assert_false(is_debug("first", "first.debug"));
}

static void a_link_that_does_not_end_says_nothing(void **state)
{
	static const char *const CONTENTS[] = { "no terminator", "", "\\0\\0\\0\\0\\1\\2\\3\\4",
						"name\\0\\0\\0\\0\\1\\2\\3" };
	struct debug_links links;
	char command[256];

	(void)state;
	split("-Wl,--build-id=none");
	for (size_t i = 0; i < sizeof(CONTENTS) / sizeof(*CONTENTS); i++) {
		snprintf(command, sizeof(command),
			 "printf '%s' >link && objcopy --add-section .gnu_debuglink=link"
			 " --add-section .gnu_debugaltlink=link first bad",
			 CONTENTS[i]);
		run(command);
		struct elf *elf = open_elf("bad");
		links_read(elf, &links);
		elf_close(elf);
		assert_string_equal(links.name, "");
		assert_true(i == 3 || links.common_id_size == 0);
	}
}

/* ---- dwz ---- */

static void keep(size_t i, const struct source *sources, size_t count, void *context)
{
	char **texts = context, text[1024] = "";
	size_t size = 0;

	for (size_t k = 0; k < count && size < sizeof(text); k++)
		size += (size_t)snprintf(text + size, sizeof(text) - size, "%s %s:%u\n",
					 sources[k].function, sources[k].file, sources[k].line);
	texts[i] = strdup(text);
}

/* What is told of the 512 bytes from main's begin on. */
static void tell(const char *name, const char *common_name, uint64_t start, char *texts[static 512])
{
	struct demangler demangler = { 0 };
	struct debug_info *info = NULL;
	uint64_t addresses[512];
	int fd = open_path(name), common = common_name ? open_path(common_name) : -1;

	for (size_t i = 0; i < 512; i++)
		addresses[i] = start + i;
	assert_int_equal(debug_info_open(fd, common, &info), 0);
	close(fd);
	if (common >= 0)
		close(common);
	assert_int_equal(debug_info_find(info, &demangler, addresses, 512, keep, texts), 0);
	debug_info_close(info);
	demangler_free(&demangler);
}

static size_t count_same(char *left[static 512], char *right[static 512])
{
	size_t same = 0;

	for (size_t i = 0; i < 512; i++) {
		same += !left[i] == !right[i] && (!left[i] || strcmp(left[i], right[i]) == 0);
		free(right[i]);
		right[i] = NULL;
	}
	return same;
}

static void find_second(const struct elf_symbol *symbol, void *context)
{
	if (strcmp(symbol->name, "second") == 0)
		*(uint64_t *)context = symbol->address;
}

static void check_dwz(const char *options)
{
	char *whole[512] = { 0 }, *told[512] = { 0 };
	uint64_t start = 0;
	bool is_inlined = false;

	split(options);
	run("cp second whole && dwz -m common first second");
	struct elf *elf = open_elf("second"), *common = open_elf("common");
	elf_each_function(elf, find_second, &start);
	assert_true(links_is_common(elf, common));
	assert_false(links_is_common(common, elf));
	elf_close(common);
	elf_close(elf);
	tell("whole", NULL, start, whole);
	for (size_t i = 0; i < 512; i++)
		is_inlined |= whole[i] && strstr(whole[i], "shelf_add ") &&
			      strstr(whole[i], "shop_fill ") && strstr(whole[i], "second ");
	assert_true(is_inlined);
	tell("second", "common", start, told);
	assert_int_equal(count_same(whole, told), 512);
	/* and without it names are missing, and nothing worse */
	tell("second", NULL, start, told);
	assert_true(count_same(whole, told) < 512);
	for (size_t i = 0; i < 512; i++)
		free(whole[i]);
}

static void what_dwz_moved_to_a_common_file_is_found_there(void **state)
{
	(void)state;
	check_dwz("-gdwarf-4");
	check_dwz("-gdwarf-5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_debug_file_is_known_by_its_build_id),
		cmocka_unit_test(a_debug_file_is_known_by_its_checksum),
		cmocka_unit_test(a_link_that_does_not_end_says_nothing),
		cmocka_unit_test(what_dwz_moved_to_a_common_file_is_found_there),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
