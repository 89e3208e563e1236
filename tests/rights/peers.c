// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peers WORKER-FOLDER STATE-DIRECTORY: talks to each worker as a peer that does not keep to the
 * protocol. Whatever it says, the worker refuses or ends by itself: soon, of no signal, and without
 * much memory.
 */
#include "base/clock.h"
#include "base/io.h"
#include "base/message.h"
#include "base/text.h"
#include "workers/protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_MAX_MS     20000 /* a file's reader may take 15 s */
#define MEMORY_MAX_KIB (512u << 10)
#define NOISES	       40
#define FLOOD_MS       300
#define TYPE_MAX       140

static const char *folder, *state_directory;
static unsigned failures, count;

/* A message that a worker takes at some point. */
struct kind {
	uint32_t type, size, fd_count;
};

/* How far a worker is brought before the peer goes wrong: each of these is said as it should be. */
struct scene {
	const char *worker, *name;
	void (*begin)(int connection);
	struct kind takes[16]; /* from here on; type 0 ends them */
	const char *arguments[3];
};

struct conversation {
	const struct scene *scene;
	const char *what;
	pid_t pid;
	int socket;
};

static struct message answer;

static uint32_t noise(void)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static void fail(const struct conversation *with, const char *how)
{
	printf("%s, %s, %s: %s\n", with->scene->worker, with->scene->name, with->what, how);
	failures++;
}

static int begin(const struct scene *scene, const char *what, struct conversation *with)
{
	char path[512];
	int pair[2];

	*with = (struct conversation) { scene, what, 0, -1 };
	/* the recording service is the command itself */
	if (strcmp(scene->worker, "record") == 0)
		snprintf(path, sizeof(path), "%s/../heaptrail", folder);
	else
		snprintf(path, sizeof(path), "%s/heaptrail-%s", folder, scene->worker);
	if (message_pair(pair))
		return -errno;
	with->pid = fork();
	if (with->pid == 0) {
		char *const argv[] = { path, (char *)scene->arguments[0],
				       (char *)scene->arguments[1], (char *)scene->arguments[2],
				       NULL };
		char *const envp[] = { NULL };
		/* what it says of its end is not looked at */
		int null = open("/dev/null", O_RDWR);
		for (int fd = 0; fd < 3; fd++)
			dup2(null, fd);
		int high = fcntl(pair[1], F_DUPFD, 16);
		dup2(high, WORKER_SOCKET);
		close_range(WORKER_SOCKET + 1, ~0U, 0);
		execve(path, argv, envp);
		_exit(127);
	}
	close(pair[1]);
	with->socket = pair[0];
	count++;
	if (scene->begin)
		scene->begin(with->socket);
	return 0;
}

static unsigned memory_peak_kib(pid_t pid)
{
	char path[64], line[256];
	unsigned kib = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmHWM: %u", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

/* Reads what it has to say, without believing any of it, until it hangs up. 0, or -ETIMEDOUT. */
static int hear(int socket, int wait_ms)
{
	uint64_t end_ns = clock_now_ns() + (uint64_t)wait_ms * 1000000;
	char bytes[8192];

	for (;;) {
		struct pollfd polls = { .fd = socket, .events = POLLIN };
		int64_t left_ms = (int64_t)(end_ns - clock_now_ns()) / 1000000;
		if (left_ms <= 0 || poll(&polls, 1, (int)left_ms) <= 0)
			return -ETIMEDOUT;
		ssize_t n = recv(socket, bytes, sizeof(bytes), 0);
		if (n == 0 || (n < 0 && errno != ECONNRESET && errno != EINTR))
			return 0;
	}
}

/* It ends by itself, or once we have hung up. */
static void finish(struct conversation *with, bool must_end_first)
{
	int status = 0;

	if (must_end_first && hear(with->socket, END_MAX_MS))
		fail(with, "it goes on");
	if (memory_peak_kib(with->pid) > MEMORY_MAX_KIB)
		fail(with, "it took too much memory");
	io_close(&with->socket);
	int pidfd = (int)syscall(SYS_pidfd_open, with->pid, 0);
	struct pollfd end = { .fd = pidfd, .events = POLLIN };
	if (poll(&end, 1, END_MAX_MS) != 1) {
		fail(with, "it does not end");
		kill(with->pid, SIGKILL);
	}
	close(pidfd);
	waitpid(with->pid, &status, 0);
	if (WIFSIGNALED(status)) {
		char how[64];
		snprintf(how, sizeof(how), "killed by signal %d", WTERMSIG(status));
		fail(with, how);
	} else if (WEXITSTATUS(status) >= 126) {
		fail(with, "not started");
	}
}

/* --- scenes --- */

static int null_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return fd;
}

