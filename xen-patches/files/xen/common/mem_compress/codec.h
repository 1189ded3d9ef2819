/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * codec.h
 *
 * From a page to an object and back: pages of one repeated word, which need
 * no storage, and compression proper.
 *
 * No function here takes a lock, allocates, or keeps state between calls.
 */
#ifndef MEM_COMPRESS_CODEC_H
#define MEM_COMPRESS_CODEC_H

#include <xen/types.h>

/* How an object was made; kept with it, two bits. */
enum mc_codec {
    MC_CODEC_LZO = 1,
    MC_CODEC_LZ4 = 2,
};

/*
 * Working memory of mc_compress(): a table of 16 KiB for either codec, and 32
 * bytes of state for LZ4.
 */
#define MC_WRKMEM_SIZE   (16384U + 32U)

/*
 * Is @page (4 KiB, 8-byte aligned) one 64-bit word over and over?  If so, it
 * is put in *@word.
 */
bool mc_same_filled(const void *page, uint64_t *word);

/* Make @page (likewise) just that. */
void mc_fill(void *page, uint64_t word);

/*
 * Compress @page into at most @out_max bytes at @out; the length goes to
 * *@len.  Needs MC_WRKMEM_SIZE bytes, 8-byte aligned, at @wrkmem.
 *
 * -E2BIG:      the result does not fit.
 * -EOPNOTSUPP: unknown codec.
 */
int mc_compress(enum mc_codec c, const void *page, void *out,
                unsigned int out_max, unsigned int *len, void *wrkmem);

/*
 * Decompress into @page.  Input is not trusted: nothing outside of
 * [@in, @in + @len) is read, nothing outside of the page written.
 *
 * -EIO:        damaged, or not exactly one page long.
 * -EOPNOTSUPP: unknown codec.
 */
int mc_decompress(enum mc_codec c, const void *in, unsigned int len,
                  void *page);

/*
 * CRC-32C (Castagnoli) of @len bytes at @p.  @seed is 0 for a first piece, or
 * the result for the data before this piece.
 */
uint32_t mc_crc32c(uint32_t seed, const void *p, unsigned int len);

#endif /* MEM_COMPRESS_CODEC_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
