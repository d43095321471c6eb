/* SPDX-License-Identifier: MIT */
/* proto_text_priv.h: what the files behind proto_text.h share. */
#ifndef TPD_PROTO_TEXT_PRIV_H
#define TPD_PROTO_TEXT_PRIV_H

#include "probe/proto_text.h"
#include "target/proto_build.h"

/* Where the parts of a prototype stand; found by brackets alone. */
struct form {
	const char *head, *head_end; /* behind MODULE:, up to the parameters */
	const char *params;          /* behind "(", NULL: there are none */
	const char *params_end;      /* at ")" */
	const char *arrow;           /* at "->", NULL: none */
	const char *name;            /* of the function; [name, head_end) without space at its end */
	const char *name_end;
	bool typed;                  /* a result stands in front of the name */
};

void proto_text_form(const char *text, struct form *f);

/* A cursor in a text, and the block that is made of it. */
struct reader {
	const char *text; /* its beginning, where columns count from */
	const char *s, *end;
	struct proto_build *b;
	char *why;
};

/* Writes "column N: ..." and returns -EINVAL. */
int reader_fail(struct reader *r, const char *at, const char *fmt, ...) PRINTF(3, 4);
void reader_space(struct reader *r);
/* The identifier at the cursor, "ns::f" included: its length, 0: none. */
size_t reader_word(const struct reader *r);
bool reader_is(const struct reader *r, size_t n, const char *word);
/* Steps over this punctuation mark and the space behind it, if it is there. */
bool reader_take(struct reader *r, const char *mark);
/* Steps over this word and the space behind it, if it is there. */
bool reader_take_word(struct reader *r, const char *word);

/* How messages quote what stands at a place: a word, a mark or "the end". At most 40 bytes. */
#define QUOTE_MAX 48
const char *reader_quote(const struct reader *r, const char *at, char buf[QUOTE_MAX]);

/* Is this a word that a C type begins with or consists of? */
bool proto_text_type_word(const char *s, size_t n);
/* const, volatile, restrict ... */
bool proto_text_qualifier(const char *s, size_t n);
/* A type with its pointers, without a name; *ret is PROTO_NO_TYPE for void. */
int proto_text_type(struct reader *r, uint32_t *ret);
int proto_text_pointer(struct reader *r, enum type_kind kind, uint32_t inner, uint32_t *ret);
/* What follows "enum" or "flags" (at): another size, a name, a list. */
int proto_text_enum(struct reader *r, const char *at, bool flags, uint32_t *ret);
/* A plain integer type, for proto_text_enum(). */
int proto_text_integer(struct reader *r, uint32_t *ret);

/* Known sets of names. */
struct set_value {
	const char *name;
	int64_t value;
};

struct set {
	const char *name;
	bool flags;
	const struct set_value *v;
	size_t n;
};

extern const struct set proto_text_sets[];
extern const size_t proto_text_nsets;

#endif
