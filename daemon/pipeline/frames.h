/* SPDX-License-Identifier: MIT */
/* frames.h: frames of a stack kept for later, and as fields of a record. */
#ifndef TPD_FRAMES_H
#define TPD_FRAMES_H

#include "base/util.h"
#include "record.h"
#include "resolver.h"

struct frames {
	size_t n;
	bool whole; /* it reached the stack's beginning */
	struct resolved v[];
};

/* A copy with all its strings, one block to be freed; at most RESOLVE_FRAMES. NULL: no memory. */
struct frames *frames_copy(const struct resolved *v, size_t n, bool whole);

#define FRAME_FIELDS 6

/* Memory of a list of frames while its record is on its way. */
struct frame_list {
	struct field list[RESOLVE_FRAMES];
	struct field fields[RESOLVE_FRAMES * FRAME_FIELDS];
};

/* Writes the fields of a frame; how many. */
size_t frame_fields(const struct resolved *r, struct field f[FRAME_FIELDS]);
/* Adds "stack", from frame `from` on, and "whole" if something is missing at its end. */
void frames_put(const struct frames *fr, size_t from, struct frame_list *mem, struct record *r);

#endif