static void say(int socket, uint32_t type, const void *body, size_t size, uint32_t fd_count)
{
	int fds[MESSAGE_FDS_MAX] = { null_fd(), null_fd(), null_fd(), null_fd(), null_fd() };

	/* one that has ended is found by who waits for its end */
	(void)message_send(socket, type, body, size, fds, fd_count);
}

static void await(int socket, uint32_t type, uint32_t size, uint32_t fd_count)
{
	struct message_rule rules[] = { { type, size, fd_count },
					{ MESSAGE_FAILURE, sizeof(struct failure), 0 } };

	if (message_recv(socket, rules, 2, &answer) == 0)
		message_close_fds(&answer);
}

static void start_vault(int socket)
{
	struct vault_start start = { .has_reader = 1 };

	text_copy(start.state_directory, sizeof(start.state_directory), state_directory);
	text_copy(start.journal, sizeof(start.journal), "/dev/null");
	say(socket, VAULT_START, &start, sizeof(start), 0);
	say(socket, VAULT_PUBLIC, NULL, 0, 0);
	await(socket, VAULT_KEYS, sizeof(struct vault_keys), 0);
}

static void start_tracer(int socket)
{
	struct tracer_start start = { .ring_bytes = 1 << 20, .is_dry_run = 1 };

	say(socket, TRACER_START, &start, sizeof(start), 5);
	await(socket, TRACER_READY, sizeof(struct tracer_ready), 2);
}

