/* SPDX-License-Identifier: MIT */
/*
 * realargs_test.c: programs of the distribution, stripped as they come, and what they are known to be doing: keys that a client
 * asked redis for, SQL that sqlite was given, names that python looked up, as arguments in the stream.
 */
#include <criterion/criterion.h>
#include <sys/wait.h>
#include "carried.h"

TestSuite(realargs, .timeout = 300);

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define ROUNDS 50

static char dir[32];

static void need(const char *path)
{
	need_root();
	if (access(path, X_OK))
		cr_skip_test("%s is not installed", path);
	snprintf(dir, sizeof(dir), "/tmp/tpd-args-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

/* A program that ends by itself, or is asked to. */
static void clean_up(struct run *r, int signal)
{
	char cmd[64];

	if (signal)
		kill(r->target.pid, signal);
	cr_expect(child_exited(r, &r->target, DEADLINE_MS), "%s does not end", r->label);
	cr_expect(WIFEXITED(r->target.status) && !WEXITSTATUS(r->target.status), "%s ended with %#x: %s", r->label,
		  r->target.status, r->target.err.buf ? r->target.err.buf : "");
	run_close(r);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		cr_log_warn("%s: left behind", dir);
}

static void attach(struct run *r, const char *const functions[])
{
	struct plan p = { .functions = functions };

	tpd_start(r, &p, NULL);
	cr_assert(tpd_says(r, "\"type\":\"trace\"", DEADLINE_MS), "%s: %s", r->label,
		  r->tpd.err.buf ? r->tpd.err.buf : "no trace record");
}

/* The calls in the stream; the caller frees them. */
static json_t *detach(struct run *r)
{
	json_t *calls = json_array();
	const char *p, *nl;

	kill(r->tpd.pid, SIGINT);
	cr_assert(child_exited(r, &r->tpd, DEADLINE_MS), "%s: tpd does not stop", r->label);
	cr_expect(WIFEXITED(r->tpd.status) && !WEXITSTATUS(r->tpd.status), "%s: tpd: %#x: %s", r->label, r->tpd.status,
		  r->tpd.err.buf ? r->tpd.err.buf : "");
	for (p = r->data.buf ? r->data.buf : ""; (nl = strchr(p, '\n')); p = nl + 1) {
		json_t *o = json_loadb(p, (size_t)(nl - p), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
		const char *type = json_string_value(json_object_get(o, "type"));

		cr_expect_not_null(o, "%s: not JSON: %.*s", r->label, (int)MIN(nl - p, 300), p);
		cr_expect(!type || strcmp(type, "lost"), "%s: %s", r->label, json_shown(o));
		if (type && !strcmp(type, "call"))
			json_array_append(calls, o);
		json_decref(o);
	}
	return calls;
}

static void answer(const char *const argv[])
{
	char *out;
	int status = run_plain(argv, &out);

	cr_assert(status >= 0 && WIFEXITED(status) && !WEXITSTATUS(status), "%s: %#x: %s", argv[0], status, out);
	free(out);
}

/* The next call from *at on of function whose argument is this text, or NULL. */
static json_t *call_with(json_t *calls, size_t *at, const char *function, const char *arg, const char *text)
{
	while (*at < json_array_size(calls)) {
		json_t *call = json_array_get(calls, (*at)++);
		const char *f = json_string_value(json_object_get(call, "function"));
		const char *s = json_string_value(json_object_get(json_object_get(call, "args"), arg));

		if (f && s && same_function(f, function) && !strcmp(s, text))
			return call;
	}
	return NULL;
}

/* ---- redis ---- */

static void start_redis(struct run *r, char socket_path[64])
{
	need("/usr/bin/redis-server");
	snprintf(socket_path, 64, "%s/s", dir);
	child_start(&r->target, LIST("redis-server", "--port", "0", "--unixsocket", socket_path, "--save", "",
				     "--appendonly", "no", "--dir", dir, "--daemonize", "no"));
	cr_assert(child_says(r, &r->target, "eady to accept", DEADLINE_MS), "not ready: %s", r->target.out.buf);
}

/* The functions that look commands and keys up, with a prototype that the user gives. */
Test(realargs, redis_keys)
{
	struct run r = { .label = "redis-server, keys" };
	char socket_path[64], key[32];
	size_t at = 0;
	json_t *calls;

	start_redis(&r, socket_path);
	attach(&r, LIST("redis*:dictFind(void *d, const char *key) -> void *"));
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(key, sizeof(key), "key:%d", i);
		answer(LIST("redis-cli", "-s", socket_path, "set", key, "a value"));
		answer(LIST("redis-cli", "-s", socket_path, "get", key));
	}
	calls = detach(&r);
	for (int i = 0; i < ROUNDS; i++) {
		json_t *call;

		snprintf(key, sizeof(key), "key:%d", i);
		cr_expect(call_with(calls, &at, "dictFind", "key", "set"), "no command before %s", key);
		/* not there yet */
		call = call_with(calls, &at, "dictFind", "key", key);
		cr_expect(json_is_null(json_object_get(call, "return")), "%s: %s", key, json_shown(call));
		cr_expect(call_with(calls, &at, "dictFind", "key", "get"), "no command after %s", key);
		/* there */
		call = call_with(calls, &at, "dictFind", "key", key);
		cr_expect(json_is_string(json_object_get(call, "return")), "%s: %s", key, json_shown(call));
	}
	json_decref(calls);
	clean_up(&r, SIGTERM);
}

/* The C library's table knows what write() takes. */
Test(realargs, redis_replies)
{
	struct run r = { .label = "redis-server, replies" };
	char socket_path[64];
	size_t at = 0;
	json_t *calls;

	start_redis(&r, socket_path);
	attach(&r, LIST("libc*:write"));
	answer(LIST("redis-cli", "-s", socket_path, "set", "a", "text"));
	answer(LIST("redis-cli", "-s", socket_path, "get", "a"));
	calls = detach(&r);
	for (int i = 0; i < 2; i++) {
		/* "+OK\r\n" and "$4\r\ntext\r\n" */
		json_t *call = call_with(calls, &at, "write", "buf", i ? "24340d0a746578740d0a" : "2b4f4b0d0a");
		int n = i ? 10 : 5;

		cr_expect(call, "reply %d is not in the stream", i);
		cr_expect_eq(json_integer_value(json_object_get(json_object_get(call, "args"), "count")), n, "%s",
			     json_shown(call));
		cr_expect_eq(json_integer_value(json_object_get(call, "return")), n, "%s", json_shown(call));
	}
	json_decref(calls);
	clean_up(&r, SIGTERM);
}

/* ---- python and sqlite ---- */

/* Runs a script: it says ready, waits, works, says done, waits. */
static json_t *python(struct run *r, const char *script, const char *const functions[])
{
	json_t *calls;

	need("/usr/bin/python3");
	child_start(&r->target, LIST("/usr/bin/python3", "-u", "-c", script));
	cr_assert(child_lines(r, &r->target, 1, DEADLINE_MS), "not ready: %s", r->target.err.buf ? r->target.err.buf : "");
	attach(r, functions);
	child_answer(&r->target);
	cr_assert(child_lines(r, &r->target, 2, DEADLINE_MS), "does not finish: %s",
		  r->target.err.buf ? r->target.err.buf : "");
	calls = detach(r);
	child_answer(&r->target);
	return calls;
}

static const char sql_script[] = "import sqlite3, sys\n"
				 "c = sqlite3.connect(':memory:', isolation_level=None)\n"
				 "c.execute('create table t (a, b)')\n"
				 "print('ready'); sys.stdin.readline()\n"
				 "for i in range(50): c.execute('insert into t values (%d, \"row %d\")' % (i, i * i))\n"
				 "try: c.execute('select * from nowhere')\n"
				 "except sqlite3.OperationalError: pass\n"
				 "print('done'); sys.stdin.readline()\n";

static void expect_sql(json_t *calls, const char *arg, const json_t *ok)
{
	size_t at = 0;
	char sql[80];
	json_t *call;

	for (int i = 0; i < ROUNDS; i++) {
		snprintf(sql, sizeof(sql), "insert into t values (%d, \"row %d\")", i, i * i);
		call = call_with(calls, &at, "sqlite3_prepare_v2", arg, sql);
		cr_expect(call, "not in the stream: %s", sql);
		cr_expect(json_equal(json_object_get(call, "return"), ok), "%s", json_shown(call));
	}
	call = call_with(calls, &at, "sqlite3_prepare_v2", arg, "select * from nowhere");
	cr_expect(call && !json_equal(json_object_get(call, "return"), ok), "%s", json_shown(call));
}

/* The table knows SQLite too. */
Test(realargs, sqlite)
{
	struct run r = { .label = "sqlite3" };
	json_t *calls = python(&r, sql_script, LIST("libsqlite3*:sqlite3_prepare_v2")), *ok;

	ok = json_object_get(json_array_get(calls, 0), "return");
	cr_expect_not_null(ok);
	expect_sql(calls, "sql", ok);
	json_decref(calls);
	clean_up(&r, 0);
}

Test(realargs, sqlite_with_a_prototype)
{
	struct run r = { .label = "sqlite3, told" };
	json_t *calls = python(&r, sql_script,
			       LIST("libsqlite3*:sqlite3_prepare_v2(void *db, const char *statement, int n) -> int"));
	json_t *ok = json_integer(0);

	expect_sql(calls, "statement", ok);
	json_decref(ok);
	json_decref(calls);
	clean_up(&r, 0);
}

/* C functions of the interpreter, called through ctypes with names that nobody else asks for. */
Test(realargs, python)
{
	static const char script[] = "import ctypes, sys\n"
				     "class C: pass\n"
				     "c = C()\n"
				     "for i in range(50): setattr(c, 'member_%d' % i, i)\n"
				     "get = ctypes.pythonapi.PyObject_GetAttrString\n"
				     "get.argtypes, get.restype = [ctypes.py_object, ctypes.c_char_p], ctypes.py_object\n"
				     "print('ready'); sys.stdin.readline()\n"
				     "assert [get(c, b'member_%d' % i) for i in range(50)] == list(range(50))\n"
				     "print('done'); sys.stdin.readline()\n";
	struct run r = { .label = "python3" };
	json_t *calls = python(&r, script, LIST("python3*:PyObject_GetAttrString"));
	const char *object = NULL;
	size_t at = 0;

	for (int i = 0; i < ROUNDS; i++) {
		char name[32];
		json_t *call, *o;

		snprintf(name, sizeof(name), "member_%d", i);
		call = call_with(calls, &at, "PyObject_GetAttrString", "name", name);
		o = json_object_get(json_object_get(call, "args"), "o");
		cr_expect(json_is_string(o), "%s: %s", name, json_shown(call));
		cr_expect(json_is_string(json_object_get(call, "return")), "%s: %s", name, json_shown(call));
		/* all of the same one */
		object = object ? object : json_string_value(o);
		cr_expect(object && json_is_string(o) && !strcmp(object, json_string_value(o)), "%s: %s", name,
			  json_shown(call));
	}
	json_decref(calls);
	clean_up(&r, 0);
}
