// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/recording.h"

#include "base/clock.h"
#include "base/io.h"
#include "base/table_cache.h"
#include "base/text.h"
#include "commands/command.h"
#include "commands/record_options.h"
#include "commands/supervise.h"
#include "commands/vault_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SEND_MAX_S 10 /* that a worker may leave a message where it is */
#define SPARES_MAX 2
#define SPARES_NS  60000000000 /* that they have to last */

static struct message message;

static int start(const struct recording *recording, const char *name, struct worker_process *worker)
{
	const struct timeval patience = { .tv_sec = SEND_MAX_S };
	char path[128];

	snprintf(path, sizeof(path), "%s/%s.sock", recording->services ? recording->services : "",
		 name);
	int err = recording->services ? worker_connect(path, worker) : worker_start(name, worker);

	/* one that stands still must not hold whoever watches over it */
	if (!err)
		(void)setsockopt(worker->socket, SOL_SOCKET, SO_SNDTIMEO, &patience,
				 sizeof(patience));
	return err ? command_fail(EXIT_FAILED, "the worker heaptrail-%s cannot be started: %s",
				  name, strerror(-err))
		   : EXIT_DONE;
}

static int send_to(struct worker_process *worker, const char *name, enum message_type type,
		   const void *body, size_t size, const int *fds, size_t fd_count)
{
	int err = message_send(worker->socket, type, body, size, fds, fd_count);

	/* one that gave up has said why: the next receive tells */
	return err && err != -EPIPE ? command_fail(EXIT_FAILED, "the %s cannot be reached: %s",
						   name, strerror(-err))
				    : EXIT_DONE;
}

void recording_look(struct recording *recording)
{
	struct worker_process *workers[] = { &recording->vault,	     &recording->resolver,
					     &recording->symbolizer, &recording->writer,
					     &recording->tracer,     &recording->census };

	for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++)
		supervise_look(workers[i]);
}

static int replace(struct recording *recording, enum tracer_helper helper)
{
	const char *name = helper == HELPER_RESOLVER ? "resolver" : "symbolizer";
	struct worker_process *worker = helper == HELPER_RESOLVER ? &recording->resolver
								  : &recording->symbolizer;
	uint64_t now = clock_now_ns();
	char fate[SUPERVISE_TEXT_MAX];

	if (now - recording->spare_ns > SPARES_NS)
		recording->spare_count = 0;
	recording->spare_ns = now;
	bool is_over = recording->spare_count++ >= SPARES_MAX;
	/* it may not have ended, nor want to */
	if (!supervise_has_failed(worker))
		supervise_kill(worker, "gave no answer, and was killed");
	command_fail(EXIT_FAILED, "the %s %s; %s", name, supervise_fate(worker, fate),
		     is_over ? "it happens too often" : "another takes its place");
	supervise_finish(worker);
	return is_over ? EXIT_FAILED : start(recording, name, worker);
}

void recording_send_spare(struct recording *recording)
{
	static const struct message_rule WANTED = { TRACER_SPARE_WANTED,
						    sizeof(struct tracer_spare_wanted), 0 };
	static struct message wanted;
	const struct tracer_spare_wanted *what = (const void *)wanted.body;
	bool is_over = message_recv(recording->spares, &WANTED, 1, &wanted) ||
		       replace(recording, what->helper);
	struct worker_process *worker = what->helper == HELPER_RESOLVER ? &recording->resolver
									: &recording->symbolizer;

	if (!is_over)
		is_over = message_send(recording->spares, TRACER_SPARE, NULL, 0, &worker->socket,
				       1) != 0;
	/* from here on it belongs to the tracer */
	io_close(&worker->socket);
	/* the tracer knows by that, too, that it gets no more */
	if (is_over)
		io_close(&recording->spares);
}

/* Until something has come from a worker, whose helpers may need replacement meanwhile. */
static void await(struct recording *recording, int socket)
{
	for (;;) {
		struct pollfd polls[] = { { .fd = socket, .events = POLLIN },
					  { .fd = recording->spares, .events = POLLIN } };
		int ready = poll(polls, 2, SUPERVISE_LOOK_MS);
		if (ready == 0)
			recording_look(recording);
		if (ready > 0 && polls[1].revents)
			recording_send_spare(recording);
		if (ready > 0 && polls[0].revents)
			return;
	}
}

