/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims about same-filled pages, the codec, and the checksum. */

#include <string.h>

#include <xen/errno.h>
#include <xen/lib.h>

#include "codec.h"
#include "harness.h"

/* What the claims that go for any codec are about just now. */
static enum mc_codec codec;

/* Exactly that large, so that AddressSanitizer sees one byte more. */
static void *exactly(size_t size)
{
    void *p = malloc(size ? size : 1);

    CHECK(p);

    return p;
}

static void same_filled_pages_are_recognised(void)
{
    static const uint64_t words[] = {
        0, 1, ~0ULL, 0x5a5a5a5a5a5a5a5aULL, 0x0123456789abcdefULL,
    };
    uint64_t *page = exactly(4096), word;
    unsigned int i, w;

    for ( i = 0; i < ARRAY_SIZE(words); i++ )
    {
        memset(page, 0x33, 4096);
        mc_fill(page, words[i]);
        for ( w = 0; w < 512; w++ )
            CHECK(page[w] == words[i]);
        word = ~words[i];
        CHECK(mc_same_filled(page, &word));
        CHECK(word == words[i]);
    }
    free(page);
}

static void one_changed_bit_makes_a_page_not_same_filled(void)
{
    uint64_t *page = exactly(4096), word;
    unsigned int bit;

    mc_fill(page, 0x1122334455667788ULL);
    for ( bit = 0; bit < 4096 * 8; bit++ )
    {
        page[bit / 64] ^= 1ULL << (bit % 64);
        CHECK(!mc_same_filled(page, &word));
        page[bit / 64] ^= 1ULL << (bit % 64);
    }
    CHECK(mc_same_filled(page, &word));
    free(page);
}

static void pages_come_back(void)
{
    struct rng r = { 2 };
    void *page = exactly(4096), *back = exactly(4096);
    void *wrkmem = exactly(MC_WRKMEM_SIZE);
    unsigned int i, len, fitted = 0;

    for ( i = 0; i < 3000; i++ )
    {
        unsigned int max = rng_between(&r, 1, 3072);
        void *out = exactly(max), *in;
        int rc;

        content_page(&r, page);
        rc = mc_compress(codec, page, out, max, &len, wrkmem);
        CHECK(rc == 0 || rc == -E2BIG);
        if ( rc == 0 )
        {
            CHECK(len > 0 && len <= max);
            in = exactly(len);
            memcpy(in, out, len);
            memset(back, 0xee, 4096);
            CHECK_EQ(mc_decompress(codec, in, len, back), 0);
            CHECK(!memcmp(page, back, 4096));
            free(in);
            fitted++;
        }
        free(out);
    }
    CHECK(fitted > 500 && fitted < 2900);

    free(page);
    free(back);
    free(wrkmem);
}

static void output_that_just_fits_fits(void)
{
    struct rng r = { 3 };
    void *page = exactly(4096), *wrkmem = exactly(MC_WRKMEM_SIZE);
    void *roomy = exactly(8192), *tight;
    unsigned int i, len, again, less;

    for ( i = 0; i < 300; i++ )
    {
        content_page(&r, page);
        CHECK_EQ(mc_compress(codec, page, roomy, 8192, &len, wrkmem),
                 0);

        tight = exactly(len);
        CHECK_EQ(mc_compress(codec, page, tight, len, &again, wrkmem),
                 0);
        CHECK_EQ(len, again);
        CHECK(!memcmp(roomy, tight, len));
        free(tight);

        for ( less = 1; less < 40 && less < len; less++ )
        {
            tight = exactly(len - less);
            CHECK_EQ(mc_compress(codec, page, tight, len - less,
                                 &again, wrkmem), -E2BIG);
            free(tight);
        }
    }

    free(page);
    free(roomy);
    free(wrkmem);
}

