/* SPDX-License-Identifier: MIT */
/*
 * recorded.h: a resolver for recorded streams. What only the process could tell of the values in a call, the names of Go's types,
 * is written down when it is asked for, and found in the stream when that is replayed.
 */
#ifndef TPD_RECORDED_H
#define TPD_RECORDED_H

#include "pipeline/stream.h"
#include "resolver.h"

struct recorded;

/* All must outlive it. to: where answers are written; from: a replayed stream, asked first. Each may be NULL. 0 or -ENOMEM. */
int recorded_new(struct recorded **ret, const struct resolver *inner, struct stream_writer *to,
		 const struct stream_reader *from);
const struct resolver *recorded_resolver(const struct recorded *r);
/* NULL is fine. */
void recorded_free(struct recorded *r);

#endif
