/* SPDX-License-Identifier: MIT */
/* fileio.h: --files: what the kernel is told to send, and what the pipeline makes of it. */
#ifndef TPD_FILEIO_H
#define TPD_FILEIO_H

#include "app/proc_fds.h"
#include "pipeline/files.h"

struct session;
struct output;
struct kernel_conf;

struct fileio {
	struct proc_fds *fds;
	char *names;        /* of --op, NUL-terminated each */
	const char **ops;   /* into names */
	size_t nops, cap;
	uint64_t lost;      /* of the kernel's count, acted on so far */
	bool told_io_uring;
};

/* Reads --op. 0, -EINVAL (logged), -ENOMEM. */
int fileio_open(struct session *s);
/* What the kernel must be opened with. */
void fileio_size(const struct session *s, struct kernel_conf *k);
/* From here on everything is seen. After the output is open. 0 or negative errno. */
int fileio_start(struct session *s);
/* To be called before events are handed on: have any been lost? */
void fileio_check(struct session *s);
/* --files=summary: takes over what the kernel has counted; after all events so far. last: nothing more will come. */
void fileio_count(struct session *s, bool last);
/* What is not seen, said once each. */
void fileio_warn(struct session *s);
void fileio_free(struct session *s);

/* --replay: files of an output that has no session. 0 or -ENOMEM. */
int fileio_replay(struct output *o);

#endif
