// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Length of the valid UTF-8 sequence at p, 0 where there is none (RFC 3629: no surrogates, no
 * overlong). */
static size_t utf8_length(const unsigned char *p, size_t left, uint32_t *code)
{
	size_t n = p[0] < 0x80	     ? 1
		   : p[0] >> 5 == 6  ? 2
		   : p[0] >> 4 == 14 ? 3
		   : p[0] >> 3 == 30 ? 4
				     : 0;
	static const uint32_t MINIMUM[] = { 0, 0, 0x80, 0x800, 0x10000 };

	if (n == 0 || n > left)
		return 0;
	*code = n == 1 ? p[0] : p[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		*code = *code << 6 | (p[i] & 0x3fu);
	}
	if (*code < MINIMUM[n] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000))
		return 0;
	return n;
}

static bool is_harmless(uint32_t code)
{
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		return false;
	if (code >= 0x200b && code <= 0x200f) /* zero-width, marks */
		return false;
	if (code >= 0x2028 && code <= 0x202e) /* separators, bidi embedding */
		return false;
	if (code >= 0x2060 && code <= 0x206f) /* invisible operators, bidi isolates */
		return false;
	if (code >= 0xfff9 && code <= 0xfffb) /* annotations */
		return false;
	if (code >> 12 == 0xe0) /* tags, variation selectors: shown as nothing */
		return false;
	return code != 0xad && code != 0x061c && code != 0x180e && code != 0xfeff;
}

/* Wide in East Asian scripts, and emoji: Unicode's EastAsianWidth.txt, its large blocks. */
static int columns_of(uint32_t code)
{
	static const struct {
		uint32_t first, last;
		int columns;
	} BLOCKS[] = {
		{ 0x300, 0x36f, 0 },	 { 0x1100, 0x115f, 2 }, { 0x2e80, 0xa4cf, 2 },
		{ 0xac00, 0xd7a3, 2 },	 { 0xf900, 0xfaff, 2 }, { 0xfe30, 0xfe6f, 2 },
		{ 0xff00, 0xff60, 2 },	 { 0xffe0, 0xffe6, 2 }, { 0x1f300, 0x1faff, 2 },
		{ 0x20000, 0x3fffd, 2 },
	};

	for (size_t i = 0; i < sizeof(BLOCKS) / sizeof(BLOCKS[0]); i++)
		if (code >= BLOCKS[i].first && code <= BLOCKS[i].last)
			return BLOCKS[i].columns;
	return 1;
}

/* The next character as it is shown, or the next byte as \xNN. */
struct unit {
	char text[5];
	size_t size, taken; /* bytes shown, bytes of the text */
	int columns;
};

static struct unit unit_at(const char *text, size_t left)
{
	const unsigned char *p = (const unsigned char *)text;
	struct unit unit = { .size = 4, .taken = 1, .columns = 4 };
	uint32_t code = 0;
	size_t n = utf8_length(p, left, &code);

	if (n && is_harmless(code)) {
		unit.size = unit.taken = n;
		unit.columns = columns_of(code);
		memcpy(unit.text, p, n);
	} else {
		snprintf(unit.text, sizeof(unit.text), "\\x%02x", *p);
	}
	return unit;
}

char *text_safe(char *out, size_t size, const char *text, size_t length)
{
	size_t used = 0;

	for (size_t i = 0; i < length;) {
		struct unit unit = unit_at(text + i, length - i);
		if (used + unit.size >= size)
			break;
		memcpy(out + used, unit.text, unit.size);
		used += unit.size;
		i += unit.taken;
	}
	out[used] = 0;
	return out;
}

static uint64_t columns_in(const char *text, size_t length)
{
	uint64_t columns = 0;

	for (size_t i = 0; i < length;) {
		struct unit unit = unit_at(text + i, length - i);
		columns += (uint64_t)unit.columns;
		i += unit.taken;
	}
	return columns;
}

int text_columns(const char *text)
{
	uint64_t columns = columns_in(text, strlen(text));

	return columns > INT32_MAX ? INT32_MAX : (int)columns;
}

/* FNV-1a, folded. */
static unsigned hash_of(const char *text, size_t length)
{
	uint32_t hash = 0x811c9dc5;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)text[i]) * 0x01000193;
	return (hash >> 16 ^ hash) & 0xffff;
}

/* Units that lie in columns [from, to) of the text. */
static size_t put_columns(char *out, size_t size, const char *text, size_t length, uint64_t from,
			  uint64_t to)
{
	uint64_t column = 0;
	size_t used = 0;

	for (size_t i = 0; i < length && column < to;) {
		struct unit unit = unit_at(text + i, length - i);
		uint64_t end = column + (uint64_t)unit.columns;
		if (column >= from && end <= to && used + unit.size < size) {
			memcpy(out + used, unit.text, unit.size);
			used += unit.size;
		}
		column = end;
		i += unit.taken;
	}
	out[used] = 0;
	return used;
}

char *text_fit(char *out, size_t size, const char *text, size_t length, int columns)
{
	uint64_t all = columns_in(text, length);
	uint64_t wanted = columns < 16 ? 16 : (uint64_t)columns;

	if (all <= wanted) {
		put_columns(out, size, text, length, 0, all);
		return out;
	}
	/* "…1f0c…" takes six */
	uint64_t tail = (wanted - 6) / 3, head = wanted - 6 - tail;
	size_t used = put_columns(out, size, text, length, 0, head);
	used += (size_t)snprintf(out + used, size - used, "\u2026%04x\u2026",
				 hash_of(text, length));
	if (used < size)
		put_columns(out + used, size - used, text, length, all - tail, all);
	return out;
}

char *text_hex(char *out, const void *data, size_t size)
{
	static const char DIGITS[] = "0123456789abcdef";
	const unsigned char *p = data;

	for (size_t i = 0; i < size; i++) {
		out[2 * i] = DIGITS[p[i] >> 4];
		out[2 * i + 1] = DIGITS[p[i] & 15];
	}
	out[2 * size] = 0;
	return out;
}

void text_copy(char *out, size_t size, const char *text)
{
	size_t n = strnlen(text, size - 1);

	memcpy(out, text, n);
	out[n] = 0;
}