/* The next message of a type, or of one that may come in between. A failure is printed. */
static int receive(struct recording *recording, struct worker_process *worker, const char *name,
		   const struct message_rule *rules, size_t count)
{
	char fate[SUPERVISE_TEXT_MAX];
	struct message_rule all[4];

	memcpy(all, rules, count * sizeof(*rules));
	all[count] = (struct message_rule) { MESSAGE_FAILURE, sizeof(struct failure), 0 };
	await(recording, worker->socket);
	int err = message_recv(worker->socket, all, count + 1, &message);
	if (err) {
		io_close(&worker->socket);
		/* without a writer there is no tracer */
		if (worker == &recording->tracer && supervise_has_failed(&recording->writer))
			worker = &recording->writer, name = "writer";
		return command_fail(EXIT_FAILED, "the %s %s", name, supervise_fate(worker, fate));
	}
	struct failure *failure = (void *)message.body;
	if (message.type != MESSAGE_FAILURE)
		return EXIT_DONE;
	if (failure->exit_status == EXIT_TARGET && recording->passes_over_gone)
		return EXIT_TARGET;
	return command_worker_failed(failure, NULL);
}

/* The tracer's next message of a type. Before it, sites may be told of: what it hears of meanwhile
 * is inspected, too. */
static int receive_answer(struct recording *recording, enum message_type type, size_t size)
{
	const struct message_rule rules[] = {
		{ type, (uint32_t)size, 0 },
		{ TRACER_SITE, sizeof(struct tracer_site), 0 },
	};

	for (;;) {
		int status = receive(recording, &recording->tracer, "tracer", rules, 2);
		if (status || message.type == type)
			return status;
		if (recording->on_site)
			recording->on_site((const void *)message.body);
	}
}

/* Without a cache everything is compiled again; why there is none does not matter to a recording.
 */
static int open_cache(const char *directory)
{
	struct stat compiler;

	if (!directory || worker_stat("symbolizer", &compiler))
		return -1;
	int fd = table_cache_prepare(directory, &compiler);
	return fd < 0 ? -1 : fd;
}

int recording_start_tracer(struct recording *recording, struct tracer_start *options,
			   const struct user_function *functions, int stream,
			   const char *cache_directory)
{
	static const struct message_rule READY = { TRACER_READY, sizeof(struct tracer_ready), 2 };
	struct tracer_ready *ready = (void *)message.body;
	int status = start(recording, "resolver", &recording->resolver);

	if (!status)
		status = start(recording, "symbolizer", &recording->symbolizer);
	if (!status)
		status = start(recording, "tracer", &recording->tracer);
	if (status)
		return status;
	int cache = open_cache(cache_directory), spares[2];
	int err = message_pair(spares);
	if (err)
		return command_fail(EXIT_FAILED, "%s", strerror(-err));
	recording->spares = spares[0];
	int fds[5] = { recording->resolver.socket, recording->symbolizer.socket,
		       stream >= 0 ? stream : STDERR_FILENO, cache >= 0 ? cache : STDERR_FILENO,
		       spares[1] };
	options->has_cache = cache >= 0;
	status = send_to(&recording->tracer, "tracer", TRACER_START, options, sizeof(*options), fds,
			 5);
	for (uint32_t i = 0; !status && i < options->function_count; i++)
		status = send_to(&recording->tracer, "tracer", TRACER_FUNCTION, &functions[i],
				 sizeof(functions[i]), NULL, 0);
	io_close(&cache);
	io_close(&spares[1]);
	/* from here on the helpers belong to the tracer, and end with it */
	io_close(&recording->resolver.socket);
	io_close(&recording->symbolizer.socket);
	if (!status)
		status = receive(recording, &recording->tracer, "tracer", &READY, 1);
	if (!status) {
		text_copy(recording->mode, sizeof(recording->mode), ready->mode);
		recording->cpu_count = ready->cpu_count;
		recording->counters = message_take_fd(&message, 0);
		if (recording->tracer.pidfd < 0)
			recording->tracer.pidfd = message_take_fd(&message, 1);
		message_close_fds(&message);
	}
	recording->is_dry_run = options->is_dry_run;
	return status;
}

static void end_plugins(struct recording *recording)
{
	for (size_t i = 0; i < recording->plugin_count; i++)
		age_program_finish(&recording->programs[i]);
}

