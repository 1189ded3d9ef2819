/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * codec.c
 *
 * From a page to an object and back.
 *
 *   page --- one word repeated? ---> that word, in the descriptor
 *     |
 *     +--- LZO1X-1, LZ4 ---> at most out_max bytes, or "does not compress"
 *
 * The compressors come unchanged from Linux (see lzo/Makefile), which has
 * variants that check bounds while they compress.  They emit the plain bit
 * stream of LZO1X ("version 0") and LZ4 blocks, which any implementation can
 * decode; the decoders are our own (lzo1x.c, lz4.c).
 */

#include <xen/errno.h>
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/string.h>
#include <xen/unaligned.h>

#ifdef CONFIG_ARM_64
#include <asm/cpufeature.h>
#endif

#include <linux/lz4.h>
#include <linux/lzo.h>

#include "codec.h"
#include "lz4.h"
#include "lzo1x.h"

#define MC_PAGE_SIZE    4096U
#define MC_PAGE_WORDS   (MC_PAGE_SIZE / sizeof(uint64_t))

/*
 * Pages of one repeated word.
 */

bool mc_same_filled(const void *page, uint64_t *word)
{
    const uint64_t *p = page;
    const uint64_t w = p[0];
    unsigned int i;

    /*
     * Most pages that are not same-filled show it here: their beginning and
     * their end differ, although either may be zeroes.
     */
    if ( p[MC_PAGE_WORDS - 1] != w || p[MC_PAGE_WORDS / 2] != w )
        return false;

    for ( i = 0; i < MC_PAGE_WORDS; i += 8 )
        if ( (p[i] ^ w) | (p[i + 1] ^ w) | (p[i + 2] ^ w) | (p[i + 3] ^ w) |
             (p[i + 4] ^ w) | (p[i + 5] ^ w) | (p[i + 6] ^ w) |
             (p[i + 7] ^ w) )
            return false;

    *word = w;

    return true;
}

void mc_fill(void *page, uint64_t word)
{
    uint64_t *p = page;
    unsigned int i;

    if ( !word )
    {
        /* On arm64, clears a cache line at a time. */
        memset(page, 0, MC_PAGE_SIZE);
        return;
    }

    for ( i = 0; i < MC_PAGE_WORDS; i += 8 )
    {
        p[i] = word;
        p[i + 1] = word;
        p[i + 2] = word;
        p[i + 3] = word;
        p[i + 4] = word;
        p[i + 5] = word;
        p[i + 6] = word;
        p[i + 7] = word;
    }
}

/*
 * Compression.
 */

int mc_compress(enum mc_codec c, const void *page, void *out,
                unsigned int out_max, unsigned int *len, void *wrkmem)
{
    size_t out_len = out_max;
    int lz4_len;

    BUILD_BUG_ON(MC_WRKMEM_SIZE < LZO1X_1_MEM_COMPRESS);
    BUILD_BUG_ON(MC_WRKMEM_SIZE < LZ4_MEM_COMPRESS);

    switch ( c )
    {
    case MC_CODEC_LZO:
        if ( lzo1x_1_compress_safe(page, MC_PAGE_SIZE, out, &out_len,
                                   wrkmem) != LZO_E_OK )
            return -E2BIG;
        *len = out_len;
        return 0;

    case MC_CODEC_LZ4:
        /* 0: does not fit; there is no other error. */
        lz4_len = LZ4_compress_default(page, out, MC_PAGE_SIZE, out_max,
                                       wrkmem);
        if ( lz4_len <= 0 )
            return -E2BIG;
        *len = lz4_len;
        return 0;
    }

    return -EOPNOTSUPP;
}

int mc_decompress(enum mc_codec c, const void *in, unsigned int len,
                  void *page)
{
    switch ( c )
    {
    case MC_CODEC_LZO:
        return mc_lzo1x_decode(in, len, page, MC_PAGE_SIZE) ? 0 : -EIO;

    case MC_CODEC_LZ4:
        return mc_lz4_decode(in, len, page, MC_PAGE_SIZE) ? 0 : -EIO;
    }

    return -EOPNOTSUPP;
}

/*
 * CRC-32C.
 */

#define CRC32C_POLY     0x82f63b78U     /* bits reversed */

/* [k][b]: the effect of byte b, with k more bytes to follow in the word. */
static uint32_t __ro_after_init crc_table[8][256];

static int __init cf_check crc32c_init(void)
{
    unsigned int b, k;

    for ( b = 0; b < 256; b++ )
    {
        uint32_t crc = b;

        for ( k = 0; k < 8; k++ )
            crc = (crc >> 1) ^ ((crc & 1) ? CRC32C_POLY : 0);
        crc_table[0][b] = crc;
    }

    for ( k = 1; k < 8; k++ )
        for ( b = 0; b < 256; b++ )
        {
            uint32_t crc = crc_table[k - 1][b];

            crc_table[k][b] = (crc >> 8) ^ crc_table[0][crc & 0xff];
        }

    return 0;
}
presmp_initcall(crc32c_init);

/* Eight bytes at a time, by a table for each. */
static uint32_t crc32c_table(uint32_t crc, const uint8_t *p, unsigned int len)
{
    for ( ; len >= 8; len -= 8, p += 8 )
    {
        uint64_t v = get_unaligned_le64(p) ^ crc;

        crc = crc_table[7][v & 0xff] ^
              crc_table[6][(v >> 8) & 0xff] ^
              crc_table[5][(v >> 16) & 0xff] ^
              crc_table[4][(v >> 24) & 0xff] ^
              crc_table[3][(v >> 32) & 0xff] ^
              crc_table[2][(v >> 40) & 0xff] ^
              crc_table[1][(v >> 48) & 0xff] ^
              crc_table[0][v >> 56];
    }

    while ( len-- )
        crc = (crc >> 8) ^ crc_table[0][(crc ^ *p++) & 0xff];

    return crc;
}

#ifdef CONFIG_ARM_64

/* The CRC32 instructions: optional in Armv8.0, there ever since. */
static uint32_t crc32c_insn(uint32_t crc, const uint8_t *p, unsigned int len)
{
#define CRC32CX(at) asm ( ".arch_extension crc\n\t"                     \
                          "crc32cx %w0, %w0, %x1"                       \
                          : "+r" (crc) : "r" (get_unaligned_le64(at)) )
    for ( ; len >= 64; len -= 64, p += 64 )
    {
        CRC32CX(p);
        CRC32CX(p + 8);
        CRC32CX(p + 16);
        CRC32CX(p + 24);
        CRC32CX(p + 32);
        CRC32CX(p + 40);
        CRC32CX(p + 48);
        CRC32CX(p + 56);
    }

    for ( ; len >= 8; len -= 8, p += 8 )
        CRC32CX(p);
#undef CRC32CX

    while ( len-- )
        asm ( ".arch_extension crc\n\t"
              "crc32cb %w0, %w0, %w1"
              : "+r" (crc) : "r" (*p++) );

    return crc;
}

#endif /* CONFIG_ARM_64 */

uint32_t mc_crc32c(uint32_t seed, const void *p, unsigned int len)
{
#ifdef CONFIG_ARM_64
    if ( system_cpuinfo.isa64.crc32 )
        return ~crc32c_insn(~seed, p, len);
#endif

    return ~crc32c_table(~seed, p, len);
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
