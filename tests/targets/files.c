/* SPDX-License-Identifier: MIT */
/*
 * files.c: thousands of operations on files, over every call that --files tells, picked by a seed; what they must be told as is the truth.
 *
 *   files N THREADS DIRECTORY SEED [MODE[,MODE...]]
 *   MODE   check: hold the model against the kernel; plain: no children; straight: nothing is opened by a symbolic link,
 *          comes by SCM_RIGHTS, is renamed from one path of nearly 4 KB to another, or named by the ".." of what may have another name
 *          the next moment, which nobody who hears of it later can know for sure
 *
 * The truth is one JSON object a line for each operation, those of a thread in its order, then {"target":"files","ops":N}:
 *   pid, tid, step (which call of files_step() by this thread in this process it happened in), op (the system call),
 *   path, path2 (bytes above 7f as U+0080 to U+00FF), path_kind, deleted, fd, fd2, bytes, offset, length, flags, mode, uid, gid,
 *   error, real (path behind the symbolic link that path is), path_via (the symbolic link that a descriptor was opened by),
 *   path_was (of what is deleted: what it was called then; directories above it may have other names by now),
 *   passed, shared (descriptors that came by SCM_RIGHTS, or share their position with such), append (nobody but the kernel
 *   knows the offset), in, out, in_path, out_path (of copies).
 * Descriptors 0, 1, 2 and 900 (the model) are not in it. Built static, so that an exec does nothing else.
 */
#include "files.h"
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define KEEP_FDS 5 /* open before the tracer comes */

static struct ctx *contexts[MAX_THREADS];
static int next_context, total, threads_at_once;
static bool no_children;

TRACED void files_step(struct ctx *c);

static const struct op own_ops[];

static struct ctx *ctx_new(struct actor *a, int seed)
{
	struct ctx *c = calloc(1, sizeof(*c));

	c->a = a;
	c->tid = getpid();
	for (int i = 0; i < FD_MAX; i++)
		c->ofd[i] = -1;
	if (seed)
		a->rng = (uint64_t)seed * 0x9e3779b97f4a7c15ull + (uint64_t)(a - arena->actor) * 77777 + 1;
	return c;
}

static struct actor *actor_new(void)
{
	int i = __atomic_fetch_add(&arena->actors, 1, __ATOMIC_RELAXED);

	return i < ACTORS ? &arena->actor[i] : NULL;
}

static void pick(struct ctx *c)
{
	const struct op *const tables[] = { name_ops, io_ops, no_children ? NULL : own_ops };
	int sum = 0, at;

	for (int pass = 0; pass < 2; pass++) {
		at = pass ? (int)rnd(c, sum) : 0;
		for (int t = 0; t < 3; t++) {
			for (const struct op *o = tables[t]; o && o->run; o++) {
				sum += pass ? 0 : o->weight;
				at -= pass ? o->weight : 0;
				if (pass && at < 0) {
					o->run(c);
					return;
				}
			}
		}
	}
}

/* One operation, or a few that belong together. */
TRACED void files_step(struct ctx *c)
{
	KEEP(c);
	pick(c);
	KEEP(c);
}

static void steps(struct ctx *c, int n)
{
	while (n-- > 0) {
		c->step++;
		files_step(c);
	}
}

/* ---- children ---- */

static void child_begin(struct ctx *c, int depth)
{
	c->tid = getpid();
	c->step = 0;
	c->single = true;
	c->depth = depth;
}

static void exec_self(struct ctx *c, int n)
{
	char text[6][16];
	char *argv[] = { "files", text[0], "1", "resume", text[1], text[2], text[3], text[4], text[5], NULL };

	for (int i = 0; i < FD_MAX; i++) {
		c->a->saved[i] = c->cloexec[i] ? -1 : c->ofd[i];
		c->a->saved_passed[i] = c->passed[i];
	}
	snprintf(text[0], 16, "%d", n);
	snprintf(text[1], 16, "%d", (int)(c->a - arena->actor));
	snprintf(text[2], 16, "%d", c->cwd);
	snprintf(text[3], 16, "%lu", c->step);
	snprintf(text[4], 16, "%d", c->depth);
	snprintf(text[5], 16, "%d", no_children);
	execv("/proc/self/exe", argv);
	abort();
}

/* argv: files N 1 resume ACTOR CWD STEP DEPTH PLAIN */
static int resumed(char **argv)
{
	struct ctx *c;

	arena_open(false);
	c = ctx_new(&arena->actor[atoi(argv[4])], 0);
	c->cwd = atoi(argv[5]);
	c->step = strtoul(argv[6], NULL, 10);
	c->depth = atoi(argv[7]);
	no_children = atoi(argv[8]);
	c->single = true;
	for (int i = 0; i < FD_MAX; i++) {
		c->ofd[i] = c->a->saved[i];
		c->passed[i] = c->a->saved_passed[i];
		c->nfds += c->ofd[i] >= 0;
		fd_check(c, i);
	}
	steps(c, atoi(argv[1]));
	_exit(0);
}