/* Each capture has a key of its own, which each wraps once. */
static int start_plugins(struct recording *recording)
{
	int status = EXIT_DONE;

	for (size_t i = 0; !status && i < recording->plugin_count; i++) {
		struct age_program *program = &recording->programs[i];
		status = age_program_start(program, recording->plugins[i]);
		if (!status)
			status = send_to(&recording->writer, "writer", WRITER_PLUGIN, NULL, 0,
					 program->pipes, 2);
		age_program_hand_over(program);
	}
	return status;
}

/* The writer makes the header, the vault signs it and puts the start on record. */
static int certify(struct recording *recording)
{
	static const struct message_rule HEADER = { WRITER_HEADER, sizeof(struct vault_header), 0 };
	static const struct message_rule CERTIFIED = { VAULT_CERTIFIED,
						       sizeof(struct vault_signature), 0 };
	static const struct message_rule READY = { WRITER_READY, 0, 0 };
	struct vault_header header;
	int status = receive(recording, &recording->writer, "writer", &HEADER, 1);

	end_plugins(recording);
	if (status)
		return status;
	memcpy(&header, message.body, sizeof(header));
	status = vault_ask(&recording->vault, VAULT_CERTIFY, &header, sizeof(header), -1,
			   &CERTIFIED, NULL, &message);
	if (!status)
		status = send_to(&recording->writer, "writer", WRITER_SIGNATURE, message.body,
				 sizeof(struct vault_signature), NULL, 0);
	return status ? status : receive(recording, &recording->writer, "writer", &READY, 1);
}

_Static_assert(1 + RECIPIENTS_MAX + VAULT_RECIPIENTS_MAX <= WRITER_RECIPIENTS_MAX,
	       "the vault, those of the command line, and those of every recording");

/* Each once. */
static void add_recipient(struct writer_start *options, const char *text)
{
	for (uint32_t i = 0; i < options->recipient_count; i++)
		if (strcmp(options->recipients[i], text) == 0)
			return;
	text_copy(options->recipients[options->recipient_count++], sizeof(options->recipients[0]),
		  text);
}

int recording_ask_leave(struct recording *recording, const char *state_directory)
{
	static const struct message_rule LEAVE = { VAULT_LEAVE, sizeof(struct vault_leave), 0 };
	const struct vault_leave *leave = (const void *)message.body;

	if (recording->client < 0)
		return EXIT_DONE;
	int status = vault_begin(&recording->vault, state_directory);
	if (!status)
		status = vault_ask(&recording->vault, VAULT_FOR, NULL, 0, recording->client, &LEAVE,
				   NULL, &message);
	recording->has_others = !status && leave->has_others;
	return status;
}

int recording_start_writer(struct recording *recording, const char *state_directory,
			   const struct segments *segments,
			   const char (*recipients)[RECIPIENT_TEXT_MAX], size_t count, int file,
			   int stream)
{
	static const struct message_rule KEYS = { VAULT_KEYS, sizeof(struct vault_keys), 0 };
	const struct vault_keys *keys = (const void *)message.body;
	static const struct message_rule LIST = { VAULT_RECIPIENT_LIST,
						  sizeof(struct vault_recipients), 0 };
	const struct vault_recipients *standing = (const void *)message.body;
	struct writer_start options = { .segment_bytes = segments->bytes_max,
					.segment_ns = segments->age_max_ns,
					.cpu_count = recording->cpu_count };
	int fds[4] = { file, stream, recording->counters, recording->tracer.pidfd };
	int status = recording->vault.socket >= 0 ? EXIT_DONE
						  : vault_begin(&recording->vault, state_directory);

	if (!status)
		status = vault_ask(&recording->vault, VAULT_PUBLIC, NULL, 0, -1, &KEYS, NULL,
				   &message);
	if (status)
		return status;
	memcpy(options.host_pk, keys->host_pk, sizeof(options.host_pk));
	add_recipient(&options, keys->recipient);
	for (size_t i = 0; i < count; i++)
		add_recipient(&options, recipients[i]);
	status = vault_ask(&recording->vault, VAULT_RECIPIENTS, NULL, 0, -1, &LIST, NULL, &message);
	if (status)
		return status;
	for (uint32_t i = 0; i < standing->count && i < VAULT_RECIPIENTS_MAX; i++)
		add_recipient(&options, standing->texts[i]);
	status = start(recording, "writer", &recording->writer);
	if (!status)
		status = send_to(&recording->writer, "writer", WRITER_START, &options,
				 sizeof(options), fds, 4);
	io_close(&recording->counters);
	for (uint32_t i = 0; i < options.recipient_count; i++)
		if (age_program_is_needed(options.recipients[i]))
			text_copy(recording->plugins[recording->plugin_count++],
				  sizeof(recording->plugins[0]), options.recipients[i]);
	if (!status)
		status = start_plugins(recording);
	return status ? status : certify(recording);
}

