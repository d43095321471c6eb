/* SPDX-License-Identifier: MIT */
/* files_priv.h: what the files of files.h share: the table of system calls, descriptors, paths. */
#ifndef TPD_FILES_PRIV_H
#define TPD_FILES_PRIV_H

#include <uthash.h>

#include "base/clock.h"
#include "pipeline/files.h"

/* ---- files_table.c: what a system call means ---- */

enum effect {
	EFFECT_NONE, EFFECT_OPEN, EFFECT_ARRIVE, EFFECT_NEW, EFFECT_PAIR, EFFECT_CLOSE, EFFECT_CLOSE_RANGE, EFFECT_DUP,
	EFFECT_DUP_TO, EFFECT_FCNTL, EFFECT_MOVE, EFFECT_SEEK, EFFECT_RENAME, EFFECT_UNLINK, EFFECT_CHDIR, EFFECT_CHROOT,
	EFFECT_CLONE, EFFECT_UNSHARE, EFFECT_COPY, EFFECT_SYMLINK,
};

enum shown { SHOWN, SHOWN_STAT, SHOWN_ALL_FDS, SHOWN_NAMED, SHOWN_NEVER };

/* Sets of flags by name (files_flags.c). */
enum flag_set {
	FLAGS_NONE, FLAGS_OPEN, FLAGS_FD, FLAGS_AT, FLAGS_UNLINK, FLAGS_ACCESS, FLAGS_RENAME, FLAGS_MAP, FLAGS_PROT, FLAGS_FALLOC,
	FLAGS_RANGE, FLAGS_RW, FLAGS_SEEK, FLAGS_MSYNC, FLAGS_SPLICE, FLAGS_FCNTL, FLAGS_CLOSE, FLAGS_MEMFD, FLAGS_MAX,
};

/* Arguments are counted from 1; 0: it has none such. */
struct file_call {
	const char *name; /* of the system call */
	const char *op;   /* NULL: the same */
	const char *kind; /* EFFECT_NEW, EFFECT_PAIR: what it makes */
	uint16_t nr;
	uint8_t effect, shown;
	uint8_t dirfd, path, dirfd2, path2, fd, fd2;
	uint8_t offset, length, mode, uid, flags, set, aux, aux_len;
	uint32_t cloexec; /* in flags: that it is closed by exec; ~0: always */
	bool bytes;  /* the result counts bytes */
	bool writes; /* ... that go into the file */
	bool plain;  /* path is text that is not looked up */
	bool empty;  /* an empty path means the directory's descriptor (AT_EMPTY_PATH) */
	bool count;  /* --files=summary: the kernel adds it up */
};

extern const struct file_call files_calls[];
extern const size_t files_ncalls;
/* Must it be known of in any case? */
bool files_tracked(const struct file_call *call);
/* "A|B|0x8" in at most n bytes; empty when nothing is set and 0 has no name. */
void files_flags(enum flag_set set, uint64_t v, char *text, size_t n);

/* ---- files_fds.c: what is open ---- */

enum desc_kind { DESC_FILE, DESC_LINK, DESC_MEMFD, DESC_OTHER /* a pipe, a socket ... */ };

/* An open file description, a working directory, a root, or a symbolic link that was seen to be made. */
struct desc {
	struct desc *prev, *next; /* all there are */
	unsigned refs;
	char *path;
	char *to; /* of a link: as it is written */
	uint64_t space;
	enum desc_kind kind;
	uint32_t flags;
	bool deleted;
	bool orphan; /* deleted, and so is the directory that it was in */
	bool lost; /* what it is called now is not known */
	bool canonical; /* no symbolic links in it */
	bool regular;
	/* The position is told only while it cannot be otherwise. */
	bool pos_known, shared; /* shared: others move it too, and their order is not known */
	uint64_t pos, pos_ns;   /* true for calls that began at or after pos_ns */
	uint64_t asked_ns;      /* when /proc told it, 0: it did not */
	uint32_t asked_pid;     /* ... of whose asked_fd */
	int asked_fd;
	uint32_t user;          /* thread that used it, 0: none yet */
};

