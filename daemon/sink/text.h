/* SPDX-License-Identifier: MIT */
/*
 * text.h: what sinks that write lines share: a record becomes a line, losses of the output are
 * told in it.
 */
#ifndef TPD_TEXT_H
#define TPD_TEXT_H

#include "base/lines.h"
#include "sink.h"

struct text {
	struct sink sink; /* first, so that a struct sink * is one of these */
	struct lines lines;
	/* Makes the line, with its newline; valid until the next call. 0 or -ENOMEM. */
	int (*render)(struct text *t, const struct record *r, const char **line, size_t *len);
};

int text_open(struct text *t, const struct sink_conf *conf);
/* The members of struct sink_ops. */
int text_write(struct sink *s, const struct record *r);
int text_flush(struct sink *s);
uint64_t text_lost(const struct sink *s);
/* Does not free t itself. */
void text_close(struct text *t);

#endif
