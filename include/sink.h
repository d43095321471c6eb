/* SPDX-License-Identifier: MIT */
/*
 * sink.h: where records end. A sink is one file in daemon/sink/ and one row in the table in
 * daemon/sink/sinks.c. It never calls up and never blocks the loop for long.
 */
#ifndef TPD_SINK_H
#define TPD_SINK_H

#include <stdbool.h>
#include <stdint.h>
#include "record.h"

struct sink;

struct sink_conf {
	const char *path;  /* of a file, or "-" */
	bool colour;       /* terminal colours are wanted and allowed */
	bool truncate;     /* replace an older file instead of appending */
};

struct sink_ops {
	const char *name;
	/* Opens; *ret is set only on success. Negative errno. */
	int (*open)(struct sink **ret, const struct sink_conf *conf);
	/* Takes a record. 0, or negative errno when the record was shed (it is counted, see lost). */
	int (*write)(struct sink *s, const struct record *r);
	/* Pushes out what is buffered. 0, or -errno; -EPIPE: the reader is gone for good. */
	int (*flush)(struct sink *s);
	/* Events shed so far, because the output took no more. */
	uint64_t (*lost)(const struct sink *s);
	/* Flushes, closes and frees; NULL is fine. */
	void (*close)(struct sink *s);
};

struct sink {
	const struct sink_ops *ops;
};

extern const struct sink_ops sink_ndjson, sink_console;

/* The sink of this name, or NULL. */
const struct sink_ops *sink_find(const char *name);

#endif
