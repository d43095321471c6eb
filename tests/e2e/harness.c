/* SPDX-License-Identifier: MIT */
/* harness.c: processes, pipes and deadlines; see harness.h. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <time.h>
#include "harness.h"

#define PIPE_BYTES (1 << 20)

extern char **environ;

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const char *tpd_path(void)
{
	const char *p = getenv("TPD");

	return p && *p ? p : "build/tpd";
}

const char *target_path(char *buf, size_t size, const char *name)
{
	const char *dir = getenv("TPD_TARGETS");

	snprintf(buf, size, "%s/%s", dir && *dir ? dir : "build/targets", name);
	return buf;
}

int slow_factor(void)
{
	const char *s = getenv("TPD_SLOW");

	return s && atoi(s) > 0 ? atoi(s) : 1;
}

void need_root(void)
{
	if (geteuid())
		cr_skip_test("attaching to other processes needs root");
	if (access(tpd_path(), X_OK))
		cr_skip_test("there is no %s", tpd_path());
}

/* ---- processes ---- */

void child_start(struct child *c, const char *const argv[])
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int p[3][2], err;

	for (int i = 0; i < 3; i++)
		cr_assert_eq(pipe2(p[i], O_CLOEXEC), 0, "pipe: %m");
	/* tpd must be able to write all it has while nobody reads */
	fcntl(p[1][0], F_SETPIPE_SZ, PIPE_BYTES);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, p[0][0], 0);
	posix_spawn_file_actions_adddup2(&fa, p[1][1], 1);
	posix_spawn_file_actions_adddup2(&fa, p[2][1], 2);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	*c = (struct child){ .in = p[0][1], .out.fd = p[1][0], .err.fd = p[2][0] };
	err = posix_spawnp(&c->pid, argv[0], &fa, &attr, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&attr);
	close(p[0][0]);
	close(p[1][1]);
	close(p[2][1]);
	cr_assert_eq(err, 0, "%s: %s", argv[0], strerror(err));
}

/* Takes some of what is there; how much, 0 at the end. */
static ssize_t stream_take(struct stream *s)
{
	ssize_t n;

	if (s->cap - s->len < PIPE_BYTES) {
		s->cap = s->cap ? s->cap * 2 : 2 * PIPE_BYTES;
		s->buf = realloc(s->buf, s->cap);
		cr_assert_not_null(s->buf);
	}
	n = read(s->fd, s->buf + s->len, s->cap - s->len - 1);
	if (n > 0) {
		s->len += n;
		s->buf[s->len] = 0;
	}
	return n;
}

/* At the end of a pipe its fd becomes -1. */
static void stream_read(struct stream *s)
{
	ssize_t n = stream_take(s);

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
		close(s->fd);
		s->fd = -1;
	}
}

/* What tpd has written to its file since. */
static void data_read(struct run *r)
{
	char events[4096], path[64];

	while (r->notify > 0 && read(r->notify, events, sizeof(events)) > 0)
		;
	if (r->data.fd <= 0 && *r->dir) {
		snprintf(path, sizeof(path), "%s/out", r->dir);
		r->data.fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	while (r->data.fd > 0 && stream_take(&r->data) > 0)
		;
}

bool run_until(struct run *r, bool (*done)(struct run *r, void *arg), void *arg, int ms)
{
	struct stream *all[] = { &r->target.out, &r->target.err, &r->tpd.out, &r->tpd.err };
	struct stream *open[ARRAY_SIZE(all)];
	struct pollfd p[ARRAY_SIZE(all) + 1];
	int64_t end = now_ms() + (int64_t)ms * slow_factor();

	while (!done(r, arg)) {
		int64_t left = end - now_ms();
		size_t n = 0;

		for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
			if (all[i]->fd <= 0)
				continue;
			open[n] = all[i];
			p[n++] = (struct pollfd){ .fd = all[i]->fd, .events = POLLIN };
		}
		data_read(r);
		if (!n || left <= 0 || done(r, arg))
			return done(r, arg);
		p[n] = (struct pollfd){ .fd = r->notify > 0 ? r->notify : -1, .events = POLLIN };
		if (poll(p, n + 1, (int)left) < 0 && errno != EINTR)
			return false;
		for (size_t i = 0; i < n; i++)
			if (p[i].revents)
				stream_read(open[i]);
	}
	return true;
}

