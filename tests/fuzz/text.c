// SPDX-License-Identifier: GPL-2.0-or-later
/* Text from outside that is shown, and mangled names; the first byte is the room for it. */
#include "base/text.h"
#include "symbols/demangle.h"
#include "tests/fuzz/fuzz.h"

static void show(const uint8_t *data, size_t size, size_t room)
{
	char *out = malloc(room + 1);

	require(out && text_safe(out, room + 1, (const char *)data, size) == out);
	size_t length = strlen(out);
	require(length <= room);
	for (size_t i = 0; i < length; i++)
		require((unsigned char)out[i] >= 0x20 && out[i] != 0x7f);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t room = take_byte(&data, &size);
	char *symbol = strndup((const char *)data, size);
	struct demangler demangler = { 0 };

	require(symbol);
	show(data, size, room);
	require(demangle(&demangler, symbol));
	is_mangled(symbol);
	demangler_free(&demangler);
	free(symbol);
	return 0;
}
