/* SPDX-License-Identifier: GPL-2.0-only */
/* Debug builds only, see inject.h. */
#include <xen/init.h>
#include <xen/lib.h>
#include <xen/param.h>
#include <xen/percpu.h>
#include <xen/smp.h>

#include <xen/mem_compress/inject.h>

/* One in so many; 0: nothing at all. */
static unsigned int __read_mostly opt_inject;
integer_param("mem_compress_inject", opt_inject);

/* Which of the allocations from now on fails; 0: none. */
static unsigned int __read_mostly opt_fail;
integer_runtime_param("mem_compress_fail", opt_fail);

#define LONGEST_DELAY    16384U    /* turns of a loop; a power of 2 */

static DEFINE_PER_CPU(uint32_t, state);

/* Marsaglia's xorshift; an interrupt in between only changes the order. */
static uint32_t next_random(void)
{
    uint32_t x = this_cpu(state) ?: smp_processor_id() + 1;

    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;

    return this_cpu(state) = x;
}

bool mc_inject(void)
{
    return unlikely(opt_inject) && !(next_random() % opt_inject);
}

void mc_inject_delay(void)
{
    unsigned int n;

    if ( !mc_inject() )
        return;

    for ( n = next_random() & (LONGEST_DELAY - 1); n; n-- )
        cpu_relax();
}

bool mc_inject_failure(void)
{
    unsigned int n;

    do {
        n = ACCESS_ONCE(opt_fail);
        if ( likely(!n) )
            return false;
    } while ( cmpxchg(&opt_fail, n, n - 1) != n );

    return n == 1;
}

static int __init cf_check inject_init(void)
{
    if ( opt_inject )
        printk(XENLOG_WARNING
               "mem_compress: delays and failures are injected, one in %u\n",
               opt_inject);

    return 0;
}
__initcall(inject_init);

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
