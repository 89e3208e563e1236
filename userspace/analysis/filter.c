// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/filter.h"

#include "base/text.h"

#include <stddef.h>
#include <string.h>

static const struct condition {
	const char *name;
	size_t field;
	bool is_text;
} CONDITIONS[] = {
	{ "pid", offsetof(struct filter, pid), false },
	{ "size_min", offsetof(struct filter, size_min), false },
	{ "size_max", offsetof(struct filter, size_max), false },
	{ "from_ns", offsetof(struct filter, from_ns), false },
	{ "to_ns", offsetof(struct filter, to_ns), false },
	{ "thread", offsetof(struct filter, thread), true },
	{ "function", offsetof(struct filter, function), true },
	{ "module", offsetof(struct filter, module), true },
};

#define CONDITION_COUNT (sizeof(CONDITIONS) / sizeof(CONDITIONS[0]))

static const struct condition *find(const char *name)
{
	for (size_t i = 0; i < CONDITION_COUNT; i++)
		if (strcmp(CONDITIONS[i].name, name) == 0)
			return &CONDITIONS[i];
	return NULL;
}

static const char *set(struct filter *filter, const struct condition *condition,
		       const json_t *value)
{
	char *field = (char *)filter + condition->field;

	if (condition->is_text) {
		const char *text = json_string_value(value);
		if (!text || strlen(text) >= FILTER_TEXT_MAX)
			return "a pattern of the filter is no text, or too long";
		text_copy(field, FILTER_TEXT_MAX, text);
		return NULL;
	}
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return "a number of the filter is none";
	uint64_t number = (uint64_t)json_integer_value(value);
	memcpy(field, &number, sizeof(number));
	return NULL;
}

const char *filter_parse(const json_t *object, struct filter *filter)
{
	const char *name, *wrong = NULL;
	json_t *value;

	/* compared byte by byte, padding and all */
	memset(filter, 0, sizeof(*filter));
	filter->size_max = filter->to_ns = UINT64_MAX;
	json_object_foreach((json_t *)object, name, value)
	{
		const struct condition *condition = find(name);
		if (!condition)
			return "the filter has a condition that is not known";
		wrong = set(filter, condition, value);
		if (wrong)
			return wrong;
		filter->is_set = true;
	}
	return NULL;
}

bool filter_needs_names(const struct filter *filter)
{
	return filter->function[0] || filter->module[0];
}
