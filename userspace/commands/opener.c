// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/opener.h"

#include "base/io.h"
#include "commands/age_program.h"
#include "commands/command.h"
#include "commands/host_key.h"
#include "commands/unlock.h"
#include "commands/vault_client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT_MAX 65536

enum option_key {
	KEY_PASSPHRASE = 1280,
	KEY_HOST_KEY
};

static const struct argp_option OPTIONS[] = {
	{ "identity", 'i', "FILE", 0,
	  "open with this identity of yours, not with this host's vault: an age identity file, also under a passphrase or of a plugin, or an SSH key of type ed25519. May be given several times",
	  7 },
	{ "passphrase", KEY_PASSPHRASE, NULL, 0,
	  "open with the capture's passphrase (heaptrail rewrap --passphrase)", 7 },
	{ "host-key", KEY_HOST_KEY, "FILE", 0,
	  "with these: only what the host with this public key recorded (its keys/host.pub)", 7 },
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	struct opener *opener = state->input;

	switch (key) {
	case 'i':
		if (opener->count == VAULT_IDENTITIES_MAX)
			argp_error(state, "too many identities: at most %d files",
				   VAULT_IDENTITIES_MAX);
		opener->identities[opener->count++] = value;
		return 0;
	case KEY_PASSPHRASE: opener->by_passphrase = true; return 0;
	case KEY_HOST_KEY: opener->host_key = value; return 0;
	case ARGP_KEY_END:
		if (opener->count && opener->by_passphrase)
			argp_error(state, "one of --identity and --passphrase");
		if (opener->host_key && !opener_is_used(opener))
			argp_error(state,
				   "--host-key is for --identity and --passphrase: the vault "
				   "opens what its own host recorded");
		return 0;
	}
	return ARGP_ERR_UNKNOWN;
}

const struct argp OPENER_ARGP = { OPTIONS, parse, NULL, NULL, NULL, NULL, NULL };

bool opener_is_used(const struct opener *opener)
{
	return opener->count || opener->by_passphrase;
}

bool opener_has_own_vault(const struct opener *opener)
{
	return opener_is_used(opener) && geteuid() != 0;
}

/* Each folder on the way, for its owner only, as the specification wants it. */
static int make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		int err = mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
		*slash = '/';
		if (err)
			return err;
	}
	return 0;
}

const char *opener_state_directory(const struct opener *opener, const char *option)
{
	static char path[PATH_MAX];
	const char *given = getenv("HEAPTRAIL_STATE_DIR"), *state = getenv("XDG_STATE_HOME"),
		   *home = getenv("HOME");

	if (option || (given && given[0]) || !opener_has_own_vault(opener))
		return command_state_directory(option);
	/* a relative path is to be ignored (XDG Base Directory Specification) */
	if (state && state[0] == '/')
		snprintf(path, sizeof(path), "%s/heaptrail", state);
	else
		snprintf(path, sizeof(path), "%s/.local/state/heaptrail", home ? home : "");
	if ((!state || state[0] != '/') && (!home || home[0] != '/')) {
		command_fail(EXIT_MISUSED,
			     "there is no home directory for a log of what is opened: "
			     "--state-dir DIR");
		return NULL;
	}
	int err = make_folders(path);
	if (err)
		command_fail(EXIT_FAILED,
			     "%s: no folder can be made for a log of what is opened: %s; "
			     "--state-dir DIR",
			     path, strerror(-err));
	return err ? NULL : path;
}

