/* SPDX-License-Identifier: MIT */
/*
 * resolve.h: what lies at an address of a target, for the pipeline (include/resolver.h). It remembers how processes were mapped,
 * also when they are gone: their last events come after their end. The files are the session's images.
 */
#ifndef TPD_APP_RESOLVE_H
#define TPD_APP_RESOLVE_H

#include "resolver.h"
#include "target/process.h"

struct resolve;
struct session;

/* s NULL: there are no processes (a recorded stream), and only names of types are known. 0 or -ENOMEM. */
int resolve_new(struct resolve **ret, struct session *s);
/* Before the images; NULL is fine. */
void resolve_free(struct resolve *r);
/* For the pipeline; belongs to r. */
const struct resolver *resolve_resolver(const struct resolve *r);

/* A process whose mappings were just read. What is known of one that had its pid before is forgotten. 0 or -ENOMEM. r NULL: nothing
 * is kept. */
int resolve_process(struct resolve *r, const struct process *p);

#endif
