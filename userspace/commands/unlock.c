// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/unlock.h"

#include "base/io.h"
#include "commands/command.h"
#include "commands/vault_client.h"

#include <bsd/readpassphrase.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define TRIES_MAX 3 /* at a terminal */

static const struct argp_option OPTIONS[] = {
	{ "passphrase-fd", 1024, "N", 0,
	  "read the passphrase of the vault's key, of an identity, or of the capture from descriptor N; default: systemd's credential " PASSPHRASE_CREDENTIAL
	  ", or the terminal",
	  8 },
	{ 0 },
};

/* One command asks one vault; what is typed once serves for both captures of a diff. */
static int given = -1; /* descriptor */
static struct passphrase *kept;
static bool is_typed, is_right; /* is_right: the vault has taken it */
static char kept_for[PATH_MAX];
static int tries; /* of one passphrase, at a terminal */

static error_t parse(int key, char *value, struct argp_state *state)
{
	char *end;

	if (key != OPTIONS[0].key)
		return ARGP_ERR_UNKNOWN;
	long fd = strtol(value, &end, 10);
	if (*end || end == value || fd < 0 || fd > 1 << 20 || fcntl((int)fd, F_GETFD) < 0)
		argp_error(state, "--passphrase-fd %s: is no open descriptor", value);
	given = (int)fd;
	return 0;
}

const struct argp UNLOCK_ARGP = { OPTIONS, parse, NULL, NULL, NULL, NULL, NULL };

/* Before a passphrase is in our memory: nobody reads that, and it is in no core dump. */
static struct passphrase *prepare(void)
{
	const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_DUMPABLE, 0) || setrlimit(RLIMIT_CORE, &none))
		return NULL;
	return passphrase_new();
}

static bool type(struct passphrase *passphrase, const char *prompt)
{
	if (!readpassphrase(prompt, passphrase->text, sizeof(passphrase->text), RPP_REQUIRE_TTY))
		return false;
	passphrase->size = strlen(passphrase->text);
	return true;
}

static int fail_without(const char *what)
{
	return command_fail(EXIT_PERMISSION,
			    "%s is under a passphrase, and there is no terminal to ask for it: "
			    "--passphrase-fd, or systemd's credential " PASSPHRASE_CREDENTIAL,
			    what);
}

int unlock_ask(const char *what, const struct passphrase **passphrase)
{
	char prompt[256];
	int fd = given >= 0 ? given : passphrase_credential();

	*passphrase = kept;
	if (kept && (!is_typed || (is_right && strcmp(kept_for, what) == 0)))
		return EXIT_DONE;
	if (!kept)
		kept = prepare();
	if (!kept)
		return command_fail(EXIT_FAILED, "no memory could be locked for a passphrase: %s",
				    strerror(errno));
	*passphrase = kept;
	if (fd >= 0) {
		int err = passphrase_read(kept, fd);
		close(fd);
		return err ? command_fail(EXIT_PERMISSION, "%s: no passphrase could be read: %s",
					  what, err == -ENODATA ? "there is none" : strerror(-err))
			   : EXIT_DONE;
	}
	snprintf(prompt, sizeof(prompt), "Passphrase of %.200s: ", what);
	is_typed = true;
	is_right = false;
	snprintf(kept_for, sizeof(kept_for), "%s", what);
	return type(kept, prompt) ? EXIT_DONE : fail_without(what);
}

int unlock_ask_new(int fd, struct passphrase **passphrase)
{
	struct passphrase *again = prepare();
	int err = 0, status = EXIT_DONE;

	*passphrase = passphrase_new();
	if (!again || !*passphrase)
		status = command_fail(EXIT_FAILED, "no memory could be locked for a passphrase: %s",
				      strerror(errno));
	else if (fd >= 0)
		err = passphrase_read(*passphrase, fd);
	else if (!type(*passphrase, "New passphrase: ") || !type(again, "Again: "))
		status = command_fail(EXIT_FAILED, "there is no terminal to ask for a new "
						   "passphrase: --new-passphrase-fd");
	else if (strcmp((*passphrase)->text, again->text) != 0)
		status = command_fail(EXIT_FAILED, "these are two; nothing has changed");
	if (err && err != -ENODATA)
		status = command_fail(EXIT_FAILED, "the new passphrase cannot be read: %s",
				      strerror(-err));
	if (!status && (*passphrase)->size < PASSPHRASE_MIN)
		status = command_fail(
			EXIT_MISUSED,
			"a passphrase has at least %d characters; nothing has changed",
			PASSPHRASE_MIN);
	passphrase_free(again);
	if (status) {
		passphrase_free(*passphrase);
		*passphrase = NULL;
	}
	return status;
}

int unlock_pipe(const struct passphrase *passphrase, int *fd)
{
	int ends[2];

	/* a pipe holds more than the longest */
	if (pipe2(ends, O_CLOEXEC))
		return command_fail(EXIT_FAILED, "%s", strerror(errno));
	int err = io_write(ends[1], passphrase->text, passphrase->size);
	close(ends[1]);
	*fd = ends[0];
	if (!err)
		return EXIT_DONE;
	io_close(fd);
	return command_fail(EXIT_FAILED, "%s", strerror(-err));
}

/* One try. *is_wrong: the vault says that it is another passphrase. */
static int try(struct worker_process *vault, const char *what, bool *is_wrong)
{
	static const struct message_rule RULES[] = {
		{ VAULT_NOTED, 0, 0 }, { MESSAGE_FAILURE, sizeof(struct failure), 0 }
	};
	static struct message answer;
	const struct passphrase *passphrase;
	int fd = -1, status = unlock_ask(what, &passphrase);

	*is_wrong = false;
	if (!status)
		status = unlock_pipe(passphrase, &fd);
	if (status)
		return status;
	status = vault_ask_any(vault, VAULT_UNLOCK, NULL, 0, &fd, 1, RULES, 2, &answer);
	io_close(&fd);
	is_right = !status && answer.type == VAULT_NOTED;
	if (status || is_right)
		return status;
	*is_wrong = ((struct failure *)answer.body)->error == EKEYREJECTED;
	return command_worker_failed((struct failure *)answer.body,
				     strcmp(what, UNLOCK_HOST) == 0 ? NULL : what);
}

bool unlock_again(void)
{
	is_right = false;
	return is_typed && ++tries < TRIES_MAX;
}

int unlock_vault(struct worker_process *vault, const char *what)
{
	bool is_wrong;
	int status;

	if (strcmp(kept_for, what) != 0)
		tries = 0;
	do
		status = try(vault, what, &is_wrong);
	while (status && is_wrong && unlock_again());
	return status;
}
