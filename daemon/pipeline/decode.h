/* SPDX-License-Identifier: MIT */
/* decode.h: an event's bytes -> a record, with names, wall clock and public ids put in. */
#ifndef TPD_DECODE_H
#define TPD_DECODE_H

#include "base/clock.h"
#include "base/util.h"
#include "event.h"
#include "record.h"
#include "value.h"

struct fn_name {
	const char *function; /* as users read it: demangled */
	const char *module;   /* path */
	const struct values *values; /* how its captures read; NULL: nothing is captured */
};

struct decoder {
	struct clock_map clock;
	uint64_t salt;             /* XORed to call ids, so that two sessions do not share any */
	const struct fn_name *fns; /* by index of the plan; may grow and move between two events */
	size_t nfns;
};

/* Checks and copies the header. 0, or -EBADMSG: len is not the length of one event. */
int decode_header(const void *bytes, size_t len, struct ev_hdr *h);

/*
 * bytes need no alignment; the record's strings point into them and into d->fns. 0; -EBADMSG for
 * bytes that no BPF program of ours sends; -ENOTSUP for a kind that is not known here, to be
 * skipped. *r is set only on success.
 */
int decode_event(const struct decoder *d, const void *bytes, size_t len, struct record *r);

#endif
