/* SPDX-License-Identifier: MIT */
/*
 * real_test.c: programs of the distribution under load: how often tpd saw their functions called against their own
 * statistics. Servers run in a temporary folder with a configuration of their own; no service of the system is touched.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "harness.h"

TestSuite(real, .timeout = 300);

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static char dir[32];

static void need(const char *program, const char *path)
{
	need_root();
	if (access(path, X_OK))
		cr_skip_test("%s is not installed", program);
	snprintf(dir, sizeof(dir), "/tmp/tpd-real-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
}

static void clean_up(struct run *r)
{
	char cmd[64];

	if (r->target.pid)
		kill(r->target.pid, SIGTERM);
	cr_expect(child_exited(r, &r->target, DEADLINE_MS), "%s does not end", r->label);
	cr_expect(WIFEXITED(r->target.status) && !WEXITSTATUS(r->target.status),
		  "%s ended with %#x", r->label, r->target.status);
	run_close(r);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	if (system(cmd))
		cr_log_warn("%s: left behind", dir);
}

static void attach(struct run *r, const char *const functions[])
{
	struct plan p = { .functions = functions, .tpd = { "--ring-size", "64M" } };

	tpd_start(r, &p, NULL);
	cr_assert(tpd_says(r, "\"type\":\"trace\"", DEADLINE_MS), "%s: %s", r->label,
		  r->tpd.err.buf ? r->tpd.err.buf : "no trace record");
}

static void detach(struct run *r, struct trace *t)
{
	kill(r->tpd.pid, SIGINT);
	cr_assert(child_exited(r, &r->tpd, DEADLINE_MS), "%s: tpd does not stop", r->label);
	cr_expect(WIFEXITED(r->tpd.status) && !WEXITSTATUS(r->tpd.status), "%s: tpd: %#x: %s",
		  r->label, r->tpd.status, r->tpd.err.buf ? r->tpd.err.buf : "");
	trace_parse(t, r->data.buf ? r->data.buf : "", r->data.len);
	trace_check(t, r->label);
	cr_expect_eq(trace_sum(t, "lost", NULL, "count"), 0, "%s: lost some", r->label);
	cr_expect(text_is_clean(r->target.pid, 5000), "%s: text left changed", r->label);
}

/* Output of a command that must succeed; the caller frees it. */
static char *output_of(const char *const argv[])
{
	char *out;
	int status = run_plain(argv, &out);

	cr_assert(status >= 0 && WIFEXITED(status) && !WEXITSTATUS(status), "%s: %#x: %s", argv[0],
		  status, out);
	return out;
}

static void expect_calls(const struct run *r, const struct trace *t, const char *f, long want)
{
	long got = (long)trace_count(t, f, E_MAX);

	cr_expect_eq(got, want, "%s: %s was called %ld times, by its own count %ld", r->label, f, got,
		     want);
	cr_expect_eq(trace_sum(t, "summary", f, "calls"), want, "%s: %s: summary", r->label, f);
}

/* ---- redis ---- */

static long redis_calls(const char *stats, const char *command)
{
	char key[64];
	const char *p;

	snprintf(key, sizeof(key), "cmdstat_%s:calls=", command);
	p = strstr(stats, key);
	return p ? atol(p + strlen(key)) : 0;
}

static long redis_total(const char *stats)
{
	long n = 0;

	for (const char *p = stats; (p = strstr(p, ":calls=")); p++)
		n += atol(p + strlen(":calls="));
	return n;
}

Test(real, redis)
{
	struct run r = { .label = "redis-server" };
	char socket_path[64], *stats;
	struct trace t;

	need("redis-server", "/usr/bin/redis-server");
	snprintf(socket_path, sizeof(socket_path), "%s/s", dir);
	child_start(&r.target, ARGS("redis-server", "--port", "0", "--unixsocket", socket_path, "--save",
				    "", "--appendonly", "no", "--dir", dir, "--daemonize", "no"));
	cr_assert(child_says(&r, &r.target, "eady to accept", DEADLINE_MS), "not ready: %s",
		  r.target.out.buf);
	free(output_of(ARGS("redis-cli", "-s", socket_path, "config", "resetstat")));
	attach(&r, ARGS("redis*:call", "redis*:setCommand", "redis*:getCommand"));
	free(output_of(ARGS("redis-benchmark", "-s", socket_path, "-t", "set,get", "-n", "10000", "-c",
			    "20", "-q")));
	stats = output_of(ARGS("redis-cli", "-s", socket_path, "info", "commandstats"));
	detach(&r, &t);
	cr_expect_geq(redis_calls(stats, "set"), 10000);
	expect_calls(&r, &t, "setCommand", redis_calls(stats, "set"));
	expect_calls(&r, &t, "getCommand", redis_calls(stats, "get"));
	/* the statistics lack INFO itself, and hold the reset from before tpd came */
	expect_calls(&r, &t, "call", redis_total(stats) - redis_calls(stats, "config|resetstat") + 1);
	free(stats);
	trace_free(&t);
	clean_up(&r);
}

/* ---- python and sqlite ---- */

