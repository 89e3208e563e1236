// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mirror: copies audit records to the kernel's audit, for the vault that starts it. That takes
 * CAP_AUDIT_WRITE, which who holds keys need not have; and the kernel may let it wait for as long
 * as its own queue is full, for which no opening waits. It ends when the vault does, after the last
 * record.
 */
#include "audit/kernel.h"
#include "base/message.h"
#include "workers/worker.h"

#include <string.h>

int main(void)
{
	static const struct message_rule RULES[] = { { MIRROR_RECORD, sizeof(struct mirror_record),
						       0 } };
	static struct message message;
	struct mirror_record *record = (void *)message.body;

	worker_begin("mirror");
	worker_leave_root("mirror");
	int socket = kernel_audit_open();
	if (socket < 0)
		worker_fail(1, -socket, "this kernel has no audit");
	worker_confine("mirror");
	while (message_recv(WORKER_SOCKET, RULES, 1, &message) == 0) {
		record->line[sizeof(record->line) - 1] = 0;
		int err = kernel_audit_send(socket, record->line, strlen(record->line));
		if (err)
			worker_fail(1, -err, "the kernel's audit takes no records: %s",
				    strerror(-err));
	}
	return 0;
}
