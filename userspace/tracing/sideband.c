// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/sideband.h"

#include "base/io.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define RING_BYTES (256u << 10) /* of data; a record has about 130 bytes */
#define RECORD_MAX 65536	/* sizes of records are 16 bits */

/* As the kernel writes it (perf_event_mmap_output() in kernel/events/core.c); the path follows. */
struct mmap2_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t start, length, page_offset;
	uint32_t major, minor;
	uint64_t inode, inode_generation;
	uint32_t protection, flags;
};

/* perf_event_task_output() in kernel/events/core.c */
struct task_record {
	struct perf_event_header header;
	uint32_t pid, parent;
	uint32_t tid, parent_tid;
	uint64_t time;
};

struct cpu_ring {
	int fd;
	struct perf_event_mmap_page *page; /* and RING_BYTES of data behind it */
};

struct sideband {
	size_t page_bytes;
	struct cpu_ring *rings;
	size_t count;
	struct sideband_news news; /* the one that is being told: 4 KiB are no stack's */
};

static int open_event(int cpu)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.mmap = 1,
		.mmap2 = 1,
		.task = 1,
		.comm = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
		.watermark = 1,
		.wakeup_watermark = 1, /* byte: a record wakes at once */
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int ring_add(struct sideband *sideband, int cpu)
{
	struct cpu_ring *ring = &sideband->rings[sideband->count];

	ring->fd = open_event(cpu);
	if (ring->fd < 0)
		return ring->fd;
	ring->page = mmap(NULL, sideband->page_bytes + RING_BYTES, PROT_READ | PROT_WRITE,
			  MAP_SHARED, ring->fd, 0);
	if (ring->page == MAP_FAILED) {
		int err = -errno;
		io_close(&ring->fd);
		return err;
	}
	sideband->count++;
	return 0;
}

int sideband_open(struct sideband **out)
{
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct sideband *sideband = calloc(1, sizeof(*sideband));
	int err = 0;

	if (!sideband)
		return -ENOMEM;
	sideband->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	sideband->rings = calloc((size_t)cpus, sizeof(*sideband->rings));
	if (!sideband->rings)
		err = -ENOMEM;
	for (int cpu = 0; !err && cpu < cpus; cpu++) {
		err = ring_add(sideband, cpu);
		if (err == -ENODEV) /* a CPU that is off */
			err = 0;
	}
	if (!err && !sideband->count)
		err = -ENODEV;
	if (err)
		sideband_close(sideband);
	else
		*out = sideband;
	return err;
}

int sideband_fd(const struct sideband *sideband, size_t index)
{
	return index < sideband->count ? sideband->rings[index].fd : -1;
}

static int decode_task(const void *bytes, size_t size, struct sideband_news *news)
{
	struct task_record record;

	if (size < sizeof(record))
		return -EBADMSG;
	memcpy(&record, bytes, sizeof(record));
	news->pid = record.pid;
	news->parent = record.parent;
	if (record.header.type == PERF_RECORD_FORK) {
		news->kind = SIDEBAND_FORK;
		return record.pid != record.parent; /* else it is a thread */
	}
	news->kind = SIDEBAND_EXIT;
	return record.pid == record.tid;
}

/* perf_event_comm_output() in kernel/events/core.c. Threads have names of their own. */
static int decode_comm(const void *bytes, size_t size, struct sideband_news *news)
{
	struct {
		struct perf_event_header header;
		uint32_t pid, tid;
	} record;

	if (size < sizeof(record))
		return -EBADMSG;
	memcpy(&record, bytes, sizeof(record));
	news->kind = SIDEBAND_COMM;
	news->pid = record.pid;
	return record.pid == record.tid;
}

static int decode_mapping(const void *bytes, size_t size, struct sideband_news *news)
{
	struct mmap2_record record;

	if (size <= sizeof(record))
		return -EBADMSG;
	memcpy(&record, bytes, sizeof(record));
	const char *path = (const char *)bytes + sizeof(record);
	size_t length = strnlen(path, size - sizeof(record));
	if (length == size - sizeof(record) || length >= sizeof(news->path) || !record.length ||
	    record.start + record.length < record.start)
		return -EBADMSG;
	news->kind = SIDEBAND_MAPPING;
	news->pid = record.pid;
	news->start = record.start;
	news->end = record.start + record.length;
	news->file_offset = record.page_offset;
	news->device = makedev(record.major, record.minor);
	news->inode = record.inode;
	memcpy(news->path, path, length + 1);
	return 1;
}

int sideband_decode(const void *bytes, size_t size, struct sideband_news *news)
{
	struct perf_event_header header;

	if (size < sizeof(header))
		return -EBADMSG;
	memcpy(&header, bytes, sizeof(header));
	switch (header.type) {
	case PERF_RECORD_LOST: return -ENOBUFS;
	case PERF_RECORD_MMAP2: return decode_mapping(bytes, size, news);
	case PERF_RECORD_COMM: return decode_comm(bytes, size, news);
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT: return decode_task(bytes, size, news);
	}
	return 0;
}

/* Copies from the ring, around its end. */
static void ring_copy(const struct cpu_ring *ring, size_t page_bytes, uint64_t at, void *to,
		      size_t size)
{
	const uint8_t *data = (const uint8_t *)ring->page + page_bytes;
	size_t start = at & (RING_BYTES - 1);
	size_t first = RING_BYTES - start < size ? RING_BYTES - start : size;

	memcpy(to, data + start, first);
	memcpy((uint8_t *)to + first, data, size - first);
}

static size_t ring_drain_records(struct sideband *sideband, struct cpu_ring *ring, sideband_fn *fn,
				 void *context)
{
	static uint8_t record[RECORD_MAX];
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;
	size_t count = 0;

	while (head - tail >= sizeof(struct perf_event_header)) {
		struct perf_event_header header;
		ring_copy(ring, sideband->page_bytes, tail, &header, sizeof(header));
		if (header.size < sizeof(header) || header.size > head - tail)
			break;
		ring_copy(ring, sideband->page_bytes, tail, record, header.size);
		tail += header.size;
		int kind = sideband_decode(record, header.size, &sideband->news);
		/* what cannot be read may have been anything, as what is lost */
		if (kind)
			fn(context, kind > 0 ? &sideband->news : NULL);
		count++;
	}
	__atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
	return count;
}

size_t sideband_drain(struct sideband *sideband, sideband_fn *fn, void *context)
{
	size_t count = 0;

	for (size_t i = 0; i < sideband->count; i++)
		count += ring_drain_records(sideband, &sideband->rings[i], fn, context);
	return count;
}

void sideband_close(struct sideband *sideband)
{
	if (!sideband)
		return;
	for (size_t i = 0; i < sideband->count; i++) {
		munmap(sideband->rings[i].page, sideband->page_bytes + RING_BYTES);
		io_close(&sideband->rings[i].fd);
	}
	free(sideband->rings);
	free(sideband);
}
