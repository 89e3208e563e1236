// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What programs tell of themselves becomes records of MARKS chunks. Each says before which event it
 * is, so that whoever reads them knows the scope of every event, whatever times say.
 */
#include "workers/worker.h"
#include "workers/writer.h"

#include <errno.h>
#include <string.h>

static void put(struct writer *writer, const struct mark_record *record)
{
	mark_record_put(&writer->marks, record);
	if (writer->marks.failed)
		worker_fail(1, ENOMEM, "the writer is out of memory");
	writer->has_marks = true;
}

static uint64_t since_start(const struct writer *writer, uint64_t time_ns)
{
	return time_ns > writer->start_ns ? time_ns - writer->start_ns : 0;
}

/* In EVENTS chunks of this capture, with those that wait. */
static uint64_t events_before(const struct writer *writer)
{
	return writer->model.due.events + writer->event_count;
}

void writer_mark(struct writer *writer, const struct event_mark *mark, uint32_t thread)
{
	char name[sizeof(mark->name) + 1] = "";

	memcpy(name, mark->name, sizeof(mark->name));
	put(writer, &(struct mark_record) { .time_ns = since_start(writer, mark->head.time_ns),
					    .thread = thread,
					    .what = mark->what,
					    .events = events_before(writer),
					    .depth = mark->depth,
					    .name = name });
}

void writer_restart_thread(struct writer *writer, uint32_t thread,
			   const struct event_thread *record)
{
	/* as much as that, or more: its next mark says it */
	if (!writer->has_marks || record->depth == UINT16_MAX)
		return;
	put(writer, &(struct mark_record) { .time_ns = since_start(writer, record->head.time_ns),
					    .thread = thread,
					    .what = MARK_RESTART,
					    .events = events_before(writer),
					    .depth = record->depth,
					    .name = (char *)"" });
}

void writer_put_block_tag(struct writer *writer, const char *tag)
{
	put(writer,
	    &(struct mark_record) { .what = MARK_BLOCKS,
				    .events = writer->model.due_live.events + writer->event_count,
				    .name = (char *)tag });
}

struct putting {
	struct writer *writer;
	const struct model *before;
};

static void put_scope(void *context, uint32_t thread, uint32_t depth, uint32_t tag)
{
	const struct putting *putting = context;
	const struct model *before = putting->before;
	struct thread_record unknown = { 0 };
	const struct thread_record *record = thread < before->thread_count
						     ? &before->threads[thread]
						     : &unknown;
	const uint64_t *last = map_get(&putting->writer->thread_ids,
				       (uint64_t)record->pid << 32 | record->tid);

	/* it runs another program by now */
	if (!last || (uint32_t)*last != thread)
		return;
	series_use_thread(putting->writer, thread);
	put(putting->writer,
	    &(struct mark_record) { .time_ns = putting->writer->model.session.begin_ns,
				    .thread = thread,
				    .what = MARK_SCOPE,
				    .depth = depth,
				    .name = (char *)tags_name(&before->tags, tag) });
}

void writer_put_scopes(struct writer *writer, const struct model *before)
{
	struct putting putting = { writer, before };

	tags_visit(&before->tags, put_scope, &putting);
}
