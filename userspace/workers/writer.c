// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The writer: the tracer's records in, a sealed capture out. It has no rights, and once the capture
 * is finished it has forgotten the only key to it that this host could use without the vault.
 */
#include "workers/writer.h"

#include "base/clock.h"
#include "base/counters.h"
#include "base/io.h"
#include "base/message.h"
#include "base/text.h"
#include "keys/wrapping.h"
#include "workers/worker.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PATIENCE_NS 100000000

static struct message message;

static void open_model(struct writer *writer)
{
	static const struct filter EVERYTHING = FILTER_NONE;

	int err = model_open(&writer->model, &EVERYTHING);
	if (!err && writer->is_merged)
		err = model_merge(&writer->model);
	if (err)
		worker_fail(1, ENOMEM, "out of memory");
}

static void receive(enum message_type type, size_t size, uint32_t fds)
{
	const struct message_rule rule = { type, (uint32_t)size, fds };

	if (message_recv(WORKER_SOCKET, &rule, 1, &message))
		exit(1);
}

static void take_counters(struct writer *writer, int fd, uint32_t cpu_count)
{
	struct stat st;
	size_t size;

	writer->counters = counters_map(fd, cpu_count, &size);
	writer->cpu_count = cpu_count;
	/* a file would end within what is mapped of it; the kernel's map is none */
	if (fstat(fd, &st) || (S_ISREG(st.st_mode) && (size_t)st.st_size < size))
		worker_fail(1, EMEDIUMTYPE, "these are not the kernel's counters");
	if (writer->counters == MAP_FAILED)
		worker_fail(1, errno, "the kernel's counters cannot be seen: %s", strerror(errno));
	close(fd);
}

/* With the pipes to programs that the command has started for those that need one. */
static int prepare_recipients(const struct writer_start *start,
			      struct wrapping wrappings[static WRITER_RECIPIENTS_MAX],
			      void *recipients[static WRITER_RECIPIENTS_MAX])
{
	for (uint32_t i = 0; i < start->recipient_count; i++) {
		if (wrapping_prepare(&wrappings[i], start->recipients[i]))
			return -EINVAL;
		if (wrappings[i].recipient.kind == RECIPIENT_PLUGIN) {
			receive(WRITER_PLUGIN, 0, 2);
			wrappings[i].to = message_take_fd(&message, 0);
			wrappings[i].from = message_take_fd(&message, 1);
		}
		recipients[i] = &wrappings[i];
	}
	return 0;
}

/* Of the first segment, or of one that follows. */
static void make_keys(struct writer *writer)
{
	struct writer_start *start = &writer->start;
	struct capture_writer *before = writer->capture;
	struct wrapping wrappings[WRITER_RECIPIENTS_MAX];
	void *recipients[WRITER_RECIPIENTS_MAX];
	struct stat st;

	/* another kind of file would not keep what is written, or be what the stream comes from */
	if (fstat(writer->file, &st) || !S_ISREG(st.st_mode))
		worker_fail(1, EMEDIUMTYPE, "a capture can only be written into a regular file");
	int err = prepare_recipients(start, wrappings, recipients);
	if (!err)
		err = before ? capture_writer_next(writer->file, before, wrapping_wrap, recipients,
						   start->recipient_count, &writer->capture)
			     : capture_writer_new(writer->file, start->host_pk, wrapping_wrap,
						  recipients, start->recipient_count,
						  &writer->capture);
	if (err == -EPROTO || err == -ETIMEDOUT)
		worker_fail(1, -err, WRAPPING_FAILED,
			    err == -EPROTO ? "made no age file" : "gave no answer");
	if (err == -EINVAL)
		worker_fail(
			2, EINVAL,
			"a recipient is not valid: it must look like age1… or ssh-ed25519 AAAA…");
	if (err)
		worker_fail(1, -err, "the capture's keys cannot be made: %s", strerror(-err));
	capture_writer_free(before);
}

