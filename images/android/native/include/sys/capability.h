/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two system calls that libcore uses; glibc has them without a declaration. */
#pragma once

#include <linux/capability.h>

#ifdef __cplusplus
extern "C" {
#endif

int capget(cap_user_header_t header, cap_user_data_t data);
int capset(cap_user_header_t header, const cap_user_data_t data);

#ifdef __cplusplus
}
#endif
