/* SPDX-License-Identifier: MIT */
/* targets.c: the processes of a session: found, opened, scanned for functions and runtimes. */
#include "app/session.h"
#include "base/log.h"
#include "probe/ifunc.h"
#include "probe/proto_text.h"
#include "probe/runtime.h"

/* Before anything else is done: a prototype that cannot be read. */
static int check_proto(const char *text)
{
	AUTO_FREE struct proto *p = NULL;
	char why[PROTO_TEXT_WHY];
	int err = text ? proto_text_parse(text, &p, why) : 0;

	if (err == -EINVAL)
		log_error("the prototype '%s': %s", text, why);
	return err;
}

int targets_parse(struct session *s)
{
	const struct conf *c = &s->conf;

	s->patterns = calloc(c->functions.n + 1, sizeof(*s->patterns));
	s->carry.protos = calloc(c->functions.n + 1, sizeof(*s->carry.protos));
	s->plan.hits = calloc(c->functions.n + 1, sizeof(*s->plan.hits));
	if (!s->patterns || !s->plan.hits || !s->carry.protos)
		return -ENOMEM;
	for (size_t i = 0; i < c->functions.n; i++) {
		const char *why = "";
		AUTO_FREE char *pattern = NULL;
		int err = proto_text_split(c->functions.v[i], &pattern, &s->carry.protos[i]);

		if (!err && check_proto(s->carry.protos[i]))
			return -EINVAL;
		if (!err)
			err = pattern_parse(&s->patterns[i], pattern, &why);
		if (err) {
			log_error("-f '%s': %s", c->functions.v[i], err == -EINVAL ? why : strerror(-err));
			return err;
		}
		s->npatterns++;
	}
	s->plan.patterns = s->patterns;
	s->plan.npatterns = s->npatterns;
	s->plan.max = c->max_probes;
	s->plan.jumps = 1; /* index 0 in a cookie: none */
	return 0;
}

struct target *target_find(struct session *s, pid_t pid)
{
	struct target *t = s->targets;

	while (t && t->process.pid != pid)
		t = t->next;
	return t;
}

static void say_open_error(pid_t pid, int err)
{
	switch (err) {
	case -ESRCH:
		log_error("there is no process %d", pid);
		break;
	case -ENOENT:
		log_error("process %d is a kernel thread: it has no functions in user space", pid);
		break;
	case -EACCES:
	case -EPERM:
		log_error("process %d may not be looked at: %s; %s", pid, strerror(-err),
			  geteuid() ? "run tpd as root" : "a container, a security module or its own dumpable flag forbids it");
		break;
	default:
		log_error("process %d: %s", pid, strerror(-err));
	}
}

int target_add(struct session *s, pid_t pid, bool quiet)
{
	struct target *t, **end = &s->targets;
	int err;

	if (target_find(s, pid))
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	err = process_open(&t->process, pid);
	if (err) {
		if (!quiet)
			say_open_error(pid, err);
		free(t);
		return err;
	}
	if (target_find(s, t->process.pid)) { /* pid was that of another of its threads */
		process_close(&t->process);
		free(t);
		return 0;
	}
	if (!t->process.is64) {
		log_error("process %d (%s) is a 32-bit program; tpd traces 64-bit ones only", pid,
			  t->process.exe);
		process_close(&t->process);
		free(t);
		return -ENOEXEC;
	}
	t->session = s;
	while (*end)
		end = &(*end)->next;
	*end = t;
	return 0;
}

/* Symbols that stand for what a resolver chose: the process knows. */
static void resolve_ifuncs(struct session *s, struct target *t, size_t from)
{
	for (size_t i = from; i < s->plan.n; i++) {
		struct func *f = &s->plan.funcs[i];
		struct symbols *symbols;
		uint64_t addr;

		if (!f->ifunc || !f->symbol || image_symbols(f->image, t->process.rootfd, &symbols))
			continue;
		if (!ifunc_resolve(&t->process, &s->images, f->image, f->symbol, f->addr, &addr))
			plan_resolve(&s->plan, f, addr);
		else
			log_warn("%s: no module has called its implementation yet, so it cannot be found; "
				 "name that one instead", f->name);
	}
}

int target_scan(struct session *s, struct target *t)
{
	struct process *p = &t->process;
	size_t from = s->plan.n;
	int err = process_read_maps(p);

	if (!err)
		err = process_read_status(p);
	if (err)
		return err;
	s->shadow_stack |= p->shadow_stack;
	for (size_t i = 0; i < p->nmodules; i++) {
		struct image *img;
		uint32_t runtimes = 0;

		err = image_get(&s->images, p, &p->modules[i], &img);
		if (err) {
			if (err != -ENOEXEC)
				log_warn("%s: %s; its functions cannot be traced", p->modules[i].path,
					 strerror(-err));
			continue;
		}
		err = runtime_of(img, p->rootfd, &runtimes);
		if (!err)
			err = plan_add_image(&s->plan, img, p->rootfd);
		s->runtimes |= runtimes;
		if (err == -ENOMEM)
			return err;
		if (err && err != -E2BIG) {
			/* Unread means unproven. */
			s->runtimes |= RUNTIME_UNPROVEN;
			log_warn("%s: its symbols cannot be read: %s", img->path, strerror(-err));
		}
	}
	resolve_ifuncs(s, t, from);
	if (resolve_process(s->resolve, p))
		return -ENOMEM;
	if (!s->no_hijack)
		s->no_hijack = runtime_forbids_hijack(p, s->runtimes);
	return 0;
}

static void target_free(struct target *t)
{
	process_close(&t->process);
	free(t->attached);
	free(t);
}

void target_remove(struct session *s, struct target *t)
{
	struct target **at = &s->targets;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	target_free(t);
}

void targets_free(struct session *s)
{
	struct target *t;

	while ((t = s->targets)) {
		s->targets = t->next;
		target_free(t);
	}
}
