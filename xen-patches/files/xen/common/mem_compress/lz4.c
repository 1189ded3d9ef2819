/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lz4.c
 *
 * A decoder for LZ4 blocks, the format that Linux's LZ4_compress_default()
 * makes and that LZ4's doc/lz4_Block_format.md describes.
 *
 * A block is a number of sequences:
 *
 *   LLLLMMMM | ext if L=15 | L literals | distance (16) | ext if M=15
 *
 * and then come M + 4 bytes from that distance.  The last sequence ends after
 * its literals.  An ext is bytes that are added, as long as they are 255, and
 * one more.
 *
 * As in lzo1x.c, whole words are copied however few bytes are asked for, while
 * there is room for that behind them; for sequences with an ext, and at the
 * end, sequence() goes by what there is.
 */

#include <xen/lib.h>
#include <xen/string.h>
#include <xen/types.h>
#include <xen/unaligned.h>

#include "lz4.h"
#include "match.h"

/*
 * Room for a sequence without ext: a token, a distance, and 14 literals copied
 * as 16; these, and 18 bytes copied as 24 (or 8 more, where they repeat).
 */
#define WIDE_IN         20U
#define WIDE_OUT        40U

#define LONGEST         15U
#define SHORTEST_MATCH  4U

struct lz4 {
    const uint8_t *in, *in_end;
    uint8_t *out, *end;
    const uint8_t *start;
};

enum sequence {
    SEQ_ON,
    SEQ_END,
    SEQ_DAMAGED,
};

static always_inline unsigned int left_in(const struct lz4 *z)
{
    return z->in_end - z->in;
}

static always_inline unsigned int left_out(const struct lz4 *z)
{
    return z->end - z->out;
}

/*
 * Is there anything at that distance?  @back is one less than it, so that a
 * distance of 0 is one beyond all.
 */
static always_inline bool is_reached(const struct lz4 *z, unsigned long back)
{
    return back < (unsigned long)(z->out - z->start);
}

/*
 * Add an ext to @len; false if the input ends before it does.  (It is too
 * short, by far, for an overflow.)
 */
static always_inline bool extend(struct lz4 *z, unsigned long *len)
{
    unsigned int more;

    do {
        if ( !left_in(z) )
            return false;
        more = *z->in++;
        *len += more;
    } while ( more == 255 );

    return true;
}

static always_inline void copy_literals(struct lz4 *z, unsigned long len)
{
    const uint8_t *in = z->in;
    uint8_t *out = z->out, *end = out + len;

    if ( len <= 64 && left_in(z) >= 80 && left_out(z) >= 80 )
        for ( ; out < end; in += 16, out += 16 )
        {
            put_unaligned_le64(get_unaligned_le64(in), out);
            put_unaligned_le64(get_unaligned_le64(in + 8), out + 8);
        }
    else
        memcpy(out, in, len);

    z->in += len;
    z->out = end;
}

static always_inline void copy_match(struct lz4 *z, unsigned long back,
                                     unsigned long len)
{
    uint8_t *to = z->out, *end = to + len;

    if ( left_out(z) - len < 8 )
        mc_copy_exactly(to, end, back);
    else if ( back >= 7 )
    {
        const uint8_t *from = to - back - 1;

        for ( ; to < end; to += 8, from += 8 )
            put_unaligned_le64(get_unaligned_le64(from), to);
    }
    else
    {
        uint64_t fill = mc_repeated(to, back);

        for ( ; to < end; to += mc_periods[back].step )
            put_unaligned_le64(fill, to);
    }

    z->out = end;
}

/* The part of a sequence after its literals. */
static always_inline enum sequence match(struct lz4 *z, unsigned long len)
{
    unsigned long back;

    if ( left_in(z) < 2 )
        return SEQ_DAMAGED;

    back = (unsigned long)get_unaligned_le16(z->in) - 1;
    z->in += 2;

    if ( len == LONGEST && !extend(z, &len) )
        return SEQ_DAMAGED;

    len += SHORTEST_MATCH;
    if ( !is_reached(z, back) || len > left_out(z) )
        return SEQ_DAMAGED;

    copy_match(z, back, len);

    return SEQ_ON;
}

/* Any sequence, wherever it is. */
static always_inline enum sequence sequence(struct lz4 *z)
{
    unsigned int token;
    unsigned long len;

    if ( !left_in(z) )
        return SEQ_DAMAGED;

    token = *z->in++;
    len = token >> 4;
    if ( len == LONGEST && !extend(z, &len) )
        return SEQ_DAMAGED;

    if ( len > left_in(z) || len > left_out(z) )
        return SEQ_DAMAGED;

    copy_literals(z, len);
    if ( !left_in(z) )
        return left_out(z) ? SEQ_DAMAGED : SEQ_END;

    return match(z, token & LONGEST);
}

/* There is room, and few literals. */
static always_inline enum sequence wide_sequence(struct lz4 *z)
{
    const uint8_t *in = z->in + 1;
    uint8_t *out = z->out;
    unsigned int token = *z->in;
    unsigned long len = token & LONGEST, back;

    put_unaligned_le64(get_unaligned_le64(in), out);
    put_unaligned_le64(get_unaligned_le64(in + 8), out + 8);
    z->in = in + (token >> 4);
    z->out = out += token >> 4;

    if ( unlikely(len == LONGEST) )
        return match(z, len);

    back = (unsigned long)get_unaligned_le16(z->in) - 1;
    z->in += 2;
    if ( unlikely(!is_reached(z, back)) )
        return SEQ_DAMAGED;

    len += SHORTEST_MATCH;
    z->out += len;
    if ( likely(back >= 7) )
    {
        const uint8_t *from = out - back - 1;

        put_unaligned_le64(get_unaligned_le64(from), out);
        if ( len > 8 )
        {
            put_unaligned_le64(get_unaligned_le64(from + 8), out + 8);
            put_unaligned_le64(get_unaligned_le64(from + 16), out + 16);
        }
    }
    else
    {
        uint64_t fill = mc_repeated(out, back);
        uint8_t *end = z->out;

        for ( ; out < end; out += mc_periods[back].step )
            put_unaligned_le64(fill, out);
    }

    return SEQ_ON;
}

bool mc_lz4_decode(const void *in, unsigned int in_len, void *out,
                   unsigned int out_len)
{
    struct lz4 z = {
        .in = in,
        .in_end = in + in_len,
        .out = out,
        .end = out + out_len,
        .start = out,
    };
    const uint8_t *in_wide = in_len < WIDE_IN ? NULL : z.in_end - WIDE_IN;
    const uint8_t *out_wide = out_len < WIDE_OUT ? NULL : z.end - WIDE_OUT;
    enum sequence rc;

    do {
        if ( likely(z.in <= in_wide && z.out <= out_wide &&
                    *z.in < LONGEST << 4) )
            rc = wide_sequence(&z);
        else
            rc = sequence(&z);
    } while ( likely(rc == SEQ_ON) );

    return rc == SEQ_END;
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
