/* SPDX-License-Identifier: MIT */
/* exceptions.c: the exceptions under way, and how each ends; see exceptions.h. */
#include <signal.h>
#include <sys/wait.h>

#include "pipeline/exceptions_priv.h"
#include "proto.h"

#define OBJECTS_MAX  1024 /* remembered, for the case that they are thrown again */
#define UNCAUGHT_MAX 64   /* remembered until the signal that follows */

/* What was thrown, by address: the first throw of it and the last one. */
struct object {
	struct {
		uint64_t address;
		uint64_t pid;
	} key;
	uint64_t first, last;
	bool ended; /* nobody caught it: who throws it now is std::terminate's handler, to learn what it is */
	UT_hash_handle hh;
};

struct exceptions {
	const struct resolver *res;
	const struct decoder *d;
	exceptions_emit *emit;
	void *arg;
	struct exception *table; /* by id, in the order of the throws */
	struct object *objects;
	struct {
		uint32_t pid, tid;
		uint64_t id;
	} uncaught[UNCAUGHT_MAX];
	size_t nuncaught; /* ever; the ring's next place is this modulo its size */
	struct exception_sites *sites;
	struct exception_record mem;
};

static const struct language *const languages[] = {
	[LANG_C] = &language_foreign, /* the same unwinder, but none of these */
	[LANG_CXX] = &language_cxx,
	[LANG_RUST] = &language_rust,
	[LANG_GO] = &language_go,
};

int exceptions_new(struct exceptions **ret, const struct resolver *res, const struct decoder *d,
		   exceptions_emit *emit, void *arg)
{
	struct exceptions *x = calloc(1, sizeof(*x));
	int err = x ? exception_sites_new(&x->sites) : -ENOMEM;

	if (err) {
		free(x);
		return err;
	}
	x->res = res;
	x->d = d;
	x->emit = emit;
	x->arg = arg;
	*ret = x;
	return 0;
}

void exception_free(struct exception *ex)
{
	if (!ex)
		return;
	free(ex->type);
	free(ex->message);
	free(ex->value_text);
	free(ex->frames);
	free(ex);
}

static void forget_object(struct exceptions *x, struct object *o)
{
	HASH_DEL(x->objects, o);
	free(o);
}

void exceptions_free(struct exceptions *x)
{
	if (!x)
		return;
	while (x->table) {
		struct exception *ex = x->table;

		HASH_DEL(x->table, ex);
		exception_free(ex);
	}
	while (x->objects)
		forget_object(x, x->objects);
	exception_sites_free(x->sites);
	free(x);
}

/* ---- how it ends ---- */

static void emit(struct exceptions *x, const struct exception *ex, enum outcome how, const struct resolved *at)
{
	exception_sites_count(x->sites, ex, how);
	exception_record(x->d, ex, how, at, &x->mem);
	x->emit(x->arg, &x->mem.r);
}

static struct object *find_object(struct exceptions *x, uint32_t pid, uint64_t address)
{
	struct object *o, key = { .key = { address, pid } };

	HASH_FIND(hh, x->objects, &key.key, sizeof(key.key), o);
	return o;
}

static void tell(struct exceptions *x, struct exception *ex, enum outcome how, const struct resolved *at)
{
	HASH_DEL(x->table, ex);
	if (how == OUTCOME_UNCAUGHT) {
		struct object *o = find_object(x, ex->pid, ex->object);
		size_t i = x->nuncaught++ % UNCAUGHT_MAX;

		x->uncaught[i].pid = ex->pid;
		x->uncaught[i].tid = ex->tid;
		x->uncaught[i].id = ex->id;
		if (o && o->last == ex->id)
			o->ended = true;
	}
	emit(x, ex, how, at);
	exception_free(ex);
}

static struct exception *find(struct exceptions *x, uint64_t id)
{
	struct exception *ex;

	HASH_FIND(hh, x->table, &id, sizeof(id), ex);
	return ex;
}

/* The newest one that a thread has under way. */
static struct exception *find_thread(struct exceptions *x, uint32_t pid, uint32_t tid)
{
	struct exception *ex, *tmp, *found = NULL;

