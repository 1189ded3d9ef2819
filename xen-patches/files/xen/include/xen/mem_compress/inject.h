/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Delays and failures, for tests: what happens once a week, in minutes.
 *
 * In debug builds mem_compress_inject=N has one in N of the steps that may
 * fail do so, and one in N of the windows in which others may get at a page
 * take long.  Who asks for one page is told that there is no frame; what
 * nobody would try again, an access of Xen's own or a bulk restore, is not.
 *
 * mem_compress_fail=N, to be set while Xen runs as well, has the Nth
 * allocation from then on fail: whatever it is for, each in its turn.
 */
#ifndef MEM_COMPRESS_INJECT_H
#define MEM_COMPRESS_INJECT_H

#include <xen/types.h>

#ifndef NDEBUG

/* Is it this one's turn? */
bool mc_inject(void);
/* Some thousands of instructions, when it is. */
void mc_inject_delay(void);
/* Is this the allocation that fails? */
bool mc_inject_failure(void);

#else

static inline bool mc_inject(void) { return false; }
static inline void mc_inject_delay(void) {}
static inline bool mc_inject_failure(void) { return false; }

#endif

#endif /* MEM_COMPRESS_INJECT_H */

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
