/* SPDX-License-Identifier: MIT */
/* session.c: opens in order (targets, plan, kernel, output, probes). What happens while it runs is in run.c. */
#include <sys/resource.h>
#include <time.h>

#include "app/inlined.h"
#include "app/run.h"
#include "app/session.h"
#include "base/log.h"

static int fail(struct session *s, int status)
{
	s->status = status;
	return -1;
}

int session_status_of(int err)
{
	switch (err) {
	case -ESRCH:
	case -ENOENT:
		return STATUS_NOTHING;
	case -EPERM:
	case -EACCES:
		return STATUS_DENIED;
	default:
		return STATUS_FAILED;
	}
}

static int add_found(struct session *s)
{
	AUTO_FREE pid_t *v = NULL;
	size_t n = 0;
	int err;

	if (s->conf.exe)
		err = process_find_exe(s->conf.exe, &v, &n);
	else
		err = process_find_comm(s->conf.comm, &v, &n);
	if (err) {
		log_error("%s: %s", s->conf.exe ? s->conf.exe : s->conf.comm, strerror(-err));
		return err;
	}
	/* A process that ends meanwhile is none of ours. */
	for (size_t i = 0; i < n; i++)
		if (v[i] != getpid())
			target_add(s, v[i], true);
	if (!s->conf.exe && !s->targets) {
		log_error("no process is called '%s'", s->conf.comm);
		return -ESRCH;
	}
	return 0;
}

/* --exe: the file's own functions are planned even if no process runs it yet. */
static int plan_exe(struct session *s)
{
	struct image *img;
	int err = image_get_path(&s->images, s->conf.exe, &img);

	if (err) {
		log_error("%s: %s", s->conf.exe,
			  err == -ENOEXEC || err == -EBADMSG ? "not a 64-bit x86 ELF program" : strerror(-err));
		return err;
	}
	err = plan_add_image(&s->plan, img, -1);
	return err == -E2BIG ? 0 : err;
}

static int open_targets(struct session *s)
{
	const struct conf *c = &s->conf;
	bool leaderless = false;
	int err = 0;

	for (size_t i = 0; i < c->pids.n && !err; i++)
		err = target_add(s, c->pids.v[i], false);
	if (!err && (c->exe || c->comm))
		err = add_found(s);
	if (!err && c->exe)
		err = plan_exe(s);
	s->everywhere = c->exe || c->comm || c->follow ||
			(s->features.uprobe_multi && !s->features.multi_pid);
	if (c->exe || c->comm || c->follow)
		s->no_hijack = "processes that are not known yet may be traced";
	else if (c->stack || c->exceptions)
		s->no_hijack = "tracebacks are wanted, and need the return addresses";
	for (struct target *t = s->targets, *next; t && !err; t = next) {
		next = t->next;
		err = target_scan(s, t);
		if (err == -ESRCH && (next || t != s->targets || c->exe)) { /* it has just ended, others go on */
			target_remove(s, t);
			err = 0;
			continue;
		}
		leaderless |= process_leaderless(&t->process);
		if (err == -EPERM || err == -EACCES)
			log_error("process %d may not be looked at: %s", t->process.pid, strerror(-err));
		else if (err)
			log_error("process %d: %s", t->process.pid, strerror(-err));
	}
	/* A link follows a process by the memory of its leader, which is gone if that thread has ended. */
	s->everywhere |= leaderless;
	if (!err && c->argv)
		err = spawn_start(s);
	return err;
}

/* The pattern matched nothing: why, as far as can be told. */
static void say_nothing(struct session *s, const struct pattern *p, enum log_level level)
{
	const char *best[3];
	bool module = false;
	size_t n = 0;

	for (struct image *img = s->images; img; img = img->next) {
		if (!pattern_module(p, img->path))
			continue;
		module = true;
		if (img->symbols && p->kind != PAT_OFFSET && n < 3)
			n += symbols_nearest(img->symbols, p->name, best + n, 3 - n);
	}
	if (!module)
		log_at(level, "'%s': no such module is mapped", p->text);
	else if (p->kind == PAT_OFFSET)
		log_at(level, "'%s': there is no code at that address", p->text);
	else if (!inlined_say(s, p, level))
		log_at(level, "no function matches '%s'%s%s%s%s%s%s", p->text, n ? "; did you mean " : "",
		       n ? best[0] : "", n > 1 ? ", " : "", n > 1 ? best[1] : "", n > 2 ? ", " : "",
		       n > 2 ? best[2] : "");
}

