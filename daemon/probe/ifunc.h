/* SPDX-License-Identifier: MIT */
/*
 * ifunc.h: a symbol of type STT_GNU_IFUNC names a resolver that the loader runs once; what is called is what it chose. That
 * stands in the global offset tables of the process.
 */
#ifndef TPD_IFUNC_H
#define TPD_IFUNC_H

#include "probe/image.h"

/*
 * The address, in the image, of the implementation that process p uses for the ifunc with this name whose resolver is at
 * addr. 0; -ENOENT: no module of p has it bound (yet); other negative errno.
 */
int ifunc_resolve(const struct process *p, struct image **images, const struct image *img, const char *name,
		  uint64_t addr, uint64_t *ret);

#endif