/* The host's signature comes from the vault; then the file begins. */
static void begin_file(struct writer *writer)
{
	if (message_send(WORKER_SOCKET, WRITER_HEADER, capture_writer_header(writer->capture),
			 sizeof(struct vault_header), NULL, 0))
		exit(1);
	receive(WRITER_SIGNATURE, sizeof(struct vault_signature), 0);
	int err = capture_writer_begin(writer->capture,
				       ((struct vault_signature *)message.body)->bytes);
	if (err)
		worker_fail(1, -err, "the capture cannot be begun: %s", strerror(-err));
	if (message_send(WORKER_SOCKET, WRITER_READY, NULL, 0, NULL, 0))
		exit(1);
}

static void begin(struct writer *writer)
{
	struct writer_start *start = &writer->start;

	receive(WRITER_START, sizeof(*start), 4);
	memcpy(start, message.body, sizeof(*start));
	writer->file = message_take_fd(&message, 0);
	writer->stream = message_take_fd(&message, 1);
	take_counters(writer, message_take_fd(&message, 2), start->cpu_count);
	writer->tracer = message_take_fd(&message, 3);
	if (start->recipient_count > WRITER_RECIPIENTS_MAX)
		worker_fail(1, EINVAL, "too many recipients: at most %d", WRITER_RECIPIENTS_MAX);
	for (uint32_t i = 0; i < start->recipient_count; i++)
		start->recipients[i][sizeof(start->recipients[i]) - 1] = 0;
	series_start(writer, start);
	make_keys(writer);
	/* only now: the header names the kernel's boot id, which is in a file */
	worker_confine("writer");
	begin_file(writer);
}

/* begin_ns: when the segment begins, since the series did. */
static void put_session(struct writer *writer, const struct stream_session *session,
			uint64_t begin_ns)
{
	struct bytes_buffer out = { 0 };
	struct utsname host;
	char mode[sizeof(session->mode) + 1] = "";

	uname(&host);
	memcpy(mode, session->mode, sizeof(session->mode));
	session_record_put(&out,
			   &(struct session_record) {
				   .start_unix_ns = session->start_unix_ns,
				   .has_free_stacks = session->has_free_stacks != 0,
				   .sampling_bytes = session->is_sampled ? SAMPLED_BY_TARGETS : 0,
				   .host = host.nodename,
				   .kernel = host.release,
				   .tool_version = (char *)HEAPTRAIL_VERSION,
				   .mode = mode,
				   .begin_ns = begin_ns });
	writer_append(writer, CHUNK_SESSION, &out);
	bytes_free(&out);
}

static void handle_session(struct writer *writer, const struct stream_session *session)
{
	writer->start_ns = session->start_ns;
	writer->series.session = *session;
	put_session(writer, session, 0);
}

static void handle_target(struct writer *writer, struct tracer_target *target)
{
	target->comm[sizeof(target->comm) - 1] = 0;
	target->exe[sizeof(target->exe) - 1] = 0;
	target->cgroup[sizeof(target->cgroup) - 1] = 0;
	target_record_put(&writer->targets, &(struct target_record) { .id = ++writer->target_count,
								      .pid = target->pid,
								      .comm = target->comm,
								      .exe = target->exe });
	if (target->cgroup[0])
		cgroup_record_put(&writer->cgroups,
				  &(struct cgroup_record) { .target = writer->target_count,
							    .path = target->cgroup });
}

static void handle_module(struct writer *writer, struct stream_module *module)
{
	struct module_record record = { .id = module->id,
					.build_id_size = (uint8_t)module->build_id_size,
					.inode = module->inode,
					.size_bytes = module->size_bytes,
					.path = module->path,
					.note = module->note };

	module->path[sizeof(module->path) - 1] = 0;
	module->note[sizeof(module->note) - 1] = 0;
	if (module->build_id_size <= BUILD_ID_MAX)
		memcpy(record.build_id, module->build_id, module->build_id_size);
	else
		record.build_id_size = 0;
	module_record_put(&writer->modules, &record);
}

static void handle_site(struct writer *writer, struct stream_site *site)
{
	site->site.symbol[SITE_SYMBOL_MAX - 1] = 0;
	site->site.instruction[SITE_INSTRUCTION_MAX - 1] = 0;
	function_record_put(&writer->functions,
			    &(struct function_record) { .id = site->site.function,
							.name = site->site.symbol,
							.module = site->module,
							.entry_offset = site->site.entry_offset,
							.site_offset = site->site.offset,
							.is_emulated = site->site.is_emulated,
							.instruction = site->site.instruction });
}

