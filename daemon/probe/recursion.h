/* SPDX-License-Identifier: MIT */
/* recursion.h: can a function be entered again before it has returned? The kernel diverts 64 nested returns at most. */
#ifndef TPD_RECURSION_H
#define TPD_RECURSION_H

#include "probe/image.h"

/*
 * True if the function of size bytes at addr calls itself, directly or through at most reach other functions that it calls directly.
 * Calls through pointers and other modules are not seen: false is no proof. The image's symbols must be loaded.
 */
bool recursion_found(struct image *img, uint64_t addr, uint64_t size, size_t reach);

#endif