static void noise_is_rejected(void)
{
    struct rng r = { 4 };
    uint64_t *page = exactly(4096);
    void *wrkmem = exactly(MC_WRKMEM_SIZE), *out = exactly(3072);
    unsigned int i, len;

    for ( i = 0; i < 512; i++ )
        page[i] = rng_next(&r);
    CHECK_EQ(mc_compress(codec, page, out, 3072, &len, wrkmem), -E2BIG);
    CHECK_EQ(mc_compress(codec, page, out, 0, &len, wrkmem), -E2BIG);

    free(page);
    free(out);
    free(wrkmem);
}

static void unknown_codecs_are_refused(void)
{
    uint8_t page[4096] = { 0 }, out[64], wrkmem[16];
    unsigned int len;

    CHECK_EQ(mc_compress(0, page, out, 64, &len, wrkmem), -EOPNOTSUPP);
    CHECK_EQ(mc_compress(3, page, out, 64, &len, wrkmem), -EOPNOTSUPP);
    CHECK_EQ(mc_decompress(0, out, 64, page), -EOPNOTSUPP);
    CHECK_EQ(mc_decompress(3, out, 64, page), -EOPNOTSUPP);
}

static void objects_of_another_length_are_refused(void)
{
    /* LZO1X: 0x11 + n literals, then the end marker 11 00 00. */
    static const uint8_t lzo[] = { 0x15, 'a', 'b', 'c', 'd', 0x11, 0, 0 };
    /* LZ4: a sequence of literals only. */
    static const uint8_t lz4[] = { 0x40, 'a', 'b', 'c', 'd' };
    uint8_t page[4096];

    CHECK_EQ(mc_decompress(MC_CODEC_LZO, lzo, sizeof(lzo), page), -EIO);
    CHECK_EQ(mc_decompress(MC_CODEC_LZO, lzo, 0, page), -EIO);
    CHECK_EQ(mc_decompress(MC_CODEC_LZ4, lz4, sizeof(lz4), page), -EIO);
    CHECK_EQ(mc_decompress(MC_CODEC_LZ4, lz4, 0, page), -EIO);
}

/* What LZ4's compressor never makes, and its format allows or forbids. */
static void lz4_sequences_are_checked(void)
{
    /* One byte, 4096 - 1 - 5 times that, and 5 literals. */
    static const uint8_t good[] = {
        0x1f, 'a', 1, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        255, 255, 255, 255, 255, 246, 0x50, 'b', 'c', 'd', 'e', 'f',
    };
    uint8_t page[4096], bad[sizeof(good)];
    unsigned int i;

    CHECK_EQ(mc_decompress(MC_CODEC_LZ4, good, sizeof(good), page), 0);
    for ( i = 0; i < 4091; i++ )
        CHECK_EQ(page[i], 'a');
    CHECK(!memcmp(page + 4091, "bcdef", 5));

    /* Nothing is there yet; one more byte, or one less, than a page. */
    memcpy(bad, good, sizeof(bad));
    for ( bad[2] = 0; bad[2] < 4; bad[2]++ )
        CHECK_EQ(mc_decompress(MC_CODEC_LZ4, bad, sizeof(bad), page),
                 bad[2] == 1 ? 0 : -EIO);
    memcpy(bad, good, sizeof(bad));
    for ( bad[19] = 240; bad[19] < 250; bad[19]++ )
        CHECK_EQ(mc_decompress(MC_CODEC_LZ4, bad, sizeof(bad), page),
                 bad[19] == 246 ? 0 : -EIO);
    for ( i = 0; i < sizeof(good); i++ )
        CHECK_EQ(mc_decompress(MC_CODEC_LZ4, good, i, page), -EIO);
}

