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

char *text_safe(char *out, size_t size, const char *text, size_t length)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t used = 0;

	for (size_t i = 0; i < length;) {
		uint32_t code = 0;
		size_t n = utf8_length(p + i, length - i, &code);
		if (n && is_harmless(code)) {
			if (used + n >= size)
				break;
			memcpy(out + used, p + i, n);
			used += n;
			i += n;
			continue;
		}
		if (used + 4 >= size)
			break;
		used += (size_t)snprintf(out + used, size - used, "\\x%02x", p[i]);
		i++;
	}
	out[used] = 0;
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
