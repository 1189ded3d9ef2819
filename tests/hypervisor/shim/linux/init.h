/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux's decoder of LZ4 includes it, and needs nothing of it. */