static void handle_census(struct writer *writer, const struct stream_census *census)
{
	struct census_record record = { .time_ns = census->time_ns - writer->start_ns,
					.pid = census->taken.pid,
					.moment = (uint8_t)census->taken.moment,
					.census = census->taken.census };
	struct bytes_buffer out = { 0 };

	census_record_put(&out, &record);
	writer_append(writer, CHUNK_CENSUS, &out);
	bytes_free(&out);
}

static void handle_memory(struct writer *writer, const struct stream_memory *memory)
{
	struct memory_record record = { .time_ns = memory->time_ns > writer->start_ns
							   ? memory->time_ns - writer->start_ns
							   : 0,
					.pid = memory->seen.pid,
					.resident_bytes = memory->seen.resident_bytes,
					.shared_bytes = memory->seen.shared_bytes };
	struct bytes_buffer out = { 0 };

	memory_record_put(&out, &record);
	writer_append(writer, CHUNK_MEMORY, &out);
	bytes_free(&out);
}

static void handle_names(struct writer *writer, const uint8_t *data, size_t size)
{
	struct bytes_buffer out = { 0 };
	struct stream_names head;

	/* names come after the record of their module */
	writer_flush(writer);
	memcpy(&head, data, sizeof(head));
	bytes_put_varint(&out, head.module);
	bytes_put(&out, data + sizeof(head), size - sizeof(head));
	writer_append(writer, CHUNK_NAMES, &out);
	if (!head.is_passing)
		series_keep(writer, CHUNK_NAMES, &out);
	bytes_free(&out);
}

/* Events and losses are those of the whole series. */
static void fill_progress(const struct writer *writer, struct writer_progress *progress)
{
	const struct series *series = &writer->series;
	const struct live_totals *totals = model_totals(&writer->model);
	struct capture_position position;

	capture_writer_position(writer->capture, &position);
	*progress = (struct writer_progress) {
		.error = -writer->error,
		.events = series->events_before + writer->events_written + writer->event_count,
		.lost = writer_lost(&writer->counted) + series->discarded_before +
			writer->events_discarded,
		.live_bytes = totals->live_bytes,
		.live_blocks = totals->live_blocks,
		.file_size = position.size
	};
}

/* Once a second, or at once when a write failed: what there is goes to the disk and to the person.
 */
static void tick(struct writer *writer, bool is_urgent)
{
	struct writer_progress progress;
	uint64_t now = clock_now_ns();

	if (!is_urgent && now - writer->tick_ns < 1000000000)
		return;
	writer->tick_ns = now;
	writer_flush(writer);
	fill_progress(writer, &progress);
	progress.silent_ms = (uint32_t)((now - writer->frame_ns) / 1000000);
	/* the command may be gone, or stand still; the recording goes on all the same */
	(void)message_offer(WORKER_SOCKET, WRITER_PROGRESS, &progress, sizeof(progress));
}

static int append_summary(void *context, const struct bytes_buffer *payload)
{
	struct writer *writer = context;

	return capture_writer_append(writer->capture, CHUNK_SUMMARY, payload->data, payload->size);
}

/* Only of what is in the file. How many chunks it is; 0: there is none, be it for want of room. */
static uint64_t put_summary(struct writer *writer, const struct end_record *end)
{
	struct capture_position before, after;

	if (writer->error || writer->events_discarded || writer->is_merged)
		return 0;
	writer->model.end = *end;
	writer->model.has_end = true;
	model_finish(&writer->model);
	capture_writer_position(writer->capture, &before);
	writer_end_checkpoints(writer);
	if (summary_put(&writer->model, writer->checkpoints, writer->checkpoint_count,
			append_summary, writer))
		return 0;
	capture_writer_position(writer->capture, &after);
	return after.sequence - before.sequence;
}

static void seal(struct writer *writer, const char *reason, uint64_t end_ns, bool is_last,
		 struct writer_done *sealed)
{
	struct series *series = &writer->series;
	const struct live_totals *totals = model_totals(&writer->model);
	struct bytes_buffer out = { 0 };
	struct capture_position position;

