/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lzo1x.c
 *
 * A decoder for LZO1X, the format that Linux's lzo1x_1_compress_safe() makes
 * and that Linux's Documentation/staging/lzo.rst describes ("version 0").
 *
 * A stream is a sequence of instructions of one to three bytes (more where a
 * length is large), low bits first:
 *
 *   first byte   operands     what it says
 *   ----------   ----------   -----------------------------------------------
 *   0000LLLL     ext if L=0   after a match without literals: L + 3 literals
 *   0000DDNN     H            after 1-3 literals: 2 bytes at (H << 2) + D + 1
 *   0000DDNN     H            after a run of literals: 3 bytes, 2 KiB further
 *   0001HLLL     ext, D (16)  L + 2 bytes at 16 KiB + (H << 14) + D; D = 0 and
 *                             H = 0 is the end.  The low 2 bits of D are NN
 *   001LLLLL     ext, D (16)  L + 2 bytes at D + 1, likewise
 *   LLLDDDNN     H            L + 1 bytes at (H << 3) + D + 1
 *
 *   NN           literals that follow the match, 0-3
 *   ext          L is 0: as many 255 as there are zero bytes, and the byte
 *                after them, on top of the largest L
 *
 * The stream may begin with a byte above 17: a run of that less 17 literals.
 *
 * What it takes to be fast, a few instructions for each of ours, is to look
 * at an instruction and the literals after it as one word, and to copy whole
 * words, however few bytes are asked for.  Both need room, WIDE_IN bytes to
 * read and WIDE_OUT to write: while there is, step() is run with wide = true,
 * two steps at a time, and for the rest with wide = false.  What is written
 * beyond the bytes asked for is overwritten by what comes next.
 *
 * Matches are checked against the beginning of the output at each step, so
 * only bytes that the decoder has written are ever copied.
 */

#include <xen/lib.h>
#include <xen/string.h>
#include <xen/types.h>
#include <xen/unaligned.h>

#include "lzo1x.h"
#include "match.h"

/*
 * Twice an instruction, and a run of 16 literals; twice 33 bytes of a match
 * and 3 literals, and what a word has more.
 */
#define WIDE_IN         40U
#define WIDE_OUT        88U

/* First bytes from which on it is an instruction of that kind. */
#define M4_MARKER       16U
#define M3_MARKER       32U
#define M2_MARKER       64U

#define FIRST_RUN       17U
#define M1_OFFSET       0x800U
#define M4_OFFSET       0x4000U

/* What went before: 0-3 literals that belong to a match, or a run of them. */
#define AFTER_RUN       4U

struct lzo1x {
    const uint8_t *in, *in_end;
    uint8_t *out, *end;
    const uint8_t *start;
    /* There is room up to here, NULL if there never was. */
    const uint8_t *in_wide, *out_wide;
    unsigned long state;
};

enum step {
    STEP_ON,                    /* and there is room for one more if there
                                 * was room for two                      */
    STEP_LONG,                  /* no saying how much room there is      */
    STEP_END,
    STEP_DAMAGED,
};

static always_inline unsigned int left_in(const struct lzo1x *z)
{
    return z->in_end - z->in;
}

static always_inline unsigned int left_out(const struct lzo1x *z)
{
    return z->end - z->out;
}

static always_inline bool is_wide(const struct lzo1x *z)
{
    return z->in <= z->in_wide && z->out <= z->out_wide;
}

/* The next eight bytes; zeroes in the place of those that are not there. */
static always_inline uint64_t peek(const struct lzo1x *z, bool wide)
{
    uint64_t word = 0;
    unsigned int n;

    if ( wide )
        return get_unaligned_le64(z->in);

    n = min(left_in(z), 8U);
    while ( n-- )
        word = (word << 8) | z->in[n];

    return word;
}

/*
 * What a length has on top of @base: 0 if the input ends before it does (and
 * is too short, by far, for an overflow).
 */
static always_inline unsigned int extended(struct lzo1x *z, unsigned int base)
{
    for ( ; left_in(z) && !*z->in; z->in++ )
        base += 255;

    return left_in(z) ? base + *z->in++ : 0;
}

static always_inline enum step literals(struct lzo1x *z, unsigned long len,
                                        bool wide)
{
    const uint8_t *in = z->in;
    uint8_t *out = z->out, *end = out + len;

    if ( wide && likely(len <= 16) )
    {
        put_unaligned_le64(get_unaligned_le64(in), out);
        put_unaligned_le64(get_unaligned_le64(in + 8), out + 8);
        z->in += len;
        z->out = end;
        return STEP_ON;
    }

    if ( len > left_in(z) || len > left_out(z) )
        return STEP_DAMAGED;

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

    return STEP_LONG;
}

