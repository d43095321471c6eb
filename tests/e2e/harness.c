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
