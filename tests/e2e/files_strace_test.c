/* SPDX-License-Identifier: MIT */
/*
 * files_strace_test.c: real programs under `tpd --files` and, doing the same again, under strace: as many calls of each kind, as many
 * failed, as many bytes. What already differs between two runs under strace is left out, and said.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <sys/stat.h>
#include "files.h"

TestSuite(files_strace, .timeout = 600);

#define KINDS 40

/* Of one kind of operation, as records name it. */
struct count {
	const char *op;
	unsigned long n, errors, bytes;
};

struct counts {
	struct count v[KINDS];
	size_t n;
};

struct program {
	const char *name;    /* that must be there */
	const char *prepare; /* shell; runs in a fresh directory before each run */
	const char *run;     /* the same, and is what is compared */
	const char *only;    /* what has this in a path; NULL: all */
};

/* clang-format off */
static const char calls[] = "trace=open,openat,openat2,creat,read,readv,pread64,preadv,preadv2,write,writev,pwrite64,pwritev,pwritev2,"
			    "lseek,close,close_range,fsync,fdatasync,sync_file_range,truncate,ftruncate,fallocate,rename,renameat,"
			    "renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,symlinkat,mkdir,mkdirat,chmod,fchmod,fchmodat,chown,"
			    "lchown,fchown,fchownat,stat,lstat,fstat,newfstatat,statx,access,faccessat,faccessat2,readlink,readlinkat,"
			    "mmap,msync,statfs,fstatfs,sendfile,splice,copy_file_range,dup,dup2,dup3,fcntl,pipe,pipe2";
/* clang-format on */

static struct count *count_of(struct counts *c, const char *op)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->v[i].op, op))
			return &c->v[i];
	cr_assert_lt(c->n, (size_t)KINDS);
	c->v[c->n] = (struct count){ .op = op };
	return &c->v[c->n++];
}

static bool counts_bytes(const char *op)
{
	static const char *const ops[] = { "read", "write", "sendfile", "splice", "copy_file_range" };

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (!strcmp(op, ops[i]))
			return true;
	return false;
}

static void count_add(struct counts *c, const char *op, long long ret)
{
	struct count *k = count_of(c, op);

	k->n++;
	k->errors += ret < 0;
	k->bytes += ret > 0 && counts_bytes(op) ? (unsigned long)ret : 0;
}

/* ---- strace's words ---- */

/* The name of a call as a string that stays. */
static const char *known_call(const char *name, size_t n)
{
	static char names[KINDS * 2][24];

	for (size_t i = 0; i < ARRAY_SIZE(names) && n < sizeof(names[0]); i++) {
		if (!*names[i])
			memcpy(names[i], name, n);
		if (strlen(names[i]) == n && !strncmp(names[i], name, n))
			return names[i];
	}
	cr_assert(false, "%.*s: too many kinds of calls", (int)n, name);
	return NULL;
}

struct pending {
	int pid;
	char text[512];
};

/* A whole call: "read(3, ""..., 100) = 5". */
static void strace_call(struct counts *c, const char *only, const char *text)
{
	const char *end = strchr(text, '('), *result = NULL, *name, *p;
	long long ret;

	if (!end || (only && !strstr(text, only)))
		return;
	for (p = text; (p = strstr(p, ") ")); p++)
		if (p[2 + strspn(p + 2, " ")] == '=')
			result = p + 2 + strspn(p + 2, " ") + 1;
	if (!result || result[strspn(result, " ")] == '?') /* never returned */
		return;
	ret = strtoll(result, NULL, 0);
	name = known_call(text, (size_t)(end - text));
	if (!strcmp(name, "mmap") && strstr(text, "MAP_ANONYMOUS"))
		return;
	if (!strcmp(name, "fcntl") && !strstr(text, "F_DUPFD"))
		return;
	count_add(c, files_op(name), ret == -1 ? -1 : ret < 0 ? 0 : ret);
}

static void strace_line(struct counts *c, struct pending *wait, size_t nwait, const char *only, char *line)
{
	int pid = (int)strtol(line, &line, 10);
	struct pending *w = wait;
	char *cut, whole[1536];

	line += strspn(line, " ");
	while (w < wait + nwait - 1 && w->pid && w->pid != pid)
		w++;
	cut = strstr(line, "<unfinished ...>");
	if (cut && cut > line) {
		*cut = 0;
		w->pid = pid;
		snprintf(w->text, sizeof(w->text), "%s", line);
		return;
	}
	if (!strncmp(line, "<... ", 5)) {
		cut = strchr(line, '>');
		snprintf(whole, sizeof(whole), "%s%.900s", w->text, cut ? cut + 1 : "");
		strace_call(c, only, whole);
		return;
	}
	strace_call(c, only, line);
}