static void start_writer(int socket)
{
	struct writer_start start = { .recipient_count = 1, .cpu_count = 1 };
	int pipes[2], fds[4] = { memfd_create("capture", MFD_CLOEXEC), -1,
				 memfd_create("counters", MFD_CLOEXEC),
				 open("/dev/null", O_RDONLY | O_CLOEXEC) };

	text_copy(start.recipients[0], sizeof(start.recipients[0]),
		  "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
	if (pipe2(pipes, O_CLOEXEC) || ftruncate(fds[2], 4096))
		exit(2);
	fds[1] = pipes[0];
	(void)message_send(socket, WRITER_START, &start, sizeof(start), fds, 4);
	close(fds[0]);
	close(fds[2]);
	close(fds[3]);
	close(pipes[0]);
	close(pipes[1]);
	await(socket, WRITER_HEADER, sizeof(struct vault_header), 0);
}

#define KIND(type, body, fds)                  \
	{                                      \
		type, sizeof(struct body), fds \
	}

static const struct scene SCENES[] = {
	{ "census", "from the start", NULL, { KIND(CENSUS_REQUEST, census_request, 3) } },
	{ "census",
	  "as a service",
	  NULL,
	  { KIND(CENSUS_OPEN, census_open, 1) },
	  .arguments = { "once" } },
	{ "mirror", "from the start", NULL, { KIND(MIRROR_RECORD, mirror_record, 0) } },
	{ "reader", "from the start", NULL, { KIND(READER_START, reader_start, 2) } },
	{ "record",
	  "from the start",
	  NULL,
	  { KIND(RECORD_START, record_request, 3) },
	  .arguments = { "serve", "/nonexistent", "/nonexistent" } },
	{ "resolver",
	  "from the start",
	  NULL,
	  { KIND(RESOLVER_MAPS, resolver_request, 1), KIND(RESOLVER_TARGET, resolver_request, 0),
	    KIND(RESOLVER_MODULE, resolver_request, 1),
	    KIND(RESOLVER_PERF_MAP, resolver_request, 1), KIND(RESOLVER_DEBUG, resolver_debug, 0),
	    KIND(RESOLVER_BESIDE, resolver_beside, 1),
	    KIND(RESOLVER_COMMON, resolver_common, 0) } },
	{ "symbolizer",
	  "from the start",
	  NULL,
	  { KIND(SYMBOLIZER_REQUEST, symbolizer_request, 5) } },
	{ "tracer", "from the start", NULL, { KIND(TRACER_START, tracer_start, 5) } },
	{ "tracer",
	  "when it is ready",
	  start_tracer,
	  { KIND(TRACER_TARGET, tracer_target, 1),
	    { TRACER_ATTACH, 0, 0 },
	    KIND(TRACER_STOP, tracer_stop, 0),
	    KIND(TRACER_CENSUS, census_taken, 0),
	    KIND(TRACER_MEMORY, memory_seen, 0),
	    { TRACER_SEGMENT, 0, 0 } } },
	{ "vault", "from the start", NULL, { KIND(VAULT_START, vault_start, 0) } },
	{ "vault",
	  "when it has its keys",
	  start_vault,
	  { { VAULT_PUBLIC, 0, 0 },
	    KIND(VAULT_CERTIFY, vault_header, 0),
	    KIND(VAULT_FINISHED, vault_finished, 0),
	    KIND(VAULT_OPEN, vault_open, 1),
	    { VAULT_RECIPIENTS, 0, 0 },
	    KIND(VAULT_CHANGE, vault_change, 0),
	    KIND(VAULT_REWRAP, vault_rewrap, 2),
	    KIND(VAULT_RECOVERED, vault_recovered, 0),
	    { VAULT_DELETE, 0, 1 },
	    { VAULT_PLUGIN, 0, 2 },
	    /* VAULT_PROTECT, too, takes whatever is in the descriptor: then nothing would open */
	    { VAULT_UNLOCK, 0, 1 },
	    { VAULT_IDENTITY, 0, 1 },
	    { VAULT_PASSPHRASE, 0, 1 },
	    KIND(VAULT_SEEN, file_opened, 0) } },
	{ "watcher", "from the start", NULL, { { WATCHER_START, 0, 1 } } },
	{ "writer", "from the start", NULL, { KIND(WRITER_START, writer_start, 4) } },
	{ "writer",
	  "when it has its header",
	  start_writer,
	  { KIND(WRITER_SIGNATURE, vault_signature, 0) } },
};

/* --- what goes wrong --- */

static uint8_t body[MESSAGE_BODY_MAX + 64];

static void fill(size_t size)
{
	for (size_t i = 0; i < size; i++)
		body[i] = (uint8_t)noise();
}

static const struct kind *taken(const struct scene *scene, uint32_t type)
{
	for (const struct kind *kind = scene->takes; kind->type; kind++)
		if (kind->type == type)
			return kind;
	return NULL;
}

static void hang_up(const struct scene *scene)
{
	struct conversation with;

	if (!begin(scene, "a peer that says nothing more", &with))
		finish(&with, false);
}

/* Bytes that are no message: the first ends the conversation. */
static void babble(const struct scene *scene)
{
	struct conversation with;

	for (unsigned i = 0; i < NOISES; i++) {
		size_t size = 1 + noise() % sizeof(body);
		fill(size);
		if (begin(scene, "noise", &with))
			return;
		(void)send(with.socket, body, size, MSG_NOSIGNAL);
		finish(&with, true);
	}
}

/* Types that this worker does not take now, of every size that others have. */
static void speak_out_of_turn(const struct scene *scene)
{
	struct conversation with;

	for (uint32_t type = 0; type < TYPE_MAX; type++) {
		if (taken(scene, type) || begin(scene, "a message of another's", &with))
			continue;
		fill(scene->takes[0].size);
		say(with.socket, type, body, scene->takes[0].size, scene->takes[0].fd_count);
		finish(&with, true);
	}
}

/* A size that is not the type's, a head that lies about it, more or fewer descriptors. */
static void miscount(const struct scene *scene, const struct kind *kind)
{
	struct conversation with;
	uint32_t head[2] = { kind->type, kind->size };

	memset(body, 0, sizeof(body));
	if (!begin(scene, "one byte more", &with)) {
		say(with.socket, kind->type, body, kind->size + 1, kind->fd_count);
		finish(&with, true);
	}
	if (kind->size && !begin(scene, "one byte less", &with)) {
		say(with.socket, kind->type, body, kind->size - 1, kind->fd_count);
		finish(&with, true);
	}
	if (kind->size && !begin(scene, "a head without its body", &with)) {
		(void)send(with.socket, head, sizeof(head), MSG_NOSIGNAL);
		finish(&with, true);
	}
	for (uint32_t fds = 0; fds <= MESSAGE_FDS_MAX; fds++) {
		if (fds == kind->fd_count || begin(scene, "another number of descriptors", &with))
			continue;
		say(with.socket, kind->type, body, kind->size, fds);
		finish(&with, true);
	}
}

/* Descriptors of everything that there is, of which a read may never end, or be endless. */
static int strange_fd(unsigned i)
{
	int pair[2] = { -1, -1 };

	switch (i) {
	case 0: return open("/dev/null", O_RDWR | O_CLOEXEC);
	case 1: return open("/dev/zero", O_RDWR | O_CLOEXEC);
	case 2: return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	case 3: return open("/etc/passwd", O_PATH | O_CLOEXEC);
	case 4: return open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	case 5: return memfd_create("empty", MFD_CLOEXEC);
	case 6: return epoll_create1(EPOLL_CLOEXEC);
	case 7: return (int)syscall(SYS_pidfd_open, getpid(), 0);
	case 8: return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	case 9: /* nobody is at its other end */
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
			return -1;
		close(pair[1]);
		return pair[0];
	}
	return -1;
}

#define STRANGE_COUNT 10

static void hand_over_anything(const struct scene *scene, const struct kind *kind)
{
	struct conversation with;

	for (unsigned i = 0; kind->fd_count && i < STRANGE_COUNT; i++) {
		int fds[MESSAGE_FDS_MAX];
		if (begin(scene, "a descriptor of another kind", &with))
			return;
		for (uint32_t j = 0; j < kind->fd_count; j++)
			fds[j] = strange_fd(i);
		memset(body, 0, sizeof(body));
		(void)message_send(with.socket, kind->type, body, kind->size, fds, kind->fd_count);
		for (uint32_t j = 0; j < kind->fd_count; j++)
			close(fds[j]);
		finish(&with, false);
	}
}

/* The worker holds both ends: nobody else can end a read of either. */
static void hand_over_both_ends(const struct scene *scene, const struct kind *kind, unsigned first)
{
	struct conversation with;
	int fds[MESSAGE_FDS_MAX + 1], pair[2];

	if (kind->fd_count < 2 || begin(scene, "both ends of a pipe", &with))
		return;
	if (pipe2(pair, O_CLOEXEC))
		exit(2);
	for (uint32_t j = 0; j < kind->fd_count; j++)
		fds[j] = pair[(first + j) % 2];
	memset(body, 0, sizeof(body));
	(void)message_send(with.socket, kind->type, body, kind->size, fds, kind->fd_count);
	close(pair[0]);
	close(pair[1]);
	finish(&with, false);
}

/* The right messages with anything in them, each several times, in any order. */
static void repeat(const struct scene *scene)
{
	struct conversation with;
	unsigned kinds = 0;

	while (scene->takes[kinds].type)
		kinds++;
	for (unsigned i = 0; i < NOISES; i++) {
		if (begin(scene, "replays, in any order, of anything", &with))
			return;
		for (unsigned j = 0; j < 6; j++) {
			const struct kind *kind = &scene->takes[noise() % kinds];
			fill(kind->size);
			say(with.socket, kind->type, body, kind->size, kind->fd_count);
		}
		finish(&with, false);
	}
}

/* As much as there is room for, with no answer read. */
static void flood(const struct scene *scene)
{
	struct conversation with;
	const struct kind *kind = &scene->takes[0];
	uint32_t head[2] = { kind->type, kind->size };
	uint64_t end_ns;

	if (begin(scene, "a flood", &with))
		return;
	memset(body, 0, sizeof(body));
	memcpy(body, head, sizeof(head));
	end_ns = clock_now_ns() + FLOOD_MS * 1000000ull;
	while (clock_now_ns() < end_ns)
		if (send(with.socket, body, sizeof(head) + kind->size,
			 MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
		    errno != EAGAIN)
			break;
	finish(&with, false);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: peers WORKER-FOLDER STATE-DIRECTORY [WORKER]\n");
		return 2;
	}
	folder = argv[1];
	state_directory = argv[2];
	for (size_t i = 0; i < sizeof(SCENES) / sizeof(SCENES[0]); i++) {
		const struct scene *scene = &SCENES[i];
		uint64_t start_ns = clock_now_ns();
		if (argc > 3 && strcmp(argv[3], scene->worker) != 0)
			continue;
		count = 0;
		hang_up(scene);
		babble(scene);
		speak_out_of_turn(scene);
		for (const struct kind *kind = scene->takes; kind->type; kind++) {
			miscount(scene, kind);
			hand_over_anything(scene, kind);
			hand_over_both_ends(scene, kind, 0);
			hand_over_both_ends(scene, kind, 1);
		}
		repeat(scene);
		flood(scene);
		printf("%s, %s: %u conversations, %.1f s\n", scene->worker, scene->name, count,
		       (double)(clock_now_ns() - start_ns) / 1e9);
		fflush(stdout);
	}
	return failures ? 1 : 0;
}