void session_say_nearest(struct session *s)
{
	size_t named = 0;

	for (size_t i = 0; i < s->npatterns; i++) {
		named += !s->patterns[i].exclude;
		if (!s->patterns[i].exclude && !s->plan.hits[i])
			say_nothing(s, &s->patterns[i], s->plan.n ? LOG_WARN : LOG_ERROR);
	}
	if (!named && s->npatterns)
		log_error("every pattern begins with '!': name what to trace, too");
	else if (!s->plan.n && s->npatterns)
		log_info("tpd list -p PID [PATTERN] shows what can be traced; what has no symbol is named "
			 "MODULE:0xOFFSET");
}

/* A process that was just about to exec had no functions to show, or those of another program. */
static bool scan_again(struct session *s)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000000 };

	for (int i = 0; i < 5 && !s->plan.n; i++) {
		bool changed = false;

		nanosleep(&moment, NULL);
		for (struct target *t = s->targets; t; t = t->next) {
			size_t before = t->process.nmodules;
			AUTO_FREE char *exe = strdup(before ? t->process.modules[0].path : "");

			if (target_scan(s, t))
				continue;
			changed |= t->process.nmodules != before || !exe ||
				   (before && strcmp(exe, t->process.modules[0].path));
		}
		if (!changed)
			break;
	}
	return s->plan.n != 0;
}

static int check_plan(struct session *s)
{
	struct plan *p = &s->plan;
	bool later = s->conf.argv || s->conf.comm || !s->npatterns;

	if (p->wanted > p->max) {
		log_error("%zu functions match, more than --max-probes %zu; narrow the pattern or raise it", p->wanted,
			  p->max);
		return fail(s, STATUS_FAILED);
	}
	if (!p->n && !later && !scan_again(s)) {
		session_say_nearest(s);
		return fail(s, STATUS_NOTHING);
	}
	if (!later)
		session_say_nearest(s);
	for (size_t i = 0; i < p->n; i++)
		if (p->funcs[i].error && (p->n <= 20 || s->conf.verbose))
			log_warn("%s is not traced: %s", p->funcs[i].name, sites_strerror(p->funcs[i].error));
	if (p->n && p->refused == p->n) {
		log_error("none of the functions that match can be probed; tpd list says why");
		return fail(s, STATUS_NOTHING);
	}
	return 0;
}

void session_choose_hijack(struct session *s)
{
	s->hijack = s->features.session && !s->no_hijack &&
		    (s->conf.returns == RETURNS_AUTO || s->conf.returns == RETURNS_URETPROBE);
}

/* What --returns asks for, held against what this kernel and these targets allow. */
static int check_returns(struct session *s)
{
	const struct features *f = &s->features;

	session_choose_hijack(s);
	if (s->conf.returns == RETURNS_URETPROBE && !s->hijack) {
		log_error("--returns uretprobe would endanger the target: %s; use --returns ret",
			  s->no_hijack ? s->no_hijack : "this kernel has no session probes, so that a call cannot be "
							"left alone when its stack forbids it");
		return fail(s, STATUS_FAILED);
	}
	if (s->conf.returns == RETURNS_EMULATE && (!f->emulate || s->shadow_stack)) {
		log_error("--returns emulate: %s; use --returns auto",
			  f->emulate ? "a thread of the target runs with a user shadow stack" :
				       "this kernel does not let a probe write registers");
		return fail(s, STATUS_FAILED);
	}
	return 0;
}

static void say_load_error(const struct features *f, int err)
{
	if (err == -EPERM || err == -EACCES)
		log_error("BPF programs may not be loaded: %s; run tpd as root, or with CAP_BPF, CAP_PERFMON and "
			  "CAP_SYS_PTRACE", strerror(-err));
	else if (err == -EOPNOTSUPP)
		log_error("this kernel (%s) lacks %s; tpd doctor tells more", f->release,
			  f->btf ? "bpf_loop (Linux 5.17)" : "BTF (CONFIG_DEBUG_INFO_BTF)");
	else
		log_error("cannot load the BPF programs: %s; tpd doctor tells more", strerror(-err));
}

