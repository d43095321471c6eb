/* SPDX-License-Identifier: MIT */
/*
 * options_test.c: command lines as a shell splits them, the message for each wrong one, and the
 * values by themselves.
 */
#include <criterion/criterion.h>
#include <float.h>
#include "base/log.h"
#include "format/options.h"

#define ARGS_MAX 64

struct line {
	char text[512];
	char *argv[ARGS_MAX + 2];
	int argc;
};

/* Splits at blanks; "_" becomes an empty argument. */
static void split(struct line *l, const char *text)
{
	static char name[] = "tpd", empty[] = "";
	char *save, *word;

	cr_assert_lt(strlen(text), sizeof(l->text));
	strcpy(l->text, text);
	l->argc = 0;
	l->argv[l->argc++] = name;
	for (word = strtok_r(l->text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		cr_assert_lt(l->argc, ARGS_MAX);
		l->argv[l->argc++] = strcmp(word, "_") ? word : empty;
	}
	l->argv[l->argc] = NULL;
}

/* stderr of one options_parse. */
static int parse_capturing(struct conf *c, struct line *l, char *text, size_t n)
{
	int saved = dup(STDERR_FILENO), p[2], err;
	ssize_t got;

	cr_assert_eq(pipe(p), 0);
	dup2(p[1], STDERR_FILENO);
	close(p[1]);
	err = options_parse(c, l->argc, l->argv);
	dup2(saved, STDERR_FILENO);
	close(saved);
	got = 0;
	for (ssize_t r; (size_t)got < n - 1 && (r = read(p[0], text + got, n - 1 - got)) > 0;)
		got += r;
	text[got] = '\0';
	close(p[0]);
	return err;
}

static void parse(struct conf *c, struct line *l, const char *text)
{
	char complaint[1024];
	int err;

	split(l, text);
	err = parse_capturing(c, l, complaint, sizeof(complaint));
	cr_assert_eq(err, 0, "tpd %s: %d, %s", text, err, complaint);
	cr_expect_str_eq(complaint, "", "tpd %s", text);
}

Test(options, defaults)
{
	struct conf c;
	struct line l;

	parse(&c, &l, "-p 12 -f main");
	cr_expect_eq(c.command, CMD_TRACE);
	cr_assert_eq(c.pids.n, 1);
	cr_expect_eq(c.pids.v[0], 12);
	cr_assert_eq(c.functions.n, 1);
	cr_expect_str_eq(c.functions.v[0], "main");
	cr_expect_eq(c.functions.v[0], l.argv[4], "points into argv");
	cr_expect_eq(c.returns, RETURNS_AUTO);
	cr_expect_eq(c.max_probes, 1024);
	cr_expect_eq(c.ring_bytes, 0);
	cr_expect_eq(c.sample, 1.0);
	cr_expect(!c.min_duration_ns && !c.rate_limit && !c.duration_ns && !c.count &&
		  !c.max_depth && !c.interval_ns);
	cr_expect(!c.exe && !c.comm && !c.argv && !c.output && !c.record && !c.replay &&
		  !c.list_pattern);
	cr_expect(!c.follow && !c.summary && !c.histogram && !c.json && !c.quiet && !c.verbose);
	options_free(&c);
	options_free(&c);
}

Test(options, everything_at_once)
{
	struct conf c;
	struct line l;

	parse(&c, &l,
	      "-p1,2 --pid 3 --pid=4,2 -fread* --func !readv -f libc:0x10 -o - --follow --returns "
	      "emulate --max-probes=100000 "
	      "--ring-size 5K --min-duration 1.5ms --sample 1/4 --rate-limit 100/s --duration 2m "
	      "--count 7 --max-depth 3 "
	      "--histogram --interval 1s --record r.bin --no-color -vv -v");
	cr_assert_eq(c.pids.n, 4, "doubles count once");
	for (int i = 0; i < 4; i++)
		cr_expect_eq(c.pids.v[i], i + 1);
	cr_assert_eq(c.functions.n, 3);
	cr_expect_str_eq(c.functions.v[0], "read*");
	cr_expect_str_eq(c.functions.v[1], "!readv");
	cr_expect_str_eq(c.functions.v[2], "libc:0x10");
	cr_expect_str_eq(c.output, "-");
	cr_expect_str_eq(c.record, "r.bin");
	cr_expect_eq(c.returns, RETURNS_EMULATE);
	cr_expect_eq(c.max_probes, 100000);
	cr_expect_eq(c.ring_bytes, 8192, "a power of two of pages");
	cr_expect_eq(c.min_duration_ns, 1500000);
	cr_expect_eq(c.sample, 0.25);
	cr_expect_eq(c.rate_limit, 100);
	cr_expect_eq(c.duration_ns, 120000000000);
	cr_expect_eq(c.count, 7);
	cr_expect_eq(c.max_depth, 3);
	cr_expect_eq(c.interval_ns, 1000000000);
	cr_expect(c.follow && c.histogram && c.color_never);
	cr_expect_eq(c.verbose, 3);
	options_free(&c);
}

Test(options, commands)
{
	static const struct {
		const char *line;
		enum command command;
	} rows[] = {
		{ "list -p 1", CMD_LIST },
		{ "list read* -p 1 --json -q", CMD_LIST },
		{ "list -p 1 --returns ret -- -x", CMD_LIST },
		{ "doctor", CMD_DOCTOR },
		{ "doctor -p 1 --json", CMD_DOCTOR },
		{ "help", CMD_HELP },
		{ "help list", CMD_HELP },
		{ "--help", CMD_HELP },
		{ "-h", CMD_HELP },
		{ "list --help", CMD_HELP },
		{ "-qh --nonsense", CMD_HELP },
		{ "version", CMD_VERSION },
		{ "--version", CMD_VERSION },
		{ "-V", CMD_VERSION },
		{ "--schema", CMD_SCHEMA },
		{ "--help-man", CMD_HELP_MAN },
		{ "--replay a.bin", CMD_TRACE },
		{ "--replay a.bin -o - --summary --histogram", CMD_TRACE },
		{ "--exe /bin/true -f main", CMD_TRACE },
		{ "--comm nginx -f main --summary --histogram", CMD_TRACE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct conf c;
		struct line l;

		parse(&c, &l, rows[i].line);
		cr_expect_eq(c.command, rows[i].command, "tpd %s", rows[i].line);
		options_free(&c);
	}
}

Test(options, words_and_the_command_behind_two_dashes)
{
	struct conf c;
	struct line l;

	parse(&c, &l, "list -p 1 -- -x");
	cr_expect_str_eq(c.list_pattern, "-x");
	options_free(&c);
	parse(&c, &l, "-f main -- ./a.out -p x -- --help");
	cr_assert_not_null(c.argv);
	cr_expect_eq(c.argv, l.argv + 4);
	cr_expect_str_eq(c.argv[0], "./a.out");
	cr_expect_null(c.argv[5]);
	options_free(&c);
	parse(&c, &l, "-f list -- list");
	cr_expect_eq(c.command, CMD_TRACE, "list is a command only as the first word");
	options_free(&c);
	parse(&c, &l, "--output=-x -p 1 -f-weird");
	cr_expect_str_eq(c.output, "-x");
	cr_expect_str_eq(c.functions.v[0], "-weird");
	options_free(&c);
}

Test(options, no_color_in_the_environment)
{
	struct conf c;
	struct line l;

	setenv("NO_COLOR", "", 1);
	parse(&c, &l, "doctor");
	cr_expect_not(c.color_never, "empty counts as unset");
	setenv("NO_COLOR", "0", 1);
	parse(&c, &l, "doctor");
	cr_expect(c.color_never);
}

Test(options, each_mistake_has_its_line)
{
	static const struct {
		const char *line, *want; /* want: what the line on stderr begins with */
	} rows[] = {
		{ "-p x -f a", "tpd: -p: 'x' is not a process id\n" },
		{ "-p 1,,2", "tpd: -p: '' is not a process id\n" },
		{ "-p 1,", "tpd: -p: '' is not a process id\n" },
		{ "--pid 12,3a,4", "tpd: --pid: '3a' is not a process id\n" },
		{ "-p 0", "tpd: -p: '0' is not a process id\n" },
		{ "-p-1", "tpd: -p: '-1' is not a process id\n" },
		{ "-p 2147483648", "tpd: -p: '2147483648' is not a process id\n" },
		{ "-p 99999999999999999999999", "tpd: -p: '99999999999999999999999' is not" },
		{ "-p 1\033[2J", "tpd: -p: '1\\x1b[2J' is not a process id\n" },
		{ "-p", "tpd: -p: wants PID[,PID...] behind it" },
		{ "-p 1 -f", "tpd: -f: wants [MODULE:]PATTERN behind it" },
		{ "-p -f main",
		  "tpd: -p: wants PID[,PID...], but '-f' looks like an option; to insist: -p-f\n" },
		{ "--output --summary", "tpd: --output: wants FILE, but '--summary' looks like an "
					"option; to insist: --output=--summary\n" },
		{ "-f _", "tpd: -f: '' is empty" },
		{ "-o _", "tpd: -o: '' is empty" },
		{ "--summary=yes", "tpd: --summary: takes no value, but 'yes' was given" },
		{ "--sumary", "tpd: --sumary: no such option; is --summary meant?" },
		{ "--hist", "tpd: --hist: no such option; is --histogram meant?" },
		{ "--ouptut=x", "tpd: --ouptut: no such option; is --output meant?" },
		{ "--pdi 1", "tpd: --pdi: no such option; is --pid meant?" },
		{ "--help-mam", "tpd: --help-mam: no such option; see tpd --help" },
		{ "--frobnicate", "tpd: --frobnicate: no such option; see tpd --help" },
		{ "--=x", "tpd: --: no such option; see tpd --help" },
		{ "-x", "tpd: -x: no such option; see tpd --help" },
		{ "-qx", "tpd: -x: no such option" },
		{ "--sample 2", "tpd: --sample: '2' is not between 0 and 1" },
		{ "--sample 0", "tpd: --sample: '0' is not between 0 and 1" },
		{ "--sample inf", "tpd: --sample: 'inf' is not a share; write it as 0.01" },
		{ "--duration 5", "tpd: --duration: '5' is not a time; write it as 250us" },
		{ "--duration 99999999999h", "tpd: --duration: '99999999999h' is too large" },
		{ "--ring-size 2G", "tpd: --ring-size: '2G' is not between 4K and 1G" },
		{ "--ring-size 1", "tpd: --ring-size: '1' is not between 4K and 1G" },
		{ "--max-probes 0", "tpd: --max-probes: '0' is not between 1 and 16777215" },
		{ "--max-depth 241", "tpd: --max-depth: '241' is not between 0 and 240" },
		{ "--count -1", "tpd: --count: wants N, but '-1' looks like an option" },
		{ "--count=-1", "tpd: --count: '-1' is not a whole number" },
		{ "--count 1.5", "tpd: --count: '1.5' is not a whole number" },
		{ "--rate-limit 30/m", "tpd: --rate-limit: '30/m' is not a rate" },
		{ "--returns maybe",
		  "tpd: --returns: 'maybe' is none of auto, emulate, ret, uretprobe, none\n" },
		{ "--record -", "tpd: --record: '-' is not the name of a file" },
		{ "lsit -p 1", "tpd: 'lsit': no such command; is 'list' meant?" },
		{ "1234 -f main", "tpd: '1234' stands alone; a process is given by -p 1234" },
		{ "-p 1 main", "tpd: 'main' stands alone; a function is given by -f" },
		{ "-f a -p 1 list", "tpd: 'list' stands alone" },
		{ "-p 1 -f a _", "tpd: '' stands alone" },
		{ "list -p 1 a b", "tpd: list: 'b' is one pattern too many" },
		{ "doctor a", "tpd: doctor: takes no 'a'" },
		{ "", "tpd: nothing to trace: give -p PID" },
		{ "-f a", "tpd: nothing to trace: give -p PID" },
		{ "-p 1", "tpd: no function named: add -f FUNCTION" },
		{ "-- ./a", "tpd: no function named: add -f FUNCTION" },
		{ "-f a --", "tpd: --: wants a command behind it" },
		{ "-p 1 -f a -- ./a",
		  "tpd: -p, --exe, --comm and -- COMMAND are different targets" },
		{ "-p 1 -f a --exe /bin/a",
		  "tpd: -p, --exe, --comm and -- COMMAND are different targets" },
		{ "--comm x -f a --exe /bin/a",
		  "tpd: -p, --exe, --comm and -- COMMAND are different targets" },
		{ "list", "tpd: list: of which process? give -p PID" },
		{ "list -p 1,2", "tpd: list and doctor look at one process" },
		{ "doctor -p 1 -p 2", "tpd: list and doctor look at one process" },
		{ "list -p 1 -f a", "tpd: --func: list takes its pattern without it" },
		{ "list -p 1 --sample 1%", "tpd: --sample: has no meaning for list" },
		{ "doctor --summary", "tpd: --summary: has no meaning for doctor" },
		{ "-p 1 -f a --json",
		  "tpd: --json: is for list and doctor; a trace is written as JSON by -o FILE" },
		{ "--replay f -p 1", "tpd: --replay shows a recorded trace: it takes no process" },
		{ "--replay f -- ./a",
		  "tpd: --replay shows a recorded trace: it takes no process" },
		{ "--replay f --record g", "tpd: --record: has no meaning for --replay" },
		{ "--replay f --sample 1", "tpd: --sample: has no meaning for --replay" },
		{ "list -p 1 --replay f", "tpd: --replay: has no meaning for list" },
		{ "-p 1 -f a -q -v", "tpd: -q and -v contradict each other" },
		{ "-p 1 -f a -o x --record x",
		  "tpd: -o and --record or --replay name the same file" },
	};
	char text[1024];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct conf c;
		struct line l;
		int err;

		split(&l, rows[i].line);
		err = parse_capturing(&c, &l, text, sizeof(text));
		cr_expect_eq(err, -EINVAL, "tpd %s: %d", rows[i].line, err);
		cr_expect(!strncmp(text, rows[i].want, strlen(rows[i].want)), "tpd %s:\n%snot\n%s",
			  rows[i].line, text, rows[i].want);
		cr_expect_eq(strchr(text, '\n'), text + strlen(text) - 1, "one line: %s", text);
		options_free(&c);
	}
}

Test(options, endless_words_are_survived)
{
	static char huge[100000], name[] = "tpd", p[] = "-p";
	char *argvs[][4] = { { name, huge, NULL }, { name, p, huge, NULL } };
	char text[20000];

	for (size_t i = 0; i < 2 * ARRAY_SIZE(argvs); i++) {
		struct line l = { .argc = i / 2 ? 3 : 2 };
		struct conf c;

		memset(huge, i & 1 ? '-' : '9', sizeof(huge) - 1);
		memcpy(l.argv, argvs[i / 2], sizeof(argvs[0]));
		cr_expect_eq(parse_capturing(&c, &l, text, sizeof(text)), -EINVAL);
	}
}

Test(options, too_many_processes_are_refused)
{
	static char list[40000], name[] = "tpd", p[] = "-p";
	struct line l = { .argc = 3, .argv = { name, p, list } };
	char text[1024];
	struct conf c;
	size_t n = 0;

	for (int i = 1; i <= 5000; i++)
		n += sprintf(list + n, i > 1 ? ",%d" : "%d", i);
	cr_expect_eq(parse_capturing(&c, &l, text, sizeof(text)), -EINVAL);
	cr_expect(strstr(text, "'4097' is one too many"), "%s", text);
}

Test(options, times)
{
	static const struct {
		const char *text;
		int err;
		uint64_t ns;
	} rows[] = {
		{ "0", 0, 0 },
		{ "0s", 0, 0 },
		{ "0.0", 0, 0 },
		{ "1ns", 0, 1 },
		{ "250us", 0, 250000 },
		{ "10ms", 0, 10000000 },
		{ "1.5s", 0, 1500000000 },
		{ "0.001us", 0, 1 },
		{ "2m", 0, 120000000000 },
		{ "1h", 0, 3600000000000 },
		{ "18446744073709551615ns", 0, UINT64_MAX },
		{ "18446744073709551616ns", -ERANGE, 0 },
		{ "18446744073709551615us", -ERANGE, 0 },
		{ "5124095h", 0, 5124095ull * 3600000000000 },
		{ "5124096h", -ERANGE, 0 },
		{ "99999999999999999999h", -ERANGE, 0 },
		{ "0.1ns", -EINVAL, 0 },
		{ "5", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "-1s", -EINVAL, 0 },
		{ "+1s", -EINVAL, 0 },
		{ " 1s", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1.s", -EINVAL, 0 },
		{ "1,5s", -EINVAL, 0 },
		{ "1e3s", -EINVAL, 0 },
		{ "0x1s", -EINVAL, 0 },
		{ "1S", -EINVAL, 0 },
		{ "1sec", -EINVAL, 0 },
		{ "0x", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t ns = 77;

		cr_expect_eq(option_time(rows[i].text, &ns), rows[i].err, "'%s'", rows[i].text);
		cr_expect_eq(ns, rows[i].err ? 77 : rows[i].ns, "'%s': %llu", rows[i].text,
			     (unsigned long long)ns);
	}
}

Test(options, sizes)
{
	static const struct {
		const char *text;
		int err;
		uint64_t bytes;
	} rows[] = {
		{ "0", 0, 0 },
		{ "4096", 0, 4096 },
		{ "4K", 0, 4096 },
		{ "4k", 0, 4096 },
		{ "8M", 0, 8 << 20 },
		{ "1G", 0, 1 << 30 },
		{ "17179869183G", 0, 17179869183ull << 30 },
		{ "17179869184G", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "K", -EINVAL, 0 },
		{ "1.5M", -EINVAL, 0 },
		{ "1KB", -EINVAL, 0 },
		{ "1T", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1\x0b", -EINVAL, 0 }, /* "k" without bit 0x20, twice removed */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t bytes = 77;

		cr_expect_eq(option_size(rows[i].text, &bytes), rows[i].err, "'%s'", rows[i].text);
		cr_expect_eq(bytes, rows[i].err ? 77 : rows[i].bytes, "'%s'", rows[i].text);
	}
}

Test(options, rates)
{
	static const struct {
		const char *text;
		int err;
		double rate;
	} rows[] = {
		{ "1", 0, 1 },		{ "0.01", 0, 0.01 },	  { "1%", 0, 0.01 },
		{ "1/100", 0, 0.01 },	{ "100%", 0, 1 },	  { "0.5%", 0, 0.005 },
		{ "3/4", 0, 0.75 },	{ "1.0", 0, 1 },	  { "0", -ERANGE, 0 },
		{ "0%", -ERANGE, 0 },	{ "101%", -ERANGE, 0 },	  { "3/2", -ERANGE, 0 },
		{ "1/0", -EINVAL, 0 },	{ "", -EINVAL, 0 },	  { ".", -EINVAL, 0 },
		{ "nan", -EINVAL, 0 },	{ "1%%", -EINVAL, 0 },	  { "-1", -EINVAL, 0 },
		{ "1/2%", -EINVAL, 0 }, { "0x1p-3", -EINVAL, 0 }, { "1e-3", -EINVAL, 0 },
		{ "0,5", -EINVAL, 0 },	{ "0.5/2", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		double rate = 77;

		cr_expect_eq(option_rate(rows[i].text, &rate), rows[i].err, "'%s'", rows[i].text);
		cr_expect_float_eq(rate, rows[i].err ? 77 : rows[i].rate, DBL_EPSILON, "'%s': %g",
				   rows[i].text, rate);
	}
}

Test(options, events_per_second)
{
	static const struct {
		const char *text;
		int err;
		uint64_t n;
	} rows[] = {
		{ "100", 0, 100 },
		{ "100/s", 0, 100 },
		{ "6000/m", 0, 100 },
		{ "0", 0, 0 },
		{ "90/m", -EINVAL, 0 },
		{ "1/h", -EINVAL, 0 },
		{ "/s", -EINVAL, 0 },
		{ "1/", -EINVAL, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t n = 77;

		cr_expect_eq(option_per_second(rows[i].text, &n), rows[i].err, "'%s'",
			     rows[i].text);
		cr_expect_eq(n, rows[i].err ? 77 : rows[i].n, "'%s'", rows[i].text);
	}
}

static char *printed(void (*print)(FILE *out))
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	cr_assert_not_null(f);
	print(f);
	fclose(f);
	return text;
}

Test(options, help_fits_a_terminal_and_names_everything)
{
	static const char *const words[] = { "--pid",	 "-f, --func",	"--no-color",
					     "tpd list", "Exit status", "(default 1024)" };
	char *help = printed(options_help), *man = printed(options_man);

	for (const char *line = help; *line;) {
		size_t len = strcspn(line, "\n");

		cr_expect_leq(len, 80, "%.*s", (int)len, line);
		cr_expect(!len || line[len - 1] != ' ', "ends in a blank: %.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		cr_expect(strstr(help, words[i]), "%s", words[i]);
	cr_expect(strstr(man, "\\fB\\-\\-min\\-duration\\fR \\fITIME\\fR"));
	cr_expect(!strstr(help, "help-man") && !strstr(man, "help"
							    "\\-man"),
		  "hidden");
	free(help);
	free(man);
}