/* Neither damaged nor invented objects make the decoder leave its buffers. */
static void damaged_objects_do_no_harm(void)
{
    struct rng r = { 5 };
    void *page = exactly(4096), *wrkmem = exactly(MC_WRKMEM_SIZE);
    uint8_t *good = exactly(8192);
    unsigned int i, len = 0, refused = 0;

    for ( i = 0; i < 60000; i++ )
    {
        unsigned int n, changes = rng_between(&r, 1, 8);
        uint8_t *bad;
        int rc;

        if ( i % 50 == 0 )
        {
            content_page(&r, page);
            CHECK_EQ(mc_compress(codec, page, good, 8192, &len, wrkmem),
                     0);
        }

        switch ( i % 4 )
        {
        case 0:                 /* cut short */
            n = rng_below(&r, len);
            bad = exactly(n);
            memcpy(bad, good, n);
            break;
        case 1:                 /* noise all through */
            n = rng_between(&r, 1, 600);
            bad = exactly(n);
            while ( changes++ < n + 9 )
                bad[rng_below(&r, n)] = rng_next(&r);
            for ( changes = 0; changes < n; changes++ )
                bad[changes] = rng_next(&r);
            break;
        default:                /* a few bytes or bits changed */
            n = len;
            bad = exactly(n);
            memcpy(bad, good, n);
            while ( changes-- )
                if ( i % 4 == 2 )
                    bad[rng_below(&r, n)] = rng_next(&r);
                else
                    bad[rng_below(&r, n)] ^= 1 << rng_below(&r, 8);
        }

        rc = mc_decompress(codec, bad, n, page);
        CHECK(rc == 0 || rc == -EIO);
        refused += rc != 0;
        free(bad);
    }
    CHECK(refused > 30000);

    free(page);
    free(good);
    free(wrkmem);
}

/* A bit at a time, by the book. */
static uint32_t crc32c_slow(const uint8_t *p, unsigned int len)
{
    uint32_t crc = ~0U;
    unsigned int i;

    while ( len-- )
    {
        crc ^= *p++;
        for ( i = 0; i < 8; i++ )
            crc = (crc >> 1) ^ (0x82f63b78U & -(crc & 1));
    }

    return ~crc;
}

static void checksum_is_crc32c(void)
{
    struct rng r = { 6 };
    uint8_t zeroes[32] = { 0 }, ones[32], *data = exactly(4096 + 8);
    unsigned int i;

    /* RFC 3720, B.4, and the usual check value. */
    memset(ones, 0xff, sizeof(ones));
    CHECK_EQ(mc_crc32c(0, zeroes, 32), 0x8a9136aaU);
    CHECK_EQ(mc_crc32c(0, ones, 32), 0x62a8ab43U);
    CHECK_EQ(mc_crc32c(0, "123456789", 9), 0xe3069283U);
    CHECK_EQ(mc_crc32c(0, "", 0), 0);

    for ( i = 0; i < 4096 + 8; i++ )
        data[i] = rng_next(&r);
    for ( i = 0; i < 3000; i++ )
    {
        unsigned int at = rng_below(&r, 9), n = rng_below(&r, 4096 + 8 - at);
        unsigned int cut = rng_below(&r, n + 1);
        uint32_t crc = crc32c_slow(data + at, n);

        CHECK_EQ(mc_crc32c(0, data + at, n), crc);
        CHECK_EQ(mc_crc32c(mc_crc32c(0, data + at, cut), data + at + cut,
                           n - cut), crc);
    }
    free(data);
}

int main(void)
{
    RUN(same_filled_pages_are_recognised);
    RUN(one_changed_bit_makes_a_page_not_same_filled);
    for ( codec = MC_CODEC_LZO; codec <= MC_CODEC_LZ4; codec++ )
    {
        RUN(pages_come_back);
        RUN(output_that_just_fits_fits);
        RUN(noise_is_rejected);
        RUN(damaged_objects_do_no_harm);
    }
    RUN(unknown_codecs_are_refused);
    RUN(objects_of_another_length_are_refused);
    RUN(lz4_sequences_are_checked);
    RUN(checksum_is_crc32c);

    return 0;
}