int recording_add_target(struct recording *recording, const struct tracer_target *target, int pidfd,
			 uint32_t *site_count)
{
	const struct tracer_scanned *scanned = (const void *)message.body;
	int status = send_to(&recording->tracer, "tracer", TRACER_TARGET, target, sizeof(*target),
			     &pidfd, 1);

	if (!status)
		status = receive_answer(recording, TRACER_SCANNED, sizeof(*scanned));
	if (status)
		return status;
	recording->found_functions |= scanned->user_functions;
	/* a program of 64 bits may map a file of 32, too */
	if (scanned->has_32bit && !scanned->site_count)
		return command_fail(
			EXIT_FAILED,
			"pid %u (%.16s) is a 32-bit program; only 64-bit ones can be recorded",
			target->pid, target->comm);
	*site_count = scanned->site_count;
	return EXIT_DONE;
}

int recording_offer_target(struct recording *recording, const struct tracer_target *target,
			   int pidfd)
{
	return send_to(&recording->tracer, "tracer", TRACER_TARGET, target, sizeof(*target), &pidfd,
		       1);
}

int recording_attach(struct recording *recording)
{
	int status = send_to(&recording->tracer, "tracer", TRACER_ATTACH, NULL, 0, NULL, 0);

	return status ? status
		      : receive_answer(recording, TRACER_ATTACHED, sizeof(struct tracer_attached));
}

int recording_note_census(struct recording *recording, uint32_t pid, enum census_moment moment,
			  const struct census *census)
{
	struct census_taken taken = { .pid = pid, .moment = moment, .census = *census };

	return send_to(&recording->tracer, "tracer", TRACER_CENSUS, &taken, sizeof(taken), NULL, 0);
}

int recording_note_memory(struct recording *recording, const struct memory_seen *seen)
{
	return send_to(&recording->tracer, "tracer", TRACER_MEMORY, seen, sizeof(*seen), NULL, 0);
}

int recording_stop(struct recording *recording, const char *reason)
{
	struct tracer_stop stop = { 0 };

	text_copy(stop.reason, sizeof(stop.reason), reason);
	return send_to(&recording->tracer, "tracer", TRACER_STOP, &stop, sizeof(stop), NULL, 0);
}

int recording_note_end(struct recording *recording, const struct vault_finished *end)
{
	static const struct message_rule NOTED = { VAULT_NOTED, 0, 0 };

	return vault_ask(&recording->vault, VAULT_FINISHED, end, sizeof(*end), -1, &NOTED, NULL,
			 &message);
}

int recording_begin_segment(struct recording *recording, int file)
{
	int status = send_to(&recording->writer, "writer", WRITER_NEXT, NULL, 0, &file, 1);

	if (!status)
		status = start_plugins(recording);
	/* the writer has its file when it hears that the names are there */
	return status ? status
		      : send_to(&recording->tracer, "tracer", TRACER_SEGMENT, NULL, 0, NULL, 0);
}

int recording_certify_segment(struct recording *recording)
{
	return certify(recording);
}

int recording_note_deletion(struct recording *recording, int file)
{
	static const struct message_rule NOTED = { VAULT_NOTED, 0, 0 };

	return vault_ask(&recording->vault, VAULT_DELETE, NULL, 0, file, &NOTED, NULL, &message);
}

void recording_finish(struct recording *recording)
{
	io_close(&recording->spares);
	io_close(&recording->counters);
	end_plugins(recording);
	supervise_finish(&recording->census);
	supervise_finish(&recording->tracer);
	supervise_finish(&recording->resolver);
	supervise_finish(&recording->symbolizer);
	supervise_finish(&recording->writer);
	supervise_finish(&recording->vault);
}
