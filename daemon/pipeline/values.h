/* SPDX-License-Identifier: MIT */
/* values.h: the bytes of a capture -> fields of a record: "args", "return", "error". Input from the target is hostile. */
#ifndef TPD_VALUES_H
#define TPD_VALUES_H

#include "base/util.h"
#include "fetch.h"
#include "record.h"
#include "resolver.h"
#include "value.h"

/* Memory for one batch of records; reset frees nothing but makes all of it usable again. */
struct arena;
int arena_new(struct arena **ret, size_t bytes);
/* Aligned to 16; NULL when it is full. */
void *arena_alloc(struct arena *a, size_t bytes);
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

/* Is this block whole and every index inside? For blocks out of recorded streams. 0 or -EBADMSG. */
int values_check(const void *block, size_t len);

struct values_from {
	const void *bytes; /* the capture; NULL: it was lost, why tells the reason for {"unavailable":why} */
	size_t len;
	const char *why;
	bool returned;
	uint32_t pid;
	const struct resolver *names; /* of Go's types; NULL: they are not known */
};

/*
 * Adds K_ARGS (an object), and if the call returned K_EXIT_RETURN and K_ERROR. Strings point into the capture and into v, the
 * rest into the arena: it is not reset before the record is gone. v was made by capture_compile() or has been checked.
 * 0, -EBADMSG a capture that no program makes.
 */
int values_put_from(const struct values *v, const struct values_from *from, struct arena *a, struct record *r);
/* The same without names. */
int values_put(const struct values *v, const void *bytes, size_t len, bool returned, const char *why, struct arena *a,
	       struct record *r);

#endif
