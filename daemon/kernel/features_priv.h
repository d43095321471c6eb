/* SPDX-License-Identifier: MIT */
/* features_priv.h: what the self-tests of the kernel share. */
#ifndef TPD_FEATURES_PRIV_H
#define TPD_FEATURES_PRIV_H

#include "kernel/features.h"
#include "kernel/uapi.h"

/* A program that does nothing, for this attach type. A descriptor, or negative errno. */
int features_noop(unsigned attach_type);
/* Offset of an instruction of ours in our own executable. 0 or -ENOENT. */
int features_offset(const void *code, uint64_t *ret);

#endif