static void python(const char *label, const char *script, const char *const functions[],
		   const char *const expect[])
{
	struct run r = { 0 };
	const char *own;
	struct trace t;

	snprintf(r.label, sizeof(r.label), "%s", label);
	need("python3", "/usr/bin/python3");
	child_start(&r.target, ARGS("/usr/bin/python3", "-u", "-c", script));
	cr_assert(child_lines(&r, &r.target, 1, DEADLINE_MS), "not ready");
	attach(&r, functions);
	child_answer(&r.target);
	cr_assert(child_lines(&r, &r.target, 2, DEADLINE_MS), "does not finish: %s", r.target.err.buf);
	own = strchr(r.target.out.buf, '\n') + 1;
	detach(&r, &t);
	child_answer(&r.target);
	cr_expect(child_exited(&r, &r.target, DEADLINE_MS));
	for (size_t i = 0; expect[i]; i++)
		expect_calls(&r, &t, expect[i], strtol(own, (char **)&own, 10));
	trace_free(&t);
	clean_up(&r);
}

Test(real, python)
{
	static const char script[] =
		"import zlib, sys\n"
		"class C:\n"
		"    n = 0\n"
		"    def __format__(self, spec):\n"
		"        C.n += 1\n"
		"        return 'c'\n"
		"c = C()\n"
		"print('ready'); sys.stdin.readline()\n"
		"crcs = 0\n"
		"for i in range(5000):\n"
		"    format(c)\n"
		"    zlib.crc32(b'abc'); crcs += 1\n"
		"print(C.n, crcs); sys.stdin.readline()\n";

	python("python3", script, ARGS("python*:PyObject_Format", "libz:crc32"),
	       ARGS("PyObject_Format", "crc32"));
}

Test(real, sqlite)
{
	static const char script[] =
		"import sqlite3, sys\n"
		"c = sqlite3.connect(':memory:', isolation_level=None)\n"
		"c.execute('create table t (a, b)')\n"
		"print('ready'); sys.stdin.readline()\n"
		"before, traced = c.total_changes, []\n"
		"c.set_trace_callback(traced.append)\n"
		"for i in range(3000): c.execute('insert into t values (?, ?)', (i, str(i)))\n"
		"print(c.total_changes - before, len(traced))\n"
		"sys.stdin.readline()\n";

	python("sqlite3", script,
	       ARGS("libsqlite3:sqlite3_step", "libsqlite3:sqlite3_bind_int64"),
	       ARGS("sqlite3_step", "sqlite3_bind_int64"));
}

/* ---- nginx ---- */

static uint16_t free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	return ntohs(a.sin_port);
}

/* Requests that the server counts, this one included; -1 while nobody listens. */
static long nginx_requests(uint16_t port)
{
	static const char ask[] = "GET /status HTTP/1.0\r\n\r\n";
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char buf[2048] = "", *p;
	long requests = -1;
	size_t n = 0;
	ssize_t got;

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return -1;
	cr_assert_eq(write(fd, ask, sizeof(ask) - 1), (ssize_t)sizeof(ask) - 1);
	while ((got = read(fd, buf + n, sizeof(buf) - 1 - n)) > 0)
		n += (size_t)got;
	/* "server accepts handled requests\n 5 5 17 \n" */
	p = strstr(buf, "requests\n");
	return p && sscanf(p, "requests %*d %*d %ld", &requests) == 1 ? requests : -1;
}

static bool nginx_listens(struct run *r, void *arg)
{
	return r->target.out.fd < 0 || nginx_requests(*(uint16_t *)arg) > 0;
}

Test(real, nginx)
{
	struct run r = { .label = "nginx" };
	uint16_t port = free_port();
	char conf[64], url[64], *end;
	long before, after;
	struct trace t;
	FILE *f;

	need("nginx", "/usr/sbin/nginx");
	if (access("/usr/bin/wrk", X_OK))
		cr_skip_test("wrk is not installed");
	snprintf(conf, sizeof(conf), "%s/conf", dir);
	f = fopen(conf, "we");
	fprintf(f,
		"daemon off; master_process off; pid %s/pid; error_log %s/log;\nevents {}\n"
		"http { access_log off; keepalive_requests 1000000; client_body_temp_path %s/b;\n"
		"proxy_temp_path %s/p; fastcgi_temp_path %s/f; uwsgi_temp_path %s/u; scgi_temp_path %s/s;\n"
		"server { listen 127.0.0.1:%u; location /status { stub_status; }\n"
		"location / { return 200 \"hello\\n\"; } } }\n",
		dir, dir, dir, dir, dir, dir, dir, port);
	fclose(f);
	child_start(&r.target, ARGS("/usr/sbin/nginx", "-e", "stderr", "-p", dir, "-c", conf));
	for (int i = 0; i < 500 && !nginx_listens(&r, &port); i++)
		run_until(&r, nginx_listens, &port, 10);
	before = nginx_requests(port);
	cr_assert_gt(before, 0, "%s", r.target.err.buf ? r.target.err.buf : "does not listen");
	attach(&r, ARGS("nginx:ngx_http_process_request", "nginx:ngx_http_finalize_request"));
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
	end = output_of(ARGS("wrk", "-t1", "-c8", "-d1s", url));
	after = nginx_requests(port);
	detach(&r, &t);
	cr_expect_gt(after - before, 100, "wrk: %s", end);
	expect_calls(&r, &t, "ngx_http_process_request", after - before);
	cr_expect_geq((long)trace_count(&t, "ngx_http_finalize_request", E_MAX), after - before);
	free(end);
	trace_free(&t);
	clean_up(&r);
}
