// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/block_event.h"

void block_event_put(struct bytes_buffer *out, const struct block_event *event)
{
	const uint64_t fields[] = { event->kind,     event->flags,     event->time_ns,
				    event->pid,	     event->tid,       event->address,
				    event->size,     event->stack,     event->old_address,
				    event->old_size, event->old_stack, event->function,
				    event->tag };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		bytes_put_varint(out, fields[i]);
}

bool block_event_get(struct bytes_reader *in, struct block_event *event)
{
	uint64_t fields[13];

	if (in->failed || !bytes_left(in))
		return false;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		fields[i] = bytes_get_varint(in);
	*event = (struct block_event) {
		.kind = (uint8_t)fields[0],
		.flags = (uint8_t)fields[1],
		.time_ns = fields[2],
		.pid = (uint32_t)fields[3],
		.tid = (uint32_t)fields[4],
		.address = fields[5],
		.size = fields[6],
		.stack = (uint32_t)fields[7],
		.old_address = fields[8],
		.old_size = fields[9],
		.old_stack = (uint32_t)fields[10],
		.function = (uint8_t)fields[11],
		.tag = (uint32_t)fields[12],
	};
	return !in->failed;
}