/* only: calls in which this stands; strace -y writes paths behind descriptors. */
static bool read_strace(struct counts *c, const char *path, const char *only)
{
	static struct pending wait[64];
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	FILE *f = fopen(path, "re");

	memset(c, 0, sizeof(*c));
	memset(wait, 0, sizeof(wait));
	if (!f)
		return false;
	while (getline(&line, &size, f) > 0)
		if (isdigit((unsigned char)*line))
			strace_line(c, wait, ARRAY_SIZE(wait), only, line);
	fclose(f);
	return c->n;
}

/* ---- tpd's records ---- */

static bool has(json_t *o, const char *key, const char *part)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && strstr(s, part);
}

static bool read_records(struct counts *c, const char *path, const char *only, const char *label)
{
	AUTO_FREE char *line = NULL;
	size_t size = 0;
	bool ended = false;
	FILE *f = fopen(path, "re");

	memset(c, 0, sizeof(*c));
	while (f && getline(&line, &size, f) > 0) {
		json_t *o = json_loads(line, JSON_ALLOW_NUL, NULL);
		const char *type = json_string_value(json_object_get(o, "type"));
		const char *op = json_string_value(json_object_get(o, "op"));
		json_t *bytes = json_object_get(o, "bytes");

		cr_expect(o && type, "%s: no record: %.200s", label, line);
		if (type && !strcmp(type, "file") && op && (!only || has(o, "path", only) || has(o, "path2", only)))
			count_add(c, known_call(op, strlen(op)),
				  json_object_get(o, "error") ? -1 : json_integer_value(bytes));
		cr_expect(!type || strcmp(type, "lost"), "%s: %s", label, line);
		ended = type && !strcmp(type, "end");
		json_decref(o);
	}
	if (f)
		fclose(f);
	return ended;
}

/* ---- both ---- */

static char *shell_in(const char *dir, const char *what)
{
	char *s = NULL;

	cr_assert_gt(asprintf(&s,
			      "export PATH=/usr/bin:/bin HOME=/nonexistent LC_ALL=C PYTHONHASHSEED=0 "
			      "PYTHONDONTWRITEBYTECODE=1 GIT_OPTIONAL_LOCKS=0 "
			      "GIT_CONFIG_NOSYSTEM=1; cd %s/work && %s",
			      dir, what),
		     0);
	return s;
}

static void run_shell(const char *const argv[], const char *label)
{
	AUTO_FREE char *out = NULL;
	int status = run_plain(argv, &out);

	cr_expect_eq(status, 0, "%s: %s ended with %#x: %.300s", label, argv[0], status, out);
}

static void fresh(const char *dir, const struct program *p)
{
	AUTO_FREE char *prepare = shell_in(dir, p->prepare);
	const char *argv[] = { "sh", "-c", prepare, NULL };
	char work[64];

	snprintf(work, sizeof(work), "%s/work", dir);
	files_remove(work);
	cr_assert_eq(mkdir(work, 0700), 0);
	run_shell(argv, p->name);
}

static void compare(const struct program *p, struct counts *one, struct counts *two, struct counts *got)
{
	unsigned long same = 0, calls_same = 0;

	for (size_t i = 0; i < one->n; i++) {
		const struct count *a = &one->v[i], *b = count_of(two, a->op), *g = count_of(got, a->op);

		if (a->n != b->n || a->errors != b->errors || a->bytes != b->bytes) {
			cr_log_info("%s: %s varies from run to run (%lu, %lu calls): not compared", p->name, a->op,
				    a->n, b->n);
			continue;
		}
		cr_expect_eq(g->n, a->n, "%s: %s: %lu records, strace has %lu calls", p->name, a->op, g->n, a->n);
		cr_expect_eq(g->errors, a->errors, "%s: %s: %lu failed, by strace %lu", p->name, a->op, g->errors,
			     a->errors);
		cr_expect_eq(g->bytes, a->bytes, "%s: %s: %lu bytes, by strace %lu", p->name, a->op, g->bytes,
			     a->bytes);
		same++;
		calls_same += a->n;
	}
	for (size_t i = 0; i < got->n; i++)
		if (!count_of(one, got->v[i].op)->n &&
		    !strstr("socket connect eventfd epoll_create memfd_create", got->v[i].op))
			cr_expect(false, "%s: %lu records of %s, by strace none", p->name, got->v[i].n, got->v[i].op);
	cr_expect(same >= 3, "%s: only %lu kinds could be compared", p->name, same);
	cr_log_info("%s: %lu calls of %lu kinds compared", p->name, calls_same, same);
}

