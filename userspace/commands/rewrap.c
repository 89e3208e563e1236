// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/io.h"
#include "base/text.h"
#include "commands/age_program.h"
#include "commands/command.h"
#include "commands/open.h"
#include "commands/unlock.h"
#include "commands/vault_client.h"
#include "keys/recipient.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES (1u << 30) /* at once, at most */

enum option_key {
	KEY_PASSPHRASE = 256,
	KEY_NEW_FD
};

static const struct argp_option OPTIONS[] = {
	{ "add", 'a', "RECIPIENT", 0,
	  "let the holder of this age identity (age1..., also one of an age plugin) or SSH key (ssh-ed25519 AAAA...) open it, too",
	  0 },
	{ "passphrase", KEY_PASSPHRASE, NULL, 0,
	  "let whoever knows a new passphrase open it, too (report --passphrase), on any machine",
	  0 },
	{ "new-passphrase-fd", KEY_NEW_FD, "N", 0,
	  "read the new passphrase from descriptor N, not from the terminal", 0 },
	{ "only", 'o', NULL, 0,
	  "nobody else but this host's vault, those of --add and --passphrase", 0 },
	{ "reason", 'r', "TEXT", 0, "why, for the audit log", 0 },
	{ "state-dir", 'S', "DIR", 0, "where keys and audit log are (default /var/lib/heaptrail)",
	  0 },
	{ 0 },
};

struct arguments {
	const char *path, *reason, *state_directory;
	struct vault_rewrap request;
	int new_fd; /* of the passphrase; -1: the terminal */
};

static void add_recipient(struct vault_rewrap *request, const char *value, struct argp_state *state)
{
	struct recipient recipient;

	/* not repeated: it may be an identity, which is a secret */
	if (recipient_parse(value, &recipient))
		argp_error(state,
			   "--add: not a recipient; one looks like age1... or ssh-ed25519 AAAA...");
	if (request->count == WRITER_RECIPIENTS_MAX - 1)
		argp_error(state, "too many recipients: at most %d", WRITER_RECIPIENTS_MAX - 1);
	recipient_format(&recipient, request->recipients[request->count++]);
}

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'a': add_recipient(&arguments->request, value, state); return 0;
	case KEY_PASSPHRASE: arguments->request.has_passphrase = 1; return 0;
	case KEY_NEW_FD:
		arguments->request.has_passphrase = 1;
		arguments->new_fd = atoi(value);
		return 0;
	case 'o': arguments->request.keeps = 0; return 0;
	case 'r': arguments->reason = value; return 0;
	case 'S': arguments->state_directory = value; return 0;
	case ARGP_KEY_ARG:
		if (arguments->path)
			argp_error(state, "one capture at a time");
		arguments->path = value;
		return 0;
	case ARGP_KEY_END:
		if (!arguments->path)
			argp_error(state, "which capture?");
		if (arguments->request.keeps && !arguments->request.count &&
		    !arguments->request.has_passphrase)
			argp_error(state, "--add whom, --passphrase, or --only whom?");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

static const struct argp_child CHILDREN[] = { { &UNLOCK_ARGP, 0, NULL, 0 }, { 0 } };

static const struct argp ARGP = {
	OPTIONS,
	parse,
	"FILE",
	"Changes who can open a capture that was recorded here. What was recorded stays as it is, byte for byte; "
	"the file is replaced by a whole new one. That is on record in the audit log."
	"\vIt takes nothing back: whoever could open the capture may have kept its key, or a copy. A slot does "
	"not say whom it is for, so that nobody can be removed by name: --only names those who stay.",
	CHILDREN,
	NULL,
	NULL
};

/* All behind the start, by the kernel, which shares blocks where the file system can. */
static int copy_rest(int from, int to, uint64_t start)
{
	off_t in = (off_t)start, out = (off_t)start;
	ssize_t n;

	do
		n = copy_file_range(from, &in, to, &out, COPY_BYTES, 0);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

/* Owner, mode and times, and then on disk. */
static int finish_copy(int from, int to)
{
	struct stat st, copied;

	if (fstat(from, &st) || fstat(to, &copied))
		return -errno;
	if (copied.st_size != st.st_size)
		return -EIO;
	const struct timespec times[2] = { st.st_atim, st.st_mtim };
	if (fchown(to, st.st_uid, st.st_gid) || fchmod(to, st.st_mode & 0777) ||
	    futimens(to, times) || fsync(to))
		return -errno;
	return 0;
}

static int sync_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path + 1) : 1,
		 slash ? path : ".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = fd < 0 || fsync(fd) ? -errno : 0;
	io_close(&fd);
	return err;
}

