// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An allocator that tells of samples by itself, by probes of <sys/sdt.h>: sampled [-g FIFO] [-o FILE] [ROUNDS].
 * The truth is that of the samples. One pair of probes is behind a semaphore: it tells only while
 * somebody listens.
 */
#include "truth.h"

#define _SDT_HAS_SEMAPHORES 1
#include <sys/sdt.h>

/* Names that <sys/sdt.h> wants; the second is the one of both points */
__extension__ unsigned short otel_memory_alloc_semaphore __attribute__((section(".probes")));
__extension__ unsigned short otel_memory_free_semaphore __attribute__((section(".probes")));

static char pool[1 << 16];

/* Memory operands, as a compiler that is short of registers makes them: relative to a pointer. */
struct sample {
	void *address;
	size_t size, weight;
};

SITE struct block site_in_registers(size_t place, size_t weight)
{
	void *address = pool + 16 * place;

	STAP_PROBE3(otel_memory, alloc, address, (size_t)16, weight);
	return truth_alloc(__func__, address, weight);
}

SITE struct block site_in_memory(const struct sample *sample)
{
	const struct sample copy = *sample;

	__asm__ volatile("" : : "r"(&copy) : "memory");
	STAP_PROBE3(otel_memory, alloc, copy.address, copy.size, copy.weight);
	return truth_alloc(__func__, copy.address, copy.weight);
}

SITE void site_free(struct block *block)
{
	void *address = block->address;

	truth_free(block);
	STAP_PROBE1(otel_memory, free, address);
}

int main(int argc, char **argv)
{
	static struct block blocks[1024];
	int next = truth_arguments(argc, argv);
	uint64_t rounds = truth_number(argc, argv, next, 20000);

	truth_go();
	/* nobody listens: nothing is told */
	if (!otel_memory_alloc_semaphore || !otel_memory_free_semaphore)
		return 1;
	for (uint64_t i = 0; i < rounds; i++) {
		size_t place = i * 7 % 1024;
		if (blocks[place].address)
			site_free(&blocks[place]);
		if (i % 3)
			blocks[place] = site_in_registers(place, 512 + i % 97);
		else
			blocks[place] = site_in_memory(&(struct sample) { pool + 16 * place, 16, 1024 + i % 31 });
		/* not a sample */
		free(malloc(100));
	}
	truth_end();
}
