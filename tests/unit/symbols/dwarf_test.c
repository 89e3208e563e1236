// SPDX-License-Identifier: GPL-2.0-or-later
/* Inlined calls, against binutils' addr2line, which reads DWARF with code of its own. */
#include "symbols/dwarf.h"
#include "base/io.h"
#include "symbols/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ADDRESSES_MAX 4096
#define TEXT_MAX      (4u << 20)

static const char C_SOURCE[] =
	"#include <stdlib.h>\n"
	"static inline __attribute__((always_inline)) void *third(size_t n) { return malloc(n * 3); }\n"
	"static inline __attribute__((always_inline)) void *second(size_t n)\n"
	"{\n"
	"	void *p = third(n + 1);\n"
	"	{ int i; for (i = 0; i < 3; i++) p = realloc(p, n + i); }\n"
	"	return p;\n"
	"}\n"
	"__attribute__((noinline)) void *first(size_t n) { return n > 3 ? second(n) : third(n); }\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	free(first(argc));\n"
	"	free(second(argc) ? argv : 0);\n"
	"	return 0;\n"
	"}\n";

static const char CPP_SOURCE[] =
	"#include <cstdlib>\n"
	"namespace shop { template <typename T> struct Shelf {\n"
	"	T *items; __attribute__((always_inline)) inline void grow(int n)\n"
	"	{ items = (T *)realloc(items, n * sizeof(T)); }\n"
	"	__attribute__((noinline)) void fill(int n) { grow(n); items[0] = n; } }; }\n"
	"int main(int argc, char **) { shop::Shelf<int> s{nullptr}; s.fill(argc);\n"
	"	auto f = [&](int k) { s.fill(k); }; f(3); return s.items[0]; }\n";

static char directory[] = "/tmp/heaptrail-dwarf-XXXXXX";
static uint64_t addresses[ADDRESSES_MAX];
static size_t address_count;
static char *ours[ADDRESSES_MAX]; /* "function file:line" lines, as addr2line would print them */

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static void path_of(const char *name, char path[static 128])
{
	snprintf(path, 128, "%s/%s", directory, name);
}

