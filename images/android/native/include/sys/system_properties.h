/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From bionic, as far as <cutils/properties.h> needs it. */
#pragma once

#define PROP_NAME_MAX 32
#define PROP_VALUE_MAX 92
