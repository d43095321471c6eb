/* SPDX-License-Identifier: MIT */
/*
 * options_table.c: every option, in the order of --help. A new one is one row here and one member
 * of struct conf.
 */
#include <limits.h>
#include "format/options_table.h"
#include "fetch.h"
#include "spec.h"

#define AT(member) offsetof(struct conf, member)
#define TIME_MAX   INT64_MAX /* so that now + time cannot overflow */

const char *const options_groups[GROUP_MAX] = {
	[GROUP_WHAT] = "What to trace",
	[GROUP_HOW] = "How to trace it",
	[GROUP_WHICH] = "Which calls, how long",
	[GROUP_CARRIED] = "What a call carried",
	[GROUP_FILES] = "Files",
	[GROUP_OUTPUT] = "What comes out",
	[GROUP_OTHER] = "Other",
};

static const char *const returns_choices[] = {
	[RETURNS_AUTO] = "auto",	   [RETURNS_EMULATE] = "emulate", [RETURNS_RET] = "ret",
	[RETURNS_URETPROBE] = "uretprobe", [RETURNS_NONE] = "none",	  NULL,
};

static const char *const files_choices[] = {
	[FILES_NOT] = "no", [FILES_STREAM] = "stream", [FILES_SUMMARY] = "summary", NULL,
};