/* As ssh has it: what others can read is no secret. */
static int open_identity(const char *path, int *fd)
{
	struct stat st;
	int status = EXIT_DONE;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (*fd < 0 || fstat(*fd, &st))
		status = command_fail(errno == EACCES ? EXIT_PERMISSION : EXIT_FAILED,
				      "%s: the identity cannot be read: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		status = command_fail(EXIT_FAILED, "%s: is not a file with an identity", path);
	else if (S_ISREG(st.st_mode) && (st.st_mode & 077))
		status = command_fail(EXIT_PERMISSION,
				      "%s: others may read or change this identity (mode %04o), so "
				      "it is not used: chmod 600, or make another if they have",
				      path, (unsigned)st.st_mode & 07777);
	else if (S_ISREG(st.st_mode) && st.st_uid != geteuid() && st.st_uid != 0)
		status = command_fail(EXIT_PERMISSION,
				      "%s: this identity belongs to another user (uid %u), so it "
				      "is not used",
				      path, (unsigned)st.st_uid);
	if (status)
		io_close(fd);
	return status;
}

static int bring_identity(const char *path, struct worker_process *vault)
{
	static const struct message_rule RULES[] = { { VAULT_NOTED, 0, 0 },
						     { MESSAGE_FAILURE, sizeof(struct failure), 0 },
						     { VAULT_LOCKED, sizeof(struct vault_locked),
						       0 } };
	static struct message answer;
	int fd, status = open_identity(path, &fd);

	if (status)
		return status;
	status = vault_ask_any(vault, VAULT_IDENTITY, NULL, 0, &fd, 1, RULES, 3, &answer);
	io_close(&fd);
	if (!status && answer.type == VAULT_LOCKED)
		status = unlock_vault(vault, path);
	else if (!status && answer.type == MESSAGE_FAILURE)
		status = command_worker_failed((struct failure *)answer.body, path);
	return status;
}

int opener_bring(const struct opener *opener, struct worker_process *vault,
		 struct vault_open *request)
{
	int status = EXIT_DONE;

	request->by = opener->by_passphrase ? VAULT_BY_PASSPHRASE
		      : opener->count	    ? VAULT_BY_IDENTITY
					    : VAULT_BY_OWN_KEY;
	request->has_host = opener->host_key != NULL;
	if (request->has_host && !host_key_load(opener->host_key, request->host_pk))
		return EXIT_FAILED;
	for (uint32_t i = 0; !status && i < opener->count; i++)
		status = bring_identity(opener->identities[i], vault);
	return status;
}

/* The slot, where whoever runs the program can read it. -1: errno. */
static int copy_slot(int capture, const struct vault_age *request)
{
	uint8_t *slot = request->size <= SLOT_MAX ? malloc(request->size + 1) : NULL;
	int fd = slot ? memfd_create("slot", MFD_CLOEXEC) : -1;

	if (fd >= 0) {
		int err = io_pread(capture, slot, request->size, (off_t)request->offset);
		if (!err)
			err = io_write(fd, slot, request->size);
		if (err) {
			io_close(&fd);
			errno = -err;
		}
	}
	free(slot);
	return fd;
}

int opener_run_age(const struct opener *opener, struct message *message, int capture)
{
	struct vault_age *request = (void *)message->body;
	int out = message_take_fd(message, 0), identity = -1, slot = -1;
	struct stat st;
	int status;

	request->plugin[sizeof(request->plugin) - 1] = 0;
	if (request->identity >= opener->count) {
		io_close(&out);
		return command_fail(EXIT_FAILED, "the vault asks for what it was not given");
	}
	const char *path = opener->identities[request->identity];
	status = open_identity(path, &identity);
	if (!status && fstat(identity, &st) == 0 && !S_ISREG(st.st_mode))
		status = command_fail(EXIT_FAILED,
				      "%s: has to be a file: the age program reads it once more",
				      path);
	if (!status) {
		if (!*request->plugin)
			command_fail(EXIT_DONE,
				     "%s: the age program asks for its passphrase, and calls it -",
				     path);
		slot = copy_slot(capture, request);
		status = slot < 0 ? command_fail(EXIT_FAILED, "no key slot can be given to age: %s",
						 strerror(errno))
				  : age_program_open(path, request->plugin, identity, slot, out);
	}
	io_close(&slot);
	io_close(&identity);
	io_close(&out);
	return status;
}