	HASH_ITER (hh, x->table, ex, tmp)
		if (ex->pid == pid && ex->tid == tid)
			found = ex;
	return found;
}

/* ---- throws ---- */

static const struct name_rule terminate[] = { { "std::terminate", NULL } };

/* Of the one before with the same object: thrown again by its thread, or gone, since its memory was used again. */
static void end_before(struct exceptions *x, const struct exception *ex, uint64_t last)
{
	struct exception *before = find(x, last);

	if (before && !ex->rethrown)
		tell(x, before, OUTCOME_UNKNOWN, NULL);
	else if (before && before->tid == ex->tid)
		tell(x, before, OUTCOME_RETHROWN, NULL);
}

/* Without memory for this a rethrow does not name the first throw, no more. */
static void remember_object(struct exceptions *x, struct exception *ex)
{
	struct object *o;

	/* Go's values are no objects of their own: a constant is thrown many times. Nor is what has no size. */
	if (!ex->language->nagain || ex->object < 4096)
		return;
	o = find_object(x, ex->pid, ex->object);
	if (o)
		end_before(x, ex, o->last);
	if (o && ex->rethrown)
		ex->rethrows = o->first;
	if (!o) {
		if (HASH_COUNT(x->objects) >= OBJECTS_MAX)
			forget_object(x, x->objects);
		o = calloc(1, sizeof(*o));
		if (!o)
			return;
		o->key.address = ex->object;
		o->key.pid = ex->pid;
		HASH_ADD(hh, x->objects, key, sizeof(o->key), o);
	}
	o->last = ex->id;
	o->ended = false;
	if (!ex->rethrows)
		o->first = ex->id;
}

static bool of_runtime(const struct language *l, const struct resolved *f)
{
	const char *base = f->module ? util_base_name(f->module) : NULL;

	for (size_t i = 0; !f->function && base && i < l->nmodules; i++)
		if (!strncmp(base, l->modules[i], strlen(l->modules[i])))
			return true;
	return name_matches(f->function, l->runtime, l->nruntime);
}

int exception_frames(const struct resolver *res, const struct ev_place *at, const void *stack, struct exception *ex)
{
	const struct language *l = ex->language;
	const struct resolved *v = NULL;
	bool whole = false;
	size_t n = res->stack(res->arg, ex->pid, at, stack, &v, &whole);

	ex->frames = frames_copy(v, n, whole);
	if (!ex->frames)
		return -ENOMEM;
	n = ex->frames->n;
	while (ex->thrown < n && of_runtime(l, &ex->frames->v[ex->thrown]))
		ex->rethrown |= name_matches(ex->frames->v[ex->thrown++].function, l->again, l->nagain);
	/* Of its own making. */
	if (ex->thrown == n)
		ex->thrown = 0;
	for (size_t i = 0; i < n && ex->rethrown; i++)
		ex->ending |= name_matches(ex->frames->v[i].function, terminate, ARRAY_SIZE(terminate));
	return 0;
}

static int make(struct exceptions *x, const struct ev_throw *e, const void *stack, struct exception *ex)
{
	int err;

	ex->id = e->id;
	ex->ts_ns = e->h.ts_ns;
	ex->call = e->call;
	ex->object = e->object;
	ex->pid = e->h.pid;
	ex->tid = e->h.tid;
	ex->language = languages[e->lang];
	ex->rethrown = e->flags & THROW_F_DEPENDENT;
	memcpy(ex->comm, e->comm, sizeof(ex->comm));
	err = ex->language->tell(x->res, e, ex);
	return err ? err : exception_frames(x->res, &e->at, stack, ex);
}

/* Names and literals lie in files, in pages that the target may not have touched yet; BPF cannot read those. */
static void read_files(struct exceptions *x, struct ev_throw *e)
{
	uint64_t n;

	if (!e->name_len && e->name_at) {
		n = x->res->bytes(x->res->arg, e->h.pid, e->name_at, e->name, sizeof(e->name));
		e->name_len = (uint32_t)strnlen(e->name, n);
	}
	n = MIN(e->text_all, (uint64_t)THROW_TEXT);
	if (e->text_len || !n || !e->text_at)
		return;
	n = x->res->bytes(x->res->arg, e->h.pid, e->text_at, e->text, n);
	if (e->text_all != UINT64_MAX) {
		e->text_len = (uint32_t)n;
	} else if (n) {
		e->text_len = (uint32_t)strnlen(e->text, n);
		e->text_all = e->text_len;
	}
}