/*
 * Copy @len bytes from one byte further back than @back, then the @next
 * literals in @word, which is what comes @size bytes further in the input.
 * @brief: @len is at most 8.
 */
static always_inline enum step match(struct lzo1x *z, unsigned long back,
                                     unsigned long len, unsigned long size,
                                     unsigned long next, uint64_t word,
                                     bool brief, bool wide)
{
    uint8_t *to = z->out, *end = to + len;
    const uint8_t *from = to - back;

    if ( unlikely(from <= z->start) )
        return STEP_DAMAGED;

    if ( !wide )
    {
        if ( size + next > left_in(z) || len + next > left_out(z) )
            return STEP_DAMAGED;

        mc_copy_exactly(to, end, back);
        for ( to = end; to < end + next; word >>= 8 )
            *to++ = word;
    }
    else if ( likely(back >= 7) )
    {
        put_unaligned_le64(get_unaligned_le64(from - 1), to);
        if ( !brief )
            while ( (to += 8) < end )
                put_unaligned_le64(get_unaligned_le64((from += 8) - 1), to);
        put_unaligned_le32(word, end);
    }
    else
    {
        uint64_t fill = mc_repeated(to, back);

        for ( ; to < end; to += mc_periods[back].step )
            put_unaligned_le64(fill, to);
        put_unaligned_le32(word, end);
    }

    z->in += size + next;
    z->out = end + next;
    z->state = next;

    return STEP_ON;
}

/* The kinds of match that can be long, @word being what comes next. */
static always_inline enum step far_match(struct lzo1x *z, unsigned long op,
                                         unsigned long len, uint64_t word,
                                         bool wide)
{
    unsigned long back = (word >> 2) & 0x3fff;

    if ( op < M3_MARKER )
    {
        back += (op & 8) << 11;
        if ( !back )
            /* The end: said in the shortest way, and there. */
            return len == 3 && left_in(z) == 2 && z->out == z->end
                   ? STEP_END : STEP_DAMAGED;
        back += M4_OFFSET - 1;
    }

    return match(z, back, len, 2, word & 3, word >> 16, false, wide);
}

/* One instruction, and the literals that belong to it. */
static always_inline enum step step(struct lzo1x *z, bool wide)
{
    uint64_t word = peek(z, wide);
    unsigned long op = word & 0xff, len, back;

    if ( likely(op >= M2_MARKER) )
        return match(z, ((word >> 2) & 7) | (((word >> 8) & 0xff) << 3),
                     ((word >> 5) & 7) + 1, 2, word & 3, word >> 16, true,
                     wide);

    word >>= 8;
    z->in++;

    if ( op >= M4_MARKER )
    {
        unsigned long mask = op >= M3_MARKER ? 31 : 7;
        enum step rc;

        len = op & mask;
        if ( likely(len) )
            return far_match(z, op, len + 2, word, wide);

        len = extended(z, mask);
        if ( !len )
            return STEP_DAMAGED;

        word = peek(z, false);
        rc = far_match(z, op, len + 2, word, false);

        return rc == STEP_ON ? STEP_LONG : rc;
    }

    if ( !z->state )
    {
        z->state = AFTER_RUN;
        if ( likely(op) )
            return literals(z, op + 3, wide);

        len = extended(z, 15);

        return len ? literals(z, len + 3, false) : STEP_DAMAGED;
    }

    len = 2;
    back = (op >> 2) | ((word & 0xff) << 2);
    if ( z->state == AFTER_RUN )
    {
        len++;
        back += M1_OFFSET;
    }

    return match(z, back, len, 1, op & 3, word >> 8, true, wide);
}

bool mc_lzo1x_decode(const void *in, unsigned int in_len, void *out,
                     unsigned int out_len)
{
    struct lzo1x z = {
        .in = in,
        .in_end = in + in_len,
        .out = out,
        .end = out + out_len,
        .start = out,
        .in_wide = in_len < WIDE_IN ? NULL : in + in_len - WIDE_IN,
        .out_wide = out_len < WIDE_OUT ? NULL : out + out_len - WIDE_OUT,
    };
    enum step rc = STEP_ON;

    if ( in_len && *z.in > FIRST_RUN )
    {
        unsigned int len = *z.in++ - FIRST_RUN;

        z.state = min(len, AFTER_RUN);
        rc = literals(&z, len, false);
    }

    while ( rc <= STEP_LONG )
    {
        if ( likely(is_wide(&z)) )
        {
            rc = step(&z, true);
            if ( likely(rc == STEP_ON) )
                rc = step(&z, true);
        }
        else if ( left_in(&z) )
            rc = step(&z, false);
        else
            rc = STEP_DAMAGED;
    }

    return rc == STEP_END;
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
