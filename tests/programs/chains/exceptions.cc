// SPDX-License-Identifier: GPL-2.0-or-later
// Allocations while C++ exceptions are thrown, pass and are caught.
#include "chains.h"

#include <exception>

namespace
{

struct large {
	char bytes[20000];
};
// what libstdc++ keeps before a thrown object (__cxa_refcounted_exception)
constexpr size_t THROWN_HEADER = 128;

struct guard {
	size_t size;
	explicit guard(size_t size) : size(size)
	{
	}
	FUNCTION ~guard();
};

guard::~guard()
{
	ALLOCATE(size);
}

struct plain {
	int number;
};

} // namespace

FUNCTION void throws_plain(int number)
{
	throw plain { number };
}

FUNCTION void throws_large(int number)
{
	large thrown = {};

	thrown.bytes[0] = static_cast<char>(number);
	throw thrown;
}

FUNCTION void passes_by_guard(int number, size_t size)
{
	guard here(size);

	throws_plain(number);
	STAY;
}

FUNCTION void catches(int number, size_t size)
{
	try {
		passes_by_guard(number, size);
	} catch (const plain &) {
		ALLOCATE(size + 1);
	}
	ALLOCATE(size + 2);
}

FUNCTION void catches_large(int number)
{
	try {
		throws_large(number);
	} catch (const large &) {
		ALLOCATE(11201);
	}
}

// In the middle of passing, code of the same program runs, throws and catches.
struct throwing_guard {
	int number;
	FUNCTION ~throwing_guard();
};

throwing_guard::~throwing_guard()
{
	catches(number, 11300);
}

FUNCTION void passes_by_throwing_guard(int number)
{
	throwing_guard here { number };

	throws_plain(number);
	STAY;
}

FUNCTION void catches_outer(int number)
{
	try {
		passes_by_throwing_guard(number);
	} catch (...) {
		try {
			throw;
		} catch (const plain &) {
			ALLOCATE(11401);
		}
	}
}

int main(int argc, char **argv)
{
	// the unwinder allocates at its first use
	try {
		throws_plain(0);
	} catch (const plain &) {
	}
	chains_begin(argc, argv);
	catches(argc, 11100);
	chain(11100, CHAIN_EXACT, "guard::~guard passes_by_guard catches @main");
	chain(11101, CHAIN_EXACT, "catches @main");
	chain(11102, CHAIN_EXACT, "catches @main");
	catches_large(argc);
	chain(sizeof(large) + THROWN_HEADER, CHAIN_EXACT,
	      "__cxa_allocate_exception throws_large catches_large @main");
	chain(11201, CHAIN_EXACT, "catches_large @main");
	catches_outer(argc);
	chain(11300, CHAIN_EXACT,
	      "guard::~guard passes_by_guard catches throwing_guard::~throwing_guard "
	      "passes_by_throwing_guard catches_outer @main");
	chain(11301, CHAIN_EXACT,
	      "catches throwing_guard::~throwing_guard passes_by_throwing_guard catches_outer @main");
	chain(11401, CHAIN_EXACT, "catches_outer @main");
	chains_end();
}
