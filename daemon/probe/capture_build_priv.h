/* SPDX-License-Identifier: MIT */
/* capture_build_priv.h: what the files capture*.c do for each other. */
#ifndef TPD_CAPTURE_BUILD_PRIV_H
#define TPD_CAPTURE_BUILD_PRIV_H

#include "probe/capture_priv.h"

/* capture_tree.c */
uint32_t node_new(struct comp *c, uint32_t parent, enum value_kind kind, uint32_t type);
void node_missing(struct comp *c, uint32_t node, const char *why);
/* It did not fit: takes it out of its parent; of a root it says too_large. */
void node_drop(struct comp *c, uint32_t node);
uint32_t text_add(struct comp *c, const char *s);
/* Members (parameters) of the same name, such as a base class's or nameless ones, are told apart. */
void names_unique(struct comp *c, uint32_t node);
void roots_unique(struct comp *c, const uint32_t *root, size_t n);
int tree_finish(struct comp *c, const uint32_t *root, size_t n, struct values **ret);

/* capture_emit.c */
struct mark comp_mark(const struct comp *c);
void comp_undo(struct comp *c, const struct mark *m);
void emit(struct comp *c, enum fetch_op op, unsigned arg, int64_t imm);
void emit_address(struct comp *c, const struct loc *l, uint64_t off);
/* Do these bytes of an object lie in memory, all together? Then emit_place() gives their address. */
bool in_memory(const struct loc *l, uint64_t off, uint64_t size);
void emit_place(struct comp *c, const struct loc *l, uint64_t off);
/* acc = size bytes of the object at off. NULL, or why they cannot be had. */
const char *emit_load(struct comp *c, const struct loc *l, uint64_t off, unsigned size);
unsigned emit_save(struct comp *c);
/* An operation with an item of this size; returns the item's number. heap: bytes there at most. */
uint8_t emit_item(struct comp *c, enum fetch_op op, unsigned arg, uint32_t bytes, uint16_t *at);
/* Ends a run of operations that the one at index `at` skips. */
void emit_landing(struct comp *c, unsigned at);
void emit_wants(struct comp *c, const struct object *o);

/* capture_type.c */
uint32_t build(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off, unsigned depth);
void build_object(struct comp *c, const struct loc *l, uint32_t parent, uint32_t type, unsigned depth, uint32_t *node);
void leaf(struct comp *c, const struct object *o, uint32_t node, uint64_t off, uint32_t size);
struct todo *todo_new(struct comp *c, const struct object *o, enum todo_kind kind, uint32_t node);
/* The one element that stands for all of an array below node. */
void template_build(struct comp *c, const struct object *o, uint32_t node, uint32_t type, unsigned depth);
bool has_secret(const struct comp *c, uint32_t name);

/* capture_known.c: types of the standard libraries, known by their members. Returns the node, NONE: not one of them. */
uint32_t build_known(struct comp *c, struct object *o, uint32_t parent, uint32_t type, uint64_t off, unsigned depth);
bool is_followed_text(struct comp *c, uint32_t type);
/* Is every byte that tells of it within it, so that it can be an element in a copied run? */
bool is_plain(struct comp *c, uint32_t type, unsigned depth);

/* capture_todo.c */
void todo_run(struct comp *c, const struct loc *l, const struct todo *t);

#endif
