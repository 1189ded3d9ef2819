/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lzo1x.h
 *
 * Our decoder for LZO1X (see lzo1x.c).
 */
#ifndef MEM_COMPRESS_LZO1X_H
#define MEM_COMPRESS_LZO1X_H

#include <xen/types.h>

/*
 * Decode @in_len bytes at @in into exactly @out_len bytes at @out.  Input is
 * not trusted: nothing outside of [@in, @in + @in_len) is read, and nothing
 * outside of [@out, @out + @out_len) is written, or read before it was.
 *
 * False: damaged, or not of that length; the output is unspecified then.
 */
bool mc_lzo1x_decode(const void *in, unsigned int in_len, void *out,
                     unsigned int out_len);

#endif /* MEM_COMPRESS_LZO1X_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
