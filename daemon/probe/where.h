/* SPDX-License-Identifier: MIT */
/*
 * where.h: conditions on calls, as people write them:
 *
 *	return < 0            fd == 3 && size > 4096        (a > 1 || b == 2) && !c
 *	path == "/etc/passwd" name ~ "*.so", name !~ "t*"   len(s) > 10
 *	flags & O_CREAT       mode == 0644    p->x.y, v[2]  exit == exception       duration > 10ms
 *
 * A name is a parameter of the function, `return` its result. `duration`, `exit`, `error`, `tid` and `comm` are what the
 * record has under these names, unless a parameter is called so (but for `duration`); args.NAME always is a parameter.
 * Members behind pointers are reached by "." and "->" alike, alternatives by their name (return.Err).
 *
 * Numbers are decimal, 0x or 0 (octal), negative, 1.5, sizes 4K 2M 1G (powers of 1024), times 10ms (ns us ms s m h); there
 * are true, false, null, text in '...' or "...", names of enumerators and of well-known flags, several with "|". "~" compares
 * with a glob. What stands alone is true unless it is 0, false or null. "and", "or" and "not" are && || and !
 *
 * The condition becomes clauses, all of which must hold, each some tests of which one must. A clause all of whose tests are
 * of plain integers is told by the kernel, so that calls that fail it cost no event; the others are asked in user space
 * (include/condition.h). A test on what a call does not have, or what could not be read, fails, and so does its opposite.
 */
#ifndef TPD_PROBE_WHERE_H
#define TPD_PROBE_WHERE_H

#include "base/util.h"
#include "probe/capture.h"
#include "value.h"
#include "condition.h"

#define WHERE_MAX  4096 /* bytes of a condition */
#define WHERE_WHY  640

struct where;

/*
 * text: of --where, NULL: none. errors: --errors, only calls that failed: a negative result, a pointer's function that set
 * errno, a Result's Err, an exception or panic. 0, -ENOMEM, or -EINVAL with why: "column 9: ...".
 */
int where_parse(const char *text, bool errors, struct where **ret, char why[WHERE_WHY]);
/* NULL is fine. */
void where_free(struct where *w);

/*
 * The condition for one function. v: what is captured of it, checked; NULL: nothing. test, *ntests: what the kernel
 * tells. *fn: the rest for where_match(), free() it; NULL if the kernel tells all. w and v must outlive it.
 * A name that this function does not have makes its tests fail. 0, -ENOMEM.
 */
int where_resolve(struct where *w, const struct values *v, struct fetch_test test[TEST_MAX], uint16_t *ntests,
		  struct where_fn **fn);

/*
 * After all functions: -EINVAL with why if some test makes no sense for any of them: "'fdd' is no parameter of these
 * functions; they have fd, path, flags". 0.
 */
int where_verify(const struct where *w, char why[WHERE_WHY]);

/* Calls shorter than this never satisfy it, 0: not known. The kernel can leave these out (--min-duration). */
uint64_t where_min_duration(const struct where *w);

#endif
