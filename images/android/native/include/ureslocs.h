/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of ICU's data trees: a private header of ICU that libcore includes. */
#pragma once

#include <unicode/udata.h>
#include <unicode/utypes.h>

#define U_TREE_SEPARATOR_STRING "-"
#define U_ICUDATA_CURR U_ICUDATA_NAME U_TREE_SEPARATOR_STRING "curr"
#define U_ICUDATA_LANG U_ICUDATA_NAME U_TREE_SEPARATOR_STRING "lang"
#define U_ICUDATA_REGION U_ICUDATA_NAME U_TREE_SEPARATOR_STRING "region"
#define U_ICUDATA_UNIT U_ICUDATA_NAME U_TREE_SEPARATOR_STRING "unit"
#define U_ICUDATA_ZONE U_ICUDATA_NAME U_TREE_SEPARATOR_STRING "zone"
