// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/filter.h"

#include "base/text.h"

#include <stddef.h>
#include <string.h>

static const struct condition {
	const char *name;
	size_t field;
	size_t text_size; /* 0: a number */
} CONDITIONS[] = {
	{ "pid", offsetof(struct filter, pid), 0 },
	{ "address", offsetof(struct filter, address), 0 },
	{ "holding", offsetof(struct filter, holding), 0 },
	{ "size_min", offsetof(struct filter, size_min), 0 },
	{ "size_max", offsetof(struct filter, size_max), 0 },
	{ "from_ns", offsetof(struct filter, from_ns), 0 },
	{ "to_ns", offsetof(struct filter, to_ns), 0 },
	{ "at_peak", offsetof(struct filter, at_peak), 0 },
	{ "live", offsetof(struct filter, is_live), 0 },
	{ "age_min_ns", offsetof(struct filter, age_min_ns), 0 },
	{ "age_max_ns", offsetof(struct filter, age_max_ns), 0 },
	{ "thread", offsetof(struct filter, thread), FILTER_TEXT_MAX },
	{ "function", offsetof(struct filter, function), FILTER_TEXT_MAX },
	{ "module", offsetof(struct filter, module), FILTER_TEXT_MAX },
	{ "not_function", offsetof(struct filter, not_function), FILTER_TEXT_MAX },
	{ "not_module", offsetof(struct filter, not_module), FILTER_TEXT_MAX },
	{ "process", offsetof(struct filter, process), FILTER_TEXT_MAX },
	{ "allocator", offsetof(struct filter, allocator), FILTER_TEXT_MAX },
	{ "cgroup", offsetof(struct filter, cgroup), FILTER_TEXT_MAX },
	{ "tag", offsetof(struct filter, tag), FILTER_TEXT_MAX },
	{ "from_mark", offsetof(struct filter, from_mark), FILTER_TEXT_MAX },
	{ "to_mark", offsetof(struct filter, to_mark), FILTER_TEXT_MAX },
	{ "suppressed", offsetof(struct filter, suppressed), SUPPRESSIONS_TEXT_MAX },
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

	if (condition->text_size) {
		const char *text = json_string_value(value);
		if (!text || strlen(text) >= condition->text_size)
			return "a pattern of the filter is no text, or too long";
		text_copy(field, condition->text_size, text);
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
	filter->size_max = filter->to_ns = filter->age_max_ns = UINT64_MAX;
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
	return filter->function[0] || filter->module[0] || filter->not_function[0] ||
	       filter->not_module[0] || filter->suppressed[0];
}

bool filter_needs_marks(const struct filter *filter)
{
	return filter->from_mark[0] || filter->to_mark[0];
}

bool filter_needs_end(const struct filter *filter)
{
	return filter->age_min_ns || filter->age_max_ns != UINT64_MAX;
}
