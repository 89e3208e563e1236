// SPDX-License-Identifier: GPL-2.0-or-later
/* Debug files of modules: by build id, and by the names that modules have for them. */
#include "base/io.h"
#include "base/text.h"
#include "workers/tracer.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int ask_build_id(struct tracer *tracer, const uint8_t *build_id, uint32_t size)
{
	struct resolver_debug request = { .size = size };

	if (size == 0)
		return -1;
	memcpy(request.build_id, build_id, sizeof(request.build_id));
	return tracer_resolve(tracer, RESOLVER_DEBUG, &request, sizeof(request), NO_PIDFD);
}

static int ask_beside(struct tracer *tracer, struct target *target, const struct mapping *mapping,
		      const struct module_inspection *inspection)
{
	struct resolver_beside request = {
		.mapping = { .pid = target->pid, .start = mapping->start, .end = mapping->end },
		.build_id = { .size = inspection->build_id_size },
	};

	memcpy(request.build_id.build_id, inspection->build_id, sizeof(request.build_id.build_id));
	text_copy(request.name, sizeof(request.name), inspection->links.name);
	if (target->hangs)
		return -ETIMEDOUT;
	int fd = tracer_resolve(tracer, RESOLVER_BESIDE, &request, sizeof(request), target->pidfd);
	target->hangs = fd == -ETIMEDOUT;
	return fd;
}

static const struct mapping *find_mapping(const struct target *target, const struct module *module)
{
	for (size_t i = 0; i < target->maps.count; i++)
		if (target->maps.items[i].device == module->device &&
		    target->maps.items[i].inode == module->inode)
			return &target->maps.items[i];
	return NULL;
}

/* Now, for names are asked for when the target may be gone, and what it alone sees with it. */
void tracer_meet_debug(struct tracer *tracer, struct module *module)
{
	const struct module_inspection *inspection = &module->inspection;
	int fd;

	if ((!inspection->links.name[0] && !inspection->build_id_size) || module->debug_fd >= 0)
		return;
	fd = ask_build_id(tracer, inspection->build_id, inspection->build_id_size);
	/* what is found by build id is found again, and needs not be held */
	if (fd >= 0) {
		close(fd);
		return;
	}
	for (size_t i = 0; i < tracer->target_count; i++) {
		struct target *target = tracer->targets[i];
		const struct mapping *mapping = target->is_gone ? NULL
								: find_mapping(target, module);
		if (!mapping)
			continue;
		fd = ask_beside(tracer, target, mapping, inspection);
		module->debug_fd = fd >= 0 ? fd : -1;
		return;
	}
}

/* What a debug file says of dwz's common file. */
static int read_links(struct tracer *tracer, int fd, struct debug_links *links)
{
	struct symbolizer_request request = { .kind = SYMBOLIZER_LINKS };
	uint64_t size = 0;
	int out = -1;
	int err = tracer_symbolize(tracer, &request, fd, NULL, -1, &out, &size);

	if (err < 0)
		return err;
	err = size == sizeof(*links) ? io_pread(out, links, sizeof(*links), 0) : -EBADMSG;
	if (!err && !debug_links_are_valid(links))
		err = -EBADMSG;
	io_close(&out);
	return err;
}

static int ask_common(struct tracer *tracer, const struct debug_links *links)
{
	struct resolver_common request = { .build_id = { .size = links->common_id_size } };

	memcpy(request.build_id.build_id, links->common_id, sizeof(request.build_id.build_id));
	text_copy(request.path, sizeof(request.path), links->common);
	return tracer_resolve(tracer, RESOLVER_COMMON, &request, sizeof(request), NO_PIDFD);
}

void tracer_find_debug(struct tracer *tracer, const struct module *module,
		       struct debug_files *files)
{
	struct debug_links links = module->inspection.links;

	*files = (struct debug_files) {
		.debug = ask_build_id(tracer, module->inspection.build_id,
				      module->inspection.build_id_size),
		.common = -1,
	};
	if (files->debug < 0 && module->debug_fd >= 0)
		files->debug = dup(module->debug_fd);
	if (files->debug >= 0 && read_links(tracer, files->debug, &links))
		return;
	if (links.common_id_size)
		files->common = ask_common(tracer, &links);
}

void debug_files_close(struct debug_files *files)
{
	io_close(&files->debug);
	io_close(&files->common);
}
