/* SPDX-License-Identifier: MIT */
/* carry.c: see carry.h. */
#include "app/carry.h"
#include "app/session.h"
#include "base/log.h"
#include "probe/proto_text.h"
#include "probe/runtime.h"
#include "target/debugfile.h"
#include "target/libc.h"

#define ELEMENTS  8    /* of an array or vector */
#define STACK_USUAL  4096  /* bytes of stack copied for the traceback of an exception ... */
#define STACK_WANTED 16384 /* ... and when tracebacks are asked for */
#define RING_USUAL   (4u << 20)
#define RING_STACKS  (16u << 20)
#define SPARE_OPS 4096 /* for functions of later libraries */

static int root_of(const struct session *s, const struct image *img)
{
	for (const struct target *t = s->targets; t; t = t->next)
		for (size_t i = 0; i < t->process.nmodules; i++)
			if (!strcmp(t->process.modules[i].path, img->path))
				return t->process.rootfd;
	return -1;
}

void carry_debug_file(struct session *s, struct image *img, struct debug_file *ret)
{
	if (!img->debug_known) {
		img->debug_known = true;
		img->debug_fd = debugfile_open(img->elf, root_of(s, img), img->path);
		img->alt_fd = debugfile_open_alt(img->debug_fd >= 0 ? img->debug_fd : img->fd, root_of(s, img));
	}
	*ret = (struct debug_file){ .key = (uint64_t)(uintptr_t)img, .fd = img->fd, .debug_fd = img->debug_fd,
				    .alt_fd = img->alt_fd };
}

/*
 * What the user wrote wins; then what everyone knows, which is more than debug information has: how many bytes a pointer leads to,
 * the names of flags, that errno tells why. 0 with *ret NULL: there is none.
 */
static int find_proto(struct session *s, const struct func *f, struct proto **ret)
{
	const char *text = s->carry.protos[f->pattern];
	char why[PROTO_TEXT_WHY];
	struct debug_file file;
	int err;

	*ret = NULL;
	text = text ? text : libc_prototype(f->image->path, f->name);
	if (!text) {
		carry_debug_file(s, f->image, &file);
		err = debug_proto(s->carry.debug, &file, f->addr, s->conf.depth, ret);
		if (err == -EBADMSG)
			log_warn("%s: the debug information of %s is broken", f->name, f->image->path);
		return err == -ENOMEM ? err : 0;
	}
	err = proto_text_parse(text, ret, why);
	if (err == -EINVAL)
		log_error("the prototype of %s: %s", f->name, why);
	return err;
}

static int compile(struct session *s, const struct func *f, struct capture **ret)
{
	const struct conf *c = &s->conf;
	struct capture_conf conf = { .depth = c->depth, .string_size = c->string_size, .elements = ELEMENTS,
				     .at_return = c->returns != RETURNS_NONE, .raw = c->raw_args, .errors = true };
	AUTO_FREE struct proto *p = NULL;
	struct proto_view v;
	int err = 0;

	if (!c->raw_args)
		err = find_proto(s, f, &p);
	if (err)
		return err;
	if (!p && !c->raw_args) {
		s->carry.unknown++;
		return 0;
	}
	if (p && proto_check(p, p->bytes, &v))
		return -EBADMSG;
	return capture_compile(ret, p ? &v : NULL, &conf);
}

/* --stack and --where need a slot for every call, also where nothing is read. */
static struct capture *nothing(void)
{
	struct capture *c = calloc(1, sizeof(*c));

	if (c)
		c->fixed = c->most = sizeof(struct capture_head);
	return c;
}

/* All of --where must hold. */
static char *join(const struct strings *v)
{
	size_t len = 1;
	char *text, *at;

	for (size_t i = 0; i < v->n; i++)
		len += strlen(v->v[i]) + 8;
	at = text = malloc(len);
	for (size_t i = 0; text && i < v->n; i++)
		at += sprintf(at, v->n == 1 ? "%s%s" : "%s(%s)", i ? " && " : "", v->v[i]);
	return text;
}

int carry_open(struct session *s)
{
	const struct conf *c = &s->conf;
	AUTO_FREE char *text = NULL;
	char why[WHERE_WHY];
	int err;

	if (!c->where.n && !c->errors)
		return 0;
	text = c->where.n ? join(&c->where) : NULL;
	if (c->where.n && !text)
		return -ENOMEM;
	err = where_parse(text, c->errors, &s->carry.where, why);
	if (err == -EINVAL)
		log_error("--where '%s': %s", text, why);
	return err;
}

/* The capture of one function, and the conditions on it. */
static int carry_function(struct session *s, const struct func *f, struct carried *y)
{
	const struct conf *c = &s->conf;
	int err = 0;

	if (f->error)
		return 0;
	if (!c->no_args)
		err = compile(s, f, &y->capture);
	if (!err && !y->capture && (c->stack || s->carry.where)) {
		y->capture = nothing();
		err = y->capture ? 0 : -ENOMEM;
	}
	if (!err && s->carry.where)
		err = where_resolve(s->carry.where, y->capture->values, y->test, &y->ntests, &y->rest);
	return err;
}

int carry_plan(struct session *s)
{
	struct carry *y = &s->carry;
	const struct conf *c = &s->conf;
	char why[WHERE_WHY];
	int err = 0;

	if (c->summary || (c->no_args && !c->stack))
		return 0;
	for (; y->n < s->plan.n && !err; y->n++) {
		struct carried *now;

		err = util_grow(&y->v, y->n, &y->cap, sizeof(*y->v));
		if (err)
			break;
		now = &y->v[y->n];
		memset(now, 0, sizeof(*now));
		err = carry_function(s, &s->plan.funcs[y->n], now);
		if (now->capture) {
			y->most = MAX(y->most, now->capture->most);
			y->ops += now->capture->nentry + now->capture->nret;
		}
	}
	if (!err && y->where && y->n && where_verify(y->where, why)) {
		log_error("--where: %s", why);
		err = -EINVAL;
	}
	return err;
}

