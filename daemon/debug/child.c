/* SPDX-License-Identifier: MIT */
/*
 * child.c: the process that reads debug information: takes questions one after the other, until tpd closes the
 * socket. It frees nothing at the end; when it dies in the middle, tpd notices.
 */
#include "debug/child.h"

struct slot {
	struct child_map *map;
	size_t n;
};

struct child {
	int sock;
	struct note *note;
	struct wire_msg msg;
	unsigned opened;
	struct child_file *files;
	struct slot slot[WIRE_SLOTS];
	struct answer answer;
	struct wire_inlined inlined[DEBUG_INLINED_MAX];
	uint32_t ninlined;
};

static struct child_file *find_file(struct child *c, uint64_t key)
{
	struct child_file *f;

	HASH_FIND(hh, c->files, &key, sizeof(key), f);
	return f;
}

static int take_fd(struct wire_msg *m, size_t i)
{
	return i < m->nfds ? util_steal_fd(&m->fds[i]) : -1;
}

static int on_file(struct child *c)
{
	const struct wire_file *q = (const void *)c->msg.buf;
	struct child_file *f;
	size_t n = 0;

	if (c->msg.head.bytes != sizeof(*q) || !c->msg.nfds || find_file(c, q->key))
		return -EINVAL;
	f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->key = q->key;
	f->bad = q->bad;
	f->note = c->note;
	f->opened = &c->opened;
	f->fd = take_fd(&c->msg, n++);
	f->debug_fd = q->has & WIRE_HAS_DEBUG ? take_fd(&c->msg, n++) : -1;
	f->alt_fd = q->has & WIRE_HAS_ALT ? take_fd(&c->msg, n++) : -1;
	c->msg.nfds = 0;
	HASH_ADD(hh, c->files, key, sizeof(f->key), f);
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct child_map *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static int on_map(struct child *c)
{
	const struct wire_map *q = (const void *)c->msg.buf;
	const struct wire_mapping *m = (const void *)(q + 1);
	struct child_map *map;

	if (c->msg.head.bytes < sizeof(*q) || q->slot >= WIRE_SLOTS || q->n > WIRE_MAPS ||
	    c->msg.head.bytes != sizeof(*q) + q->n * sizeof(*m))
		return -EINVAL;
	map = calloc(q->n + 1, sizeof(*map));
	if (!map)
		return -ENOMEM;
	for (uint32_t i = 0; i < q->n; i++)
		map[i] = (struct child_map){ m[i].start, m[i].end, m[i].bias,
					     m[i].has_file ? find_file(c, m[i].key) : NULL };
	qsort(map, q->n, sizeof(*map), by_start);
	free(c->slot[q->slot].map);
	c->slot[q->slot] = (struct slot){ map, q->n };
	return 0;
}

uint32_t answer_string(struct answer *a, const char *s)
{
	size_t n = s ? strlen(s) + 1 : 0;
	uint32_t at = a->head.nstrings;

	if (!n || n > WIRE_MAX / 2 - at)
		return 0;
	if (at + n > a->cap) {
		char *p = realloc(a->strings, 2 * (at + n));

		if (!p)
			return 0;
		a->strings = p;
		a->cap = 2 * (at + n);
	}
	memcpy(a->strings + at, s, n);
	a->head.nstrings += (uint32_t)n;
	return at;
}

static int send_answer(struct child *c, uint32_t kind)
{
	struct answer *a = &c->answer;
	struct wire_head head = { .kind = kind };
	struct iovec v[] = {
		{ &a->head, sizeof(a->head) },
		{ a->frames, a->head.nframes * sizeof(a->frames[0]) },
		{ a->deps, a->head.ndeps * sizeof(a->deps[0]) },
		{ a->strings, a->head.nstrings },
	};

	c->note->phase = 0;
	return wire_send(c->sock, 0, &head, v, ARRAY_SIZE(v), NULL, 0);
}

static void begin_answer(struct answer *a)
{
	memset(&a->head, 0, sizeof(a->head));
	answer_string(a, ""); /* 0 means none */
}

static int on_stack(struct child *c)
{
	const struct wire_stack *q = (const void *)c->msg.buf;
	struct unwind_input in;

	if (c->msg.head.bytes < sizeof(*q) || q->slot >= WIRE_SLOTS)
		return -EINVAL;
	in = (struct unwind_input){
		.map = c->slot[q->slot].map,
		.nmap = c->slot[q->slot].n,
		.regs = q->regs,
		.stack = (const uint8_t *)(q + 1),
		.len = c->msg.head.bytes - sizeof(*q),
	};
	begin_answer(&c->answer);
	unwind_answer(&in, &c->answer);
	return send_answer(c, WIRE_STACK);
}

static int on_line(struct child *c)
{
	const struct wire_addr *q = (const void *)c->msg.buf;
	struct child_file *f = c->msg.head.bytes == sizeof(*q) ? find_file(c, q->key) : NULL;

	if (!f)
		return -EINVAL;
	begin_answer(&c->answer);
	lines_answer(f, q->addr, q->addr, WIRE_F_EXACT, &c->answer);
	return send_answer(c, WIRE_LINE);
}

static int on_proto(struct child *c)
{
	const struct wire_addr *q = (const void *)c->msg.buf;
	struct child_file *f = c->msg.head.bytes == sizeof(*q) ? find_file(c, q->key) : NULL;
	struct wire_head head = { .kind = WIRE_PROTO, .err = -ENOENT };
	AUTO_FREE struct proto *p = NULL;

	if (!f)
		return -EINVAL;
	if (child_file_enter(f, PHASE_DWARF))
		head.err = dwarf_proto(f->dwarf, q->addr, (unsigned)q->depth, &p);
	c->note->phase = 0;
	return wire_send(c->sock, 0, &head, &(struct iovec){ p, p ? p->bytes : 0 }, 1, NULL, 0);
}

static int add_inlined(void *arg, const struct debug_inlined *one)
{
	struct child *c = arg;
	struct wire_inlined *to = &c->inlined[c->ninlined++];

	*to = (struct wire_inlined){
		.name = answer_string(&c->answer, one->name),
		.file = answer_string(&c->answer, one->file),
		.line = one->line,
		.more = one->more,
	};
	for (size_t i = 0; i < DEBUG_INLINED_INTO; i++)
		to->into[i] = answer_string(&c->answer, one->into[i]);
	return to->name ? 0 : -ENOMEM;
}

static int find_inlined(struct child *c, struct child_file *f, const struct wire_search *q, struct wire_found *found)
{
	AUTO_FREE char *text = strndup((const char *)(q + 1), c->msg.head.bytes - sizeof(*q));
	struct pattern p;
	const char *why;
	int err;

	if (!text)
		return -ENOMEM;
	err = pattern_parse(&p, text, &why);
	if (err)
		return err;
	err = -ENOENT;
	if (child_file_enter(f, PHASE_DWARF))
		err = dwarf_inlined(f->dwarf, &p, DEBUG_INLINED_MAX, q->ns, &found->flags, add_inlined, c);
	pattern_free(&p);
	return err;
}

static int on_inlined(struct child *c)
{
	const struct wire_search *q = (const void *)c->msg.buf;
	struct child_file *f = c->msg.head.bytes >= sizeof(*q) ? find_file(c, q->key) : NULL;
	struct wire_head head = { .kind = WIRE_INLINED };
	struct wire_found found = { 0 };

	if (!f)
		return -EINVAL;
	begin_answer(&c->answer);
	c->ninlined = 0;
	head.err = find_inlined(c, f, q, &found);
	c->note->phase = 0;
	found.n = c->ninlined;
	found.nstrings = c->answer.head.nstrings;
	return wire_send(c->sock, 0, &head,
			 (struct iovec[]){ { &found, sizeof(found) },
					   { c->inlined, found.n * sizeof(c->inlined[0]) },
					   { c->answer.strings, found.nstrings } },
			 3, NULL, 0);
}

static int serve_one(struct child *c)
{
	int err = wire_recv(c->sock, 0, &c->msg);

	if (err)
		return err;
	switch (c->msg.head.kind) {
	case WIRE_FILE:
		return on_file(c);
	case WIRE_MAP:
		return on_map(c);
	case WIRE_STACK:
		return on_stack(c);
	case WIRE_LINE:
		return on_line(c);
	case WIRE_PROTO:
		return on_proto(c);
	case WIRE_INLINED:
		return on_inlined(c);
	}
	return -EINVAL;
}

void child_serve(int sock, struct note *note)
{
	struct child *c = calloc(1, sizeof(*c));

	if (!c)
		return;
	c->sock = sock;
	c->note = note;
	while (!serve_one(c))
		;
}
