/* SPDX-License-Identifier: MIT */
/*
 * files.h: from system calls on files to "file" records: which file a descriptor stood for at that moment.
 *
 * For each process a table says which open file description a descriptor stands for. It begins with what the process has open
 * when it is first seen, and follows every event from then on. Events come in the order in which calls ended; where that leaves
 * open which file was meant, nothing is claimed.
 */
#ifndef TPD_FILES_H
#define TPD_FILES_H

#include "base/util.h"
#include "descriptors.h"
#include "pipeline/decode.h"
#include "spec.h"

struct files;

struct files_conf {
	bool all_fds;        /* pipes, sockets and the like too */
	bool stat;           /* calls that only ask for attributes too */
	bool summary;        /* no records but "file_summary" */
	bool filtered;       /* the kernel leaves out some: fast ones, those that succeed */
	const char *const *paths; /* globs, one of which must match; none: all */
	size_t npaths;
	const char *const *ops;   /* names of operations or system calls; none: the usual ones */
	size_t nops;
};

/* Where records go; each is valid only during the call. */
typedef void files_emit(void *arg, const struct record *r);

/* What of conf says what the kernel is to do at a system call. cb's negative return ends it and is returned. */
int files_specs(const struct files_conf *conf, int (*cb)(void *arg, uint32_t nr, const struct sys_spec *spec), void *arg);
/* Is there an operation or a system call of this name? n: its length. */
bool files_known(const char *name, size_t n);

/* conf's lists, of and d must outlive it; d may change between two events. 0 or -ENOMEM. */
int files_new(struct files **ret, const struct files_conf *conf, const struct descriptors *of, const struct decoder *d,
	      files_emit *emit, void *arg);
void files_free(struct files *f);

/*
 * A process that is traced from now on. To be called before the kernel is told what to send, and again afterwards: what both
 * found is certain also for the events between. 0 or -ENOMEM.
 */
int files_process(struct files *f, uint32_t pid);
/* Any event: system calls and processes matter. 0; -EBADMSG: no program of ours sends these bytes; -ENOMEM. */
int files_event(struct files *f, const void *bytes, size_t len);
/* Events were lost: what is open is asked for again. */
void files_lost(struct files *f);

#define FILES_IO_URING 1u /* a process has a ring: what it does through that is not seen */
/*
 * --files=summary: what the kernel has counted of a descriptor. Returns 1: it was added, nothing is added there any more and it can go;
 * 0: not yet. last: nothing more will come, everything is added. After all events so far.
 */
int files_count(struct files *f, const struct file_key *key, const struct file_stats *s, bool last);
/* All that was counted has been handed over: processes that have ended are forgotten. */
void files_counted(struct files *f);
/* A record "file_summary" for each file and process so far. */
void files_summary(struct files *f, bool interval);
/* The same for people, most time first. */
void files_table(struct files *f, FILE *out);

/* What goes on unseen, as far as it has been noticed. */
unsigned files_unseen(const struct files *f);
/* Records handed out so far. */
uint64_t files_told(const struct files *f);

#endif