static int on_throw(struct exceptions *x, const void *bytes, size_t len)
{
	struct exception *ex, *same;
	struct object *o;
	struct ev_throw e;
	int err;

	if (len < sizeof(e))
		return -EBADMSG;
	memcpy(&e, bytes, sizeof(e));
	if (e.at.len > len - sizeof(e) || e.lang >= ARRAY_SIZE(languages) || e.name_len > sizeof(e.name) ||
	    e.text_len > sizeof(e.text))
		return -EBADMSG;
	read_files(x, &e);
	same = find(x, e.id);
	if (same)
		tell(x, same, OUTCOME_UNKNOWN, NULL);
	ex = calloc(1, sizeof(*ex));
	if (!ex)
		return -ENOMEM;
	err = make(x, &e, (const char *)bytes + sizeof(e), ex);
	o = err ? NULL : find_object(x, ex->pid, ex->object);
	if (err || (o && o->ended && ex->rethrown)) {
		exception_free(ex);
		return err;
	}
	remember_object(x, ex);
	if (HASH_COUNT(x->table) >= EXCEPTIONS_MAX)
		tell(x, x->table, OUTCOME_UNKNOWN, NULL);
	HASH_ADD(hh, x->table, id, sizeof(ex->id), ex);
	return 0;
}

/* ---- catches ---- */

static bool is_end(const struct language *l, const struct resolved *at)
{
	return name_matches(at->function, l->end, l->nend) || name_matches(at->symbol, l->end, l->nend);
}

/* Who waits for it on the stack: behind the innermost frames that are the runtime's way to catch. */
static const struct resolved *catcher(const struct exception *ex)
{
	const struct language *l = ex->language;
	size_t i = ex->thrown, n = ex->frames->n;

	while (i < n && !name_matches(ex->frames->v[i].function, l->catching, l->ncatching))
		i++;
	while (i < n && name_matches(ex->frames->v[i].function, l->catching, l->ncatching))
		i++;
	return i < n ? &ex->frames->v[i] : NULL;
}

static void caught(struct exceptions *x, struct exception *ex, uint64_t ip, enum outcome how)
{
	const struct language *l = ex->language;
	const struct resolved *at = NULL;
	struct resolved found = { 0 };

	if (ex->ending)
		how = OUTCOME_UNCAUGHT;
	if (ip && x->res->address(x->res->arg, ex->pid, ip, false, &found))
		at = &found;
	if (at && how == OUTCOME_CAUGHT && is_end(l, at))
		how = OUTCOME_UNCAUGHT;
	else if (l->ncatching && (!at || name_matches(at->function, l->runtime, l->nruntime)))
		at = catcher(ex);
	if (at && how == OUTCOME_CAUGHT && is_end(l, at))
		how = OUTCOME_UNCAUGHT;
	tell(x, ex, how, how == OUTCOME_UNCAUGHT ? NULL : at);
}

static int on_catch(struct exceptions *x, const void *bytes, size_t len)
{
	struct exception *ex;
	struct ev_catch e;

	if (len != sizeof(e))
		return -EBADMSG;
	memcpy(&e, bytes, sizeof(e));
	if (e.how > CATCH_REPLACED)
		return -EBADMSG;
	ex = find(x, e.id);
	if (!ex)
		return 0; /* its throw was lost, or it was told already */
	if (e.how == CATCH_HANDLER || e.how == CATCH_RECOVER)
		caught(x, ex, e.ip, e.how == CATCH_RECOVER ? OUTCOME_RECOVERED : OUTCOME_CAUGHT);
	else
		tell(x, ex, e.how == CATCH_REPLACED ? OUTCOME_REPLACED : OUTCOME_UNCAUGHT, NULL);
	return 0;
}

