/* SPDX-License-Identifier: MIT */
/*
 * files.h: what the pieces of the target "files" share: a model of what its descriptors and names stand for, and the truth.
 *
 * The model lies in memory that all its processes share, also after exec, so that descriptions (with their positions) and names
 * are one for parent and child as in the kernel. An actor, a thread or a child, has names and descriptions of its own and nobody
 * else works on them at the same time; only the numbers of descriptors are fought for.
 */
#ifndef FILES_H
#define FILES_H

#include "target.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#define TALK_FD	  900 /* the arena; not part of the truth */
#define BAD_FD	  850 /* never open */
#define FD_MAX	  896
#define ACTORS	  256
#define SLICE	  2048 /* names, files and descriptions of an actor */
#define LOG_BYTES (192u << 20)
#define TEXT_MAX  8192
#define WAS_BYTES (64u << 20)

enum kind { K_FILE, K_DIR, K_LINK, K_PIPE, K_SOCKET, K_MEMFD, K_TMPFILE };

/* A name in a directory, as the kernel's dentry. */
struct dent {
	int parent;    /* -1: the root of all, whose name is a whole path */
	int inode, to; /* to: what a symbolic link leads to */
	uint8_t kind;
	uint32_t was;	     /* its path when it was deleted, in shared.was */
	bool deleted, fixed; /* fixed: is never renamed or removed */
	char name[256];
};

/* An open file description: what dup, fork and SCM_RIGHTS share. */
struct ofd {
	int dent; /* -1: has none */
	int via;  /* the symbolic link that it was opened by, -1: none */
	uint8_t kind;
	bool passed; /* by SCM_RIGHTS */
	int flags;
	int64_t pos;
	char name[16]; /* of a memfd */
};

struct actor {
	uint64_t rng;
	int dents, ofds, inodes, names, deep;
	int own;	     /* the directory that it works in */
	int64_t size[SLICE]; /* of inodes */
	int saved[FD_MAX];   /* descriptors over exec */
	bool saved_passed[FD_MAX];
};

struct shared {
	uint64_t log_used;
	uint32_t was_used;
	int actors, check, straight, wrong;
	struct actor actor[ACTORS];
	struct dent dent[ACTORS * SLICE];
	struct ofd ofd[ACTORS * SLICE];
	char was[WAS_BYTES];
	char log[LOG_BYTES];
};

#define arena ((struct shared *)0x600000000000)

/* What a thread knows; a child has a copy. */
struct ctx {
	struct actor *a;
	int cwd, depth, tid;
	bool single; /* the only thread of its process */
	unsigned long step;
	int ofd[FD_MAX]; /* by descriptor, -1: not ours */
	bool cloexec[FD_MAX], passed[FD_MAX];
	int nfds;
	char dummy[65536 + 4096];
};

/* One way to name something. */
struct ref {
	int at;				     /* descriptor of a directory, AT_FDCWD */
	const char *text;		     /* what is given to the kernel */
	bool known;			     /* path is right */
	char path[TEXT_MAX], real[TEXT_MAX]; /* real: when symbolic links lead elsewhere */
	char buf[TEXT_MAX];
};

/* ---- files_model.c ---- */

void arena_open(bool create);
uint32_t rnd(struct ctx *c, uint32_t below);
bool chance(struct ctx *c, int percent);

struct dent *dent_at(int i);
int dent_new(struct ctx *c, int parent, const char *name, int kind, int inode);
int inode_new(struct ctx *c);
int64_t *inode_size(int dent);
size_t dent_path(int i, char *to);
bool dent_gone(int i);
bool dent_below(int i, int top);
bool dent_empty(struct ctx *c, int i);
/* One of the actor's own that is there, -1: none. */
int dent_pick(struct ctx *c, int kind, bool loose);
void dent_remove(int i);
const char *name_new(struct ctx *c, char prefix);

/* How to name `name` in directory dir; at: descriptors of directories can be used. */
bool ref_make(struct ctx *c, struct ref *r, int dir, const char *name, bool at);
bool ref_dent(struct ctx *c, struct ref *r, int dent, bool at);
/* Something new in a random directory of ours; its directory, or -1. */
int ref_new(struct ctx *c, struct ref *r, char prefix, bool at, char name[256]);
/* Something that leads to an error; found: when it has to be there, else also when it can be made. */
void ref_wrong(struct ctx *c, struct ref *r, bool at, bool found);

void fd_add(struct ctx *c, int fd, int ofd, bool cloexec);
void fd_gone(struct ctx *c, int fd);
int ofd_new(struct ctx *c, int dent, int kind, int flags);
struct ofd *ofd_at(int i);
struct ofd *fd_ofd(struct ctx *c, int fd);
/* A descriptor of ours of one of these kinds (bits), BAD_FD: none. */
int fd_pick(struct ctx *c, unsigned kinds);
void fd_check(struct ctx *c, int fd);

/* ---- the truth (files_truth.c) ---- */

/* Raw: -errno on failure. */
long sys(long nr, ...);
void rec(struct ctx *c, const char *op, long ret);
void rec_ref(const char *key, const struct ref *r);
void rec_text(const char *key, const char *bytes, size_t len);
void rec_int(const char *key, long long v);
void rec_fd(struct ctx *c, const char *key, const char *path, int fd);
void rec_flags(const char *family, unsigned long v);
void rec_true(const char *key);
void rec_end(struct ctx *c);
void truth_print(void);

/* ---- operations (files_names.c, files_io.c) ---- */

struct op {
	void (*run)(struct ctx *c);
	int weight;
};
extern const struct op name_ops[], io_ops[];
void op_close(struct ctx *c);

#endif
