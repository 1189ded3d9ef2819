/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_XEN_INIT_H
#define SHIM_XEN_INIT_H

#define __init
#define __ro_after_init

/* Xen calls these at boot; here they run ahead of main(). */
#define presmp_initcall(fn)                                     \
    static void __attribute__((__constructor__)) fn##_call(void) \
    {                                                           \
        fn();                                                   \
    }                                                           \
    struct shim_unused

#endif
