// SPDX-License-Identifier: GPL-2.0-or-later
#include "vault/journal.h"

#include "audit/record.h"
#include "base/io.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

void journal_open(struct journal *journal, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*journal = (struct journal) { .socket = -1 };
	if (!*path)
		path = JOURNAL_SOCKET;
	if (strlen(path) >= sizeof(address.sun_path))
		return;
	strcpy(address.sun_path, path);
	journal->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (journal->socket >= 0 &&
	    connect(journal->socket, (struct sockaddr *)&address, sizeof(address)))
		io_close(&journal->socket);
}

/* What nobody should have to look for: what was denied or failed, and openings by other programs.
 */
static int priority_of(const char *line, size_t size)
{
	static const char OK[] = "\"res\":\"ok\"";

	/* quotation marks inside of strings are escaped */
	return !memmem(line, size, OK, sizeof(OK) - 1) ||
			       audit_record_has_operation(line, size, "file.open")
		       ? LOG_WARNING
		       : LOG_INFO;
}

void journal_send(struct journal *journal, const char *line, size_t size)
{
	char fields[128];

	if (journal->socket < 0)
		return;
	if (size && line[size - 1] == '\n')
		size--;
	/* a line is printable ASCII, so that it is a value as it is */
	int length = snprintf(
		fields, sizeof(fields),
		"PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=heaptrail\nMESSAGE=",
		priority_of(line, size), LOG_FAC(LOG_AUTHPRIV));
	struct iovec parts[] = { { fields, (size_t)length },
				 { (void *)line, size },
				 { (void *)"\n", 1 } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 3 };
	if (sendmsg(journal->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		journal->failed++;
}

void journal_close(struct journal *journal)
{
	io_close(&journal->socket);
}
