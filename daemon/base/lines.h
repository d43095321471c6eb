/* SPDX-License-Identifier: MIT */
/*
 * lines.h: whole lines into a file or pipe that may be full, slow or gone. Nothing here blocks for
 * long: what cannot be written now is kept, up to a bound, and beyond it lines are shed and
 * counted.
 */
#ifndef TPD_LINES_H
#define TPD_LINES_H

#include "base/util.h"

#define LINES_WRITE (256u << 10) /* gathered before it is written */
#define LINES_MAX   (1u << 20)   /* kept while the output takes nothing */
#define LINES_EXTRA (64u << 10)  /* beyond that, for lines that must not be shed */

struct lines {
	int fd;
	bool regular;
	bool shared;    /* a blocking descriptor that others use too: ask before each write */
	char *p;        /* not written yet */
	size_t len, cap;
	size_t torn;    /* bytes of an unfinished line that stand at the end of the file */
	int err;        /* why the output takes nothing at the moment, negative */
	int dead;       /* why it never will again, negative */
	bool shedding;
	uint64_t lost;  /* lines shed so far */
	uint64_t gap;   /* of these, not told in the output yet */
};

/*
 * Opens as file_open_output() does. A file that ends in the middle of a line gets a newline first.
 */
int lines_open(struct lines *l, const char *path, bool truncate);
/* Would a line be shed in any case? Then it need not be made: lines_shed(). */
bool lines_full(const struct lines *l, bool keep);
/*
 * Takes one line with its newline; keep: not to be shed first. 0, or negative errno: not taken and
 * not counted.
 */
int lines_put(struct lines *l, const char *p, size_t len, bool keep);
/* Counts a line as lost. Negative errno that says why. */
int lines_shed(struct lines *l);
/*
 * Writes what there is. 0 (also when a reader is slow and nothing was shed for it), -EPIPE: the
 * reader is gone for good, other negative errno: kept, to be tried again.
 */
int lines_flush(struct lines *l);
/* The gap has been told in a line that was taken. */
void lines_told(struct lines *l);
/* Flushes, and gives a slow reader a few seconds; for the end. */
void lines_drain(struct lines *l);
/* Takes an unfinished line back, closes, frees. */
void lines_close(struct lines *l);

#endif
