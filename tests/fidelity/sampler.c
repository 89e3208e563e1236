// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fidelity/sampler.h"

#include "base/io.h"
#include "bpf/settings.h"
#include "tracing/cookie.h"
#include "tracing/features.h"
#include "tracing/links.h"
#include "tracing/ring.h"
#include "tracing/tables.h"

#include "fidelity.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#define EVENTS_BYTES (16u << 20)
#define STOPS_BYTES  (32u << 20)
#define LINKS_MAX    4096

struct sampler {
	struct fidelity *skeleton;
	enum attach_mode mode;
	struct tables *tables;
	struct ring *events, *stops;
	uint8_t *event_bytes, *stop_bytes;
	int links[LINKS_MAX];
	size_t link_count;
};

static int load(struct sampler *sampler, unsigned int every)
{
	struct fidelity *skeleton = sampler->skeleton;
	uint32_t cpus = (uint32_t)libbpf_num_possible_cpus();

	skeleton->rodata->cpu_count = cpus;
	skeleton->rodata->has_tables = 1;
	skeleton->data->every = every;
	bpf_program__set_expected_attach_type(
		skeleton->progs.probe_hit,
		sampler->mode == ATTACH_PERF ? 0 : ATTACH_TYPE_UPROBE_MULTI);
	int err = bpf_map__set_max_entries(skeleton->maps.events, EVENTS_BYTES);
	if (!err)
		err = bpf_map__set_max_entries(skeleton->maps.counters, cpus);
	if (!err)
		err = bpf_map__set_max_entries(skeleton->maps.slots, cpus * SLOTS_PER_CPU);
	if (!err)
		err = bpf_map__set_max_entries(skeleton->maps.code_caches, cpus);
	return err ? err : fidelity__load(skeleton);
}

int sampler_open(unsigned int every, struct sampler **out)
{
	struct sampler *sampler = calloc(1, sizeof(*sampler));
	int err = 0;

	if (!sampler)
		return -ENOMEM;
	sampler->mode = features_attach_mode(&err);
	if (sampler->mode == ATTACH_NONE) {
		free(sampler);
		return -err;
	}
	/* a program at entries only: what sessions are for is not needed */
	if (sampler->mode == ATTACH_SESSION)
		sampler->mode = ATTACH_MULTI;
	sampler->skeleton = fidelity__open();
	err = sampler->skeleton ? load(sampler, every) : -errno;
	if (!err) {
		const struct tables_places places = {
			.chunks_fd = bpf_map__fd(sampler->skeleton->maps.tables),
			.modules = sampler->skeleton->bss->unwind_modules,
			.rules = sampler->skeleton->bss->unwind_rules,
		};
		err = tables_open(&places, &sampler->tables);
	}
	if (!err)
		err = ring_open(bpf_map__fd(sampler->skeleton->maps.events), EVENTS_BYTES,
				&sampler->events);
	if (!err)
		err = ring_open(bpf_map__fd(sampler->skeleton->maps.stops), STOPS_BYTES,
				&sampler->stops);
	sampler->event_bytes = malloc(EVENTS_BYTES);
	sampler->stop_bytes = malloc(STOPS_BYTES);
	if (!err && (!sampler->event_bytes || !sampler->stop_bytes))
		err = -ENOMEM;
	if (err)
		sampler_close(sampler);
	else
		*out = sampler;
	return err;
}

int sampler_add_target(struct sampler *sampler, pid_t pid)
{
	uint32_t key = (uint32_t)pid;
	uint8_t value = 1;

	return bpf_map_update_elem(bpf_map__fd(sampler->skeleton->maps.targets), &key, &value,
				   BPF_ANY)
		       ? -errno
		       : 0;
}

int sampler_attach(struct sampler *sampler, const struct module *module, pid_t pid)
{
	uint64_t offsets[MODULE_SITES_MAX], cookies[MODULE_SITES_MAX];
	struct link_request request = {
		.program_fd = bpf_program__fd(sampler->skeleton->progs.probe_hit),
		.file_fd = module->fd,
		.offsets = offsets,
		.cookies = cookies,
		.count = module->inspection.site_count,
		.pid = pid,
	};
	size_t added = 0;

	if (!request.count)
		return 0;
	if (LINKS_MAX - sampler->link_count < 2 * request.count)
		return -ENOSPC;
	for (size_t i = 0; i < request.count; i++) {
		offsets[i] = module->sites[i].offset;
		cookies[i] = cookie_of(&module->sites[i], 0);
	}
	int err = links_attach(sampler->mode, &request, sampler->links + sampler->link_count,
			       &added);
	sampler->link_count += added;
	return err;
}

int sampler_publish(struct sampler *sampler, const struct module *module,
		    const struct unwind_blob *table)
{
	struct file_key key = { .inode = module->inode,
				.device = (uint32_t)(major(module->device) << 20 |
						     minor(module->device)) };
	int err = tables_put(sampler->tables, module->id, false, table);

	if (!err && bpf_map_update_elem(bpf_map__fd(sampler->skeleton->maps.unwind_module_ids),
					&key, &module->id, BPF_ANY))
		err = -errno;
	return err;
}

void sampler_wait(struct sampler *sampler, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = bpf_map__fd(sampler->skeleton->maps.stops),
				  .events = POLLIN };

	(void)poll(&poll_fd, 1, timeout_ms);
}

size_t sampler_events(struct sampler *sampler, const uint8_t **records)
{
	*records = sampler->event_bytes;
	return ring_drain(sampler->events, sampler->event_bytes, EVENTS_BYTES);
}

size_t sampler_stops(struct sampler *sampler, const struct stop **stops)
{
	*stops = (const void *)sampler->stop_bytes;
	return ring_drain(sampler->stops, sampler->stop_bytes, STOPS_BYTES) / sizeof(**stops);
}

void sampler_stop(struct sampler *sampler)
{
	__atomic_store_n(&sampler->skeleton->bss->is_over, 1, __ATOMIC_RELEASE);
}

struct sampler_counts sampler_counts(const struct sampler *sampler)
{
	struct sampler_counts counts = { .hits = sampler->skeleton->bss->hits,
					 .missed = sampler->skeleton->bss->missed };
	int fd = bpf_map__fd(sampler->skeleton->maps.counters);
	struct event_counters of_cpu;

	for (uint32_t cpu = 0; bpf_map_lookup_elem(fd, &cpu, &of_cpu) == 0; cpu++)
		counts.stacks_lost += of_cpu.stacks_lost;
	return counts;
}

void sampler_close(struct sampler *sampler)
{
	if (!sampler)
		return;
	while (sampler->link_count)
		io_close(&sampler->links[--sampler->link_count]);
	ring_close(sampler->events);
	ring_close(sampler->stops);
	tables_close(sampler->tables);
	fidelity__destroy(sampler->skeleton);
	free(sampler->event_bytes);
	free(sampler->stop_bytes);
	free(sampler);
}
