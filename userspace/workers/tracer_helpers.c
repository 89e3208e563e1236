// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tracer's two helpers. They touch what targets map, so they are the first that may be killed,
 * for want of memory, say. The command then starts another: neither has anything in mind that is
 * worth a recording.
 */
#include "base/clock.h"
#include "base/io.h"
#include "workers/tracer.h"
#include "workers/worker.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define ANSWER_MAX_NS 60000000000 /* the longest of the symbolizer's takes half as long */
#define SPARE_MAX_MS  20000

static int *socket_of(struct tracer *tracer, enum tracer_helper helper)
{
	return helper == HELPER_RESOLVER ? &tracer->resolver : &tracer->symbolizer;
}

static _Noreturn void fail(enum tracer_helper helper, const char *what)
{
	worker_fail(1, EPIPE, "the %s %s", helper == HELPER_RESOLVER ? "resolver" : "symbolizer",
		    what);
}

static void replace(struct tracer *tracer, enum tracer_helper helper)
{
	static const struct message_rule RULES[] = { { TRACER_SPARE, 0, 1 } };
	static struct message message;
	const struct tracer_spare_wanted wanted = { .helper = helper };
	struct pollfd spare = { .fd = tracer->spares, .events = POLLIN };
	int *socket = socket_of(tracer, helper);

	io_close(socket);
	if (message_send(tracer->spares, TRACER_SPARE_WANTED, &wanted, sizeof(wanted), NULL, 0) ||
	    poll(&spare, 1, SPARE_MAX_MS) <= 0 || message_recv(tracer->spares, RULES, 1, &message))
		fail(helper, "is gone, and no other took its place");
	*socket = message_take_fd(&message, 0);
}

/* The symbolizer may take seconds: the ring is kept from filling. It is not while the resolver
 * answers, whom records of the ring may ask something, too. */
static int await(struct tracer *tracer, enum tracer_helper helper)
{
	struct pollfd answer = { .fd = *socket_of(tracer, helper), .events = POLLIN };
	uint64_t start_ns = clock_now_ns();
	bool has_more = false;

	while (poll(&answer, 1, has_more ? 0 : 5) == 0) {
		if (clock_now_ns() - start_ns > ANSWER_MAX_NS)
			return -ETIMEDOUT;
		if (helper == HELPER_SYMBOLIZER && tracer->is_attached)
			has_more = tracer_drain_part(tracer, TRACER_DRAIN_BYTES);
		tracer_beat(tracer);
	}
	return 0;
}

void tracer_call(struct tracer *tracer, const struct call *call, const struct message_rule *rules,
		 size_t rule_count, struct message *answer)
{
	for (;;) {
		int err = message_send(*socket_of(tracer, call->helper), call->type, call->body,
				       call->size, call->fds, call->fd_count);
		if (!err)
			err = await(tracer, call->helper);
		if (!err)
			err = message_recv(*socket_of(tracer, call->helper), rules, rule_count,
					   answer);
		if (!err)
			return;
		/* one that talks nonsense is no helper, and another would not be one either */
		if (err == -EPROTO)
			fail(call->helper, "gave no valid answer");
		replace(tracer, call->helper);
	}
}
