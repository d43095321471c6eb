/* SPDX-License-Identifier: MIT */
/*
 * proto_build.h: makes a prototype block (include/proto.h) piece by piece. Whoever reads debug information
 * or a prototype's text adds what it finds, in any order, and takes the block at the end.
 *
 * Failures stick: after the first one every call does nothing and returns 0, and proto_build_finish() tells
 * why. So a reader need not look at each call, and 0 is always an index that it may go on with. A block that would
 * become larger than PROTO_MAX_BYTES fails as soon as that is known, so hostile input cannot take much memory.
 */
#ifndef TPD_PROTO_BUILD_H
#define TPD_PROTO_BUILD_H

#include "base/util.h"
#include "proto.h"

struct proto_build;

/* NULL: out of memory. */
struct proto_build *proto_build_new(void);
/* NULL is fine. */
void proto_build_free(struct proto_build *b);

/* The offset of these bytes in the string table; the same text is stored once. A NUL ends them early. */
uint32_t proto_build_string(struct proto_build *b, const char *s, size_t len);

/*
 * Appends a type and returns its index. A reader that meets types that hold each other adds an empty one, remembers its
 * index, and fills it in with proto_build_set_type() when its inner types are there.
 */
uint32_t proto_build_type(struct proto_build *b, const struct type *t);
void proto_build_set_type(struct proto_build *b, uint32_t index, const struct type *t);
/* A copy of what was set last; all zero after a failure or when there is no such type. */
struct type proto_build_get_type(const struct proto_build *b, uint32_t index);

/* Appends n members (pieces) in one run and returns the index of the first. */
uint32_t proto_build_members(struct proto_build *b, const struct member *m, size_t n);
uint32_t proto_build_pieces(struct proto_build *b, const struct piece *p, size_t n);
/* The next parameter. More than PROTO_MAX_PARAMS fail. */
void proto_build_param(struct proto_build *b, const struct param *p);

/* 0, or why it failed: -ENOMEM, -E2BIG (too large), -EINVAL (an index was set that does not exist). */
int proto_build_error(const struct proto_build *b);

/*
 * The block, malloc'ed. head: lang, flags, name and result; counts and size are filled in here. The builder may be
 * used on. 0 or as proto_build_error(). Indices are not checked: that is proto_check()'s.
 */
int proto_build_finish(struct proto_build *b, const struct proto *head, struct proto **ret);

#endif
