// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/demangle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct demangler demangler;

static int tear_down(void **state)
{
	(void)state;
	demangler_free(&demangler);
	return 0;
}

struct pair {
	const char *symbol, *name;
};

static void check(const struct pair *pairs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_string_equal(demangle(&demangler, pairs[i].symbol), pairs[i].name);
}

static void names_of_cpp_become_readable(void **state)
{
	static const struct pair PAIRS[] = {
		{ "_ZN4shop5ShelfIiE4growEi", "shop::Shelf<int>::grow(int)" },
		{ "_ZZ4mainENKUliE_clEi", "main::{lambda(int)#1}::operator()(int) const" },
		{ "_Z4workv.cold", "work() [clone .cold]" },
		{ "_Z4workv.part.0.constprop.1", "work() [clone .part.0] [clone .constprop.1]" },
		{ "_ZN1AC2Ev", "A::A()" },
		{ "_ZThn16_N1A1fEv", "non-virtual thunk to A::f()" },
		{ "_ZNSs4swapERSs@@GLIBCXX_3.4", "std::string::swap(std::string&)" },
	};

	(void)state;
	check(PAIRS, sizeof(PAIRS) / sizeof(*PAIRS));
}

/* As rustc 1.95 made them, without and with -C symbol-mangling-version=v0. */
static void names_of_rust_become_readable(void **state)
{
	static const struct pair PAIRS[] = {
		{ "_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write" },
		{ "_ZN1r5inner7generic17h019adb1aff2d97c4E", "r::inner::generic" },
		{ "_ZN9hashbrown3raw21RawTable$LT$T$C$A$GT$14reserve_rehash17h0247875e966b8700E"
		  ".llvm.8421002018773873340",
		  "hashbrown::raw::RawTable<T,A>::reserve_rehash" },
		{ "_RNvC5crate4main", "crate::main" },
		{ "_RNvC04main", "::main" }, /* no compiler names a crate like this */
		{ "_RINvNtCs6GmmlP4bgsG_1r5inner7genericThReEEB4_",
		  "r::inner::generic::<(u8, &str)>" },
		{ "_RINvMs4_NtCsgY6Mt91CT9J_14rustc_demangle2v0NtB6_7Printer14print_sep_list"
		  "NvB2_17print_generic_argEB8_",
		  "<rustc_demangle::v0::Printer>::print_sep_list::<"
		  "<rustc_demangle::v0::Printer>::print_generic_arg>" },
	};

	(void)state;
	check(PAIRS, sizeof(PAIRS) / sizeof(*PAIRS));
}

static void other_names_stay_but_for_their_version(void **state)
{
	static const struct pair PAIRS[] = {
		{ "malloc", "malloc" },
		{ "malloc@@GLIBC_2.2.5", "malloc" },
		{ "memcpy@GLIBC_2.2.5", "memcpy" },
		{ "malloc@plt", "malloc@plt" },
		{ "_ZdlPv@plt", "operator delete(void*)@plt" },
		{ "work.part.0", "work.part.0" },
		{ "_Znonsense", "_Znonsense" },
		{ "_R", "_R" },
		{ "_Z", "_Z" },
		{ "@", "" },
	};

	(void)state;
	check(PAIRS, sizeof(PAIRS) / sizeof(*PAIRS));
}

static void a_demangled_name_is_remembered(void **state)
{
	static const char SYMBOL[] = "_ZN4shop5ShelfIiE4growEi";

	(void)state;
	assert_ptr_equal(demangle(&demangler, SYMBOL), demangle(&demangler, SYMBOL));
}

/* Three thousand bytes, as templates of templates make them: longer than libiberty's own limit. */
static void a_long_symbol_is_demangled(void **state)
{
	static char symbol[3200] = "_Z1fN1a1bE";

	(void)state;
	while (strlen(symbol) < 3000)
		strcat(symbol, "N1c1dE");
	const char *name = demangle(&demangler, symbol);
	assert_memory_equal(name, "f(a::b, c::d, c::d, ", 20);
	assert_string_equal(name + strlen(name) - 5, "c::d)");
}