/*
 * What a number stood for from a time on. Who uses a number has got it from a call that has returned, so a call means the newest
 * that was there when it began: also when its event comes after those of a close and the next open.
 */
struct tenure {
	struct tenure *older;
	struct desc *desc;
	uint64_t opened; /* end of the call that gave it */
	uint64_t closed; /* end of the call that closed it, UINT64_MAX: it is open */
	bool asked;      /* found in /proc at `opened` */
	bool cloexec;
};

struct slot {
	int fd;
	struct tenure *newest;
	UT_hash_handle hh;
};

struct fd_table {
	unsigned refs;
	struct slot *slots;
};

struct file_process {
	uint32_t pid;
	struct fd_table *table;
	struct desc *cwd, *root; /* cwd NULL: not known; root NULL: that of the first sight */
	uint64_t space;
	uint64_t asked_ns;       /* of what calls meant that began earlier, /proc does not tell any more */
	uint64_t changed_ns; /* the last call that changed what is open */
	uint64_t born_ns;
	bool gone;           /* it has ended: kept until what the kernel has counted of it is added */
	uint64_t fork_ns; /* the last time that it was seen to fork */
	uint32_t fork_tid, fork_child;
	bool cwd_stable;
	bool lossy;              /* events were lost before asked_ns */
	bool stale;              /* to be asked again */
	UT_hash_handle hh;
};

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

struct desc *desc_new(struct files *f, uint64_t space, const char *path);
struct desc *desc_ref(struct desc *d); /* NULL is fine */
void desc_put(struct files *f, struct desc *d);
/* The whole of what is called `from` is now called `to` (NULL: nobody knows what); what was there is gone. */
int descs_rename(struct files *f, uint64_t space, const char *from, const char *to, bool exchange);
void descs_unlink(struct files *f, uint64_t space, const char *path);
/* A link that may be gone by the time that the events after it are read. 0 or -ENOMEM. */
int links_add(struct files *f, uint64_t space, const char *path, const char *to, size_t len);
const struct desc *links_find(const struct files *f, uint64_t space, const char *path);
void links_free(struct files *f);

struct file_process *files_find(struct files *f, uint32_t pid);
/* The process, asked about if it is new. NULL: no memory. */
struct file_process *files_get(struct files *f, uint32_t pid);
int files_fork(struct files *f, const struct ev_process *e);
void files_exec(struct files *f, uint32_t pid, uint64_t now);
void files_exit(struct files *f, uint32_t pid);
int files_unshare(struct files *f, struct file_process *p);
void files_share(struct files *f, struct file_process *p, uint32_t child);

/* What fd stood for in a call that began then. NULL: not known; then /proc is asked for the calls that come. */
struct desc *fd_look(struct files *f, struct file_process *p, int fd, uint64_t start_ns);
/* The same without asking. */
struct desc *fd_known(struct file_process *p, int fd, uint64_t start_ns);
/* The description that /proc tells of now, new; NULL: there is none. Others of its path may be the same one. */
struct desc *fd_ask(struct files *f, struct file_process *p, int fd);
struct slot *fd_slot(struct file_process *p, int fd);
/* fd is d (whose reference is taken) by a call. 0 or -ENOMEM. */
int fd_put(struct files *f, struct file_process *p, int fd, struct desc *d, bool cloexec, uint64_t end_ns);
/* What stood there when the call began is closed. */
void fd_close(struct file_process *p, int fd, const struct ev_file *e);
void fd_cloexec(struct file_process *p, int fd, uint64_t start_ns, bool cloexec);
void fds_exec(struct fd_table *t, uint64_t now);
/* What a process has open now. first: the answer holds for all that comes. */
void fds_ask(struct files *f, struct file_process *p, bool first);
void table_put(struct files *f, struct fd_table *t);
struct fd_table *table_copy(struct files *f, struct fd_table *from);

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