struct wanted {
	struct child *c;
	size_t lines;
	const char *text;
	size_t seen;
};

static bool has_lines(struct run *r, void *arg)
{
	struct wanted *w = arg;
	size_t n = 0;

	for (size_t i = 0; i < w->c->out.len; i++)
		n += w->c->out.buf[i] == '\n';
	return n >= w->lines;
}

bool child_lines(struct run *r, struct child *c, size_t n, int ms)
{
	struct wanted w = { .c = c, .lines = n };

	return run_until(r, has_lines, &w, ms) && has_lines(r, &w);
}

static bool has_said(struct run *r, void *arg)
{
	struct wanted *w = arg;

	return (w->c->out.buf && strstr(w->c->out.buf, w->text)) ||
	       (w->c->err.buf && strstr(w->c->err.buf, w->text));
}

bool child_says(struct run *r, struct child *c, const char *text, int ms)
{
	struct wanted w = { .c = c, .text = text };

	return run_until(r, has_said, &w, ms);
}

static bool has_text(struct run *r, void *arg)
{
	struct wanted *w = arg;
	struct stream *s = &r->data;
	size_t back = strlen(w->text) - 1;
	const char *hit = NULL;

	if (s->len > w->seen) {
		hit = strstr(s->buf + (w->seen > back ? w->seen - back : 0), w->text);
		w->seen = s->len;
	}
	return hit || (r->tpd.out.fd < 0 && r->tpd.err.fd < 0);
}

bool tpd_says(struct run *r, const char *text, int ms)
{
	struct wanted w = { .text = text };

	run_until(r, has_text, &w, ms);
	return r->data.buf && strstr(r->data.buf, text);
}

static bool has_ended(struct run *r, void *arg)
{
	struct child *c = arg;

	return c->out.fd < 0 && c->err.fd < 0;
}

/* Waits until its pipes are closed, then for its status; the pipes of children that it left do not count. */
bool child_exited(struct run *r, struct child *c, int ms)
{
	int64_t end = now_ms() + (int64_t)ms * slow_factor();

	if (!c->pid)
		return true;
	run_until(r, has_ended, c, ms);
	while (waitpid(c->pid, &c->status, WNOHANG) == 0) {
		if (now_ms() > end)
			return false;
		poll(NULL, 0, 1); /* closed its output, but is still ending */
	}
	c->pid = 0;
	data_read(r);
	return true;
}

void child_answer(struct child *c)
{
	/* a target that has died is noticed by its status, not by our SIGPIPE */
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;

	sigaction(SIGPIPE, &ignore, &old);
	if (c->in > 0 && write(c->in, "\n", 1) != 1)
		cr_log_info("the target does not listen any more");
	sigaction(SIGPIPE, &old, NULL);
}

static void child_close(struct child *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, &c->status, 0);
	}
	if (c->in > 0)
		close(c->in);
	if (c->out.fd > 0)
		close(c->out.fd);
	if (c->err.fd > 0)
		close(c->err.fd);
	free(c->out.buf);
	free(c->err.buf);
	*c = (struct child){ 0 };
}

void tpd_close(struct run *r)
{
	char path[64];

	child_close(&r->tpd);
	if (r->data.fd > 0)
		close(r->data.fd);
	if (r->notify > 0)
		close(r->notify);
	if (*r->dir) {
		snprintf(path, sizeof(path), "%s/out", r->dir);
		unlink(path);
		rmdir(r->dir);
	}
	free(r->data.buf);
	r->data = (struct stream){ 0 };
	r->notify = 0;
	*r->dir = 0;
}

void run_close(struct run *r)
{
	tpd_close(r);
	child_close(&r->target);
}

int run_plain(const char *const argv[], char **output)
{
	struct run r = { 0 };
	int status = -1;

	child_start(&r.target, argv);
	for (int i = 0; i < 8; i++)
		child_answer(&r.target);
	if (child_exited(&r, &r.target, DEADLINE_MS))
		status = r.target.status;
	*output = r.target.out.buf ? util_steal(&r.target.out.buf) : strdup("");
	run_close(&r);
	return status;
}

