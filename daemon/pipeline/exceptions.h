/* SPDX-License-Identifier: MIT */
/*
 * exceptions.h: from throws, catches and fatal signals to "exception" records: what was thrown, where, and what became of it.
 *
 * A throw is remembered, its stack resolved at once; its record is made when its end is known. An exception that is
 * thrown again is a record of its own that names the first one ("rethrows").
 */
#ifndef TPD_EXCEPTIONS_H
#define TPD_EXCEPTIONS_H

#include "base/util.h"
#include "pipeline/decode.h"
#include "resolver.h"

#define EXCEPTIONS_MAX 4096 /* under way at once; beyond it the oldest is told as "unknown" */

/* What became of it, as the schema names it. */
#define EXCEPTION_OUTCOMES(X)                                                                     \
	X(OUTCOME_CAUGHT, "caught")                                                               \
	X(OUTCOME_UNCAUGHT, "uncaught")   /* the program or the thread ended by it */             \
	X(OUTCOME_RECOVERED, "recovered") /* Go */                                                \
	X(OUTCOME_REPLACED, "replaced")   /* Go: by a panic or the goroutine's end, in what was deferred */ \
	X(OUTCOME_RETHROWN, "rethrown")   /* thrown again before anyone was seen to catch it */   \
	X(OUTCOME_OPEN, "open")           /* under way when tracing or its program ended */       \
	X(OUTCOME_UNKNOWN, "unknown")     /* its end went unseen, or too many were under way */

enum outcome {
#define X(id, name) id,
	EXCEPTION_OUTCOMES(X)
#undef X
	OUTCOME_MAX,
};

struct exceptions;

/* Where records go; each is valid only during the call. */
typedef void exceptions_emit(void *arg, const struct record *r);

/* res and d must outlive it; d may change between two events. 0 or -ENOMEM. */
int exceptions_new(struct exceptions **ret, const struct resolver *res, const struct decoder *d,
		   exceptions_emit *emit, void *arg);
void exceptions_free(struct exceptions *x); /* NULL is fine; tells nothing */

/*
 * Any event: throws, catches, signals and the end of processes matter, others do not. To be asked before the record of the
 * event itself is written, so that what ended with a process comes before its end. 0; -EBADMSG: no program of ours
 * sends these bytes; -ENOMEM: what was thrown is lost.
 */
int exceptions_event(struct exceptions *x, const void *bytes, size_t len);
/* Tracing is over: what is still under way is told as "open". */
void exceptions_finish(struct exceptions *x);

/* A record "exceptions" for each type and site so far: how many, and what became of them. */
void exceptions_summary(struct exceptions *x, bool interval);
/* The same for people, most frequent first; nothing if there were none. */
void exceptions_table(struct exceptions *x, FILE *out);

#endif