	writer_flush(writer);
	struct end_record end = { .duration_ns = end_ns > writer->start_ns
							 ? end_ns - writer->start_ns
							 : 0,
				  .live_bytes = totals->live_bytes,
				  .live_blocks = totals->live_blocks,
				  .peak_bytes = totals->peak_bytes,
				  .peak_time_ns = totals->peak_time_ns };
	const struct counters_record counted = writer_counted_in_segment(writer);
	struct writer_done done = { 0 };

	end.events_written = writer->events_written;
	end.events_lost = writer_lost(&counted) + writer->events_discarded;
	/* the kernel's number, so that whoever reads can see that nothing else is missing; where
	 * another segment follows, what is on its way belongs to that */
	end.events_emitted = is_last ? writer->counted.emitted - series->emitted_before
				     : writer->events_written + end.events_lost;
	series->emitted_before += end.events_emitted;
	text_copy(end.reason, sizeof(end.reason), writer->error ? "write-failed" : reason);
	end.summary_chunks = put_summary(writer, &end);
	end_record_put(&out, &end);
	int err = capture_writer_finish(writer->capture, out.data, out.size);
	bytes_free(&out);
	if (err)
		worker_fail(
			1, -err,
			"the capture could not be sealed (%s); it is readable up to its last chunk",
			strerror(-err));
	fill_progress(writer, &done.totals);
	capture_writer_position(writer->capture, &position);
	memcpy(done.end.capture_id, position.capture_id, sizeof(done.end.capture_id));
	memcpy(done.end.chain, position.chain, sizeof(done.end.chain));
	memcpy(done.end.reason, end.reason, sizeof(done.end.reason));
	done.end.sequence = position.sequence;
	done.end.events = end.events_written;
	done.end.lost = end.events_lost;
	done.end.file_size = position.size;
	done.allocations = totals->allocations;
	done.frees = totals->frees;
	done.reallocations = totals->reallocations;
	done.failed = totals->failed;
	done.duration_ns = end.duration_ns;
	*sealed = done;
}

static _Noreturn void finish(struct writer *writer, const char *reason, uint64_t end_ns)
{
	struct writer_done done;

	seal(writer, reason, end_ns, true, &done);
	(void)message_send(WORKER_SOCKET, WRITER_DONE, &done, sizeof(done), NULL, 0);
	capture_writer_free(writer->capture);
	exit(0);
}

/* The segment is sealed, and another begins in the file that the command has sent. */
static void switch_segment(struct writer *writer, uint64_t time_ns)
{
	struct series *series = &writer->series;
	struct writer_done done;
	int before = writer->file;

	receive(WRITER_NEXT, 0, 1);
	seal(writer, "switched", time_ns, false, &done);
	if (message_send(WORKER_SOCKET, WRITER_SEALED, &done, sizeof(done), NULL, 0))
		exit(1);
	writer->file = message_take_fd(&message, 0);
	make_keys(writer);
	io_close(&before);
	begin_file(writer);
	series->events_before += writer->events_written;
	series->discarded_before += writer->events_discarded;
	series->counted_before = writer->counted;
	writer->events_written = writer->events_discarded = 0;
	struct model sealed_model = writer->model;
	open_model(writer);
	put_session(writer, &series->session, time_ns - writer->start_ns);
	series_begin_segment(writer, &sealed_model);
	model_close(&sealed_model);
}

/* A stack may come after the event that names it, or never. */
static void switch_if_due(struct writer *writer)
{
	struct series *series = &writer->series;
	uint64_t now = clock_now_ns();
	bool has_waited = now - series->due_clock_ns >= PATIENCE_NS;

	if (!series->is_due || (series->missing_stacks && !has_waited))
		return;
	/* without a disk there is no other segment */
	if (!writer->error)
		switch_segment(writer, now - series->due_clock_ns + series->due_ns);
	series->is_due = false;
}

static void handle_segment(struct writer *writer, const struct stream_segment *segment)
{
	writer->series.is_due = true;
	writer->series.due_ns = segment->time_ns;
	writer->series.due_clock_ns = clock_now_ns();
}

static void ask_for_segment(struct writer *writer)
{
	if (!series_is_full(writer))
		return;
	writer->series.is_full = true;
	/* a command that is gone cannot give us a file; the capture is sealed as it is */
	(void)message_send(WORKER_SOCKET, WRITER_FULL, NULL, 0, NULL, 0);
}