void carry_say_unknown(const struct session *s)
{
	size_t n = s->carry.unknown;
	int err = debug_refused(s->carry.debug);

	if (err)
		log_warn("debug information is not read, since the process without privileges that would do it cannot be started: %s",
			 strerror(-err));
	if (n && !s->conf.quiet)
		log_info("no prototype is known for %zu of %zu function%s, so no arguments: -f 'NAME(int a, char *b) -> int' tells one, "
			 "--raw-args shows registers", n, s->plan.n, s->plan.n == 1 ? "" : "s");
}

void carry_size(const struct session *s, struct kernel_conf *k)
{
	const struct conf *c = &s->conf;
	bool wanted = !c->summary && (!c->no_args || c->stack);
	uint32_t size;

	if (wanted) {
		k->capture = MAX(s->carry.most, (uint32_t)sizeof(struct capture_head));
		k->fetches = s->carry.ops * 2 + SPARE_OPS;
	}
	k->where = s->carry.where != NULL;
	/* Without being asked for tracebacks, those of exceptions are short: calls have the ring for themselves. */
	size = c->stack_size ? c->stack_size : c->stack || c->exceptions ? STACK_WANTED : STACK_USUAL;
	k->ring_bytes = c->ring_bytes ? c->ring_bytes : c->stack || c->exceptions ? RING_STACKS : RING_USUAL;
	if (c->stack)
		k->stack = size;
	if (c->summary)
		return;
	k->signals = size;
	k->throw_all = c->exceptions;
	/* To load what tells throws takes the kernel a while. */
	if (c->exceptions || s->everywhere || s->runtimes & (RUNTIME_UNWINDER | RUNTIME_GO))
		k->throws = size;
}

int carry_install(struct session *s)
{
	struct carry *y = &s->carry;
	int err = 0;

	for (; y->installed < y->n && !err; y->installed++) {
		struct carried *now = &y->v[y->installed];
		struct capture *c = now->capture;
		struct capture_spec spec = { 0 };

		if (!c)
			continue;
		spec.nentry = c->nentry;
		spec.nret = c->nret;
		spec.fixed = c->fixed;
		spec.ntests = now->ntests;
		memcpy(spec.test, now->test, sizeof(spec.test));
		err = kernel_set_capture(s->kernel, y->installed, &spec, c->ops, c->most);
		if (err == -E2BIG || err == -ENOSPC) { /* of a library that came later */
			log_warn("%s: no room for its arguments; start tpd again to see them",
				 s->plan.funcs[y->installed].name);
			capture_free(c);
			now->capture = NULL;
			err = 0;
		}
	}
	return err;
}

uint32_t carry_cookie(const struct session *s, uint32_t fn)
{
	const struct capture *c = fn < s->carry.installed ? s->carry.v[fn].capture : NULL;

	if (!c)
		return 0;
	return CAPTURE_ENTRY | (c->nret || s->conf.stack ? CAPTURE_EXIT : 0);
}

const struct values *carry_values(const struct session *s, uint32_t fn)
{
	const struct capture *c = fn < s->carry.n ? s->carry.v[fn].capture : NULL;

	return c ? c->values : NULL;
}

const struct where_fn *carry_where(const struct session *s, uint32_t fn)
{
	return fn < s->carry.n ? s->carry.v[fn].rest : NULL;
}

void carry_process(struct session *s, const struct process *p)
{
	/* Only captures and fatal signals ask for them. */
	if (s->conf.summary)
		return;
	for (size_t i = 0; i < p->nmodules; i++) {
		const struct module *m = &p->modules[i];
		struct libc_places places;
		struct image *img;

		/* The program's own is only there where it is linked statically, and comes first. */
		if (i && !runtime_is_libc(m->path))
			continue;
		if (image_get(&s->images, p, m, &img) || libc_find(img->elf, p, m, &places))
			continue;
		kernel_set_places(s->kernel, p->pid, places.errno_off, places.abort_msg);
	}
}

/* The program and what is at the bottom of its stacks. */
static bool usual(const struct process *p, const struct module *m)
{
	static const char *const names[] = { "libc.so", "libstdc++.so", "libgcc_s.so" };
	const char *base = util_base_name(m->path);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(base, names[i], strlen(names[i])))
			return true;
	return m == p->modules;
}

void carry_warm(struct session *s)
{
	const struct process *p = s->targets ? &s->targets->process : NULL;
	const struct debug_frame *frames;
	const struct elf_segment *seg;
	struct debug_file file;
	struct image *img;
	size_t n, nframes;

	if (!p || !(s->conf.exceptions || s->conf.stack))
		return;
	for (size_t i = 0; i < p->nmodules; i++) {
		if (!usual(p, &p->modules[i]) || image_get(&s->images, p, &p->modules[i], &img))
			continue;
		carry_debug_file(s, img, &file);
		n = elf_segments(img->elf, &seg);
		for (size_t k = 0; k < n; k++)
			if (seg[k].exec)
				debug_line(s->carry.debug, &file, seg[k].vaddr + seg[k].filesz / 2, &frames, &nframes);
	}
}

void carry_free(struct session *s)
{
	for (size_t i = 0; i < s->carry.n; i++) {
		capture_free(s->carry.v[i].capture);
		free(s->carry.v[i].rest);
	}
	where_free(s->carry.where);
	free(s->carry.v);
	free(s->carry.protos);
	debug_close(s->carry.debug);
}