int run_tpd(const char *const args[], char **out, char **err)
{
	const char *argv[MAX_WORDS] = { tpd_path() };
	struct run r = { 0 };
	int status = -1;

	for (int i = 0; args[i] && i < MAX_WORDS - 2; i++)
		argv[i + 1] = args[i];
	child_start(&r.tpd, argv);
	if (child_exited(&r, &r.tpd, DEADLINE_MS))
		status = r.tpd.status;
	if (out)
		*out = r.tpd.out.buf ? util_steal(&r.tpd.out.buf) : strdup("");
	if (err)
		*err = r.tpd.err.buf ? util_steal(&r.tpd.err.buf) : strdup("");
	run_close(&r);
	return status;
}

/* ---- a whole run ---- */

json_t *truth_of(const char *output)
{
	const char *p = strstr(output, "{\"target\"");

	return p ? json_loads(p, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
}

void tpd_start(struct run *r, const struct plan *p, json_t *truth)
{
	const char *argv[MAX_WORDS] = { tpd_path(), "-o", NULL, "-p", NULL };
	json_t *entry, *expect = json_object_get(truth, "expect");
	char pid[16], out[64];
	size_t i, n = 5;

	snprintf(r->dir, sizeof(r->dir), "/tmp/tpd-e2e-XXXXXX");
	cr_assert_not_null(mkdtemp(r->dir));
	snprintf(out, sizeof(out), "%s/out", r->dir);
	r->notify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	cr_assert_geq(inotify_add_watch(r->notify, r->dir, IN_MODIFY | IN_CREATE), 0);
	argv[2] = out;
	snprintf(pid, sizeof(pid), "%d", r->target.pid);
	argv[4] = pid;
	for (i = 0; i < ARRAY_SIZE(p->tpd) && p->tpd[i]; i++)
		argv[n++] = p->tpd[i];
	for (i = 0; p->functions && p->functions[i]; i++) {
		argv[n++] = "-f";
		argv[n++] = p->functions[i];
	}
	json_array_foreach(expect, i, entry)
	{
		const char *f = json_string_value(json_array_get(entry, 1));
		bool known = p->functions;

		for (size_t k = 5; k < n && !known; k++)
			known = !strcmp(argv[k], f);
		if (known || strcmp(json_string_value(json_array_get(entry, 0)), "calls"))
			continue;
		cr_assert_lt(n, (size_t)MAX_WORDS - 3);
		argv[n++] = "-f";
		argv[n++] = f;
	}
	child_start(&r->tpd, argv);
}

/* A target that says "loaded" waits until tpd saw the library. */
bool target_work(struct run *r)
{
	char library[64];

	child_answer(&r->target);
	for (size_t lines = 2;; lines++) {
		const char *p;

		if (!child_lines(r, &r->target, lines, DEADLINE_MS))
			return false;
		if (strstr(r->target.out.buf, "{\"target\""))
			return true;
		p = lines == 2 ? "liblate.so" : "liblate_throw.so";
		snprintf(library, sizeof(library), "%s", p);
		if (!tpd_says(r, library, DEADLINE_MS)) {
			cr_expect(false, "%s: tpd did not tell of %s", r->label, library);
			return false;
		}
		child_answer(&r->target);
	}
}

static void compare_output(struct run *r, const struct outcome *o, const char *plain, int status)
{
	const char *out = r->target.out.buf ? r->target.out.buf : "";
	json_t *truth = truth_of(plain);

	cr_expect_eq(r->target.status, status, "%s: the target ended with %#x, without tpd with %#x",
		     r->label, r->target.status, status);
	if (!json_is_true(json_object_get(truth, "varies")))
		cr_expect_str_eq(out, plain, "%s: the target printed something else than without tpd",
				 r->label);
	cr_expect_eq(json_integer_value(json_object_get(truth, "sum")),
		     json_integer_value(json_object_get(o->truth, "sum")),
		     "%s: the target computed something else", r->label);
	json_decref(truth);
}

static void traced_run(const struct plan *p, struct run *r, const char *const argv[],
		       struct outcome *o, const char *plain, int status)
{
	json_t *before = truth_of(plain);
	bool attached, worked;

	child_start(&r->target, argv);
	cr_assert(child_lines(r, &r->target, 1, DEADLINE_MS), "%s: not ready", r->label);
	tpd_start(r, p, before);
	attached = tpd_says(r, "\"type\":\"trace\"", DEADLINE_MS);
	json_decref(before);
	o->refused = !attached && p->optional && r->tpd.out.fd < 0;
	cr_expect(attached || o->refused, "%s: no trace record; tpd said: %s", r->label,
		  r->tpd.err.buf ? r->tpd.err.buf : "nothing");
	worked = target_work(r);
	cr_expect(worked, "%s: the target did not come to its end", r->label);
	if (r->tpd.pid)
		kill(r->tpd.pid, SIGINT);
	o->ok = child_exited(r, &r->tpd, DEADLINE_MS);
	cr_expect(o->ok, "%s: tpd did not stop on SIGINT", r->label);
	o->code = o->ok && WIFEXITED(r->tpd.status) ? WEXITSTATUS(r->tpd.status) : -1;
	cr_expect(text_is_clean(r->target.pid, 5000), "%s: the target's text was left changed",
		  r->label);
	child_answer(&r->target);
	cr_expect(child_exited(r, &r->target, DEADLINE_MS), "%s: the target did not exit", r->label);
	o->ok = o->ok && attached && worked;
	o->truth = truth_of(r->target.out.buf ? r->target.out.buf : "");
	compare_output(r, o, plain, status);
}

void target_argv(const struct plan *p, const char *argv[], char *path, size_t size)
{
	argv[0] = target_path(path, size, p->target);
	if (access(path, X_OK))
		cr_skip_test("%s was not built", path);
	for (size_t i = 0; i < ARRAY_SIZE(p->args) && p->args[i]; i++)
		argv[i + 1] = p->args[i];
}

void trace_target(const struct plan *p, struct outcome *o)
{
	const char *argv[8] = { NULL };
	AUTO_FREE char *plain = NULL;
	char path[512];
	struct run r = { 0 };
	int status, n = snprintf(r.label, sizeof(r.label), "%s", p->target);

	memset(o, 0, sizeof(*o));
	target_argv(p, argv, path, sizeof(path));
	for (size_t i = 1; argv[i]; i++)
		n += snprintf(r.label + n, sizeof(r.label) - n, " %.40s", argv[i]);
	for (size_t i = 0; i < ARRAY_SIZE(p->tpd) && p->tpd[i] && n < 200; i++)
		n += snprintf(r.label + n, sizeof(r.label) - n, " %.40s", p->tpd[i]);
	status = run_plain(argv, &plain);
	cr_assert(status >= 0 && WIFEXITED(status), "%s: without tpd it ends with %#x", r.label, status);
	traced_run(p, &r, argv, o, plain, status);
	o->err = r.tpd.err.buf ? util_steal(&r.tpd.err.buf) : strdup("");
	trace_parse(&o->trace, r.data.buf ? r.data.buf : "", r.data.len);
	if (o->refused) {
		cr_log_info("%s: refused: %s", r.label, o->err);
		cr_expect(o->code > 0 && *o->err, "%s: refused with status %d, saying '%s'", r.label,
			  o->code, o->err);
	} else if (o->ok) {
		cr_expect_eq(o->code, 0, "%s: tpd ended with %d: %s", r.label, o->code, o->err);
		trace_check(&o->trace, r.label);
		if (!p->no_truth)
			trace_check_truth(&o->trace, o->truth, p->follow ? "follow" : "calls",
					  p->lossy, r.label);
	}
	run_close(&r);
}

void outcome_free(struct outcome *o)
{
	trace_free(&o->trace);
	json_decref(o->truth);
	free(o->err);
}

bool trace_exactly(const struct plan *p)
{
	struct outcome o;
	bool refused;

	trace_target(p, &o);
	refused = o.refused;
	outcome_free(&o);
	return !refused;
}
