/* SPDX-License-Identifier: MIT */
/*
 * decode.c: one loop over field tables. A new kind of record is a row of `shapes` and a table of columns
 * here; a column names a member of its struct, the key it gets and the form it
 * takes.
 */
#include <sys/wait.h>
#include "pipeline/decode.h"

enum form {
	FORM_NUMBER,
	FORM_TIME,     /* monotonic -> wall clock */
	FORM_SPAN,     /* from this time to that of the event */
	FORM_ID,       /* salted; 0 is no id, and absent */
	FORM_NAME,     /* an index into names */
	FORM_TEXT,     /* NUL-padded */
	FORM_FUNCTION, /* index of a function -> its name */
	FORM_MODULE,   /* -> its module */
	FORM_STATUS,   /* wait status -> exit status, absent if a signal killed it */
	FORM_SIGNAL,   /* wait status -> signal, absent if none did */
};

struct names {
	const char *const *v;
	size_t n;
};

struct column {
	uint8_t key; /* enum record_key */
	uint8_t form;
	uint8_t offset, size;
	uint8_t only; /* variants that have it, a bit each; 0: all */
	const struct names *names;
};

static const char *const exit_names[] = {
#define X(id, num, name) [num] = name,
	CALL_EXITS(X)
#undef X
};

static const char *const process_names[] = {
	[PROC_FORK] = "fork",       [PROC_EXEC] = "exec",
	[PROC_EXIT] = "exit",       [PROC_LIBRARY] = "library",
	[PROC_FOREIGN_STACK] = "foreign_stack",
};

static const struct names exits = { exit_names, ARRAY_SIZE(exit_names) };
static const struct names processes = { process_names, ARRAY_SIZE(process_names) };

#define COL(type, member, k, f, ...)                                                              \
	{                                                                                         \
		.key = k, .form = f, .offset = offsetof(struct type, member),                     \
		.size = sizeof(((struct type *)0)->member), __VA_ARGS__                           \
	}

static const struct column EV_CALL_columns[] = {
	COL(ev_call, start_ns, K_TS, FORM_TIME),
	COL(ev_call, start_ns, K_DURATION, FORM_SPAN),
	COL(ev_call, h.pid, K_PID, FORM_NUMBER),
	COL(ev_call, h.tid, K_TID, FORM_NUMBER),
	COL(ev_call, comm, K_COMM, FORM_TEXT),
	COL(ev_call, fn, K_FUNCTION, FORM_FUNCTION),
	COL(ev_call, fn, K_MODULE, FORM_MODULE),
	COL(ev_call, exit, K_EXIT, FORM_NAME, .names = &exits),
	COL(ev_call, id, K_ID, FORM_ID),
	COL(ev_call, parent, K_PARENT, FORM_ID),
	COL(ev_call, exception, K_EXIT_EXCEPTION, FORM_ID),
	COL(ev_call, depth, K_DEPTH, FORM_NUMBER),
};

static const struct column EV_PROCESS_columns[] = {
	COL(ev_process, h.ts_ns, K_TS, FORM_TIME),
	COL(ev_process, h.pid, K_PID, FORM_NUMBER),
	COL(ev_process, h.tid, K_TID, FORM_NUMBER),
	COL(ev_process, event, K_EVENT, FORM_NAME, .names = &processes),
	COL(ev_process, comm, K_COMM, FORM_TEXT),
	COL(ev_process, child, K_CHILD, FORM_NUMBER, .only = 1u << PROC_FORK),
	COL(ev_process, status, K_STATUS, FORM_STATUS, .only = 1u << PROC_EXIT),
	COL(ev_process, status, K_SIGNAL, FORM_SIGNAL, .only = 1u << PROC_EXIT),
};

/* What sinks may shed, and which member tells the variant (the kind, where there is none). */
enum {
	EV_CALL_rank = RANK_EVENT,
	EV_CALL_variant = offsetof(struct ev_hdr, kind),
	EV_PROCESS_rank = RANK_STREAM,
	EV_PROCESS_variant = offsetof(struct ev_process, event),
};

struct shape {
	const char *type;
	const struct column *columns;
	uint16_t ncolumns;
	uint16_t len;
	uint8_t rank;
	uint8_t variant;
	uint8_t tail; /* offset of the flags that say whether more follows, 0: nothing may */
};

#define SHAPE(id, name, ctype, more)                                                              \
	[id] = {                                                                                  \
		.type = name, .columns = id##_columns, .ncolumns = ARRAY_SIZE(id##_columns),      \
		.len = sizeof(ctype), .rank = id##_rank, .variant = id##_variant, .tail = more,   \
	}

