/* SPDX-License-Identifier: MIT */
/*
 * capture.h: from a prototype to what BPF copies at a call (include/fetch.h) and how that reads
 * (include/value.h). Calling conventions live here: System V (C, C++), Rust, Go's ABIInternal.
 */
#ifndef TPD_PROBE_CAPTURE_H
#define TPD_PROBE_CAPTURE_H

#include "fetch.h"
#include <stdbool.h>
#include "proto.h"
#include "value.h"

struct capture_conf {
	unsigned depth;       /* pointers followed behind each other; 0: only plain values, no structure is opened */
	uint32_t string_size; /* bytes of a string at most, <= FETCH_STR_MAX */
	uint32_t elements;    /* of arrays and vectors at most */
	bool at_return;       /* the return will be seen: results can be had */
	bool raw;             /* --raw-args: the six integer argument registers and rax, whatever the prototype */
	bool errors;          /* the errno of a call that returned -1 is wanted */
	bool (*secret)(const char *name); /* parameters and fields never to be copied; NULL: none */
};

struct capture {
	struct fetch *ops;    /* entry program, then return program */
	uint16_t nentry, nret;
	uint16_t fixed;       /* where the heap begins, multiple of 8 */
	uint32_t most;        /* bytes of a capture at most, <= CAPTURE_MAX */
	struct values *values;
};

/*
 * p was checked; NULL with conf->raw. What does not fit into FETCH_ITEMS, FETCH_MAX_OPS or CAPTURE_MAX is left out and
 * marked VALUE_F_CUT or VALUE_MISSING "too_large". 0, -ENOMEM, -EBADMSG.
 */
int capture_compile(struct capture **ret, const struct proto_view *p, const struct capture_conf *conf);
void capture_free(struct capture *c);

#endif