static void compile(const char *compiler, const char *source, const char *name)
{
	char path[128], command[512];

	path_of("source", path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(source, file);
	fclose(file);
	snprintf(command, sizeof(command), "cd %s && %s source -o %s", directory, compiler, name);
	assert_int_equal(system(command), 0);
}

static void add_addresses(const struct elf_symbol *symbol, void *context)
{
	const char *name = context;

	if (!strstr(symbol->name, name))
		return;
	for (uint64_t i = 0; i < symbol->size && address_count < ADDRESSES_MAX; i++)
		addresses[address_count++] = symbol->address + i;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Every byte of the functions whose symbols contain one of the names. */
static void choose(const char *path, const char *const *names)
{
	struct elf *elf = NULL;
	int fd = open(path, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(elf_open(fd, &elf), 0);
	close(fd);
	address_count = 0;
	for (; *names; names++)
		elf_each_function(elf, add_addresses, (void *)*names);
	elf_close(elf);
	assert_true(address_count > 20);
	qsort(addresses, address_count, sizeof(addresses[0]), compare_u64);
}

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? slash + 1 : path ? path : "??";
}

static void print_sources(size_t i, const struct source *sources, size_t count, void *context)
{
	char text[4096] = "";
	size_t size = 0;

	*(size_t *)context += count > 1;
	for (size_t k = 0; k < count; k++)
		size += (size_t)snprintf(text + size, sizeof(text) - size, "%s %s:%u\n",
					 sources[k].function ? sources[k].function : "??",
					 base_name(sources[k].file), sources[k].line);
	assert_null(ours[i]);
	ours[i] = strdup(text);
}

/* How many of the addresses have inlined calls. */
static size_t find(const char *path)
{
	struct demangler demangler = { 0 };
	struct debug_info *info = NULL;
	size_t inlined = 0;
	int fd = open(path, O_RDONLY);

	assert_int_equal(debug_info_open(fd, -1, &info), 0);
	close(fd);
	assert_int_equal(debug_info_find(info, &demangler, addresses, address_count, print_sources,
					 &inlined),
			 0);
	debug_info_close(info);
	demangler_free(&demangler);
	return inlined;
}

/* One record of addr2line -a: the address, then two lines per function. */
static bool read_theirs(FILE *pipe, char *line, char text[static 4096])
{
	char function[1024];
	size_t size = 0;

	text[0] = 0;
	if (strncmp(line, "0x", 2) != 0)
		return false;
	while (fgets(line, 1024, pipe) && strncmp(line, "0x", 2) != 0) {
		snprintf(function, sizeof(function), "%.*s", (int)strcspn(line, "\n"), line);
		if (!fgets(line, 1024, pipe))
			return false;
		line[strcspn(line, " \n")] = 0;
		char *number = strrchr(line, ':');
		if (number && strcmp(number, ":?") == 0)
			strcpy(number, ":0");
		size += (size_t)snprintf(text + size, 4096 - size, "%s %s\n", function,
					 base_name(line));
		line[0] = 0;
	}
	return true;
}

static void compare_with_addr2line(const char *path)
{
	char list[128], command[512], line[1024] = "", theirs[4096];

	path_of("list", list);
	FILE *file = fopen(list, "w");
	assert_non_null(file);
	for (size_t i = 0; i < address_count; i++)
		fprintf(file, "0x%lx\n", addresses[i]);
	fclose(file);
	snprintf(command, sizeof(command), "addr2line -a -i -f -C -e %s < %s", path, list);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(line, sizeof(line), pipe));
	for (size_t i = 0; i < address_count; i++) {
		assert_true(read_theirs(pipe, line, theirs));
		assert_non_null(ours[i]);
		if (strcmp(ours[i], theirs) != 0)
			print_message("0x%lx\n", addresses[i]);
		assert_string_equal(ours[i], theirs);
		free(ours[i]);
		ours[i] = NULL;
	}
	pclose(pipe);
}

static void check(const char *compiler, const char *source, const char *const *names)
{
	char path[128];

	path_of("program", path);
	compile(compiler, source, "program");
	choose(path, names);
	assert_true(find(path) > 10);
	compare_with_addr2line(path);
}

static const char *const C_NAMES[] = { "first", "main", NULL };

static void inlined_calls_of_c_are_those_of_addr2line(void **state)
{
	(void)state;
	check("gcc -x c -g -O2", C_SOURCE, C_NAMES);
}

static void dwarf_4_says_the_same(void **state)
{
	(void)state;
	check("gcc -x c -gdwarf-4 -O2", C_SOURCE, C_NAMES);
}

static void clang_says_the_same(void **state)
{
	(void)state;
	check("clang -x c -g -O2", C_SOURCE, C_NAMES);
}

static void compressed_sections_say_the_same(void **state)
{
	(void)state;
	check("gcc -x c -g -O2 -gz", C_SOURCE, C_NAMES);
}

static void names_of_cpp_are_readable(void **state)
{
	char path[128];
	bool is_found = false;
	const char *const NAMES[] = { "fill", "main", NULL };

	(void)state;
	path_of("program", path);
	compile("g++ -x c++ -g -O2", CPP_SOURCE, "program");
	choose(path, NAMES);
	assert_true(find(path) > 0);
	for (size_t i = 0; i < address_count; i++) {
		is_found |= strstr(ours[i], "shop::Shelf<int>::grow(int) source:4\n"
					    "shop::Shelf<int>::fill(int) source:5\n") != NULL;
		free(ours[i]);
		ours[i] = NULL;
	}
	assert_true(is_found);
}

static const char LOCAL_SOURCE[] =
	"#include <cstdlib>\n"
	"struct Base { virtual int run(int n) = 0; };\n"
	"struct Walker { virtual int walk(int n) = 0; };\n"
	"__attribute__((noinline)) int use(Base &base, int n) { return base.run(n); }\n"
	"static inline __attribute__((always_inline)) int helper(int n) { return rand() + n; }\n"
	"template <bool B> struct Shop : Walker { int walk(int n) override {\n"
	"	class Local : public Base { int k; public: explicit Local(int k) : k(k) {}\n"
	"		int run(int m) override { return helper(m + k) * (B ? 2 : 3); } };\n"
	"	Local local(n); return use(local, n); } };\n"
	"int main(int argc, char **) { Shop<true> a; Shop<false> b;\n"
	"	Walker *walker = argc > 1 ? (Walker *)&a : &b;\n"
	"	return walker->walk(argc) + a.walk(3); }\n";

/* g++ describes it inside the function around the class, whose own code is elsewhere, or nowhere. */
static void code_of_a_local_class_is_found(void **state)
{
	char path[128];
	size_t inlined = 0;
	const char *const NAMES[] = { "Local3run", NULL };

	(void)state;
	path_of("program", path);
	compile("g++ -x c++ -g -O2", LOCAL_SOURCE, "program");
	choose(path, NAMES);
	find(path);
	for (size_t i = 0; i < address_count; i++) {
		assert_non_null(ours[i]);
		assert_non_null(strstr(ours[i], "::walk(int)::Local::run(int) source:8\n"));
		inlined += strncmp(ours[i], "helper source:5\n", 16) == 0;
		free(ours[i]);
		ours[i] = NULL;
	}
	assert_true(inlined > 0);
}

static void a_file_without_dwarf_is_told_apart(void **state)
{
	struct debug_info *info = NULL;
	char path[128];

	(void)state;
	path_of("bare", path);
	compile("gcc -x c -O2 -s", C_SOURCE, "bare");
	int fd = open(path, O_RDONLY);
	assert_int_equal(debug_info_open(fd, -1, &info), -ENODATA);
	close(fd);
}

/* Every line is that of the same program with whole units; what is not told is who was inlined. */
static void check_split(const char *options)
{
	char path[128], command[256];
	size_t count = 0;

	snprintf(command, sizeof(command), "gcc -x c -O2 %s -gsplit-dwarf", options);
	compile(command, C_SOURCE, "split");
	path_of("split", path);
	choose(path, C_NAMES);
	assert_int_equal(find(path), 0);
	char **split = calloc(address_count, sizeof(*split));
	memcpy(split, ours, address_count * sizeof(*split));
	memset(ours, 0, sizeof(ours));
	snprintf(command, sizeof(command), "gcc -x c -O2 %s", options);
	compile(command, C_SOURCE, "whole");
	path_of("whole", path);
	assert_true(find(path) > 10);
	for (size_t i = 0; i < address_count; i++) {
		assert_non_null(split[i]);
		assert_memory_equal(split[i], "?? ", 3);
		char *line = strchr(split[i], ' '), *whole = strchr(ours[i], ' ');
		assert_int_equal(strncmp(line, whole, strlen(line)), 0);
		count += strstr(line, ":0\n") == NULL;
		free(split[i]);
		free(ours[i]);
		ours[i] = NULL;
	}
	assert_true(count > address_count / 2);
	free(split);
}

static void a_unit_that_is_split_off_has_lines(void **state)
{
	(void)state;
	check_split("-gdwarf-5");
	check_split("-gdwarf-4");
}

static void ignore(size_t i, const struct source *sources, size_t count, void *context)
{
	(void)sources;
	(void)context;
	assert_true(i < address_count && count >= 1 && count <= SOURCE_INLINE_MAX);
}

static _Noreturn void use_damaged(const char *bytes, size_t size)
{
	struct demangler demangler = { 0 };
	struct debug_info *info = NULL;
	struct rlimit cpu = { 10, 10 };
	int fd = memfd_create("damaged", 0);

	setrlimit(RLIMIT_CPU, &cpu);
	if (io_write(fd, bytes, size) == 0 && debug_info_open(fd, -1, &info) == 0)
		debug_info_find(info, &demangler, addresses, address_count, ignore, NULL);
	_exit(0);
}

/*
 * What the worker relies on is that our own walk ends, whatever the file says; libdw itself may
 * die, which is why it runs in a child there, and here.
 */
static void damaged_dwarf_ends(void **state)
{
	char path[128], *bytes = NULL;
	size_t size, deaths = 0, rounds = 200;

	(void)state;
	path_of("program", path);
	compile("gcc -x c -g -O2", C_SOURCE, "program");
	choose(path, C_NAMES);
	int fd = open(path, O_RDONLY), status;
	assert_int_equal(io_read_all(fd, TEXT_MAX, &bytes, &size), 0);
	close(fd);
	srand(1);
	for (size_t round = 0; round < rounds; round++) {
		char *copy = malloc(size);
		memcpy(copy, bytes, size);
		/* the sections of DWARF are in the second half */
		for (int i = 0; i < 8; i++)
			copy[size / 2 + (size_t)rand() % (size / 2)] = (char)rand();
		pid_t pid = fork();
		if (pid == 0)
			use_damaged(copy,
				    round % 4 ? size : size / 2 + (size_t)rand() % (size / 2));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		deaths += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
		assert_false(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		free(copy);
	}
	print_message("%zu of %zu damaged files killed their reader\n", deaths, rounds);
	assert_true(deaths < rounds / 10);
	free(bytes);
}

/* Half a million blocks, each inside the one before: what recursion would not survive. */
static const char NESTED_SOURCE[] =
	".text\n.globl first\n.type first, @function\nfirst: .skip 64, 0x90\n.size first, 64\n"
	".section .debug_abbrev,\"\",@progbits\n"
	".byte 1, 0x11, 1, 0x11, 1, 0x12, 7, 0, 0\n" /* unit: low_pc addr, high_pc data8 */
	".byte 2, 0x0b, 1, 0, 0\n"		     /* block: nothing but children */
	".byte 0\n"
	".section .debug_info,\"\",@progbits\n"
	".long 2f - 1f\n1: .short 4\n.long 0\n.byte 8\n.byte 1\n.quad first\n.quad 64\n"
	".rept 500000\n.byte 2\n.endr\n.rept 500001\n.byte 0\n.endr\n2:\n";

static void deep_nesting_is_survived(void **state)
{
	const char *const NAMES[] = { "first", NULL };
	char path[128], *bytes = NULL;
	size_t size;
	int status;

	(void)state;
	path_of("nested", path);
	compile("gcc -x assembler -nostdlib -shared", NESTED_SOURCE, "nested");
	choose(path, NAMES);
	int fd = open(path, O_RDONLY);
	assert_int_equal(io_read_all(fd, TEXT_MAX, &bytes, &size), 0);
	close(fd);
	pid_t pid = fork();
	if (pid == 0)
		use_damaged(bytes, size);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inlined_calls_of_c_are_those_of_addr2line),
		cmocka_unit_test(dwarf_4_says_the_same),
		cmocka_unit_test(clang_says_the_same),
		cmocka_unit_test(compressed_sections_say_the_same),
		cmocka_unit_test(names_of_cpp_are_readable),
		cmocka_unit_test(code_of_a_local_class_is_found),
		cmocka_unit_test(a_file_without_dwarf_is_told_apart),
		cmocka_unit_test(a_unit_that_is_split_off_has_lines),
		cmocka_unit_test(damaged_dwarf_ends),
		cmocka_unit_test(deep_nesting_is_survived),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