static void strace_and_tpd(const struct program *p)
{
	struct counts one, two, got;
	char dir[48], out[2][64];
	AUTO_FREE char *err = NULL;
	char *command;
	int status;

	files_scratch(dir);
	snprintf(out[0], sizeof(out[0]), "%s/strace", dir);
	snprintf(out[1], sizeof(out[1]), "%s/tpd", dir);
	command = shell_in(dir, p->run);
	for (int i = 0; i < 2; i++) {
		const char *argv[] = { "strace", "-f",		"-qq", "-y",   "-s", "0",  "-e",    calls,
				       "-e",	 "signal=none", "-o",  out[0], "sh", "-c", command, NULL };

		fresh(dir, p);
		run_shell(argv, p->name);
		cr_assert(read_strace(i ? &two : &one, out[0], p->only), "%s: strace told nothing", p->name);
	}
	fresh(dir, p);
	{
		const char *argv[] = { "--files", "--stat", "--all-fds", "--follow", "--ring-size", "64M", "-o",
				       out[1],	  "--",	    "sh",	 "-c",	     command,	    NULL };

		status = run_tpd(argv, NULL, &err);
	}
	cr_expect_eq(status, 0, "%s: tpd ended with %#x: %s", p->name, status, err);
	if (read_records(&got, out[1], p->only, p->name))
		compare(p, &one, &two, &got);
	else
		cr_expect(false, "%s: no whole stream: %s", p->name, err);
	free(command);
	files_remove(dir);
}

static bool in_path(const char *name)
{
	char command[128];

	snprintf(command, sizeof(command), "PATH=/usr/bin:/bin; command -v %s >/dev/null 2>&1", name);
	return !system(command);
}

#define QUIET " </dev/null >/dev/null 2>&1"

/* clang-format off */
static const struct program programs[] = {
	{ "sqlite3", "{ echo 'PRAGMA journal_mode=WAL; CREATE TABLE t(a, b);'; for i in $(seq 300); do echo "
		     "\"INSERT INTO t VALUES($i, hex(zeroblob($i)));\"; done; echo 'UPDATE t SET b=a; SELECT count(*) FROM t;'; } >script",
	  "sqlite3 a.db <script >/dev/null 2>&1", NULL },
	{ "tar", "mkdir -p in/a in/b && for i in $(seq 200); do seq $i >in/a/$i; ln -s ../a/$i in/b/$i; done",
	  "tar cf x.tar in" QUIET " && mkdir out && tar xf x.tar -C out" QUIET, NULL },
	{ "python3", "true", "python3 -I -c 'import json, email.parser, http.client, unittest, sqlite3, asyncio, xml.dom.minidom'" QUIET, NULL },
	{ "git", "git init -q . && for i in $(seq 100); do echo $i >$i; done && git add . && git -c user.name=a -c user.email=a@b "
		 "commit -qm a && echo x >1 && touch new", "git -c safe.directory='*' status" QUIET, NULL },
	/* How often a server looks around is nobody's to say, but what it appends is. */
	{ "redis-server", "for i in $(seq 300); do echo set key$i value$i; done >script",
	  "(redis-server --port 0 --unixsocket ./sock --save '' --appendonly yes --appendfsync always" QUIET " & "
	  "until redis-cli -s ./sock ping" QUIET "; do sleep 0.02; done; redis-cli -s ./sock <script >/dev/null; "
	  "redis-cli -s ./sock shutdown" QUIET "; wait)", ".incr.aof" },
};
/* clang-format on */

static void one_program(const char *name)
{
	need_root();
	if (!in_path("strace"))
		cr_skip_test("strace is not installed");
	if (!in_path(name))
		cr_skip_test("%s is not installed", name);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (!strcmp(programs[i].name, name))
			strace_and_tpd(&programs[i]);
}

Test(files_strace, sqlite_with_a_write_ahead_log)
{
	one_program("sqlite3");
}

Test(files_strace, tar_of_a_tree)
{
	one_program("tar");
}

Test(files_strace, python_importing)
{
	one_program("python3");
}

Test(files_strace, git_status)
{
	one_program("git");
}

Test(files_strace, redis_appending)
{
	one_program("redis-server");
}
