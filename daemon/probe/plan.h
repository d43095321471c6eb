/* SPDX-License-Identifier: MIT */
/*
 * plan.h: from patterns and images to functions with their sites and a verdict each. Plain data: nothing here
 * needs root or a kernel.
 */
#ifndef TPD_PLAN_H
#define TPD_PLAN_H

#include <uthash.h>
#include "probe/image.h"
#include "target/pattern.h"
#include "target/sites.h"

/* How the return of a function is seen. */
enum how { HOW_NONE, HOW_RET, HOW_EMULATE, HOW_SESSION, HOW_REFUSED };

struct func {
	uint32_t fn;        /* index in plan->funcs, the id in events */
	struct image *image;
	uint64_t addr;      /* virtual, in the image */
	uint64_t size;
	char *name;         /* as people read it: demangled, suffix of a clone taken off */
	struct sites sites; /* empty when refused */
	enum sites_error error;
	bool ifunc;         /* addr is a resolver: what it chose is not known */
	char *symbol;       /* of an ifunc: its plain name */
	size_t pattern;     /* the first one that it matched */
	const char *unfit;  /* why its return address must not be diverted, NULL: it may be */
	bool dead;          /* the kernel refused its entry */
};

struct func_key {
	const struct image *image;
	uint64_t addr;
};

struct func_index {
	struct func_key key;
	uint32_t fn;
	UT_hash_handle hh;
};

struct plan {
	struct func *funcs;
	size_t n, cap;
	struct func_index *index;
	const struct pattern *patterns;
	size_t npatterns;
	size_t *hits;    /* of each pattern: functions that it matched; the owner of patterns gives the memory */
	size_t max;      /* functions at most */
	size_t wanted;   /* functions that matched, also those above max */
	size_t refused;  /* matched, but no safe sites */
	bool no_nop5;    /* the kernel does not take probes away from nops of 5 bytes */
	uint32_t jumps;  /* entries of the jumps map given out */
};

/*
 * Holds the patterns against an image and adds what matches. rootfd: for separate debug files. 0, -E2BIG if that is
 * more than max (plan->wanted tells how many), -ENOMEM, or what reading the image says.
 */
int plan_add_image(struct plan *p, struct image *img, int rootfd);
/* Moves an ifunc to the implementation at addr (in its image, whose symbols are loaded). */
void plan_resolve(struct plan *p, struct func *f, uint64_t addr);
/* Does an entry site lie on a nop of 5 bytes? */
bool plan_on_nop5(const struct plan *p);
/* Looks for other sites for those, and for all that come. The images' symbols are loaded. */
void plan_avoid_nop5(struct plan *p);
void plan_free(struct plan *p);

/* A sentence: how and why the return of f is seen that way. hijack: NULL or why the process forbids it. */
const char *plan_why(const struct func *f, enum how how, const char *hijack);
const char *how_name(enum how how);

#endif
