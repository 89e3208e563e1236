// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/modules.h"

#include "base/functions.h"
#include "bpf/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct answer {
	struct module_inspection inspection;
	struct probe_site sites[MODULE_SITES_MAX + 1];
};

static struct answer answer;
static struct modules modules;

static int set_up(void **state)
{
	(void)state;
	modules = (struct modules) { 0 };
	memset(&answer, 0, sizeof(answer));
	answer.inspection = (struct module_inspection) { .build_id_size = 20, .site_count = 2 };
	for (size_t i = 0; i <= MODULE_SITES_MAX; i++) {
		struct probe_site *site = &answer.sites[i];
		site->entry_offset = 0x1000 * i;
		site->offset = 0x1000 * i + 4;
		memset(site->argument, -1, sizeof(site->argument));
		strcpy(site->symbol, "malloc");
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	modules_free(&modules);
	return 0;
}

static size_t size_of(size_t sites)
{
	return sizeof(answer.inspection) + sites * sizeof(answer.sites[0]);
}

static struct module *add(void)
{
	struct module *module = modules_add(&modules, 1, 2, "/lib/a.so");

	assert_non_null(module);
	return module;
}

static void a_module_is_found_by_device_and_inode(void **state)
{
	(void)state;
	struct module *a = add(), *b = modules_add(&modules, 1, 3, "/lib/b.so");
	assert_int_equal(a->id, 1);
	assert_int_equal(b->id, 2);
	assert_int_equal(a->fd, -1);
	assert_string_equal(b->path, "/lib/b.so");
	assert_ptr_equal(modules_find(&modules, 1, 2), a);
	assert_ptr_equal(modules_find(&modules, 1, 3), b);
	assert_null(modules_find(&modules, 2, 2));
	assert_null(modules_find(&modules, 1, 4));
}

static void modules_stay_where_they_are_while_others_come(void **state)
{
	struct module *first = add();

	(void)state;
	for (uint64_t i = 1; i < MODULES_MAX; i++) {
		struct module *module = modules_add(&modules, 9, i, "x");
		assert_int_equal(module->id, i + 1);
		assert_ptr_equal(modules.items[i], module);
	}
	assert_ptr_equal(modules.items[0], first);
	assert_null(modules_add(&modules, 9, MODULES_MAX, "x"));
	assert_int_equal(modules.count, MODULES_MAX);
}

static void an_open_file_is_closed_with_its_module(void **state)
{
	struct module *module = add();
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	module->fd = fd;
	modules_free(&modules);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void sites_are_taken_over(void **state)
{
	struct module *module = add();

	(void)state;
	assert_int_equal(module_inspected(module, &answer, size_of(2)), 0);
	assert_int_equal(module->inspection.site_count, 2);
	assert_memory_equal(module->sites, answer.sites, 2 * sizeof(answer.sites[0]));
	/* and again, with other ones */
	answer.inspection.site_count = MODULE_SITES_MAX;
	assert_int_equal(module_inspected(module, &answer, size_of(MODULE_SITES_MAX)), 0);
	assert_int_equal(module->inspection.site_count, MODULE_SITES_MAX);
	answer.inspection.site_count = 0;
	assert_int_equal(module_inspected(module, &answer, size_of(0)), 0);
}

/* A row of this kind. */
static uint16_t row_of(uint8_t kind)
{
	uint16_t row = 0;

	while (functions_row(row)->kind != kind)
		row++;
	return row;
}

static void marks_stay_beside_what_is_asked_for(void **state)
{
	static const uint8_t KINDS[] = { CALL_ALLOC,	 CALL_MARK, CALL_POINT_ALLOC,
					 CALL_TAG_BEGIN, CALL_MAP,  CALL_TAG_END };
	struct module *module = add();
	uint32_t left = 5;

	(void)state;
	answer.inspection.site_count = 6;
	for (size_t i = 0; i < 6; i++)
		answer.sites[i].function = row_of(KINDS[i]);
	for (uint32_t has_points = 0; has_points < 2; has_points++) {
		assert_int_equal(module_inspected(module, &answer, size_of(6)), 0);
		module_choose_sites(module, false, has_points, &left);
		/* the second time there is room for one less */
		assert_int_equal(module->inspection.site_count, 4 - has_points);
		assert_int_equal(module->inspection.refused_marks, has_points);
		assert_int_equal(functions_row(module->sites[0].function)->kind,
				 has_points ? CALL_MARK : CALL_ALLOC);
	}
	assert_int_equal(left, 0);
}

static void strings_end(void **state)
{
	struct module *module = add();

	(void)state;
	memset(answer.sites[0].symbol, 'x', SITE_SYMBOL_MAX);
	memset(answer.sites[0].instruction, 'x', SITE_INSTRUCTION_MAX);
	assert_int_equal(module_inspected(module, &answer, size_of(2)), 0);
	assert_int_equal(strlen(module->sites[0].symbol), SITE_SYMBOL_MAX - 1);
	assert_int_equal(strlen(module->sites[0].instruction), SITE_INSTRUCTION_MAX - 1);
}

static void sizes_that_do_not_agree_are_refused(void **state)
{
	struct module *module = add();

	(void)state;
	for (size_t size = 0; size < size_of(3); size++)
		if (size != size_of(2))
			assert_int_equal(module_inspected(module, &answer, size), -EBADMSG);
	answer.inspection.site_count = MODULE_SITES_MAX + 1;
	assert_int_equal(module_inspected(module, &answer, size_of(MODULE_SITES_MAX + 1)),
			 -EBADMSG);
	answer.inspection.site_count = UINT32_MAX;
	assert_int_equal(module_inspected(module, &answer, size_of(2)), -EBADMSG);
	answer.inspection.site_count = 2;
	answer.inspection.build_id_size = BUILD_ID_MAX + 1;
	assert_int_equal(module_inspected(module, &answer, size_of(2)), -EBADMSG);
	assert_null(module->sites);
	assert_int_equal(module->inspection.site_count, 0);
}

static int with(void (*spoil)(struct probe_site *site))
{
	set_up(NULL);
	struct module *module = add();
	spoil(&answer.sites[1]);
	int err = module_inspected(module, &answer, size_of(2));
	assert_null(module->sites);
	modules_free(&modules);
	return err;
}

static void unknown_function(struct probe_site *site)
{
	site->function = (uint16_t)FUNCTION_COUNT;
}

static void register_too_large(struct probe_site *site)
{
	site->argument[5] = 16;
}

static void register_below_none(struct probe_site *site)
{
	site->argument[0] = -2;
}

static void flag_that_is_none(struct probe_site *site)
{
	site->is_emulated = 2;
}

static void other_flag_that_is_none(struct probe_site *site)
{
	site->skips_null = 255;
}

static void site_before_entry(struct probe_site *site)
{
	site->offset = site->entry_offset - 1;
}

static void site_far_behind_entry(struct probe_site *site)
{
	site->offset = site->entry_offset + 4096;
}

static void sites_that_cannot_be_are_refused(void **state)
{
	static void (*const SPOILS[])(struct probe_site *) = {
		unknown_function,      register_too_large,	register_below_none,
		flag_that_is_none,     other_flag_that_is_none, site_before_entry,
		site_far_behind_entry,
	};

	(void)state;
	modules_free(&modules);
	for (size_t i = 0; i < sizeof(SPOILS) / sizeof(SPOILS[0]); i++)
		assert_int_equal(with(SPOILS[i]), -EBADMSG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_module_is_found_by_device_and_inode),
		TEST(modules_stay_where_they_are_while_others_come),
		TEST(an_open_file_is_closed_with_its_module),
		TEST(sites_are_taken_over),
		TEST(marks_stay_beside_what_is_asked_for),
		TEST(strings_end),
		TEST(sizes_that_do_not_agree_are_refused),
		TEST(sites_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
