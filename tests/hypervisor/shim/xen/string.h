/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_XEN_STRING_H
#define SHIM_XEN_STRING_H

#include <string.h>

#endif
