/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lz4.h
 *
 * A decoder for LZ4's block format, as LZ4_compress_default() makes it.
 */
#ifndef MEM_COMPRESS_LZ4_H
#define MEM_COMPRESS_LZ4_H

#include <xen/types.h>

/*
 * Decode the @in_len bytes at @in to exactly @out_len bytes at @out.  False if
 * they are damaged, or are not that many; @out's content is unspecified then.
 *
 * Input is not trusted: nothing outside of it is read, and nothing outside of
 * @out is read or written.
 */
bool mc_lz4_decode(const void *in, unsigned int in_len, void *out,
                   unsigned int out_len);

#endif /* MEM_COMPRESS_LZ4_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