/* Room for functions of libraries that come later. */
static uint32_t capacity(const struct session *s)
{
	size_t n = s->plan.n * 2 <= HIST_ARRAY_FNS ? HIST_ARRAY_FNS : s->conf.max_probes;

	return MAX(MIN(n, (size_t)s->conf.max_probes), MAX(s->plan.n, (size_t)1));
}

static int open_kernel(struct session *s)
{
	const struct conf *c = &s->conf;
	bool one = c->pids.n == 1 && !s->everywhere;
	struct kernel_conf k = { .features = &s->features, .stream = !c->summary,
				 .max_depth = c->max_depth ? c->max_depth - 1 : 0xffff,
				 .min_ns = c->min_duration_ns, .rate = c->rate_limit, .comm = c->comm,
				 .watch = true, .fns = capacity(s) };
	struct stat st;
	int err;

	k.tgid = one && s->targets ? s->targets->process.pid : 0;
	k.sample = c->sample >= 1 ? 0xffffffff : (uint32_t)(c->sample * 4294967295.0);
	k.target_flags = TARGET_ON | (c->follow ? TARGET_FOLLOW : 0);
	carry_size(s, &k);
	fileio_size(s, &k);
	if (c->exe && !stat(c->exe, &st)) {
		k.exe_ino = st.st_ino;
		k.exe_dev = st.st_dev;
	}
	err = kernel_open(&s->kernel, &k);
	if (err) {
		say_load_error(&s->features, err);
		return fail(s, session_status_of(err));
	}
	s->plan.max = k.fns;
	for (struct target *t = s->targets; t; t = t->next) {
		const char *exe = t->process.exe;
		AUTO_FREE char *path = NULL;

		if (t->process.pid != s->child && asprintf(&path, "/proc/%d/exe", t->process.pid) > 0)
			exe = path;
		if (stat(exe, &st))
			st = (struct stat){ 0 };
		kernel_target(s->kernel, t->process.pid, k.target_flags, st.st_dev, st.st_ino);
		carry_process(s, &t->process);
	}
	return 0;
}

int session_name_functions(struct session *s)
{
	int err = 0;

	for (; s->named < s->plan.n && !err; s->named++)
		err = output_add_fn(&s->output, s->plan.funcs[s->named].name,
				    s->plan.funcs[s->named].image->path, carry_values(s, s->named), carry_where(s, s->named));
	return err;
}

static void source_stats(void *arg, uint32_t fn, struct fn_stats *ret)
{
	struct session *s = arg;

	kernel_fn_stats(s->kernel, fn, ret);
}

static int source_histogram(void *arg, uint32_t fn, uint64_t bucket[HIST_BUCKETS])
{
	struct session *s = arg;

	return kernel_histogram(s->kernel, fn, bucket);
}

static int attach_all(struct session *s)
{
	int refused = 0, err;

	/* Calls begin to count when every probe is in, so that no tree of calls lacks its root. */
	kernel_live(s->kernel)->shut = 1;
	for (struct target *t = s->targets; t; t = t->next) {
		err = session_attach(s, t);
		if (err < 0) {
			log_error("process %d: its probes cannot be attached: %s", t->process.pid,
				  strerror(-err));
			return fail(s, session_status_of(err));
		}
		refused += err;
	}
	err = session_attach_exe(s);
	if (err < 0) {
		log_error("the program's probes cannot be attached: %s", strerror(-err));
		return fail(s, session_status_of(err));
	}
	kernel_live(s->kernel)->shut = 0;
	images_trim(s->images);
	return refused;
}

