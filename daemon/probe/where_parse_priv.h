/* SPDX-License-Identifier: MIT */
/* where_parse_priv.h: the words of a condition, for its parser. */
#ifndef TPD_WHERE_PARSE_PRIV_H
#define TPD_WHERE_PARSE_PRIV_H

#include "probe/where_priv.h"

struct lexer {
	const char *text, *s;
	const char *before; /* where the mark began that was taken last */
	char *why;
	struct where *w;
};

/* "column N: ..."; returns -EINVAL. */
int lexer_fail(struct lexer *in, const char *at, const char *fmt, ...) PRINTF(3, 4);
void lexer_space(struct lexer *in);
/* Steps over this mark (word) and the space behind it. "!" is not taken from "!=" and "!~". */
bool lexer_take(struct lexer *in, const char *mark);
bool lexer_take_word(struct lexer *in, const char *word);
bool lexer_take_not(struct lexer *in);
/* ==, <, &, ~ ... False: there is none. */
bool lexer_operator(struct lexer *in, uint8_t *op);
/* Does a name begin here, of something that a call has? */
bool lexer_at_path(const struct lexer *in);
int lexer_path(struct lexer *in, struct leaf *l);
int lexer_literal(struct lexer *in, struct leaf *l);
/* Behind '&': names and numbers with '|' between them, in brackets or not. */
int lexer_mask(struct lexer *in, struct leaf *l);
/* Can this operator take this literal? */
int lexer_check(struct lexer *in, const char *at, const struct leaf *l);

#endif
