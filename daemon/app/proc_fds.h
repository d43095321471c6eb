/* SPDX-License-Identifier: MIT */
/* proc_fds.h: what a target has open, out of /proc. */
#ifndef TPD_PROC_FDS_H
#define TPD_PROC_FDS_H

#include "descriptors.h"

struct proc_fds;

/* 0 or -ENOMEM. */
int proc_fds_new(struct proc_fds **ret);
void proc_fds_free(struct proc_fds *d); /* NULL is fine */
/* Valid as long as d. */
struct descriptors proc_fds_descriptors(struct proc_fds *d);

#endif
