/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The decoder with objects that are damaged, or that nobody ever compressed.
 *
 * An input is the codec's number and the object's bytes.  Claims: nothing is
 * read outside of the object nor written outside of the page (the sanitizer
 * watches both), the result depends on the object alone, what is decoded is a
 * whole page, LZO agrees with Linux's decoder about every object, and so does
 * LZ4 with one that goes byte by byte.
 */

#include <string.h>

#include <xen/errno.h>
#include <linux/lz4.h>
#include <linux/lzo.h>

#include "codec.h"
#include "fuzz.h"
#include "store.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size)   ((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

enum { DAMAGED, DECODED, NO_CODEC };

struct fuzz_outcome fuzz_outcomes[] = {
    [DAMAGED] = { "damaged" },
    [DECODED] = { "decoded" },
    [NO_CODEC] = { "no codec" },
    { NULL }
};

#define GUARD   64U

/* The object ends where its buffer does; the page is between two guards. */
static uint8_t room[MC_MAX_OBJECT + GUARD] __attribute__((__aligned__(64)));
static struct {
    uint8_t before[GUARD], page[PAGE_BYTES], after[GUARD];
} first, second;

static int decode(enum mc_codec codec, unsigned int len, uint8_t *page,
                  uint8_t fill)
{
    memset(page, fill, PAGE_BYTES);

    return mc_decompress(codec, room, len, page);
}

/*
 * LZO's other implementation of the very same bit stream; but a first byte of
 * 17, which is a match with nothing before it, says to Linux that a version of
 * its own making follows.
 */
static void check_lzo(unsigned int len, int rc)
{
    size_t out = PAGE_BYTES;
    int theirs;

    if ( len >= 5 && room[0] == 17 )
    {
        CHECK_EQ(rc, -EIO);
        return;
    }

    memset(second.page, 0xa5, PAGE_BYTES);
    theirs = lzo1x_decompress_safe(room, len, second.page, &out);
    CHECK_EQ(rc, theirs == LZO_E_OK && out == PAGE_BYTES ? 0 : -EIO);
    if ( !rc )
        CHECK(!memcmp(first.page, second.page, PAGE_BYTES));
}

/* LZ4 by the book: the length of what an object stands for, or -1. */
static int lz4_slow(const uint8_t *in, unsigned int len, uint8_t *out)
{
    unsigned int at = 0, done = 0, i;

    for ( ; ; )
    {
        unsigned int token, run, back;

        if ( at == len )
            return -1;
        token = in[at++];

        for ( run = token >> 4, i = run == 15 ? 255 : 0; i == 255; run += i )
        {
            if ( at == len )
                return -1;
            i = in[at++];
        }
        if ( run > len - at || run > PAGE_BYTES - done )
            return -1;
        while ( run-- )
            out[done++] = in[at++];
        if ( at == len )
            return done;

        if ( len - at < 2 )
            return -1;
        back = in[at] | (in[at + 1] << 8);
        at += 2;

        for ( run = token & 15, i = run == 15 ? 255 : 0; i == 255; run += i )
        {
            if ( at == len )
                return -1;
            i = in[at++];
        }
        run += 4;
        if ( !back || back > done || run > PAGE_BYTES - done )
            return -1;
        for ( ; run--; done++ )
            out[done] = out[done - back];
    }
}

/*
 * Linux wants a block to end in a certain way, so as not to read too far, but
 * not always, and takes a distance of 0: so all it decodes that is no nonsense
 * is decoded, to the same page.
 */
static void check_lz4(unsigned int len, int rc)
{
    int slow = lz4_slow(room, len, second.page), theirs;

    CHECK_EQ(rc, slow == (int)PAGE_BYTES ? 0 : -EIO);
    if ( rc )
        return;

    CHECK(!memcmp(first.page, second.page, PAGE_BYTES));
    memset(second.page, 0xa5, PAGE_BYTES);
    theirs = LZ4_decompress_safe((char *)room, (char *)second.page, len,
                                 PAGE_BYTES);
    if ( theirs == (int)PAGE_BYTES )
        CHECK(!memcmp(first.page, second.page, PAGE_BYTES));
}

void fuzz_one(const uint8_t *data, size_t size)
{
    enum mc_codec codec = size ? data[0] & 7 : 0;
    unsigned int len = size ? size - 1 : 0;
    int rc, again;

    if ( len > MC_MAX_OBJECT )
        len = MC_MAX_OBJECT;
    ASAN_UNPOISON_MEMORY_REGION(room, sizeof(room));
    memcpy(room, data + 1, len);
    ASAN_POISON_MEMORY_REGION(room + len, sizeof(room) - len);
    ASAN_POISON_MEMORY_REGION(first.before, GUARD);
    ASAN_POISON_MEMORY_REGION(first.after, GUARD);
    ASAN_POISON_MEMORY_REGION(second.before, GUARD);
    ASAN_POISON_MEMORY_REGION(second.after, GUARD);

    rc = decode(codec, len, first.page, 0x5a);
    CHECK(!rc || rc == -EIO || rc == -EOPNOTSUPP);
    fuzz_outcomes[rc == -EIO ? DAMAGED : rc ? NO_CODEC : DECODED].seen++;
    if ( rc == -EOPNOTSUPP )
        return;

    again = decode(codec, len, second.page, 0xa5);
    CHECK_EQ(again, rc);
    /* Every byte was written: what was there before does not show. */
    if ( !rc )
        CHECK(!memcmp(first.page, second.page, PAGE_BYTES));
    if ( codec == MC_CODEC_LZO )
        check_lzo(len, rc);
    else
        check_lz4(len, rc);
}

/* A good object, which the mutations then damage. */
size_t fuzz_make(struct rng *r, uint8_t data[FUZZ_MAX])
{
    static uint64_t wrkmem[MC_WRKMEM_SIZE / 8];
    static uint8_t page[PAGE_BYTES] __attribute__((__aligned__(8)));
    unsigned int len = 0;

    for ( ; ; )
    {
        content_page(r, page);
        /* Now and then, one that there is not. */
        data[0] = rng_between(r, MC_CODEC_LZO, MC_CODEC_LZ4 + !rng_below(r, 16));
        switch ( mc_compress(data[0], page, data + 1, MC_MAX_OBJECT, &len,
                             wrkmem) )
        {
        case 0:
            if ( data[0] == MC_CODEC_LZ4 )
                return len + 1;
            /* Nobody makes LZO-RLE, but Linux's decoder takes it: 17, 1. */
            if ( rng_below(r, 8) || len + 2 > MC_MAX_OBJECT )
                return len + 1;
            memmove(data + 3, data + 1, len);
            data[1] = 17;
            data[2] = 1;
            return len + 3;
        case -EOPNOTSUPP:
            data[0] = 0;
            return 1;
        }
    }
}
