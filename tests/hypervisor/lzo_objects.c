/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both directions for another implementation of LZO to look at.
 *
 *   lzo_objects emit SEED N    N times: page (4096 bytes), u32 length, object
 *   lzo_objects decode         reads u32 length, object; writes the page
 *
 * Numbers are in the host's order.  Pages that do not compress are left out.
 */

#include <string.h>

#include "codec.h"
#include "harness.h"

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
        if ( mc_compress(MC_CODEC_LZO, page, out, sizeof(out), &len, wrkmem) )
            continue;
        header = len;
        CHECK_EQ(fwrite(page, sizeof(page), 1, stdout), 1);
        CHECK_EQ(fwrite(&header, sizeof(header), 1, stdout), 1);
        CHECK_EQ(fwrite(out, len, 1, stdout), 1);
        n--;
    }
}

static void decode(void)
{
    static uint8_t page[4096];
    uint32_t len;

    while ( fread(&len, sizeof(len), 1, stdin) == 1 )
    {
        uint8_t *in = malloc(len);

        CHECK(in);
        CHECK_EQ(fread(in, len, 1, stdin), 1);
        CHECK_EQ(mc_decompress(MC_CODEC_LZO, in, len, page), 0);
        CHECK_EQ(fwrite(page, sizeof(page), 1, stdout), 1);
        free(in);
    }
}

int main(int argc, char **argv)
{
    if ( argc == 4 && !strcmp(argv[1], "emit") )
        emit(strtoull(argv[2], NULL, 0), strtoul(argv[3], NULL, 0));
    else if ( argc == 2 && !strcmp(argv[1], "decode") )
        decode();
    else
        return 2;

    return 0;
}