/* clang-format off */
const struct option_row options_table[] = {
	{ "pid", 'p', OPT_PIDS, GROUP_WHAT, FOR_LIVE, AT(pids), "PID[,PID...]", NULL,
	  .help = "these running processes, with all their threads" },
	{ "func", 'f', OPT_STRINGS, GROUP_WHAT, FOR_TRACE, AT(functions), "[MODULE:]PATTERN", NULL,
	  .help = "these functions: a name, a glob (*, ?, [...]), a C++ or Rust name such as "
	  "ns::Class::method, or MODULE:0xOFFSET; '!PATTERN' leaves some out; "
	  "with a prototype, 'f(char *path, int flags) -> int', where there is no debug "
	  "information; give it as often as needed" },
	{ "exceptions", 0, OPT_FLAG, GROUP_WHAT, FOR_TRACE, AT(exceptions), NULL, NULL,
	  .help = "every exception, panic and fatal signal of these processes, with type, message and "
	  "traceback; needs no -f. Without it only those inside traced calls are told" },
	{ "exe", 0, OPT_TEXT, GROUP_WHAT, FOR_TRACE, AT(exe), "PATH", NULL,
	  .help = "every process that runs this executable" },
	{ "comm", 0, OPT_TEXT, GROUP_WHAT, FOR_TRACE, AT(comm), "NAME", NULL,
	  .help = "every process of this name" },
	{ "follow", 0, OPT_FLAG, GROUP_WHAT, FOR_TRACE, AT(follow), NULL, NULL,
	  .help = "their children too, through fork and exec" },

	{ "returns", 0, OPT_CHOICE, GROUP_HOW, FOR_TRACE | FOR_LIST, AT(returns), "HOW", "auto",
	  .help = "how returns are seen: auto proves which way is safe; emulate, ret, uretprobe "
	  "insist on one; none sees entries alone",
	  .choices = returns_choices },
	{ "max-probes", 0, OPT_NUMBER, GROUP_HOW, FOR_TRACE, AT(max_probes), "N", "1024",
	  .help = "refuse to start when more functions than this match",
	  .min = 1, .max = COOKIE_MAX_FN - 1 },
	{ "ring-size", 0, OPT_SIZE, GROUP_HOW, FOR_TRACE, AT(ring_bytes), "SIZE", NULL,
	  .help = "buffer between kernel and tpd, 4K to 1G; a larger one survives longer bursts; without it 4M, "
	  "or 16M with --exceptions or --stack",
	  .min = 4096, .max = 1u << 30 },

	{ "min-duration", 0, OPT_TIME, GROUP_WHICH, FOR_TRACE, AT(min_duration_ns), "TIME", NULL,
	  .help = "stream only calls that took at least this long", .max = TIME_MAX },
	{ "sample", 0, OPT_RATE, GROUP_WHICH, FOR_TRACE, AT(sample), "RATE", "1",
	  .help = "stream this share of the outermost calls (0.01, 1% or 1/100), each with "
	  "all calls inside it" },
	{ "rate-limit", 0, OPT_PER_SECOND, GROUP_WHICH, FOR_TRACE, AT(rate_limit), "N[/s]", NULL,
	  .help = "stream at most N calls a second of each function; the rest is counted as lost",
	  .max = UINT32_MAX },
	{ "max-depth", 0, OPT_NUMBER, GROUP_WHICH, FOR_TRACE, AT(max_depth), "N", NULL,
	  .help = "stream calls with fewer than N traced calls around them", .max = DEPTH_MAX },
	{ "duration", 0, OPT_TIME, GROUP_WHICH, FOR_TRACE, AT(duration_ns), "TIME", NULL,
	  .help = "detach after this time", .max = TIME_MAX },
	{ "count", 0, OPT_NUMBER, GROUP_WHICH, FOR_TRACE, AT(count), "N", NULL,
	  .help = "detach after N streamed calls", .max = INT64_MAX },

	{ "where", 0, OPT_STRINGS, GROUP_WHICH, FOR_TRACE, AT(where), "CONDITION", NULL,
	  .help = "stream only calls for which this holds: 'return < 0', 'fd == 3 && size > 4096', "
	  "'path ~ \"*.conf\"'; names are those of parameters; given more than once, all must hold" },
	{ "errors", 0, OPT_FLAG, GROUP_WHICH, FOR_TRACE, AT(errors), NULL, NULL,
	  .help = "stream only calls that failed: a negative result, -1 or null with errno, Err, an "
	  "error, an exception" },

	{ "no-args", 0, OPT_FLAG, GROUP_CARRIED, FOR_TRACE, AT(no_args), NULL, NULL,
	  .help = "show neither arguments nor results" },
	{ "raw-args", 0, OPT_FLAG, GROUP_CARRIED, FOR_TRACE, AT(raw_args), NULL, NULL,
	  .help = "show the argument registers as they are, whatever the function's prototype" },
	{ "string-size", 0, OPT_BYTES, GROUP_CARRIED, FOR_TRACE, AT(string_size), "SIZE", "128",
	  .help = "show this much of a string, and the true length of a longer one; 1 to 1K",
	  .min = 1, .max = FETCH_STR_MAX },
	{ "depth", 0, OPT_NUMBER, GROUP_CARRIED, FOR_TRACE, AT(depth), "N", "2",
	  .help = "follow so many pointers and structures inside each other, 0 to 8", .max = 8 },
	{ "stack", 0, OPT_FLAG, GROUP_CARRIED, FOR_TRACE, AT(stack), NULL, NULL,
	  .help = "show where each streamed call was made from: its traceback, with lines and inlined "
	  "functions where there is debug information" },
	{ "stack-size", 0, OPT_SIZE, GROUP_CARRIED, FOR_TRACE, AT(stack_size), "SIZE", NULL,
	  .help = "copy this much of the stack for a traceback, 512 to 32K; without it 16K, and 4K for "
	  "exceptions inside traced calls",
	  .min = 512, .max = 32768 },

	{ "files", 0, OPT_CHOICE, GROUP_FILES, FOR_TRACE, AT(files), "[=summary]", NULL,
	  .help = "every operation on a file: open, read, write, sync, rename and the others, with its path, bytes, latency and "
	  "error; summary: only figures for each file, which the kernel adds up; needs no -f",
	  .choices = files_choices, .bare = "stream" },
	{ "path", 0, OPT_STRINGS, GROUP_FILES, FOR_TRACE, AT(paths), "GLOB", NULL,
	  .help = "only files whose path matches; * matches / too; give it as often as needed" },
	{ "op", 0, OPT_STRINGS, GROUP_FILES, FOR_TRACE, AT(ops), "NAME[,NAME...]", NULL,
	  .help = "only these operations: names of the records' op, such as read, or of system calls, such as pread64" },
	{ "all-fds", 0, OPT_FLAG, GROUP_FILES, FOR_TRACE, AT(all_fds), NULL, NULL,
	  .help = "pipes, sockets, memfds and other descriptors that are no files, too" },
	{ "stat", 0, OPT_FLAG, GROUP_FILES, FOR_TRACE, AT(stat), NULL, NULL,
	  .help = "stat, access, readlink and statfs too" },

	{ "output", 'o', OPT_TEXT, GROUP_OUTPUT, FOR_TRACE | FOR_REPLAY, AT(output), "FILE", NULL,
	  .help = "write one JSON record a line to FILE, - for standard output; without it "
	  "tpd prints lines for people" },
	{ "summary", 0, OPT_FLAG, GROUP_OUTPUT, FOR_TRACE | FOR_REPLAY, AT(summary), NULL, NULL,
	  .help = "stream no calls; only statistics, which the kernel keeps: far cheaper" },
	{ "histogram", 0, OPT_FLAG, GROUP_OUTPUT, FOR_TRACE | FOR_REPLAY, AT(histogram), NULL, NULL,
	  .help = "draw how the durations are spread" },
	{ "interval", 0, OPT_TIME, GROUP_OUTPUT, FOR_TRACE, AT(interval_ns), "TIME", NULL,
	  .help = "print the statistics this often, not only at the end", .max = TIME_MAX },
	{ "json", 0, OPT_FLAG, GROUP_OUTPUT, FOR_LIST | FOR_DOCTOR, AT(json), NULL, NULL,
	  .help = "of list and doctor: answer in JSON" },
	{ "record", 0, OPT_FILE, GROUP_OUTPUT, FOR_TRACE, AT(record), "FILE", NULL,
	  .help = "keep the raw events in FILE too, for --replay" },
	{ "replay", 0, OPT_FILE, GROUP_OUTPUT, FOR_REPLAY, AT(replay), "FILE", NULL,
	  .help = "show a recorded trace; needs no process and no privileges" },
	{ "no-color", 0, OPT_FLAG, GROUP_OUTPUT, FOR_ALL, AT(color_never), NULL, NULL,
	  .help = "no colours on the terminal, as with NO_COLOR set" },

	{ "quiet", 'q', OPT_REPEAT, GROUP_OTHER, FOR_ALL, AT(quiet), NULL, NULL,
	  .help = "say nothing but warnings and errors" },
	{ "verbose", 'v', OPT_REPEAT, GROUP_OTHER, FOR_ALL, AT(verbose), NULL, NULL,
	  .help = "say what is done and why" },
	{ "schema", 0, OPT_COMMAND, GROUP_OTHER, FOR_ALL, AT(command), NULL, NULL,
	  .help = "print the JSON Schema of the records", .min = CMD_SCHEMA },
	{ "help", 'h', OPT_COMMAND, GROUP_OTHER, FOR_ALL, AT(command), NULL, NULL,
	  .help = "print this", .min = CMD_HELP },
	{ "version", 'V', OPT_COMMAND, GROUP_OTHER, FOR_ALL, AT(command), NULL, NULL,
	  .help = "print the version", .min = CMD_VERSION },
	{ "help-man", 0, OPT_COMMAND, GROUP_OTHER, 0, AT(command), NULL, NULL,
	  .help = "", .min = CMD_HELP_MAN },
};
/* clang-format on */

_Static_assert(ARRAY_SIZE(options_table) <= 64, "parser.given has a bit for each");
const size_t options_count = ARRAY_SIZE(options_table);
