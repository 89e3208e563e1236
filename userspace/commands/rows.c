// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/rows.h"

#include "commands/command.h"

int rows_each(struct opened_capture *capture, rows_fn *fn, void *context, json_t **report)
{
	json_int_t from = 0, total = 1;
	int status = EXIT_DONE;

	*report = NULL;
	while (!status && from < total) {
		json_t *page = NULL, *row,
		       *question = json_pack("{s:s, s:s, s:I, s:I}", "ask", "report", "sort",
					     "live", "limit", (json_int_t)0, "from", from);
		size_t count;
		status = opened_capture_ask(capture, question, &page);
		json_decref(question);
		if (status)
			break;
		json_array_foreach(json_object_get(page, "rows"), count, row) fn(context, row);
		total = json_integer_value(json_object_get(page, "rows_total"));
		from = count ? from + (json_int_t)count : total;
		json_object_del(page, "rows");
		if (*report)
			json_decref(page);
		else
			*report = page;
	}
	return status;
}