/* ---- signals and processes ---- */

/* The exception that a thread dies of, if it does so by a signal that the runtimes raise. */
static uint64_t cause(struct exceptions *x, const struct ev_signal *e)
{
	struct exception *ex = e->sig == SIGABRT ? find_thread(x, e->h.pid, e->h.tid) : NULL;
	size_t n;

	if (!signal_of_runtime(e->sig))
		return 0;
	if (ex)
		tell(x, ex, OUTCOME_UNCAUGHT, NULL);
	n = MIN(x->nuncaught, (size_t)UNCAUGHT_MAX);
	for (size_t i = 1; i <= n; i++) {
		size_t k = (x->nuncaught - i) % UNCAUGHT_MAX;

		if (x->uncaught[k].pid == e->h.pid && x->uncaught[k].tid == e->h.tid)
			return x->uncaught[k].id;
	}
	return 0;
}

static int on_signal(struct exceptions *x, const void *bytes, size_t len)
{
	struct exception *ex;
	struct ev_signal e;
	int err;

	if (len < sizeof(e))
		return -EBADMSG;
	memcpy(&e, bytes, sizeof(e));
	if (e.at.len > len - sizeof(e) || e.text_len > sizeof(e.text))
		return -EBADMSG;
	ex = calloc(1, sizeof(*ex));
	if (!ex)
		return -ENOMEM;
	err = signal_exception(&e, ex);
	if (!err)
		err = exception_frames(x->res, &e.at, (const char *)bytes + sizeof(e), ex);
	if (!err) {
		ex->cause = cause(x, &e);
		emit(x, ex, OUTCOME_UNCAUGHT, NULL);
	}
	exception_free(ex);
	return err;
}

/* Those that a process had under way; how tells what became of them. */
static void end_process(struct exceptions *x, uint32_t pid, enum outcome how)
{
	struct exception *ex, *tmp;
	struct object *o, *otmp;

	HASH_ITER (hh, x->table, ex, tmp)
		if (ex->pid == pid)
			tell(x, ex, how, NULL);
	HASH_ITER (hh, x->objects, o, otmp)
		if (o->key.pid == pid)
			forget_object(x, o);
	for (size_t i = 0; i < UNCAUGHT_MAX; i++)
		if (x->uncaught[i].pid == pid)
			x->uncaught[i].pid = x->uncaught[i].tid = 0;
}

static int on_process(struct exceptions *x, const void *bytes, size_t len)
{
	struct ev_process e;

	if (len != sizeof(e))
		return -EBADMSG;
	memcpy(&e, bytes, sizeof(e));
	if (e.event == PROC_EXEC) {
		end_process(x, e.h.pid, OUTCOME_OPEN);
	} else if (e.event == PROC_EXIT) {
		/* Runtimes abort, or leave with a status of their own; killed or done is something else. */
		bool died = WIFSIGNALED(e.status) ? WTERMSIG(e.status) == SIGABRT : WEXITSTATUS(e.status) != 0;

		end_process(x, e.h.pid, died ? OUTCOME_UNCAUGHT : OUTCOME_OPEN);
	}
	return 0;
}

int exceptions_event(struct exceptions *x, const void *bytes, size_t len)
{
	struct ev_hdr h;

	if (decode_header(bytes, len, &h))
		return -EBADMSG;
	switch (h.kind) {
	case EV_THROW:
		return on_throw(x, bytes, len);
	case EV_CATCH:
		return on_catch(x, bytes, len);
	case EV_SIGNAL:
		return on_signal(x, bytes, len);
	case EV_PROCESS:
		return on_process(x, bytes, len);
	default:
		return 0;
	}
}

void exceptions_finish(struct exceptions *x)
{
	while (x->table)
		tell(x, x->table, OUTCOME_OPEN, NULL);
}

void exceptions_summary(struct exceptions *x, bool interval)
{
	exception_sites_summary(x->sites, interval, x->emit, x->arg);
}

void exceptions_table(struct exceptions *x, FILE *out)
{
	exception_sites_table(x->sites, out);
}
