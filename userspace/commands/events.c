// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/events.h"

#include "commands/command.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* Adds those that are new to the names. */
static int take_tags(json_t *names, const json_t *page)
{
	return json_array_extend(names, json_object_get(page, "tags"))
		       ? command_fail(EXIT_FAILED, "the reader's tags are none")
		       : EXIT_DONE;
}

/* *count: bytes in the page; 0: there are no more events. */
static int tell_page(const char *text, const json_t *tags, event_fn *fn, void *context,
		     size_t *count)
{
	size_t capacity = strlen(text);
	uint8_t *bytes = malloc(capacity + 1);
	struct block_event event;
	struct bytes_reader in = { .failed = true };

	*count = 0;
	if (bytes && sodium_base642bin(bytes, capacity, text, capacity, NULL, count, NULL,
				       sodium_base64_VARIANT_ORIGINAL) == 0)
		in = bytes_reader_on(bytes, *count);
	while (block_event_get(&in, &event)) {
		event.tag_name = json_string_value(json_array_get(tags, event.tag));
		fn(context, &event);
	}
	free(bytes);
	return in.failed ? command_fail(EXIT_FAILED, "the reader's events are none") : EXIT_DONE;
}

int events_each(struct opened_capture *capture, event_fn *fn, void *context)
{
	json_t *question = json_pack("{s:s}", "ask", "events"), *tags = json_array();
	size_t count = 1;
	int status = EXIT_DONE;

	while (!status && count) {
		json_t *page = NULL;
		status = opened_capture_ask(capture, question, &page);
		const char *text = json_string_value(json_object_get(page, "events"));
		if (!status)
			status = take_tags(tags, page);
		if (!status)
			status = tell_page(text ? text : "", tags, fn, context, &count);
		json_decref(page);
	}
	json_decref(question);
	json_decref(tags);
	return status;
}
