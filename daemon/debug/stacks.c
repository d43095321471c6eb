/* SPDX-License-Identifier: MIT */
/*
 * stacks.c: stacks, asked once each: with an answer comes all that it depends on, so that a sample that leads the same way
 * is known by comparing a few words, on whichever thread and at whichever height it was taken.
 */
#include <uthash.h>
#include <utlist.h>

#include "debug/debug_priv.h"

#define MAX_BYTES (32u << 20) /* of remembered stacks; then all are forgotten */

struct sample {
	pid_t pid;
	uint64_t serial;
	const uint64_t *regs;
	const uint8_t *bytes;
	size_t len;
};

struct stack_key {
	uint64_t pid, serial, ip;
};

struct known_stack {
	struct known_stack *next;
	bool whole;
	uint64_t sp, len; /* of the sample that it was learned from */
	size_t nframes, ndeps;
	struct debug_frame *frames;
	struct wire_dep *deps;
	char strings[];
};

struct known_place {
	struct stack_key key;
	struct known_stack *list; /* the last one used comes first */
	UT_hash_handle hh;
};

struct stacks {
	struct known_place *places;
	size_t bytes;
	struct known_stack *loose; /* an answer that must not be used again */
};

int stacks_open(struct stacks **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

static void forget(struct stacks *s)
{
	struct known_place *p, *next;

	HASH_ITER(hh, s->places, p, next) {
		struct known_stack *k, *after;

		LL_FOREACH_SAFE(p->list, k, after)
			free(k);
		HASH_DEL(s->places, p);
		free(p);
	}
	s->bytes = 0;
}

void stacks_close(struct stacks *s)
{
	if (!s)
		return;
	forget(s);
	free(s->loose);
	free(s);
}

static bool holds(const struct wire_dep *dep, const struct sample *q)
{
	uint64_t sp = q->regs[DEBUG_RSP], v;

	if (dep->flags & WIRE_DEP_REG) {
		v = q->regs[dep->at];
	} else {
		if (q->len < sizeof(v) || dep->at > q->len - sizeof(v))
			return false;
		memcpy(&v, q->bytes + dep->at, sizeof(v));
	}
	/* A place that the sample does not hold would not have been told relative to it. */
	if (dep->flags & WIRE_DEP_REL)
		return v - sp == dep->value && v - sp <= q->len;
	return v == dep->value;
}

static bool same(const struct known_stack *k, const struct sample *q)
{
	/* How far a sample reached may be why it ended there. */
	if (!k->whole && (k->sp != q->regs[DEBUG_RSP] || k->len != q->len))
		return false;
	for (size_t i = 0; i < k->ndeps; i++)
		if (!holds(&k->deps[i], q))
			return false;
	return true;
}

static struct stack_key key_of(const struct sample *q)
{
	return (struct stack_key){ (uint64_t)q->pid, q->serial, q->regs[DEBUG_RIP] };
}

static const struct known_stack *recall(struct stacks *s, const struct sample *q)
{
	struct stack_key key = key_of(q);
	struct known_stack *k, *last = NULL;
	struct known_place *p;

	HASH_FIND(hh, s->places, &key, sizeof(key), p);
	if (!p)
		return NULL;
	for (k = p->list; k && !same(k, q); k = k->next)
		last = k;
	if (k && last) {
		last->next = k->next;
		k->next = p->list;
		p->list = k;
	}
	return k;
}

static void remember(struct stacks *s, const struct sample *q, struct known_stack *k, size_t bytes)
{
	struct stack_key key = key_of(q);
	struct known_place *p;

	if (s->bytes + bytes > MAX_BYTES)
		forget(s);
	HASH_FIND(hh, s->places, &key, sizeof(key), p);
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p) {
			s->loose = k;
			return;
		}
		p->key = key;
		HASH_ADD(hh, s->places, key, sizeof(p->key), p);
		bytes += sizeof(*p);
	}
	LL_PREPEND(p->list, k);
	s->bytes += bytes;
}

int frames_check(const struct wire_msg *m, struct frames_view *v)
{
	const struct wire_frames *h = (const void *)m->buf;
	uint64_t want = sizeof(*h);

	if (m->head.err || m->head.bytes < sizeof(*h) || h->nframes > DEBUG_FRAMES || h->ndeps > WIRE_DEPS)
		return -EBADMSG;
	want += h->nframes * sizeof(*v->frames) + h->ndeps * sizeof(*v->deps) + (uint64_t)h->nstrings;
	if (want != m->head.bytes)
		return -EBADMSG;
	v->head = h;
	v->frames = (const void *)(h + 1);
	v->deps = (const void *)(v->frames + h->nframes);
	v->strings = (const char *)(v->deps + h->ndeps);
	if (h->nstrings && v->strings[h->nstrings - 1])
		return -EBADMSG;
	for (uint32_t i = 0; i < h->nframes; i++)
		if ((v->frames[i].function && v->frames[i].function >= h->nstrings) ||
		    (v->frames[i].file && v->frames[i].file >= h->nstrings))
			return -EBADMSG;
	for (uint32_t i = 0; i < h->ndeps; i++)
		if ((v->deps[i].flags & WIRE_DEP_REG) && v->deps[i].at >= DEBUG_REGS)
			return -EBADMSG;
	return 0;
}

static const struct debug_map *map_at(const struct debug_map *map, size_t n, uint64_t addr)
{
	for (size_t i = 0; i < n; i++)
		if (addr >= map[i].start && addr < map[i].end)
			return &map[i];
	return NULL;
}

static size_t path_bytes(const struct debug_map *m)
{
	return m && m->path ? strlen(m->path) + 1 : 0;
}

