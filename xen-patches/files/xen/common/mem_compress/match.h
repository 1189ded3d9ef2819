/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * match.h
 *
 * For decoders that copy what they have written before, by whole words.
 */
#ifndef MEM_COMPRESS_MATCH_H
#define MEM_COMPRESS_MATCH_H

#include <xen/types.h>
#include <xen/unaligned.h>

/* For distances of 1, 2 ... 7: the bytes at hand, over and over. */
static const struct mc_period {
    uint64_t mask, times;
    unsigned long step;          /* the largest multiple that fits a word */
} mc_periods[] = {
    { 0x00000000000000ffULL, 0x0101010101010101ULL, 8 },
    { 0x000000000000ffffULL, 0x0001000100010001ULL, 8 },
    { 0x0000000000ffffffULL, 0x0001000001000001ULL, 6 },
    { 0x00000000ffffffffULL, 0x0000000100000001ULL, 8 },
    { 0x000000ffffffffffULL, 0x0000010000000001ULL, 5 },
    { 0x0000ffffffffffffULL, 0x0001000000000001ULL, 6 },
    { 0x00ffffffffffffffULL, 0x0100000000000001ULL, 7 },
};

/* What comes at @to if the @back + 1 (at most 7) bytes before it go on. */
static always_inline uint64_t mc_repeated(const uint8_t *to,
                                          unsigned long back)
{
    return (get_unaligned_le64(to - back - 1) & mc_periods[back].mask) *
           mc_periods[back].times;
}

/*
 * Copy to @to, up to @end, from @back + 1 bytes before, which is where there
 * is something.  Nothing at or after @end is written.
 */
static always_inline void mc_copy_exactly(uint8_t *to, const uint8_t *end,
                                          unsigned long back)
{
    const uint8_t *from = to - back - 1;

    if ( back >= 7 )
        for ( ; end - to >= 8; to += 8, from += 8 )
            put_unaligned_le64(get_unaligned_le64(from), to);
    else
        for ( ; end - to >= 8; to += mc_periods[back].step )
            put_unaligned_le64(mc_repeated(to, back), to);

    for ( from = to - back - 1; to < end; )
        *to++ = *from++;
}

#endif /* MEM_COMPRESS_MATCH_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