/* The child goes on with what the parent has, which waits for it; now and then as a new program. */
static void op_fork(struct ctx *c)
{
	int n = 5 + (int)rnd(c, 30), execs = chance(c, 40), status;
	pid_t pid;

	if (c->depth >= 2)
		return;
	pid = fork();
	if (pid == 0) {
		child_begin(c, c->depth + 1);
		steps(c, n);
		if (execs)
			exec_self(c, n);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		abort();
}

/* The child works in a directory of its own at the same time; of what it inherited it uses what nobody changes. */
static void op_apart(struct ctx *c)
{
	struct actor *a;
	char name[256];
	struct ref r;
	long ret;
	pid_t pid;
	int n = 20 + (int)rnd(c, 60), seed = 1 + (int)rnd(c, 1 << 30);

	if (c->depth >= 1 || !(a = actor_new()))
		return;
	pid = fork();
	if (pid < 0)
		abort();
	if (pid > 0)
		return;
	child_begin(c, 2);
	c->a = a;
	a->rng = (uint64_t)seed;
	for (int i = 0; i < FD_MAX; i++) {
		struct ofd *o = fd_ofd(c, i);

		if (o && !(o->dent >= 0 && dent_at(o->dent)->fixed && o->kind == K_FILE &&
			   (o->flags & (O_ACCMODE | O_APPEND)) == O_RDONLY))
			fd_gone(c, i);
	}
	for (int i = 0; i < FD_MAX; i++) { /* its position is the parent's business */
		long got;

		if (!fd_ofd(c, i))
			continue;
		got = sys(SYS_pread64, i, c->dummy, 50, 3);
		rec(c, "pread64", got);
		rec_fd(c, "fd", "path", i);
		rec_int("offset", 3);
		if (got >= 0)
			rec_int("bytes", got);
		rec_end(c);
		got = sys(SYS_close, i);
		rec(c, "close", got);
		rec_fd(c, "fd", "path", i);
		rec_end(c);
		fd_gone(c, i);
	}
	snprintf(name, sizeof(name), "apart%d", (int)(a - arena->actor));
	ref_make(c, &r, 0, name, false);
	ret = sys(SYS_mkdir, r.text, 0700);
	rec(c, "mkdir", ret);
	rec_ref("path", &r);
	rec_int("mode", 0700);
	rec_end(c);
	a->own = dent_new(c, 0, name, K_DIR, -1);
	dent_at(a->own)->fixed = true;
	steps(c, n);
	_exit(0);
}

static const struct op own_ops[] = { { op_fork, 1 }, { op_apart, 1 }, { NULL, 0 } };

/* ---- the first process ---- */

/* Directories, files and descriptors from before the tracer came. */
static void actor_prepare(struct ctx *c, int i)
{
	char name[256], path[TEXT_MAX];
	int dent, fd, dir;

	snprintf(name, sizeof(name), "own%d", i);
	c->a->own = dent_new(c, 0, name, K_DIR, -1);
	dent_at(c->a->own)->fixed = true;
	dent_path(c->a->own, path);
	if (mkdir(path, 0700))
		abort();
	dir = open(path, O_RDONLY | O_DIRECTORY);
	fd_add(c, dir, ofd_new(c, c->a->own, K_DIR, O_RDONLY), false);
	for (int k = 0; k < 2 * KEEP_FDS; k++) {
		bool fixed = k < KEEP_FDS;
		int flags = k % 3 ? O_RDONLY : O_RDWR | O_CLOEXEC;

		snprintf(name, sizeof(name), "%s", name_new(c, fixed ? 'k' : 'f'));
		dent = dent_new(c, c->a->own, name, K_FILE, -1);
		dent_at(dent)->fixed = fixed;
		dent_path(dent, path);
		fd = open(path, O_CREAT | O_RDWR, 0600);
		if (fd < 0 || write(fd, c->dummy, 3000) != 3000 || close(fd))
			abort();
		*inode_size(dent) = 3000;
		fd = open(path, flags);
		fd_add(c, fd, ofd_new(c, dent, K_FILE, flags), flags & O_CLOEXEC);
		fd_ofd(c, fd)->pos = lseek(fd, 10 * k, SEEK_SET);
		if (k == 2 * KEEP_FDS - 1) {
			unlink(path);
			dent_remove(dent);
		}
		if (k == 2)
			fd_add(c, dup(fd), c->ofd[fd], false);
	}
}

static long work(int n)
{
	struct ctx *c = contexts[__atomic_fetch_add(&next_context, 1, __ATOMIC_RELAXED)];

	c->tid = (int)syscall(SYS_gettid);
	c->single = threads_at_once == 1;
	steps(c, n);
	return 0;
}

int main(int argc, char **argv)
{
	char root[4096];
	struct actor *a;
	int status;

	if (argc > 4 && !strcmp(argv[3], "resume"))
		return resumed(argv);
	target_init(argc, argv, 1000);
	if (argc < 5 || !realpath(argv[3], root) || strlen(root) > 200 || chdir(root))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	threads_at_once = target.threads;
	arena_open(true);
	arena->check = argc > 5 && strstr(argv[5], "check");
	arena->straight = argc > 5 && strstr(argv[5], "straight");
	no_children = argc > 5 && strstr(argv[5], "plain");
	for (int i = 0; i < target.threads; i++) {
		a = actor_new();
		contexts[i] = ctx_new(a, atoi(argv[4]));
		if (!i)
			dent_new(contexts[0], -1, root, K_DIR, -1);
		actor_prepare(contexts[i], i);
	}
	target_work(work);
	while (wait(&status) > 0)
		if (status)
			abort();
	for (uint64_t i = 0; i < arena->log_used; i++)
		total += arena->log[i] == '\n';
	truth_print();
	printf("{\"target\":\"files\",\"varies\":true,\"ops\":%d,\"wrong\":%d}\n", total, arena->wrong);
	fflush(stdout);
	target_wait(NULL);
	return arena->wrong != 0;
}
