/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both directions for another implementation of a codec, lzo or lz4, to look
 * at.
 *
 *   codec_objects CODEC emit SEED N   N times: page (4096 bytes), u32 length,
 *                                     object
 *   codec_objects CODEC decode        reads u32 length, object; writes the page
 *   codec_objects CODEC judge         reads u32 length, object; writes u32
 *                                     verdict, 1 for good, and the page if so
 *
 * Numbers are in the host's order.  Pages that do not compress are left out.
 */

#include <string.h>

#include "codec.h"
#include "harness.h"

static enum mc_codec codec;

static void emit(uint64_t seed, unsigned int n)
{
    static uint64_t wrkmem[MC_WRKMEM_SIZE / 8];
    static uint8_t page[4096], out[3072];
    struct rng r = { seed };
    unsigned int len;

    while ( n )
    {
        uint32_t header;

        content_page(&r, page);
        if ( mc_compress(codec, page, out, sizeof(out), &len, wrkmem) )
            continue;
        header = len;
        CHECK_EQ(fwrite(page, sizeof(page), 1, stdout), 1);
        CHECK_EQ(fwrite(&header, sizeof(header), 1, stdout), 1);
        CHECK_EQ(fwrite(out, len, 1, stdout), 1);
        n--;
    }
}

/* The next object on standard input, or NULL at its end. */
static uint8_t *next_object(uint32_t *len)
{
    uint8_t *in;

    if ( fread(len, sizeof(*len), 1, stdin) != 1 )
        return NULL;

    in = malloc(*len ? *len : 1);
    CHECK(in);
    CHECK_EQ(fread(in, 1, *len, stdin), *len);

    return in;
}

static void decode(void)
{
    static uint8_t page[4096];
    uint8_t *in;
    uint32_t len;

    while ( (in = next_object(&len)) != NULL )
    {
        CHECK_EQ(mc_decompress(codec, in, len, page), 0);
        CHECK_EQ(fwrite(page, sizeof(page), 1, stdout), 1);
        free(in);
    }
}

static void judge(void)
{
    uint8_t *page = malloc(4096), *in;
    uint32_t len, good;

    CHECK(page);
    while ( (in = next_object(&len)) != NULL )
    {
        good = !mc_decompress(codec, in, len, page);
        CHECK_EQ(fwrite(&good, sizeof(good), 1, stdout), 1);
        CHECK_EQ(fwrite(page, 4096, good, stdout), good);
        free(in);
    }
    free(page);
}

int main(int argc, char **argv)
{
    if ( argc < 3 )
        return 2;

    codec = strcmp(argv[1], "lz4") ? MC_CODEC_LZO : MC_CODEC_LZ4;
    if ( argc == 5 && !strcmp(argv[2], "emit") )
        emit(strtoull(argv[3], NULL, 0), strtoul(argv[4], NULL, 0));
    else if ( argc == 3 && !strcmp(argv[2], "decode") )
        decode();
    else if ( argc == 3 && !strcmp(argv[2], "judge") )
        judge();
    else
        return 2;

    return 0;
}