/* Events that are a record each; what the others mean is put together in exceptions.c. */
static const struct shape shapes[] = {
	SHAPE(EV_CALL, "call", struct ev_call, offsetof(struct ev_call, flags)),
	SHAPE(EV_PROCESS, "process", struct ev_process, 0),
};

/* Sizes spelt out: a memcpy() of unknown length would be a call for each field. */
static inline uint64_t load(const unsigned char *p, size_t size)
{
	uint64_t v8 = 0;
	uint32_t v4;
	uint16_t v2;

	switch (size) {
	case 1:
		return *p;
	case 2:
		memcpy(&v2, p, 2);
		return v2;
	case 4:
		memcpy(&v4, p, 4);
		return v4;
	case 8:
		memcpy(&v8, p, 8);
	}
	return v8;
}

static int put_id(const struct decoder *d, const struct column *c, uint64_t v, struct record *r)
{
	if (v)
		record_val(r, c->key, VAL_HEX64, v ^ d->salt);
	return 0;
}

static int put_name(const struct column *c, uint64_t v, struct record *r)
{
	const char *name = v < c->names->n ? c->names->v[v] : NULL;

	if (!name)
		return -EBADMSG;
	record_str(r, c->key, name, strlen(name));
	return 0;
}

static int put_function(const struct decoder *d, const struct column *c, uint64_t v,
			struct record *r)
{
	const char *s;

	if (v >= d->nfns)
		return -EBADMSG;
	s = c->form == FORM_FUNCTION ? d->fns[v].function : d->fns[v].module;
	record_str(r, c->key, s, strlen(s));
	return 0;
}

static int put_status(const struct column *c, uint64_t v, struct record *r)
{
	int status = (int)(uint32_t)v;

	if (!WIFEXITED(status) && !WIFSIGNALED(status))
		return -EBADMSG;
	if (c->form == FORM_STATUS && WIFEXITED(status))
		record_s64(r, c->key, WEXITSTATUS(status));
	if (c->form == FORM_SIGNAL && WIFSIGNALED(status))
		record_s64(r, c->key, WTERMSIG(status));
	return 0;
}

static int put(const struct decoder *d, const struct ev_hdr *h, const struct column *c,
	       const unsigned char *p, struct record *r)
{
	uint64_t v = load(p, c->size);

	switch ((enum form)c->form) {
	case FORM_NUMBER:
		record_u64(r, c->key, v);
		return 0;
	case FORM_TIME:
		record_val(r, c->key, VAL_TIME, clock_map_wall(&d->clock, v));
		return 0;
	case FORM_SPAN:
		/* The end of a call found dead is a guess, maybe too early: 0, as in the statistics. */
		record_val(r, c->key, VAL_NS, h->ts_ns > v ? h->ts_ns - v : 0);
		return 0;
	case FORM_ID:
		return put_id(d, c, v, r);
	case FORM_NAME:
		return put_name(c, v, r);
	case FORM_TEXT:
		record_str(r, c->key, (const char *)p, strnlen((const char *)p, c->size));
		return 0;
	case FORM_FUNCTION:
	case FORM_MODULE:
		return put_function(d, c, v, r);
	case FORM_STATUS:
	case FORM_SIGNAL:
		return put_status(c, v, r);
	}
	return -EBADMSG;
}

int decode_header(const void *bytes, size_t len, struct ev_hdr *h)
{
	if (len < sizeof(*h))
		return -EBADMSG;
	memcpy(h, bytes, sizeof(*h));
	return h->len == len && len % 8 == 0 ? 0 : -EBADMSG;
}

int decode_event(const struct decoder *d, const void *bytes, size_t len, struct record *r)
{
	const unsigned char *p = bytes;
	const struct shape *s;
	struct ev_hdr h;
	uint32_t variant;
	int err;

	err = decode_header(bytes, len, &h);
	if (err)
		return err;
	if (h.kind >= ARRAY_SIZE(shapes) || !shapes[h.kind].type)
		return -ENOTSUP;
	s = &shapes[h.kind];
	if (len < s->len || (len > s->len && !(s->tail && p[s->tail] & CALL_F_CAPTURE)))
		return -EBADMSG;
	memcpy(&variant, p + s->variant, sizeof(variant));
	r->n = 0;
	for (size_t i = 0; !err && i < s->ncolumns; i++) {
		const struct column *c = &s->columns[i];

		if (!c->only || (variant < 8 && c->only & 1u << variant))
			err = put(d, &h, c, p + c->offset, r);
	}
	r->type = s->type;
	r->rank = s->rank;
	return err;
}