/* Smallest size of each frame's payload; larger ones are the sender's mistake, shorter ones an
 * attack. */
static const size_t FRAME_SIZES[] = {
	[STREAM_SESSION] = sizeof(struct stream_session),
	[STREAM_TARGET] = sizeof(struct tracer_target),
	[STREAM_MODULE] = sizeof(struct stream_module),
	[STREAM_SITE] = sizeof(struct stream_site),
	[STREAM_EVENTS] = sizeof(struct event_module), /* the smallest record */
	[STREAM_COUNTERS] = sizeof(struct stream_counters),
	[STREAM_NAMES] = sizeof(struct stream_names),
	[STREAM_CENSUS] = sizeof(struct stream_census),
	[STREAM_MEMORY] = sizeof(struct stream_memory),
	[STREAM_SEGMENT] = sizeof(struct stream_segment),
	[STREAM_END] = sizeof(struct stream_end),
};

static void handle(struct writer *writer, uint32_t type, uint8_t *data, size_t size)
{
	const struct stream_counters *counters = (void *)data;
	struct stream_end *end = (void *)data;

	switch (type) {
	case STREAM_SESSION: handle_session(writer, (void *)data); break;
	case STREAM_TARGET: handle_target(writer, (void *)data); break;
	case STREAM_MODULE: handle_module(writer, (void *)data); break;
	case STREAM_SITE: handle_site(writer, (void *)data); break;
	case STREAM_EVENTS: writer_events(writer, data, size); break;
	case STREAM_COUNTERS: writer_counters(writer, counters->time_ns, &counters->sums); break;
	case STREAM_NAMES: handle_names(writer, data, size); break;
	case STREAM_CENSUS: handle_census(writer, (void *)data); break;
	case STREAM_MEMORY: handle_memory(writer, (void *)data); break;
	case STREAM_SEGMENT: handle_segment(writer, (void *)data); break;
	case STREAM_END:
		end->reason[sizeof(end->reason) - 1] = 0;
		finish(writer, end->reason, end->time_ns);
	}
}

/* Where the tracer has nothing to say, the command is to know that it is not the writer's fault. */
static void await_frame(struct writer *writer)
{
	struct pollfd stream = { .fd = writer->stream, .events = POLLIN };

	while (poll(&stream, 1, 1000) == 0)
		tick(writer, false);
	writer->frame_ns = clock_now_ns();
}

static _Noreturn void run(struct writer *writer)
{
	uint8_t *data = NULL;
	size_t capacity = 0;

	for (;;) {
		struct stream_frame frame;
		bool had_error = writer->error != 0;
		await_frame(writer);
		if (io_read(writer->stream, &frame, sizeof(frame)))
			break;
		if (frame.type >= sizeof(FRAME_SIZES) / sizeof(FRAME_SIZES[0]) ||
		    frame.size < FRAME_SIZES[frame.type] || frame.size > STREAM_FRAME_MAX)
			worker_fail(1, EPROTO, "the tracer sent what is no frame");
		if (frame.size > capacity) {
			free(data);
			capacity = frame.size;
			data = malloc(capacity);
			if (!data)
				worker_fail(1, ENOMEM, "out of memory");
		}
		if (io_read(writer->stream, data, frame.size))
			break;
		handle(writer, frame.type, data, frame.size);
		switch_if_due(writer);
		ask_for_segment(writer);
		tick(writer, !had_error && writer->error);
	}
	/* the tracer died: what it sent is sealed, and says how it ended */
	writer_count_unread(writer);
	finish(writer, "tracer-died", clock_now_ns());
}

int main(void)
{
	static struct writer writer;

	worker_begin("writer");
	worker_leave_root("writer");
	open_model(&writer);
	writer.earliest_ns = UINT64_MAX;
	writer.events_max = CAPTURE_EVENTS_MAX;
	writer.events = malloc(CAPTURE_EVENTS_MAX * sizeof(*writer.events));
	if (!writer.events)
		worker_fail(1, ENOMEM, "out of memory");
	begin(&writer);
	writer.tick_ns = writer.frame_ns = clock_now_ns();
	run(&writer);
}
