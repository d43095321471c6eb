/* SPDX-License-Identifier: MIT */
/*
 * harness.h: runs a program of tests/targets with tpd attached and compares the stream with the truth that the program
 * printed. Nothing sleeps: every step waits for a line, a record, or the end of a process, with a deadline.
 *
 * Environment: TPD (build/tpd), TPD_TARGETS (build/targets), TPD_CYCLES (attach/detach cycles in all), TPD_SLOW (factor
 * on deadlines, for emulated machines), TPD_RETURNS (only these ways of seeing returns).
 */
#ifndef E2E_HARNESS_H
#define E2E_HARNESS_H

#include <jansson.h>
#include <signal.h>
#include <sys/types.h>
#include "base/util.h"

#define MAX_WORDS 48
#define DEADLINE_MS 30000

/* What came out of a pipe so far. */
struct stream {
	int fd; /* -1: ended */
	char *buf;
	size_t len, cap;
};

struct child {
	pid_t pid; /* 0: none, or reaped */
	int in;    /* its standard input, -1: none */
	struct stream out, err;
	int status; /* as wait(2) gives it */
};

/* A run that is traced. */
struct run {
	struct child target, tpd;
	struct stream data; /* tpd's output file; fd is that of the file */
	char dir[32];       /* where it lies */
	int notify;         /* tells when the file grows; 0: none */
	char label[256];
};

/* ---- processes (harness.c) ---- */

/* Paths of tpd and of a target; the buffer is the caller's. */
const char *tpd_path(void);
const char *target_path(char *buf, size_t size, const char *name);
int slow_factor(void);
/* Skips the test with a reason unless root and tpd are there. */
void need_root(void);

/* Starts argv[0] (looked up in PATH) with pipes. Asserts. */
void child_start(struct child *c, const char *const argv[]);
/* Reads from all that run until done() says so; false on the deadline or when all pipes ended. */
bool run_until(struct run *r, bool (*done)(struct run *r, void *arg), void *arg, int ms);
bool child_lines(struct run *r, struct child *c, size_t n, int ms);
/* Has it printed this text, to either output? */
bool child_says(struct run *r, struct child *c, const char *text, int ms);
bool child_exited(struct run *r, struct child *c, int ms);
/* Waits until the stream holds this text. */
bool tpd_says(struct run *r, const char *text, int ms);
void child_answer(struct child *c);
/* Kills what is left and frees all. */
void run_close(struct run *r);

/* Runs to the end with lines of input enough for any target. The caller frees the output. */
int run_plain(const char *const argv[], char **output);
/* Runs tpd with these arguments to its end; status as wait(2) gives it, -1 when it did not end in time. */
int run_tpd(const char *const args[], char **out, char **err);

/* Does the process's executable text equal the files that it maps? Waits until it does. */
bool text_is_clean(pid_t pid, int ms);
/* Highest id of a BPF link, program and map; and are there newer ones left (after waiting)? */
struct bpf_ids {
	unsigned link, prog, map;
};
struct bpf_ids bpf_ids_now(void);
bool bpf_nothing_since(const struct bpf_ids *ids, int ms);

/* ---- verdicts (verdict.c) ---- */

enum exit_kind { E_RETURN, E_TAIL, E_EXCEPTION, E_PANIC, E_UNWOUND, E_THREAD, E_OPEN, E_MAX };
extern const char *const exit_names[E_MAX];

struct call {
	uint64_t id, parent, duration;
	uint32_t fn, depth;
	uint8_t exit;
	int pid, tid;
	size_t line;
};

/* A parsed stream. */
struct trace {
	char **names; /* functions, as the stream spells them */
	size_t nnames, names_cap;
	struct call *calls;
	size_t ncalls, calls_cap;
	json_t *others; /* array: every record that is not a call, in order */
	size_t lines, bad_lines;
	json_t *first, *last; /* borrowed from others, or NULL */
};

void trace_parse(struct trace *t, const char *text, size_t len);
void trace_free(struct trace *t);
/* Calls of a function that ended so (E_MAX: any way); NULL: of all. */
uint64_t trace_count(const struct trace *t, const char *function, unsigned exit);
/* Sum of an integer over all records of a type (and function, unless NULL). */
int64_t trace_sum(const struct trace *t, const char *type, const char *function, const char *key);
json_t *trace_record(const struct trace *t, const char *type, const char *function);
/* Is it how a stream has to be: trace first, end last, fields complete, ids unique, children within
 * their parents, the sums right? All by cr_expect. */
void trace_check(const struct trace *t, const char *label);
/* Against the truth. kind: "calls", or "follow" for children too. lossy: the sums only. */
void trace_check_truth(const struct trace *t, json_t *truth, const char *kind, bool lossy,
		       const char *label);
/* Does a function of the stream go by this name in the truth? */
bool same_function(const char *streamed, const char *truth);

/* ---- a whole run (traced.c) ---- */

struct plan {
	const char *target;
	const char *args[5]; /* N THREADS MODE ... */
	const char *tpd[16]; /* further arguments of tpd */
	const char *const *functions; /* instead of those of the truth */
	bool follow, lossy;
	bool optional;  /* tpd may refuse: then only the target has to be unharmed */
	bool no_truth;  /* do not compare; the caller does */
	bool library;   /* the target loads one and waits until tpd has looked at it */
};

struct outcome {
	struct trace trace;
	json_t *truth;
	char *err;    /* what tpd said */
	int code;     /* tpd's exit status */
	bool refused; /* tpd said no (plan.optional) */
	bool ok;      /* the run came to its end, whatever the comparison says */
};

/* The plan's command line; skips the test if the target was not built. */
void target_argv(const struct plan *p, const char *argv[], char *path, size_t size);
/* Starts tpd on r->target, streaming to a file that r->data follows, with the functions that the truth names. */
void tpd_start(struct run *r, const struct plan *p, json_t *truth);
/* Frees what tpd left, so that the next one can be started on the same target. */
void tpd_close(struct run *r);
/* The truth in a target's output, or NULL; a new reference. */
json_t *truth_of(const char *output);
/* Answers the target until its truth is out. */
bool target_work(struct run *r);

/* Runs it plain and traced and checks all that plan asks for. The outcome must be freed. */
void trace_target(const struct plan *p, struct outcome *o);
void outcome_free(struct outcome *o);
/* trace_target() and outcome_free(); true if tpd did not refuse. */
bool trace_exactly(const struct plan *p);

#endif
