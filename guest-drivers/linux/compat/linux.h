/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What older kernels do not have, down to 6.1, under the names of newer ones.
 */

#ifndef _XEN_MEMCOMPRESS_COMPAT_LINUX_H
#define _XEN_MEMCOMPRESS_COMPAT_LINUX_H

#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/version.h>

#if KERNEL_VERSION(6, 7, 0) > LINUX_VERSION_CODE
/* A shrinker was its user's memory, and registering it could fail. */
static inline struct shrinker *shrinker_alloc(unsigned int flags,
					      const char *name)
{
	struct shrinker *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (s) {
		s->flags = flags;
		s->seeks = DEFAULT_SEEKS;
	}

	return s;
}

/* Also one that is not registered. */
static inline void shrinker_free(struct shrinker *s)
{
	unregister_shrinker(s);
	kfree(s);
}

static inline int xmc_shrinker_register(struct shrinker *s, const char *name)
{
	return register_shrinker(s, "%s", name);
}
#else
static inline int xmc_shrinker_register(struct shrinker *s, const char *name)
{
	shrinker_register(s);

	return 0;
}
#endif

#endif /* _XEN_MEMCOMPRESS_COMPAT_LINUX_H */
