// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/answer_parts.h"
#include "workers/reader.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 1000000 /* what is told at once ends with the chunk that reaches it */

int reader_events_begin(struct reading *reading)
{
	return capture_reader_open(reading->capture, reading->key, &reading->replayer);
}

bool reader_asks_events(const json_t *question)
{
	const char *ask = json_string_value(json_object_get(question, "ask"));

	return ask && strcmp(ask, "events") == 0;
}

static void keep(void *context, const struct block_event *event)
{
	block_event_put(context, event);
}

static int begin(struct reading *reading)
{
	int err = model_open_again(&reading->replay, &reading->model);

	reading->replay.tell = keep;
	reading->is_replaying = true;
	return err;
}

/* Those that were not told with an earlier page. */
static json_t *new_tags(struct reading *reading)
{
	const struct tags *tags = &reading->replay.tags;
	json_t *names = json_array();

	for (; reading->tags_told < tags->count; reading->tags_told++)
		json_array_append_new(names, answer_text(tags_name(tags, reading->tags_told)));
	return names;
}

static json_t *page_of(struct reading *reading, const struct bytes_buffer *page)
{
	size_t size = sodium_base64_ENCODED_LEN(page->size, sodium_base64_VARIANT_ORIGINAL);
	char *text = malloc(size);
	json_t *answer = NULL;

	if (text)
		answer = json_pack("{s:s, s:o}", "events",
				   sodium_bin2base64(text, size, page->data, page->size,
						     sodium_base64_VARIANT_ORIGINAL),
				   "tags", new_tags(reading));
	free(text);
	return answer;
}

json_t *reader_events(struct reading *reading)
{
	struct bytes_buffer page = { 0 };
	struct chunk chunk;
	int more = 1, err = reading->is_replaying ? 0 : begin(reading);

	reading->replay.tell_context = &page;
	while (!err && page.size < PAGE_BYTES &&
	       (more = capture_reader_next(reading->replayer, &chunk)) == 1)
		if (reader_wants(chunk.type, READ_REST))
			err = model_feed(&reading->replay, chunk.type, chunk.raw, chunk.size);
	json_t *answer = err || more < 0 || page.failed
				 ? json_pack("{s:s, s:i}", "error",
					     "the events cannot be read once more", "exit", 6)
				 : page_of(reading, &page);
	bytes_free(&page);
	return answer;
}
