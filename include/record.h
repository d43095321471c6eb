/* SPDX-License-Identifier: MIT */
/*
 * record.h: what flows through stages into sinks: a type and typed fields. Sinks loop over the fields
 * and never switch on the type, so that a new kind of record costs no sink a line.
 *
 * A record and everything it points to belongs to the pipeline and is valid only during the call
 * that hands it over. Field order is output order.
 */
#ifndef TPD_RECORD_H
#define TPD_RECORD_H

#include <stddef.h>
#include <stdint.h>

#define RECORD_SCHEMA 1
#define RECORD_FIELDS 48

/* Field keys, as the schema (DESIGN 7, `tpd --schema`) spells them. */
#define RECORD_KEYS(X)                                                                        \
	X(K_SCHEMA, "schema") X(K_TS, "ts") X(K_TPD, "tpd") X(K_HOST, "host")                 \
	X(K_KERNEL, "kernel") X(K_PID, "pid") X(K_EXE, "exe") X(K_BUILD_ID, "build_id")       \
	X(K_PROBES, "probes") X(K_ID, "id") X(K_FUNCTION, "function") X(K_MODULE, "module")   \
	X(K_OFFSET, "offset") X(K_RETURNS, "returns") X(K_DURATION, "duration_ns")            \
	X(K_TID, "tid") X(K_COMM, "comm") X(K_EXIT, "exit") X(K_PARENT, "parent")             \
	X(K_DEPTH, "depth") X(K_PROBE, "probe") X(K_REASON, "reason") X(K_COUNT, "count")     \
	X(K_CALLS, "calls") X(K_LOST, "lost") X(K_TOTAL, "total_ns") X(K_MIN, "min_ns")       \
	X(K_P50, "p50_ns") X(K_P90, "p90_ns") X(K_P99, "p99_ns") X(K_MAX, "max_ns")           \
	X(K_EVENTS, "events") X(K_EVENT, "event") X(K_CHILD, "child") X(K_STATUS, "status")   \
	X(K_CPU, "cpu") X(K_EMULATED, "emulated") X(K_PATH, "path") X(K_FILTERED, "filtered") \
	X(K_ATTEMPTED, "attempted") X(K_SIGNAL, "signal") X(K_SOURCE, "source")               \
	X(K_HISTOGRAM, "histogram") X(K_INTERVAL, "interval") X(K_OPEN, "open")               \
	X(K_EXIT_RETURN, "return") X(K_EXIT_TAIL, "tail_call")                                \
	X(K_EXIT_EXCEPTION, "exception") X(K_EXIT_PANIC, "panic")                             \
	X(K_EXIT_UNWOUND, "unwound") X(K_EXIT_THREAD, "thread_exit")                          \
	X(K_ARGS, "args") X(K_ERROR, "error") X(K_CALL, "call") X(K_LANGUAGE, "language")     \
	X(K_EXC_TYPE, "exception_type") X(K_MESSAGE, "message") X(K_OUTCOME, "outcome")       \
	X(K_STACK, "stack") X(K_FILE, "file") X(K_LINE, "line") X(K_INLINED, "inlined")       \
	X(K_THROWN, "thrown") X(K_CAUGHT, "caught") X(K_ADDRESS, "address")                   \
	X(K_RETHROWN, "rethrown") X(K_TRUNCATED, "truncated") X(K_LENGTH, "length")           \
	X(K_VALUE, "value") X(K_WHOLE, "whole")                                               \
	X(K_RETHROWS, "rethrows") X(K_OUTCOMES, "outcomes")                                   \
	X(K_OP, "op") X(K_SYSCALL, "syscall") X(K_PATH2, "path2") X(K_FD, "fd")               \
	X(K_FD2, "fd2") X(K_BYTES, "bytes") X(K_FLAGS, "flags") X(K_MODE, "mode")             \
	X(K_UID, "uid") X(K_GID, "gid") X(K_DELETED, "deleted") X(K_UNSEEN, "unseen")           \
	X(K_OPS, "ops") X(K_BYTES_READ, "bytes_read") X(K_BYTES_WRITTEN, "bytes_written")     \
	X(K_ERRORS, "errors") X(K_OPENED, "opened") X(K_CLOSED, "closed")                     \
	X(K_STILL_OPEN, "still_open")

enum record_key {
#define X(id, name) id,
	RECORD_KEYS(X)
#undef X
	RECORD_KEY_MAX,
};

enum val_type {
	VAL_U64,     /* u */
	VAL_S64,     /* s */
	VAL_HEX64,   /* u, as 16 hex digits in a string */
	VAL_NS,      /* u, a duration in ns */
	VAL_TIME,    /* u, wall clock, ns since 1970: RFC 3339 with nanoseconds, UTC */
	VAL_STR,     /* str: any bytes; sinks escape */
	VAL_BOOL,    /* u */
	VAL_OBJECT,  /* list: fields with keys */
	VAL_ARRAY,   /* list: fields whose keys are not used */
	VAL_UNAVAIL, /* str: why; {"unavailable":"read_fault"} */
	VAL_FLOAT,   /* d; not a number and infinity are strings in JSON */
	VAL_NULL,
};

struct field {
	const char *name; /* of a field whose name comes from the target; NULL: that of key */
	uint16_t key; /* enum record_key */
	uint16_t type; /* enum val_type */
	uint32_t len; /* VAL_STR, VAL_UNAVAIL: bytes; VAL_OBJECT, VAL_ARRAY: fields */
	union {
		uint64_t u;
		int64_t s;
		double d;
		const char *str;
		const struct field *list;
	};
};

/* Record types are strings of the schema; rank tells a sink what it may shed or must highlight. */
enum record_rank {
	RANK_EVENT,  /* one of many: counts as delivered or lost */
	RANK_STREAM, /* trace, process, summary, end: framing, never shed */
	RANK_LOSS,   /* a loss */
};

struct record {
	const char *type; /* "call", "lost", ... */
	enum record_rank rank;
	unsigned n;
	struct field f[RECORD_FIELDS];
};

/* Name of a key; never NULL. */
const char *record_key_name(enum record_key key);
/* Name of a field, its own or that of its key; never NULL. */
const char *field_name(const struct field *f);

/* The field with this key, or NULL. */
const struct field *record_find(const struct record *r, enum record_key key);

/* Append a field; silently ignored beyond RECORD_FIELDS (a programming error, asserted). */
void record_add(struct record *r, const struct field *f);
void record_u64(struct record *r, enum record_key key, uint64_t v);
void record_s64(struct record *r, enum record_key key, int64_t v);
void record_val(struct record *r, enum record_key key, enum val_type type, uint64_t v);
void record_str(struct record *r, enum record_key key, const char *s, size_t len);
void record_list(struct record *r, enum record_key key, enum val_type type,
		 const struct field *list, size_t n);

#endif
