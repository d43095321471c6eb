/* SPDX-License-Identifier: MIT */
/*
 * options.h: everything the user can ask for. ONE table in options.c feeds the parser, --help, and the options part of the
 * manual page (later the config file): long name, short name, type, offset into struct conf, default, group, text.
 */
#ifndef TPD_OPTIONS_H
#define TPD_OPTIONS_H

#include "base/util.h"

enum command { CMD_TRACE, CMD_LIST, CMD_DOCTOR, CMD_HELP, CMD_VERSION, CMD_SCHEMA, CMD_HELP_MAN };
enum files_how { FILES_NOT, FILES_STREAM, FILES_SUMMARY };
enum returns { RETURNS_AUTO, RETURNS_EMULATE, RETURNS_RET, RETURNS_URETPROBE, RETURNS_NONE };

struct strings {
	const char **v; /* point into argv */
	size_t n, cap;
};

struct pids {
	int *v;
	size_t n, cap;
};

struct conf {
	enum command command;
	/* what */
	struct pids pids;         /* -p, --pid: repeat or comma list */
	struct strings functions; /* -f, --func */
	const char *exe;          /* --exe PATH */
	const char *comm;         /* --comm NAME */
	bool follow;              /* --follow */
	char **argv;              /* what stands behind "--", NULL-terminated; NULL: none */
	/* how */
	int returns;              /* --returns, enum returns */
	uint64_t max_probes;      /* --max-probes, functions */
	uint64_t ring_bytes;      /* --ring-size; a power of two, 4K to 1G; 0: as much as what is sent asks for */
	/* which calls */
	uint64_t min_duration_ns; /* --min-duration */
	double sample;            /* --sample, 0 < rate <= 1; decided at the outermost traced call */
	uint64_t rate_limit;      /* --rate-limit N or N/s, events a second and function; 0: none */
	uint64_t duration_ns;     /* --duration; 0: none */
	uint64_t count;           /* --count; 0: none */
	uint64_t max_depth;       /* --max-depth; 0: none; deeper calls are counted but not streamed */
	struct strings where;     /* --where EXPRESSION, all must hold */
	bool errors;              /* --errors: calls that failed */
	/* what a call carried */
	bool no_args;             /* --no-args */
	bool raw_args;            /* --raw-args: registers instead of values */
	uint64_t string_size;     /* --string-size, bytes, <= FETCH_STR_MAX */
	uint64_t depth;           /* --depth, structures inside each other */
	bool exceptions;          /* --exceptions: all of the process, not only inside traced calls */
	bool stack;               /* --stack: of every streamed call */
	uint64_t stack_size;      /* --stack-size, bytes of stack that are copied; 0: see carry_size() */
	/* files */
	int files;                /* --files[=summary], enum files_how */
	bool all_fds;             /* --all-fds: pipes, sockets and the like too */
	bool stat;                /* --stat: calls that only ask for attributes too */
	struct strings paths;     /* --path GLOB, one of which must match */
	struct strings ops;       /* --op LIST */
	/* output */
	const char *output;       /* -o, --output FILE or "-" */
	bool summary;             /* --summary: no calls, only statistics */
	bool histogram;           /* --histogram */
	uint64_t interval_ns;     /* --interval; 0: only at the end */
	bool json;                /* --json: of list, doctor */
	int quiet;                /* -q */
	int verbose;              /* -v, repeatable */
	const char *record;       /* --record FILE: raw events too, for --replay */
	const char *replay;       /* --replay FILE: decode a recorded stream, no kernel, no root */
	/* words of list: [PATTERN] */
	const char *list_pattern;
	bool color_never;         /* --no-color; NO_COLOR in the environment does the same */
};

/*
 * Fills *c with defaults, then the arguments. 0, or -EINVAL after one line on stderr that says what is wrong and
 * a hint ("tpd: --sample: '2' is not between 0 and 1; see tpd --help"). An unknown option names the nearest one.
 * Values: times ns/us/ms/s/m/h (plain numbers are refused unless 0), sizes K/M/G (powers of 1024), rates 0.01, 1% or 1/100.
 */
int options_parse(struct conf *c, int argc, char **argv);
void options_free(struct conf *c);
/* --help: by groups, with examples; aligned to 80 columns. */
void options_help(FILE *out);
/* The OPTIONS section of the manual page in roff, printed by a hidden --help-man for the Makefile. */
void options_man(FILE *out);

/* The value parsers, exposed for tests and fuzzing. 0 or -EINVAL, -ERANGE. */
int option_time(const char *s, uint64_t *ns);
int option_size(const char *s, uint64_t *bytes);
int option_rate(const char *s, double *rate);
int option_per_second(const char *s, uint64_t *n); /* N, N/s, N/m */

#endif
