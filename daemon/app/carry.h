/* SPDX-License-Identifier: MIT */
/*
 * carry.h: what calls carry. Prototypes are found (the user's, debug information, tables of well-known libraries), compiled to
 * captures, and made known to the kernel and to the output.
 */
#ifndef TPD_CARRY_H
#define TPD_CARRY_H

#include "debug/debug.h"
#include "probe/capture.h"
#include "probe/where.h"
#include "target/process.h"

struct session;

struct carry {
	struct debug *debug;
	const char **protos;   /* of each pattern: the prototype that the user gave, or NULL; into argv */
	struct carried {
		struct capture *capture; /* NULL: nothing is captured of it */
		struct where_fn *rest;   /* of --where, what the kernel does not tell; NULL: nothing */
		struct fetch_test test[TEST_MAX];
		uint16_t ntests;
	} *v;                  /* by function of the plan */
	size_t n, cap;         /* functions that were looked at */
	struct where *where;   /* --where and --errors, NULL: all calls are wanted */
	size_t installed;      /* of them known to the kernel */
	uint32_t most, ops;    /* bytes of the largest capture, operations of all */
	size_t unknown;        /* functions without a prototype */
};

/* Reads --where. 0, -EINVAL (logged), -ENOMEM. */
int carry_open(struct session *s);
/* Captures of the functions that the plan has got since the last time. 0, -ENOMEM, -EINVAL: logged. */
int carry_plan(struct session *s);
/* What nothing is known of, and what can be done. */
void carry_say_unknown(const struct session *s);
/* What the kernel must be opened with. */
struct kernel_conf;
void carry_size(const struct session *s, struct kernel_conf *k);
/* Tells the kernel. 0 or negative errno. */
int carry_install(struct session *s);
/* Bits of a site's cookie: CAPTURE_*. */
uint32_t carry_cookie(const struct session *s, uint32_t fn);
/* How captures of this function read; NULL: there are none. */
const struct values *carry_values(const struct session *s, uint32_t fn);
/* What is left of --where for the records of this function, or NULL. */
const struct where_fn *carry_where(const struct session *s, uint32_t fn);
/* Where a process keeps errno and the text of its abort. */
void carry_process(struct session *s, const struct process *p);
/* The image's files for the debug child; they stay open with the image. */
struct image;
void carry_debug_file(struct session *s, struct image *img, struct debug_file *ret);
/* Lets the debug child read what nearly every traceback needs, so that a burst of throws does not wait for it. */
void carry_warm(struct session *s);
void carry_free(struct session *s);

#endif
