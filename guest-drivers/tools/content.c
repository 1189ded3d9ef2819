// SPDX-License-Identifier: GPL-2.0-only
#include "content.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char * const names[] = {
	[CLASS_ZERO] = "zero",
	[CLASS_WORD] = "word",
	[CLASS_TEXT] = "text",
	[CLASS_CODE] = "code",
	[CLASS_POINTER] = "pointer",
	[CLASS_RANDOM] = "random",
	[CLASS_EXEC] = "code-exec",
	[CLASS_MIX] = "mix",
};

/* Shares of the mix: each class but random, which is kept out of it, >= 10 %. */
static const uint8_t mix[20] = {
	CLASS_ZERO, CLASS_TEXT, CLASS_CODE, CLASS_POINTER, CLASS_WORD,
	CLASS_TEXT, CLASS_EXEC, CLASS_CODE, CLASS_POINTER, CLASS_TEXT,
	CLASS_ZERO, CLASS_CODE, CLASS_POINTER, CLASS_TEXT, CLASS_WORD,
	CLASS_RANDOM, CLASS_CODE, CLASS_EXEC, CLASS_POINTER, CLASS_TEXT,
};

int class_by_name(const char *name)
{
	for (int i = 0; i <= CLASS_MIX; i++)
		if (!strcmp(name, names[i]))
			return i;
	return -1;
}

enum content_class class_of_page(enum content_class class, uint64_t index)
{
	return class == CLASS_MIX ? mix[index % sizeof(mix)] : class;
}

uint64_t mix64(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

uint64_t page_key(enum content_class class, uint64_t seed, uint64_t cycle,
		  uint64_t index)
{
	return mix64(mix64(mix64(mix64(seed) + cycle) + index) + class);
}

uint64_t exec_value(uint64_t key, unsigned int j)
{
	return (key & ~0xffffULL) | (mix64(key + j) & 0xffff);
}

/* movz and three movk of the value to x0, ret, and nops up to EXEC_BYTES. */
static void fill_exec(uint32_t *insn, uint64_t key)
{
	for (unsigned int j = 0; j < EXEC_FUNCTIONS; j++, insn += EXEC_BYTES / 4) {
		uint64_t value = exec_value(key, j);

		insn[0] = 0xd2800000 | (uint32_t)(value & 0xffff) << 5;
		insn[1] = 0xf2a00000 | (uint32_t)(value >> 16 & 0xffff) << 5;
		insn[2] = 0xf2c00000 | (uint32_t)(value >> 32 & 0xffff) << 5;
		insn[3] = 0xf2e00000 | (uint32_t)(value >> 48 & 0xffff) << 5;
		insn[4] = 0xd65f03c0;
		insn[5] = 0xd503201f;
		insn[6] = 0xd503201f;
		insn[7] = 0xd503201f;
	}
}

void page_fill(void *page, enum content_class class, uint64_t seed,
	       uint64_t cycle, uint64_t index, const struct corpus *corpus)
{
	uint64_t *words = page;
	uint64_t key, slots;

	class = class_of_page(class, index);
	key = page_key(class, seed, cycle, index);

	switch (class) {
	case CLASS_ZERO:
		memset(page, 0, PAGE_BYTES);
		break;
	case CLASS_WORD:
		/* Short patterns as programs leave them; one in four is long. */
		key = index % 4 == 3 ? key | 1 : key >> 24 | 1;
		for (unsigned int i = 0; i < PAGE_WORDS; i++)
			words[i] = key;
		break;
	case CLASS_RANDOM:
		for (unsigned int i = 0; i < PAGE_WORDS; i++)
			words[i] = mix64(key + i);
		break;
	case CLASS_EXEC:
		fill_exec(page, key);
		break;
	default:
		/* A slice at a 64-byte step; the stamps make it this page's. */
		slots = (corpus->size[class] - PAGE_BYTES) / 64 + 1;
		memcpy(page, corpus->data[class] + key % slots * 64, PAGE_BYTES);
		words[0] = key;
		words[PAGE_WORDS - 1] = mix64(key);
		break;
	}
}

uint64_t digest(const uint64_t *words, size_t nr)
{
	uint64_t sum = 0, odd = 0x9e3779b97f4a7c15ULL;

	/* The shift spreads top bits, which a product alone would lose. */
	for (size_t i = 0; i < nr; i++) {
		sum += (words[i] ^ words[i] >> 29) * odd;
		odd = odd * 0xd1342543de82ef95ULL + 2;
	}
	return mix64(sum);
}

struct slot {
	uint64_t key;
	uint32_t index;
};

static int by_key(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

uint32_t *shuffled(uint64_t seed, uint32_t nr)
{
	uint32_t *order = malloc((nr + 1) * sizeof(*order));
	struct slot *slots = malloc((nr + 1) * sizeof(*slots));

	if (!order || !slots) {
		perror("memload: shuffle");
		exit(1);
	}
	for (uint32_t i = 0; i < nr; i++) {
		slots[i].key = mix64(mix64(seed) + i);
		slots[i].index = i;
	}
	qsort(slots, nr, sizeof(*slots), by_key);
	for (uint32_t i = 0; i < nr; i++)
		order[i] = slots[i].index;
	free(slots);
	return order;
}

int corpus_open(struct corpus *corpus, enum content_class class, const char *dir)
{
	memset(corpus, 0, sizeof(*corpus));

	for (int c = CLASS_TEXT; c <= CLASS_POINTER; c++) {
		char path[512];
		struct stat st;
		void *map;
		int fd;

		if (class != CLASS_MIX && (int)class != c)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, names[c]);
		fd = open(path, O_RDONLY);
		if (fd < 0 || fstat(fd, &st)) {
			perror(path);
			return -1;
		}
		if (st.st_size < PAGE_BYTES) {
			fprintf(stderr, "%s: shorter than a page\n", path);
			return -1;
		}
		map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		close(fd);
		if (map == MAP_FAILED) {
			perror(path);
			return -1;
		}
		corpus->data[c] = map;
		corpus->size[c] = st.st_size;
	}
	return 0;
}
