/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page content as a pure function of (class, seed, cycle, index, corpus).
 *
 * The guest fills its memory with it; the host computes the same bytes and so
 * knows what every page must hold without asking the guest. The Python twin is
 * harness/scenarios/content.py; a unit test holds the two against each other.
 */

#ifndef CONTENT_H
#define CONTENT_H

#include <stddef.h>
#include <stdint.h>

#define PAGE_BYTES	4096
#define PAGE_WORDS	(PAGE_BYTES / 8)
/* Functions on a page of class code-exec, each of this many bytes. */
#define EXEC_BYTES	32
#define EXEC_FUNCTIONS	(PAGE_BYTES / EXEC_BYTES)

enum content_class {
	CLASS_ZERO,		/* all bytes zero */
	CLASS_WORD,		/* one 64-bit word, repeated */
	CLASS_TEXT,		/* from here: slices of a corpus file, stamped */
	CLASS_CODE,
	CLASS_POINTER,
	CLASS_RANDOM,		/* does not compress */
	CLASS_EXEC,		/* small arm64 functions that can be called */
	CLASS_COUNT,
	CLASS_MIX = CLASS_COUNT	/* all of them, by page index */
};

struct corpus {
	const uint8_t *data[CLASS_COUNT];
	size_t size[CLASS_COUNT];
};

/**
 * class_by_name() - content class from its name on the command line
 *
 * Return: the class, or -1.
 */
int class_by_name(const char *name);

/** class_of_page() - the class of one page: @class itself unless it is the mix */
enum content_class class_of_page(enum content_class class, uint64_t index);

/**
 * corpus_open() - map the corpus files that a class needs
 * @corpus: where they go
 * @class: the class, or CLASS_MIX for all
 * @dir: folder with the files text, code and pointer
 *
 * Return: 0, or -1 after a message.
 */
int corpus_open(struct corpus *corpus, enum content_class class, const char *dir);

/** page_fill() - write the content of page @index to @page */
void page_fill(void *page, enum content_class class, uint64_t seed,
	       uint64_t cycle, uint64_t index, const struct corpus *corpus);

/** mix64() - the finaliser of splitmix64: any number to one that looks random */
uint64_t mix64(uint64_t x);

/** exec_value() - what function @j of a code-exec page returns */
uint64_t exec_value(uint64_t key, unsigned int j);

/** page_key() - the number that all content of a page is derived from */
uint64_t page_key(enum content_class class, uint64_t seed, uint64_t cycle,
		  uint64_t index);

/** digest() - 64 bits that any change of one word, and nearly any other, changes */
uint64_t digest(const uint64_t *words, size_t nr);

/** shuffled() - 0..@nr-1 in an order that @seed determines; caller frees */
uint32_t *shuffled(uint64_t seed, uint32_t nr);

#endif /* CONTENT_H */
