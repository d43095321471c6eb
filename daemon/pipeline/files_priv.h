/* SPDX-License-Identifier: MIT */
/* files_priv.h: what the files of files.h share. */
#ifndef TPD_FILES_PRIV_H
#define TPD_FILES_PRIV_H

#include "base/clock.h"
#include "pipeline/files_open.h"
#include "pipeline/files_table.h"

#define LINKS_MAX 512 /* symbolic links remembered */

struct files {
	struct files_conf conf;
	struct descriptors of;
	const struct decoder *d;
	files_emit *emit;
	void *arg;
	struct file_process *processes;
	struct desc *descs;
	struct desc *links[LINKS_MAX];
	size_t nlinks; /* ever; the next place is this modulo LINKS_MAX */
	bool positions; /* every call that moves a position is seen */
	unsigned unseen;
	uint64_t told;
	struct file_paths *paths;
	struct file_sum *sums;
	const struct file_call *calls[SYS_MAX]; /* by number */
};

/* ---- files_path.c ---- */

#define PATH_ROOM 32768

/* An absolute path. */
struct path_text {
	const char *why; /* it cannot be told; NULL: it is `text` */
	struct desc *desc; /* AT_EMPTY_PATH: whose it is, borrowed */
	size_t len;
	char text[PATH_ROOM];
};

/* A path as the program gave it. */
struct path_arg {
	const char *name;
	size_t len;
	int dirfd;       /* AT_FDCWD */
	bool fault;      /* it could not be read */
	bool cut;        /* there was more of it */
	bool empty;      /* AT_EMPTY_PATH is set */
	uint64_t start_ns;
};

/* Makes it absolute. "." and doubled slashes go; ".." goes where the directory before it is no symbolic link. */
void path_resolve(struct files *f, struct file_process *p, const struct path_arg *a, struct path_text *ret);

/* ---- files_effect.c ---- */

struct file_event {
	struct ev_file e;
	const struct file_call *call;
	struct file_process *p;
	const char *text;      /* the paths */
	struct desc *fd, *fd2; /* with references; NULL: none, or not known */
	uint64_t offset, flags;
	bool has_offset, has_flags;
	bool unknown, unknown2; /* there is one, but nobody knows what it stands for */
};

/* The two paths of an event; too large for a stack. */
struct file_paths {
	struct path_text v[2];
};

static inline uint64_t file_arg(const struct file_event *v, unsigned n)
{
	return n && n <= 6 ? v->e.arg[n - 1] : 0;
}

/* Before anything changes: which files are meant. */
void files_meant(struct files *f, struct file_event *v);
/* What the call has changed. 0 or -ENOMEM. */
int files_apply(struct files *f, struct file_event *v);

/* ---- files_summary.c ---- */

/* A call that came as an event. */
void files_add(struct files *f, const struct file_event *v);
void files_sums_free(struct files *f);

/* ---- files_record.c ---- */

/* The path of a record; NULL: none, or not known. */
const char *files_path_of(const struct files *f, const struct file_event *v, unsigned i);
bool files_path_wanted(const struct files *f, const char *path);

bool files_wanted(const struct files *f, const struct file_event *v);
void files_record(struct files *f, const struct file_event *v);

#endif