static int start_plugins(const struct vault_rewrap *request, struct worker_process *vault,
			 struct age_program *programs)
{
	int err = 0, status = EXIT_DONE;

	for (uint32_t i = 0; !status && !err && i < request->count; i++) {
		if (!age_program_is_needed(request->recipients[i]))
			continue;
		status = age_program_start(&programs[i], request->recipients[i]);
		if (!status)
			err = message_send(vault->socket, VAULT_PLUGIN, NULL, 0, programs[i].pipes,
					   2);
		age_program_hand_over(&programs[i]);
	}
	/* a vault that has hung up has said why */
	return err && err != -EPIPE
		       ? command_fail(EXIT_FAILED, "the vault is gone: %s", strerror(-err))
		       : status;
}

/* The passphrase for the request that follows. */
static int give_passphrase(const struct passphrase *passphrase, struct worker_process *vault)
{
	int fd, status = unlock_pipe(passphrase, &fd);

	if (status)
		return status;
	int err = message_send(vault->socket, VAULT_PASSPHRASE, NULL, 0, &fd, 1);
	io_close(&fd);
	return err && err != -EPIPE
		       ? command_fail(EXIT_FAILED, "the vault is gone: %s", strerror(-err))
		       : EXIT_DONE;
}

/* The new file takes the old one's place whole, or not at all. */
static int replace(const struct arguments *arguments, const struct passphrase *passphrase,
		   int capture, int copy, const char *temporary)
{
	static const struct message_rule DONE = { VAULT_REWRAPPED, sizeof(struct vault_rewrapped),
						  0 };
	static struct message answer;
	const struct vault_rewrapped *done = (const void *)answer.body;
	struct age_program programs[WRITER_RECIPIENTS_MAX] = { 0 };
	struct worker_process vault = WORKER_PROCESS_NONE;
	const int fds[2] = { capture, copy };
	int err = 0,
	    status = vault_begin(&vault, command_state_directory(arguments->state_directory));

	if (!status)
		status = start_plugins(&arguments->request, &vault, programs);
	if (!status && passphrase)
		status = give_passphrase(passphrase, &vault);
	if (!status)
		status = vault_ask_with(&vault, VAULT_REWRAP, &arguments->request,
					sizeof(arguments->request), fds, 2, &DONE, arguments->path,
					&answer);
	worker_finish(&vault);
	for (uint32_t i = 0; i < arguments->request.count; i++)
		age_program_finish(&programs[i]);
	if (status)
		return status;
	err = copy_rest(capture, copy, done->body_offset);
	if (!err)
		err = finish_copy(capture, copy);
	if (!err && rename(temporary, arguments->path))
		err = -errno;
	if (!err)
		err = sync_folder(arguments->path);
	return err ? command_fail(EXIT_FAILED, "%s: could not be replaced, and is as it was: %s",
				  arguments->path, strerror(-err))
		   : EXIT_DONE;
}

int rewrap_main(int argc, char **argv)
{
	struct arguments arguments = { .reason = "", .request = { .keeps = 1 }, .new_fd = -1 };
	struct passphrase *passphrase = NULL;
	char path[PATH_MAX], temporary[PATH_MAX + 16];
	int capture = -1, copy = -1;

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &arguments);
	text_copy(arguments.request.why, sizeof(arguments.request.why), arguments.reason);
	/* behind a link, it is the file that is replaced */
	if (!realpath(arguments.path, path))
		return command_fail(EXIT_FAILED, "%s: %s", arguments.path, strerror(errno));
	arguments.path = path;
	int status = open_file(path, &capture);
	if (status)
		return status;
	if (open_is_written(capture)) {
		io_close(&capture);
		return command_fail(EXIT_FAILED,
				    "%s: is being written: wait for the recording's end", path);
	}
	if (arguments.request.has_passphrase)
		status = unlock_ask_new(arguments.new_fd, &passphrase);
	if (status) {
		io_close(&capture);
		return status;
	}
	snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	copy = mkostemp(temporary, O_CLOEXEC);
	if (copy < 0)
		status = command_fail(EXIT_FAILED, "%s: no file can be made beside it: %s", path,
				      strerror(errno));
	else
		status = replace(&arguments, passphrase, capture, copy, temporary);
	passphrase_free(passphrase);
	if (copy >= 0 && status)
		(void)unlink(temporary);
	io_close(&copy);
	io_close(&capture);
	return status;
}
