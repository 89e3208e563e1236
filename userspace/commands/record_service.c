// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * heaptrail serve: one recording, for whoever is at the other end of descriptor 3. It has no
 * capability: its workers are services of their own. The vault says whether, and whom, the client
 * may record, and is shown the client's connection for that.
 */
#include "base/io.h"
#include "commands/command.h"
#include "commands/record_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGUMENTS_MAX 256
#define SERVICES      "/run/heaptrail"

static struct message message;

/* Of each line of proc_pid_status(5) that says something of rights: is it what this user has? */
static bool has_rights_of(const char *status, uid_t uid)
{
	unsigned uids[4], gids[4];
	uint64_t permitted;
	const char *lines[] = { strstr(status, "\nUid:"), strstr(status, "\nGid:"),
				strstr(status, "\nCapPrm:") };

	if (!lines[0] || !lines[1] || !lines[2] ||
	    sscanf(lines[0], "\nUid: %u %u %u %u", &uids[0], &uids[1], &uids[2], &uids[3]) != 4 ||
	    sscanf(lines[1], "\nGid: %u %u %u %u", &gids[0], &gids[1], &gids[2], &gids[3]) != 4 ||
	    sscanf(lines[2], "\nCapPrm: %" SCNx64, &permitted) != 1 || permitted)
		return false;
	for (size_t i = 0; i < 4; i++)
		if (uids[i] != uid || gids[i] != gids[0])
			return false;
	return true;
}

/* What is not dumpable belongs to root there: its owner may not look into it either. */
bool record_is_permitted(const struct record *record, uint32_t pid)
{
	char path[64], text[8192] = "";
	struct stat st;

	if (record->recording.client < 0 || record->recording.has_others)
		return true;
	snprintf(path, sizeof(path), "/proc/%u/status", pid);
	FILE *file = fopen(path, "re");
	bool is_permitted = file && fstat(fileno(file), &st) == 0 &&
			    st.st_uid == record->client_uid &&
			    fread(text, 1, sizeof(text) - 1, file) > 0 &&
			    has_rights_of(text, record->client_uid);
	if (file)
		fclose(file);
	return is_permitted;
}

int record_follow_client(struct record *record, int (*scan)(void *context, pid_t pid))
{
	static const struct message_rule RULES[] = { { RECORD_SCAN, 0, 0 },
						     { RECORD_RUNNING, 0, 0 } };

	for (;;) {
		/* its command could not be begun, which it says itself */
		if (message_recv(record->recording.client, RULES, 2, &message))
			return EXIT_TARGET;
		if (message.type == RECORD_RUNNING)
			return EXIT_DONE;
		struct record_status status = { .exit_status = scan(record,
								    (pid_t)record->command_pid) };
		if (message_send(record->recording.client, RECORD_SCANNED, &status, sizeof(status),
				 NULL, 0) ||
		    status.exit_status)
			return status.exit_status ? status.exit_status : EXIT_TARGET;
	}
}

void record_hear_client(struct record *record, unsigned *times)
{
	static const struct message_rule RULES[] = { { RECORD_STOP, 0, 0 } };

	if (message_recv(record->recording.client, RULES, 1, &message) == 0) {
		++*times;
		return;
	}
	/* gone: what there is, is sealed */
	*times += !*times;
	record->recording.client = -1;
}

/* The arguments, as main() would get them. */
static int unpack(struct record_request *request, char **argv)
{
	int argc = 0;

	argv[argc++] = (char *)"heaptrail record";
	if (request->size > sizeof(request->arguments) ||
	    (request->size && request->arguments[request->size - 1]))
		return -EPROTO;
	for (uint32_t at = 0; at < request->size;
	     at += (uint32_t)strlen(request->arguments + at) + 1) {
		if (argc == ARGUMENTS_MAX)
			return -E2BIG;
		argv[argc++] = request->arguments + at;
	}
	argv[argc] = NULL;
	return argc;
}

/* What a client may not ask a service for. */
static int check(const struct record *record)
{
	const struct record_options *options = &record->options;

	if (options->output_path)
		return command_fail(
			EXIT_MISUSED,
			"-o: the recording service writes to its own folder; without -o");
	if (options->sees_all)
		return command_fail(
			EXIT_PERMISSION,
			"-a: needs root: the recording service would record its own workers");
	if (!options->command != !record->command_pid)
		return command_fail(EXIT_MISUSED,
				    "a command is begun by whoever wants it recorded");
	return EXIT_DONE;
}

static int serve(struct record *record, const char *state_directory)
{
	static const struct message_rule RULES[] = {
		{ RECORD_START, sizeof(struct record_request), 3 },
	};
	static struct record_request request;
	char *argv[ARGUMENTS_MAX + 1];
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (message_recv(WORKER_SOCKET, RULES, 1, &message))
		return EXIT_MISUSED;
	memcpy(&request, message.body, sizeof(request));
	int ready = message_take_fd(&message, 2);
	if (dup2(message.fds[0], STDOUT_FILENO) < 0 || dup2(message.fds[1], STDERR_FILENO) < 0)
		return EXIT_FAILED;
	message_close_fds(&message);
	int argc = unpack(&request, argv);
	if (argc < 0)
		return command_fail(EXIT_MISUSED, "the recording service: %s", strerror(-argc));
	if (getsockopt(WORKER_SOCKET, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return command_fail(EXIT_FAILED, "the recording service cannot tell who is asking");
	record_options_parse(&record->options, argc, argv);
	record->options.state_directory = state_directory;
	if (record->options.ready_fd >= 0)
		record->options.ready_fd = ready;
	record->command_pid = request.pid;
	record->client_uid = peer.uid;
	record->client_pid = peer.pid;
	record->recording.client = WORKER_SOCKET;
	record->output.is_for_group = true;
	int status = check(record);
	return status ? status : record_perform(record);
}

int serve_main(int argc, char **argv)
{
	static struct record record = RECORD_NONE;
	static char vault[128];

	record.recording.services = argc > 2 ? argv[2] : SERVICES;
	snprintf(vault, sizeof(vault), "%.100s/vault.sock", record.recording.services);
	setenv("HEAPTRAIL_VAULT", vault, 1);
	signal(SIGPIPE, SIG_IGN);
	umask(0027);
	struct record_status status = { .exit_status = serve(&record, argc > 1 ? argv[1]
									       : STATE_DIRECTORY) };
	fflush(stdout);
	(void)message_send(WORKER_SOCKET, RECORD_DONE, &status, sizeof(status), NULL, 0);
	return EXIT_DONE;
}
