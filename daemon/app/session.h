/* SPDX-License-Identifier: MIT */
/*
 * session.h: one run of tpd. The session owns everything, opens in order and closes in reverse. Functions return an
 * exit status (enum status) where they are the edge, negative errno below it.
 */
#ifndef TPD_SESSION_H
#define TPD_SESSION_H

#include "app/carry.h"
#include "app/fileio.h"
#include "app/output.h"
#include "app/resolve.h"
#include "base/loop.h"
#include "kernel/kernel.h"
#include "probe/plan.h"

/* Exit status of tpd, as the manual lists it. */
enum status { STATUS_DONE = 0, STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_NOTHING = 3, STATUS_DENIED = 4 };

/* A process that is traced. */
struct target {
	struct process process;
	struct session *session;
	struct image **attached; /* images whose sites are attached for this process */
	size_t nattached, cap;
	struct target *next;
};

struct session {
	struct conf conf;
	struct features features;
	struct loop *loop;
	struct pattern *patterns;
	size_t npatterns;
	struct image *images;
	struct plan plan;
	struct target *targets;
	struct kernel *kernel;
	struct carry carry;
	struct fileio fileio;
	struct resolve *resolve; /* what lies at an address of a target */
	struct output output;
	struct stats_source source;
	bool output_ready;
	bool everywhere;        /* links serve every process that maps the file; BPF filters */
	bool hijack;            /* session links may divert return addresses */
	const char *no_hijack;  /* why not */
	bool shadow_stack;      /* a target has one: no `ret` may be executed for it */
	uint32_t runtimes;      /* of all targets */
	size_t named;           /* functions of the plan that output knows */
	uint64_t lost_seen, lost_ns;  /* losses told, and when */
	uint64_t looked_again, process_lost, more_lost;
	int drain_timer, duration_timer, interval_timer, status_timer;
	unsigned empty_drains;
	pid_t child;            /* -- COMMAND */
	int child_go;           /* pipe that lets it run */
	int child_status;
	bool child_reaped;
	struct image **spawned; /* its executable, loader and libraries, attached before it runs */
	size_t nspawned, spawned_cap;
	const char *reason;     /* why it ended, as the schema names it */
	int status;             /* exit status when an open failed */
};

/* Finds targets and functions, loads, attaches. 0; else the exit status is in s->status and the reason was logged. */
int session_open(struct session *s);
/* Until a signal, the end of the targets, --duration or --count. */
int session_run(struct session *s);
void session_close(struct session *s);
/* Tells output the names of functions planned since the last time. */
int session_name_functions(struct session *s);
/* Says that nothing matched, and the nearest names. */
void session_say_nearest(struct session *s);
/* May session links divert return addresses, by what was asked for and found out? */
void session_choose_hijack(struct session *s);
/* The exit status that a negative errno means. */
int session_status_of(int err);
/* What main returns. */
int session_status(const struct session *s);

/* targets.c */
int targets_parse(struct session *s);
/* Opens a process and makes it a target. 0 or negative errno, logged unless quiet: it may be gone by now. */
int target_add(struct session *s, pid_t pid, bool quiet);
/* Reads its mappings and plans functions for what is new; nothing is attached yet. */
int target_scan(struct session *s, struct target *t);
struct target *target_find(struct session *s, pid_t pid);
/* A process that ended. t is freed; its pidfd must not be watched any more. */
void target_remove(struct session *s, struct target *t);
void targets_free(struct session *s);

/* attachment.c */
enum how session_how(const struct session *s, const struct func *f);
/* Attaches whatever is planned for t and not attached yet. How many sites were refused, or negative errno. */
int session_attach(struct session *s, struct target *t);
/* Attaches an image that no target is known to map yet: --exe, a command before it runs. */
int session_attach_exe(struct session *s);
/* From now on no return address is diverted: every `ret` is probed instead. */
int session_stop_hijack(struct session *s, const char *why);
/* Fill a malloc'ed array with the probes of functions from..n. */
size_t session_probes(const struct session *s, size_t from, struct probe_info **ret);

/* spawn.c */
int spawn_start(struct session *s);
void spawn_release(struct session *s);
void spawn_reap(struct session *s);

/* list.c, doctor.c, replay.c: the other commands. Exit status. */
int list_run(struct conf *conf);
int doctor_run(struct conf *conf);
int replay_run(struct conf *conf);

#endif