static void deep_nesting_is_survived(void **state)
{
	static char deep[4000] = "_Z1f";

	(void)state;
	memset(deep + 4, 'P', sizeof(deep) - 6);
	deep[sizeof(deep) - 2] = 'i';
	assert_non_null(demangle(&demangler, deep));
	static char templates[4000] = "_Z1f";
	for (size_t i = 4; i + 5 < sizeof(templates); i += 3)
		strcpy(templates + i, "1aI");
	assert_non_null(demangle(&demangler, templates));
}

static void check_bomb(const char *symbol, const char *beginning)
{
	const char *name = demangle(&demangler, symbol);

	assert_memory_equal(name, beginning, strlen(beginning));
	assert_int_equal(strlen(name), 4096 + 3);
	assert_string_equal(name + 4096, "...");
}

/* The place of a substitution, or of a back reference, as both manglings write numbers. */
static void append_number(char *symbol, uint32_t number, uint32_t base)
{
	static const char DIGITS[] = "0123456789abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char digits[8] = "_";

	while (number) {
		uint32_t rest = (number - 1) / base;
		memmove(digits + 1, digits, strlen(digits) + 1);
		digits[0] = DIGITS[(number - 1) % base];
		number = rest ? rest + 1 : 0;
	}
	strcat(symbol, digits);
}

/* Each type is two of the one before it: what is printed doubles with every step. */
static void what_would_fill_the_memory_is_cut(void **state)
{
	static char cpp[1024] = "_Z1f1aIiiE", rust[1024] = "_RINvC1a1f";

	(void)state;
	for (uint32_t i = 1; i < 10; i++) {
		strcat(cpp, "S_I");
		for (int k = 0; k < 2; k++) {
			strcat(cpp, "S");
			append_number(cpp, i, 10);
		}
		strcat(cpp, "E");
	}
	check_bomb(cpp, "f(a<int, int>, a<a<int, int>, a<int, int> >, a<");
	uint32_t last = (uint32_t)strlen(rust) - 2;
	strcat(rust, "ThhE");
	for (int i = 0; i < 60; i++) {
		uint32_t here = (uint32_t)strlen(rust) - 2;
		strcat(rust, "T");
		for (int k = 0; k < 2; k++) {
			strcat(rust, "B");
			append_number(rust, last, 62);
		}
		strcat(rust, "E");
		last = here;
	}
	strcat(rust, "E");
	check_bomb(rust, "a::f::<(u8, u8), ((u8, u8), (u8, u8)), (((u8");
}

/* f(name, name), where a name is 2,000 letters of two bytes: the limit is in the second. */
static void a_name_is_cut_between_characters(void **state)
{
	static char symbols[2][4096] = { "_Z1f4000", "_Z2ff4000" };
	const char *names[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 2000; k++)
			strcat(symbols[i], "\u00e9");
		strcat(symbols[i], "S_");
		names[i] = demangle(&demangler, symbols[i]);
	}
	assert_int_equal(strlen(names[0]), 4096 + 3);
	assert_string_equal(names[0] + 4094, "\u00e9...");
	assert_int_equal(strlen(names[1]), 4095 + 3);
	assert_string_equal(names[1] + 4093, "\u00e9...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(names_of_cpp_become_readable, tear_down),
		cmocka_unit_test_teardown(names_of_rust_become_readable, tear_down),
		cmocka_unit_test_teardown(other_names_stay_but_for_their_version, tear_down),
		cmocka_unit_test_teardown(a_demangled_name_is_remembered, tear_down),
		cmocka_unit_test_teardown(a_long_symbol_is_demangled, tear_down),
		cmocka_unit_test_teardown(deep_nesting_is_survived, tear_down),
		cmocka_unit_test_teardown(what_would_fill_the_memory_is_cut, tear_down),
		cmocka_unit_test_teardown(a_name_is_cut_between_characters, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