/* One block for all, so that one free() ends it. */
static struct known_stack *learn(const struct frames_view *v, const struct sample *q, const struct debug_map *map,
				 size_t nmap, size_t *bytes)
{
	const struct debug_map *m[DEBUG_FRAMES], *last = NULL;
	size_t n = v->head->nframes, ndeps = v->head->ndeps, strings = v->head->nstrings;
	struct known_stack *k;
	const char *module = NULL;
	char *paths;

	for (size_t i = 0; i < n; i++) {
		m[i] = map_at(map, nmap, v->frames[i].pc - !(v->frames[i].flags & WIRE_F_EXACT));
		strings += path_bytes(m[i]);
	}
	strings = (strings + 15) & ~15ul;
	*bytes = sizeof(*k) + strings + n * sizeof(*k->frames) + ndeps * sizeof(*k->deps);
	k = calloc(1, *bytes + 16);
	if (!k)
		return NULL;
	k->frames = (void *)(((uintptr_t)k->strings + strings + 15) & ~15ul);
	k->deps = (void *)(k->frames + n);
	k->nframes = n;
	k->ndeps = ndeps;
	k->whole = v->head->whole;
	k->sp = q->regs[DEBUG_RSP];
	k->len = q->len;
	memcpy(k->strings, v->strings, v->head->nstrings);
	memcpy(k->deps, v->deps, ndeps * sizeof(*k->deps));
	paths = k->strings + v->head->nstrings;
	for (size_t i = 0; i < n; i++) {
		const struct wire_frame *f = &v->frames[i];

		if (m[i] && m[i] != last) {
			module = m[i]->path ? strcpy(paths, m[i]->path) : NULL;
			paths += path_bytes(m[i]);
			last = m[i];
		}
		k->frames[i] = (struct debug_frame){
			.pc = f->pc,
			.offset = m[i] ? f->pc - m[i]->bias : f->pc,
			.function = f->function ? k->strings + f->function : NULL,
			.module = m[i] ? module : NULL,
			.file = f->file ? k->strings + f->file : NULL,
			.line = f->line,
			.inlined = f->flags & WIRE_F_INLINED,
			.exact = f->flags & WIRE_F_EXACT,
		};
	}
	return k;
}

/* Tells the child how pid is mapped, if it does not know yet. */
static int send_map(struct debug *d, const struct sample *q, const struct debug_map *map, size_t n, unsigned *slot)
{
	AUTO_FREE struct wire_mapping *w = NULL;
	struct wire_map head = { .n = (uint32_t)n };
	struct known_map *k;
	int err;

	for (*slot = 0; *slot < WIRE_SLOTS && d->slot[*slot].pid != q->pid; ++*slot)
		;
	if (*slot < WIRE_SLOTS && d->slot[*slot].serial == q->serial)
		return 0;
	if (n > WIRE_MAPS)
		return -E2BIG;
	debug_make_room(d, MIN(n, DEBUG_MAX_FILES));
	err = debug_start(d);
	for (size_t i = 0; i < n && !err; i++)
		if (map[i].file && d->nsent < DEBUG_MAX_FILES)
			err = debug_send_file(d, map[i].file, 0);
	if (err)
		return err;
	if (*slot == WIRE_SLOTS || d->slot[*slot].pid != q->pid)
		*slot = d->next_slot++ % WIRE_SLOTS;
	w = calloc(n + 1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		w[i] = (struct wire_mapping){ map[i].start, map[i].end, map[i].bias, map[i].file ? map[i].file->key : 0,
					      map[i].file != NULL };
	head.slot = *slot;
	err = debug_send(d, WIRE_MAP, (struct iovec[]){ { &head, sizeof(head) }, { w, n * sizeof(*w) } }, 2);
	if (err)
		return err;
	k = &d->slot[*slot];
	k->pid = q->pid;
	k->serial = q->serial;
	return 0;
}

static int ask(struct debug *d, const struct sample *q, const struct debug_map *map, size_t nmap)
{
	struct wire_stack w;
	unsigned slot = 0;
	int err;

	memcpy(w.regs, q->regs, sizeof(w.regs));
	for (unsigned attempt = 0; attempt < 2; attempt++) {
		err = send_map(d, q, map, nmap, &slot);
		w.slot = slot;
		if (!err)
			err = debug_send(d, WIRE_STACK,
					 (struct iovec[]){ { &w, sizeof(w) }, { (void *)q->bytes, q->len } }, 2);
		if (!err)
			err = debug_receive(d, WIRE_STACK);
		if (!err || !debug_failed(d, &err))
			return err;
	}
	return -EBADMSG;
}

int debug_stack(struct debug *d, pid_t pid, uint64_t map_serial, const struct debug_map *map, size_t nmap,
		const uint64_t regs[DEBUG_REGS], const void *stack, size_t len, const struct debug_frame **ret, size_t *n,
		bool *whole)
{
	struct sample q = { pid, map_serial, regs, stack, len };
	const struct known_stack *k = recall(d->stacks, &q);
	struct known_stack *learned;
	struct frames_view v;
	size_t bytes;
	int err;

	if (!k) {
		err = len > WIRE_MAX / 2 ? -EMSGSIZE : ask(d, &q, map, nmap);
		if (!err)
			err = frames_check(&d->msg, &v);
		if (err)
			return err;
		k = learned = learn(&v, &q, map, nmap, &bytes);
		if (!k)
			return -ENOMEM;
		free(d->stacks->loose);
		d->stacks->loose = NULL;
		if (v.head->cacheable)
			remember(d->stacks, &q, learned, bytes);
		else
			d->stacks->loose = learned;
	}
	*ret = k->frames;
	*n = k->nframes;
	*whole = k->whole;
	return 0;
}
