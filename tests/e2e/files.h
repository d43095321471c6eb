/* SPDX-License-Identifier: MIT */
/* files.h: for the suites that hold "file" records against what is true (files_run.c, files_same.c). */
#ifndef E2E_FILES_H
#define E2E_FILES_H

#include "harness.h"

struct filed_plan {
	const char *n, *threads, *seed, *mode; /* of the target "files"; mode: see tests/targets/files.c */
	const char *tpd[14];		       /* beside -p and --follow */
	const char *function;		       /* -f, NULL: none */
	bool lossy;
};

struct filed {
	json_t *truth;	 /* array, as tests/targets/files.c describes it */
	json_t *records; /* array: the whole stream */
	json_t *end;	 /* its last record; borrowed */
	char *err;	 /* what tpd said */
	char dir[48];	 /* where the target worked, gone now */
	bool ok, lossy;
	char label[256];
};

/* Runs it plain, and traced; the stream is whole and tpd ended well. */
void filed_run(const struct filed_plan *p, struct filed *f);
void filed_free(struct filed *f);
/* Lines of NDJSON as an array; none of them may be broken. */
json_t *files_lines(const char *text, const char *label);
/* A fresh directory under /tmp, and the end of it with all that is in it. */
void files_scratch(char dir[48]);
void files_remove(const char *dir);

/* ---- comparison (files_same.c) ---- */

/* The record's "op" for a system call; NULL: none is told. */
const char *files_op(const char *call);
/* Is this only told with --stat or --op? With --all-fds? */
bool files_op_hidden(const char *call);
bool files_only_others(json_t *want);

struct tally {
	size_t same, missing, extra, wrong;
	size_t unknown; /* paths that tpd said it does not know */
	size_t via;	/* paths that are that of the symbolic link */
	size_t cut;	/* second paths that were too long */
	size_t nowhere; /* positions that it did not tell */
	size_t said;	/* differences in the log so far */
	bool lossy;	/* any path may be unknown */
};

/*
 * Each thread's records in order, against what keep() (NULL: all) leaves of the truth; some: only some of that is told.
 * In the log: the first differences.
 */
void files_compare(const struct filed *f, bool some, bool (*keep)(json_t *want, void *arg), void *arg, struct tally *t);

/* The truth, or the records, as {"PID/TID":[...]}; a new reference. */
json_t *files_by_thread(const struct filed *f, bool truth, bool (*keep)(json_t *o, void *arg), void *arg);

#endif
