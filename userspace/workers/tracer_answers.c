// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers about a module's file: from the cache of earlier recordings, else from the symbolizer. */
#include "base/io.h"
#include "base/table_cache.h"
#include "workers/tracer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#define ANSWER_BYTES_MAX (64u << 20) /* all unwind tables together are 16 MB */

/* Copied: what is checked must be what is used, whatever still has the descriptor. */
static int ask_symbolizer(struct tracer *tracer, const struct module *module,
			  const struct symbolizer_request *request, int in, void **bytes,
			  size_t *size)
{
	uint64_t out_size = 0;
	int out = -1;
	int err = tracer_symbolize(tracer, request, module->fd, NULL, in, &out, &out_size);

	if (err)
		return err;
	*bytes = out_size && out_size <= ANSWER_BYTES_MAX ? malloc(out_size) : NULL;
	*size = out_size;
	if (*bytes)
		err = io_pread(out, *bytes, out_size, 0);
	else
		err = !out_size ? -ENODATA : out_size > ANSWER_BYTES_MAX ? -EFBIG : -ENOMEM;
	io_close(&out);
	if (err)
		free(*bytes);
	return err;
}

int tracer_ask(struct tracer *tracer, struct module *module,
	       const struct symbolizer_request *request, int in, tracer_use_fn *use)
{
	struct stat file;
	/* the vdso's file is this process's own */
	bool can_be_kept = tracer->cache && in < 0 && !module->is_vdso &&
			   fstat(module->fd, &file) == 0;
	uint32_t kind = request->kind | request->count << 16;
	void *bytes = NULL;
	size_t size = 0;

	if (can_be_kept && table_cache_get(tracer->cache, kind, &file, &bytes, &size) == 0) {
		int err = use(tracer, module, bytes, size);
		free(bytes);
		if (err != -EBADMSG)
			return err;
	}
	int err = ask_symbolizer(tracer, module, request, in, &bytes, &size);
	if (err)
		return err;
	err = use(tracer, module, bytes, size);
	/* what cannot be kept is asked for again */
	if (!err && can_be_kept)
		(void)table_cache_put(tracer->cache, kind, &file, bytes, size);
	free(bytes);
	return err;
}
