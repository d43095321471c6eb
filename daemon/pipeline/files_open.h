/* SPDX-License-Identifier: MIT */
/* files_open.h: what is open: descriptions (files_desc.c), numbers (files_fds.c), processes (files_process.c). */
#ifndef TPD_FILES_OPEN_H
#define TPD_FILES_OPEN_H

#include <uthash.h>

#include "pipeline/files.h"

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

#endif
