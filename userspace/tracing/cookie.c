// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/cookie.h"

#include "base/functions.h"
#include "bpf/settings.h"

/* The register that holds an argument at the site, as the cookie numbers them; 0: no such argument.
 */
static uint64_t argument_register(const struct probe_site *site, int argument)
{
	if (argument < 0 || argument >= 6 || site->argument[argument] < 0)
		return 0;
	return (uint64_t)(site->argument[argument] + 1) & 0x1f;
}

static struct point_argument point_argument(const struct probe_site *site, int argument)
{
	if (argument < 0)
		return (struct point_argument) { .bytes = 8 };
	return (struct point_argument) {
		.reg = (uint8_t)argument_register(site, argument),
		.in_memory = site->in_memory >> argument & 1,
		.bytes = site->argument_bytes[argument],
		.displacement = site->displacement[argument],
	};
}

void cookie_point(const struct probe_site *site, struct point *point)
{
	const struct function *function = functions_row(site->function);

	point->pointer = point_argument(site, function->pointer);
	point->size = point_argument(site, function->size);
}

uint64_t cookie_of(const struct probe_site *site, uint32_t point)
{
	const struct function *function = functions_row(site->function);

	if (CALL_IS_POINT(function->kind))
		return (uint64_t)function->kind |
		       (uint64_t)site->function << COOKIE_FUNCTION_SHIFT |
		       (uint64_t)point << COOKIE_SP_OFFSET_SHIFT;
	return (uint64_t)function->kind | (uint64_t)site->function << COOKIE_FUNCTION_SHIFT |
	       argument_register(site, function->size) << COOKIE_SIZE_SHIFT |
	       argument_register(site, function->count) << COOKIE_COUNT_SHIFT |
	       argument_register(site, function->alignment) << COOKIE_ALIGNMENT_SHIFT |
	       argument_register(site, function->pointer) << COOKIE_POINTER_SHIFT |
	       (uint64_t)site->sp_offset << COOKIE_SP_OFFSET_SHIFT;
}

bool cookie_is_entry_only(const struct probe_site *site)
{
	return CALL_IS_ENTRY_ONLY(functions_row(site->function)->kind);
}

bool cookie_is_point(const struct probe_site *site)
{
	return CALL_IS_POINT(functions_row(site->function)->kind);
}

bool cookie_is_mark(const struct probe_site *site)
{
	return CALL_IS_MARK(functions_row(site->function)->kind);
}

bool cookie_is_mapping(const struct probe_site *site)
{
	return CALL_IS_MAPPING(functions_row(site->function)->kind);
}