static void say_trace(struct session *s)
{
	AUTO_FREE struct probe_info *probes = NULL;
	size_t n = session_probes(s, 0, &probes), alive = 0;
	struct target *t = s->targets;
	const char *exe = t ? t->process.exe : s->conf.exe, *build_id = "";

	for (struct image *img = s->images; img && exe; img = img->next)
		if (!strcmp(img->path, exe))
			build_id = elf_build_id(img->elf);
	output_trace(&s->output, t ? t->process.pid : 0, exe, build_id, s->features.release, probes, n);
	for (; t; t = t->next, alive++)
		output_process(&s->output, t->process.pid, "attach", t->process.exe, NULL, 0);
	output_flush(&s->output);
	if (!s->conf.quiet && !s->npatterns)
		log_info("%s of %zu process%s; ^C detaches", s->conf.files ? "files" : "exceptions", alive,
			 alive == 1 ? "" : "es");
	else if (!s->conf.quiet)
		log_info("%zu function%s of %zu process%s; ^C detaches", n, n == 1 ? "" : "s", alive,
			 alive == 1 ? "" : "es");
}

/* A probe is a file descriptor or two where uprobe_multi is missing. */
static void raise_files(void)
{
	struct rlimit r;

	if (!getrlimit(RLIMIT_NOFILE, &r)) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

/* What is told besides the calls themselves. */
static int plan_carried(struct session *s)
{
	int err;

	if (carry_open(s) || fileio_open(s))
		return fail(s, STATUS_USAGE);
	err = carry_plan(s);
	if (err)
		return fail(s, err == -EINVAL ? STATUS_USAGE : STATUS_FAILED);
	carry_say_unknown(s);
	return 0;
}

int session_open(struct session *s)
{
	int err;

	s->child_go = -1;
	if (!process_initial_namespace()) {
		log_error("tpd must run in the initial PID namespace, whose numbers the kernel's probes use; for a "
			  "container: --pid=host");
		return fail(s, STATUS_FAILED);
	}
	raise_files();
	features_ask(&s->features);
	if (resolve_new(&s->resolve, s) || debug_open(&s->carry.debug))
		return fail(s, STATUS_FAILED);
	err = targets_parse(s);
	if (err)
		return fail(s, err == -EINVAL ? STATUS_USAGE : STATUS_FAILED);
	err = open_targets(s);
	if (err)
		return fail(s, session_status_of(err));
	if (check_plan(s))
		return -1;
	if (plan_on_nop5(&s->plan) && !features_nop5(&s->features))
		plan_avoid_nop5(&s->plan);
	if (check_returns(s) || plan_carried(s) || open_kernel(s))
		return -1;
	err = carry_install(s);
	if (err) {
		log_error("arguments cannot be captured: %s", strerror(-err));
		return fail(s, STATUS_FAILED);
	}
	if (output_open(&s->output, &s->conf, resolve_resolver(s->resolve)))
		return fail(s, STATUS_FAILED);
	s->output_ready = true;
	s->source = (struct stats_source){ source_stats, source_histogram, s };
	if (session_name_functions(s))
		return fail(s, STATUS_FAILED);
	if (run_prepare(s)) {
		log_error("the event loop cannot be set up: %s", strerror(errno));
		return fail(s, STATUS_FAILED);
	}
	if (attach_all(s) < 0)
		return -1;
	err = fileio_start(s);
	if (err) {
		log_error("what the targets do with files cannot be told: %s", strerror(-err));
		return fail(s, STATUS_FAILED);
	}
	say_trace(s);
	carry_warm(s);
	spawn_release(s);
	return 0;
}

/* The last words: no probe is left when the summary is made, so its figures stand still. */
static void finish(struct session *s)
{
	if (s->conf.argv || s->conf.comm)
		session_say_nearest(s);
	kernel_detach_all(s->kernel);
	kernel_sweep(s->kernel);
	run_finish(s);
}

void session_close(struct session *s)
{
	if (s->output_ready && s->kernel && s->reason)
		finish(s);
	if (s->output_ready)
		output_close(&s->output);
	kernel_close(s->kernel);
	spawn_reap(s);
	loop_free(s->loop);
	free(s->plan.hits);
	plan_free(&s->plan);
	resolve_free(s->resolve);
	carry_free(s);
	fileio_free(s);
	images_free(&s->images);
	targets_free(s);
	for (size_t i = 0; i < s->npatterns; i++)
		pattern_free(&s->patterns[i]);
	free(s->patterns);
	free(s->spawned);
	options_free(&s->conf);
}

int session_status(const struct session *s)
{
	if (s->status)
		return s->status;
	return s->child > 0 ? s->child_status : STATUS_DONE;
}
