// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/recording.h"

#include "base/io.h"
#include "base/table_cache.h"
#include "base/text.h"
#include "commands/command.h"
#include "commands/record_options.h"
#include "commands/vault_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct message message;

static int start(const char *name, struct worker_process *worker)
{
	int err = worker_start(name, worker);

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

/* The next message of a type, or of one that may come in between. A failure is printed. */
static int receive(struct worker_process *worker, const char *name,
		   const struct message_rule *rules, size_t count)
{
	struct message_rule all[4];

	memcpy(all, rules, count * sizeof(*rules));
	all[count] = (struct message_rule) { MESSAGE_FAILURE, sizeof(struct failure), 0 };
	int err = message_recv(worker->socket, all, count + 1, &message);
	if (err) {
		io_close(&worker->socket);
		return command_fail(EXIT_FAILED, "the %s died", name);
	}
	return message.type == MESSAGE_FAILURE
		       ? command_worker_failed((struct failure *)message.body, NULL)
		       : EXIT_DONE;
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
	static const struct message_rule READY = { TRACER_READY, sizeof(struct tracer_ready), 0 };
	struct tracer_ready *ready = (void *)message.body;
	int status = start("resolver", &recording->resolver);

	if (!status)
		status = start("symbolizer", &recording->symbolizer);
	if (!status)
		status = start("tracer", &recording->tracer);
	if (status)
		return status;
	int cache = open_cache(cache_directory);
	int fds[4] = { recording->resolver.socket, recording->symbolizer.socket,
		       stream >= 0 ? stream : STDERR_FILENO, cache >= 0 ? cache : STDERR_FILENO };
	options->has_cache = cache >= 0;
	status = send_to(&recording->tracer, "tracer", TRACER_START, options, sizeof(*options), fds,
			 4);
	for (uint32_t i = 0; !status && i < options->function_count; i++)
		status = send_to(&recording->tracer, "tracer", TRACER_FUNCTION, &functions[i],
				 sizeof(functions[i]), NULL, 0);
	io_close(&cache);
	/* from here on the helpers belong to the tracer, and end with it */
	io_close(&recording->resolver.socket);
	io_close(&recording->symbolizer.socket);
	if (!status)
		status = receive(&recording->tracer, "tracer", &READY, 1);
	if (!status)
		text_copy(recording->mode, sizeof(recording->mode), ready->mode);
	recording->is_dry_run = options->is_dry_run;
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
	int status = receive(&recording->writer, "writer", &HEADER, 1);

	if (status)
		return status;
	memcpy(&header, message.body, sizeof(header));
	status = vault_ask(&recording->vault, VAULT_CERTIFY, &header, sizeof(header), -1,
			   &CERTIFIED, NULL, &message);
	if (!status)
		status = send_to(&recording->writer, "writer", WRITER_SIGNATURE, message.body,
				 sizeof(struct vault_signature), NULL, 0);
	return status ? status : receive(&recording->writer, "writer", &READY, 1);
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
					.segment_ns = segments->age_max_ns };
	int fds[2] = { file, stream };
	int status = vault_begin(&recording->vault, state_directory);

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
	status = start("writer", &recording->writer);
	if (!status)
		status = send_to(&recording->writer, "writer", WRITER_START, &options,
				 sizeof(options), fds, 2);
	return status ? status : certify(recording);
}

int recording_add_target(struct recording *recording, const struct tracer_target *target, int pidfd,
			 uint32_t *site_count)
{
	static const struct message_rule RULES[] = {
		{ TRACER_SCANNED, sizeof(struct tracer_scanned), 0 },
		{ TRACER_SITE, sizeof(struct tracer_site), 0 },
	};
	const struct tracer_scanned *scanned = (const void *)message.body;
	int status = send_to(&recording->tracer, "tracer", TRACER_TARGET, target, sizeof(*target),
			     &pidfd, 1);

	while (!status) {
		status = receive(&recording->tracer, "tracer", RULES, 2);
		if (status || message.type == TRACER_SCANNED)
			break;
		if (recording->on_site)
			recording->on_site((const void *)message.body);
	}
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
	static const struct message_rule ATTACHED = { TRACER_ATTACHED,
						      sizeof(struct tracer_attached), 0 };
	int status = send_to(&recording->tracer, "tracer", TRACER_ATTACH, NULL, 0, NULL, 0);

	return status ? status : receive(&recording->tracer, "tracer", &ATTACHED, 1);
}

int recording_note_census(struct recording *recording, uint32_t pid, enum census_moment moment,
			  const struct census *census)
{
	struct census_taken taken = { .pid = pid, .moment = moment, .census = *census };

	return send_to(&recording->tracer, "tracer", TRACER_CENSUS, &taken, sizeof(taken), NULL, 0);
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
	worker_finish(&recording->census);
	worker_finish(&recording->tracer);
	worker_finish(&recording->resolver);
	worker_finish(&recording->symbolizer);
	worker_finish(&recording->writer);
	worker_finish(&recording->vault);
}
