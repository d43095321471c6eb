/* SPDX-License-Identifier: MIT */
/* console_test.c: lines for people, which no name can turn into commands for their terminal. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <time.h>
#include "base/util.h"
#include "sink.h"

static char path[64];

static void init(void)
{
	int fd;

	strcpy(path, "/tmp/console_test.XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	close(fd);
	setenv("TZ", "UTC", 1);
	tzset();
}

static void fini(void)
{
	unlink(path);
}

TestSuite(console, .init = init, .fini = fini);

static void expect(const struct record *r, bool colour, const char *want)
{
	struct sink_conf conf = { .path = path, .colour = colour, .truncate = true };
	char got[4096];
	struct sink *s;
	ssize_t n;
	int fd;

	cr_assert_eq(sink_console.open(&s, &conf), 0);
	cr_assert_eq(s->ops->write(s, r), 0);
	cr_assert_eq(s->ops->flush(s), 0);
	s->ops->close(s);
	fd = open(path, O_RDONLY);
	n = read(fd, got, sizeof(got) - 1);
	close(fd);
	cr_assert_geq(n, 0);
	got[n] = '\0';
	cr_expect_str_eq(got, want, "got  %swant %s", got, want);
}

static struct record a_call(const char *function, const char *exit, uint64_t depth)
{
	struct record r = { .type = "call" };

	record_val(&r, K_TS, VAL_TIME, 1700000000123456789u);
	record_val(&r, K_DURATION, VAL_NS, 1234567);
	record_u64(&r, K_PID, 4711);
	record_u64(&r, K_TID, 4712);
	record_str(&r, K_COMM, "worker", 6);
	record_str(&r, K_FUNCTION, function, strlen(function));
	record_str(&r, K_MODULE, "/bin/x", 6);
	record_str(&r, K_EXIT, exit, strlen(exit));
	record_val(&r, K_ID, VAL_HEX64, 1);
	record_u64(&r, K_DEPTH, depth);
	return r;
}

Test(console, calls)
{
	static const struct {
		const char *function, *exit;
		uint64_t depth;
		bool colour;
		const char *want;
	} cases[] = {
		{ "ns::f(int)", "return", 0, false,
		  "22:13:20.123456   1.235 ms  4711/4712        ns::f(int)\n" },
		{ "g", "exception", 2, false,
		  "22:13:20.123456   1.235 ms  4711/4712            g  exception\n" },
		{ "g", "returned", 0, false,
		  "22:13:20.123456   1.235 ms  4711/4712        g  returned\n" },
		{ "\033]0;owned\a\xc2\x9b""31m\n", "return", 0, false,
		  "22:13:20.123456   1.235 ms  4711/4712        \\x1b]0;owned\\x07\\xc2\\x9b31m\\x0a\n" },
		{ "\033[1m", "open", 1, true,
		  "\033[2m22:13:20.123456\033[0m\033[33m   1.235 ms\033[0m\033[2m  4711/4712      \033[0m    "
		  "\\x1b[1m  \033[1;35mopen\033[0m\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct record r = a_call(cases[i].function, cases[i].exit, cases[i].depth);

		expect(&r, cases[i].colour, cases[i].want);
	}
}

Test(console, depth_has_a_bound)
{
	struct record r = a_call("f", "return", UINT64_MAX);
	char want[256];

	snprintf(want, sizeof(want), "22:13:20.123456   1.235 ms  4711/4712        %80sf\n", "");
	expect(&r, false, want);
}

Test(console, later_fields_of_a_call_show_up)
{
	struct record r = a_call("f", "return", 0);

	record_str(&r, K_PATH, "/etc/passwd", 11);
	expect(&r, false, "22:13:20.123456   1.235 ms  4711/4712        f  path=/etc/passwd\n");
}

Test(console, what_a_call_carried)
{
	const struct field args[] = {
		{ .name = "n", .type = VAL_S64, .s = -3 }, { .name = "\033[31m", .type = VAL_STR, .len = 3, .str = "a b" },
		{ .name = "f", .type = VAL_FLOAT, .d = 1 }, { .name = "p", .type = VAL_NULL },
	};
	struct record r = a_call("f", "return", 0);

	record_list(&r, K_ARGS, VAL_OBJECT, args, 4);
	record_s64(&r, K_EXIT_RETURN, -1);
	record_str(&r, K_ERROR, "ENOENT", 6);
	expect(&r, false, "22:13:20.123456   1.235 ms  4711/4712        f  args={n=-3 \\x1b[31m=\"a b\" f=1.0 p=null}  return=-1  "
			  "error=ENOENT\n");
}

Test(console, other_records)
{
	const struct field probes[] = {
		{ .key = K_ID, .type = VAL_U64, .u = 1 }, { .key = K_FUNCTION, .type = VAL_STR, .len = 1, .str = "f" },
	};
	struct field many[20];
	struct record r = { .type = "trace", .rank = RANK_STREAM };

	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = (struct field){ .type = VAL_OBJECT, .len = i < 1 ? 2 : 0, .list = probes };
	record_val(&r, K_TS, VAL_TIME, 1700000000000000000u);
	record_u64(&r, K_SCHEMA, 1);
	record_str(&r, K_EXE, "/a b=\"c\"\n", 9);
	record_str(&r, K_COMM, "", 0);
	record_val(&r, K_ID, VAL_HEX64, 0xab);
	record_s64(&r, K_STATUS, -1);
	record_val(&r, K_MAX, VAL_NS, 20);
	record_val(&r, K_EMULATED, VAL_BOOL, 1);
	record_list(&r, K_PROBES, VAL_ARRAY, many, 20);
	expect(&r, false,
	       "22:13:20.000000  trace  schema=1  exe=\"/a b=\\\"c\\\"\\x0a\"  comm=\"\"  id=00000000000000ab  "
	       "status=-1  max_ns=20 ns  emulated=true  probes=[{id=1 function=f} {} {} {} {} {} {} {} and 12 more]\n");
	r = (struct record){ .type = "lost", .rank = RANK_LOSS };
	record_u64(&r, K_COUNT, 3);
	expect(&r, false, "                 lost  count=3\n");
	expect(&r, true, "\033[2m               \033[0m  \033[1;31mlost\033[0m  \033[2mcount=\033[0m3\n");
}

Test(console, no_byte_of_a_name_reaches_the_terminal_as_a_control)
{
	struct sink_conf conf = { .path = path, .truncate = true };
	struct sink *s;
	int fd, c;
	FILE *f;

	cr_assert_eq(sink_console.open(&s, &conf), 0);
	for (unsigned i = 0; i < 256; i++) {
		char name[2] = { (char)i, 'x' };
		struct record r = { .type = "process" };

		record_str(&r, K_COMM, name, 2);
		record_str(&r, K_EXE, name, 1);
		cr_assert_eq(s->ops->write(s, &r), 0);
	}
	s->ops->close(s);
	fd = open(path, O_RDONLY);
	f = fdopen(fd, "r");
	while ((c = fgetc(f)) != EOF)
		cr_assert(c == '\n' || (c >= 0x20 && c < 0x7f), "byte %02x", (unsigned)c);
	fclose(f);
}
