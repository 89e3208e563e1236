// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A census of a target's heap. The memory is that of a small one of glibc, in which the input
 * changes words: each change is two bytes of place, from the start of the data or of the heap, and
 * eight of what is there then.
 */
#include "heap/count.h"

#include "base/clock.h"
#include "tests/fuzz/fuzz.h"

#define DATA	   0x1000ull /* of a C library */
#define MAIN	   (DATA + 0x100)
#define PARAMETERS (DATA + 0xc00)
#define HEAP	   0x3000ull
#define HEAP_END   0x8000ull
#define LIMIT_NS   2000000ull /* what goes in circles does so until then */
#define SECOND_NS  1000000000ull

static uint8_t image[HEAP_END], window[MEMORY_WINDOW_BYTES];

static void put(uint64_t address, uint64_t value)
{
	memcpy(image + address, &value, sizeof(value));
}

/* The chunk's size, and whether the one before it is in use. */
static uint64_t put_chunk(uint64_t at, uint64_t size, bool is_previous_used)
{
	put(at + 8, size | is_previous_used);
	return at + size;
}

/* As tests/unit/heap/count_test.c does: a main arena, used and free chunks, the top, and a block in
 * a fastbin. */
static void make_image(void)
{
	int32_t counts[3] = { 1, 65536, 2 };
	uint64_t at = HEAP;

	memset(image, 0, sizeof(image));
	for (unsigned i = 0; i < 254; i++)
		put(MAIN + 112 + 8 * i, MAIN + 112 + 16 * (i / 2) - 16);
	put(MAIN + 2160, MAIN);
	put(MAIN + 2176, 1);
	put(MAIN + 2184, HEAP_END - HEAP);
	put(MAIN + 2192, HEAP_END - HEAP);
	memcpy(image + PARAMETERS - 36, counts, sizeof(counts));
	put(PARAMETERS - 16, 0x21000);
	put(PARAMETERS - 8, 0x42000);
	put(PARAMETERS, HEAP);
	put(PARAMETERS + 8, 64);
	put(PARAMETERS + 16, 1032);
	at = put_chunk(at, 0x290, true);
	at = put_chunk(at, 0x40, true);
	at = put_chunk(at, 0x500, true);
	at = put_chunk(at, 0x30, false);
	put(MAIN + 96, at);
	put_chunk(at, HEAP_END - at, true);
	put(MAIN + 16 + 8 * 2, HEAP + 0x290);
	put(HEAP + 0x290 + 16, (HEAP + 0x290 + 16) >> 12);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct region items[] = { { DATA, HEAP, true }, { HEAP, HEAP_END, false } };
	struct regions regions = { items, 2 };
	struct memory memory = { .window = window };
	struct census census = { 0 };
	uint64_t value;
	uint16_t place;

	make_image();
	for (; size >= sizeof(place) + sizeof(value); size -= 10, data += 10) {
		memcpy(&place, data, sizeof(place));
		memcpy(&value, data + sizeof(place), sizeof(value));
		put(DATA + place % (HEAP_END - DATA - sizeof(value) + 1), value);
	}
	memory.fd = file_of(image, sizeof(image));
	uint64_t start = clock_now_ns();
	count_heap(&memory, &regions, start + LIMIT_NS, &census);
	require(clock_now_ns() - start < 3 * SECOND_NS);
	return 0;
}
