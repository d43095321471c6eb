/* SPDX-License-Identifier: MIT */
/* where_lex.c: the words of a condition: names, numbers, texts, operators. */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>

#include "probe/where_parse_priv.h"

int lexer_fail(struct lexer *in, const char *at, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(in->why, WHERE_WHY, "column %zu: ", (size_t)(at - in->text) + 1);

	va_start(ap, fmt);
	vsnprintf(in->why + n, WHERE_WHY - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

void lexer_space(struct lexer *in)
{
	while (*in->s == ' ' || *in->s == '\t' || *in->s == '\n')
		in->s++;
}

static bool begins_name(char c)
{
	return isalpha((unsigned char)c) || c == '_' || c == '$' || c & 0x80;
}

/* Bytes of the name at s; '#' numbers those of one name (x#2). */
static size_t name_length(const char *s)
{
	size_t n = 0;

	if (!begins_name(*s))
		return 0;
	while (begins_name(s[n]) || isdigit((unsigned char)s[n]) || s[n] == '#')
		n++;
	return n;
}

bool lexer_take(struct lexer *in, const char *mark)
{
	size_t n = strlen(mark);

	if (strncmp(in->s, mark, n))
		return false;
	in->before = in->s;
	in->s += n;
	lexer_space(in);
	return true;
}

bool lexer_take_word(struct lexer *in, const char *word)
{
	return name_length(in->s) == strlen(word) && lexer_take(in, word);
}

bool lexer_take_not(struct lexer *in)
{
	if (in->s[0] == '!' && (in->s[1] == '=' || in->s[1] == '~'))
		return false;
	return lexer_take(in, "!") || lexer_take_word(in, "not");
}

bool lexer_operator(struct lexer *in, uint8_t *op)
{
	static const struct {
		const char *mark;
		uint8_t op;
	} ops[] = {
		{ "==", WHERE_EQ }, { "!=", WHERE_NE },	  { "<=", WHERE_LE },	   { ">=", WHERE_GE },
		{ "<", WHERE_LT },  { ">", WHERE_GT },	  { "!~", WHERE_NO_GLOB }, { "~", WHERE_GLOB },
		{ "=", WHERE_EQ },
	};

	if (in->s[0] == '&' && in->s[1] != '&') {
		*op = WHERE_BITS;
		return lexer_take(in, "&");
	}
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (lexer_take(in, ops[i].mark)) {
			*op = ops[i].op;
			return true;
		}
	return false;
}

/* Keeps n bytes of text; there is room for all that the condition has. */
static const char *keep(struct lexer *in, const char *s, size_t n)
{
	char *to = in->w->pool + in->w->npool;

	memcpy(to, s, n);
	to[n] = '\0';
	in->w->npool += n + 1;
	return to;
}

static bool is_word(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && !memcmp(s, word, n);
}

/* These words are literals, wherever they stand. */
static bool literal_word(const char *s, size_t n, struct leaf *l)
{
	static const struct {
		const char *word;
		uint8_t literal, number;
	} words[] = {
		{ "true", LEAF_NUMBER, 1 }, { "false", LEAF_NUMBER, 0 }, { "null", LEAF_NULL, 0 },
		{ "NULL", LEAF_NULL, 0 },   { "nullptr", LEAF_NULL, 0 }, { "nil", LEAF_NULL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (is_word(s, n, words[i].word)) {
			l->literal = words[i].literal;
			l->number = words[i].number;
			return true;
		}
	return false;
}

bool lexer_at_path(const struct lexer *in)
{
	struct leaf none;

	return begins_name(*in->s) && !literal_word(in->s, name_length(in->s), &none);
}

/* ".x", "->x", "[3]" */
static int path_step(struct lexer *in, struct leaf *l, bool *more)
{
	struct where_step *step = &l->step[l->nsteps];
	const char *at = in->s;
	char *end;
	size_t n;

	*more = *at == '[' || *at == '.' || (at[0] == '-' && at[1] == '>');
	if (!*more)
		return 0;
	if (l->nsteps == WHERE_STEPS)
		return lexer_fail(in, at, "at most %d members inside each other", WHERE_STEPS);
	l->nsteps++;
	if (lexer_take(in, "[")) {
		errno = 0;
		*step = (struct where_step){ .index = (uint32_t)strtoul(in->s, &end, 10) };
		if (end == in->s || !isdigit((unsigned char)*in->s) || errno || end - in->s > 9)
			return lexer_fail(in, in->s, "the number of an element was expected");
		in->s = end;
		lexer_space(in);
		return lexer_take(in, "]") ? 0 : lexer_fail(in, in->s, "']' was expected");
	}
	(void)(lexer_take(in, ".") || lexer_take(in, "->"));
	n = strspn(in->s, "0123456789");
	if (n && !begins_name(in->s[n])) {
		/* Fields of Rust's tuples are __0, __1 in debug information. */
		const char *name = keep(in, "__", 2);

		in->w->npool--;
		keep(in, in->s, n);
		*step = (struct where_step){ .name = name };
	} else {
		n = name_length(in->s);
		if (!n)
			return lexer_fail(in, in->s, "the name of a member was expected");
		*step = (struct where_step){ .name = keep(in, in->s, n) };
	}
	in->s += n;
	lexer_space(in);
	return 0;
}

static int path(struct lexer *in, struct leaf *l)
{
	size_t n = name_length(in->s);
	bool more = true;
	int err = 0;

	if (!n)
		return lexer_fail(in, in->s, "the name of a parameter, 'return' or 'duration' was expected");
	l->is_return = is_word(in->s, n, "return");
	if (!l->is_return)
		l->step[l->nsteps++] = (struct where_step){ .name = keep(in, in->s, n) };
	in->s += n;
	lexer_space(in);
	while (!err && more)
		err = path_step(in, l, &more);
	/* args.x */
	if (!err && l->nsteps > 1 && !l->is_return && !strcmp(l->step[0].name, "args") && l->step[1].name) {
		memmove(l->step, l->step + 1, --l->nsteps * sizeof(*l->step));
		l->is_args = true;
	}
	return err;
}

int lexer_path(struct lexer *in, struct leaf *l)
{
	struct lexer ahead = *in;
	int err;

	if (!lexer_take_word(&ahead, "len") || !lexer_take(&ahead, "("))
		return path(in, l);
	*in = ahead;
	l->len = true;
	err = path(in, l);
	if (!err && !lexer_take(in, ")"))
		err = lexer_fail(in, in->s, "')' was expected");
	return err;
}

/* What stands behind a number: its factor; 0: it is none. */
static uint64_t unit(const char *s, size_t n, bool *time)
{
	static const struct {
		const char *name;
		uint64_t factor;
		bool time;
	} units[] = {
		{ "", 1, false },	   { "K", 1u << 10, false },	 { "M", 1u << 20, false },
		{ "G", 1u << 30, false },  { "T", 1ull << 40, false },	 { "ns", 1, true },
		{ "us", 1000, true },	   { "ms", 1000000, true },	 { "s", 1000000000, true },
		{ "m", 60000000000, true }, { "h", 3600000000000, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (is_word(s, n, units[i].name)) {
			*time = units[i].time;
			return units[i].factor;
		}
	return 0;
}

static int real(struct lexer *in, const char *at, struct leaf *l)
{
	char *end;
	bool time;
	uint64_t factor;

	l->real = strtod(at, &end);
	factor = unit(end, name_length(end), &time);
	if (!factor || !isfinite(l->real) || (time && (l->real < 0 || l->real * (double)factor > 9e18)))
		return lexer_fail(in, at, "this is no number: 12, 0x1f, 1.5, 4K, 10ms");
	l->real *= (double)factor;
	l->literal = time ? LEAF_TIME : LEAF_REAL;
	l->number = time ? (__int128)l->real : 0;
	in->s = end + name_length(end);
	return 0;
}

static int number(struct lexer *in, struct leaf *l)
{
	const char *at = in->s, *digits = at + (*at == '-');
	bool hex = digits[0] == '0' && (digits[1] | 0x20) == 'x', time;
	size_t n = strspn(digits, "0123456789");
	unsigned long long v;
	uint64_t factor;
	char *end;
	int err = 0;

	if (!hex && (digits[n] == '.' || ((digits[n] | 0x20) == 'e' && strspn(digits + n + 1, "+-0123456789")))) {
		err = real(in, at, l);
	} else {
		errno = 0;
		v = strtoull(digits, &end, hex ? 16 : 0);
		n = hex ? 0 : name_length(end);
		factor = unit(end, n, &time);
		if (errno || !factor || end == digits || isalnum((unsigned char)end[n]) || v > UINT64_MAX / factor)
			return lexer_fail(in, at, "this is no number: 12, 0x1f, 1.5, 4K, 10ms");
		l->literal = time ? LEAF_TIME : LEAF_NUMBER;
		l->number = (__int128)v * (__int128)factor * (*at == '-' ? -1 : 1);
		in->s = end + n;
	}
	lexer_space(in);
	return err;
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
}

static int text(struct lexer *in, struct leaf *l)
{
	static const char escapes[] = "n\nt\tr\r0\0";
	const char *at = in->s;
	char quote = *in->s++, *to = in->w->pool + in->w->npool;

	l->literal = LEAF_TEXT;
	l->text = to;
	for (; *in->s && *in->s != quote; in->s++) {
		if (*in->s != '\\') {
			*to++ = *in->s;
			continue;
		}
		in->s++;
		if (!*in->s)
			break;
		*to = *in->s;
		for (size_t i = 0; i + 1 < sizeof(escapes) - 1; i += 2)
			if (escapes[i] == *in->s)
				*to = escapes[i + 1];
		if (*in->s == 'x' && hex_digit(in->s[1]) >= 0 && hex_digit(in->s[2]) >= 0) {
			*to = (char)(hex_digit(in->s[1]) << 4 | hex_digit(in->s[2]));
			in->s += 2;
		}
		to++;
	}
	if (!*in->s)
		return lexer_fail(in, at, "the text does not end: %c is missing", quote);
	in->s++;
	*to = '\0';
	l->text_len = (size_t)(to - l->text);
	in->w->npool = (size_t)(to + 1 - in->w->pool);
	lexer_space(in);
	return 0;
}

/* "O_RDWR|O_CREAT|4": kept as one text. */
static int words(struct lexer *in, struct leaf *l)
{
	const char *start = in->w->pool + in->w->npool;

	do {
		size_t n = begins_name(*in->s) ? name_length(in->s) : strspn(in->s, "0123456789abcdefABCDEFxX");

		if (!n)
			return lexer_fail(in, in->s, "a name or a number was expected");
		keep(in, in->s, n);
		in->s += n;
		lexer_space(in);
		in->w->pool[in->w->npool - 1] = '|';
	} while (in->s[0] == '|' && in->s[1] != '|' && lexer_take(in, "|"));
	in->w->pool[in->w->npool - 1] = '\0';
	l->literal = LEAF_WORD;
	l->text = start;
	l->text_len = strlen(start);
	return 0;
}

int lexer_literal(struct lexer *in, struct leaf *l)
{
	size_t n = name_length(in->s);

	if (literal_word(in->s, n, l)) {
		in->s += n;
		lexer_space(in);
		return 0;
	}
	if (n)
		return words(in, l);
	if (*in->s == '"' || *in->s == '\'')
		return text(in, l);
	if (*in->s == '-' || isdigit((unsigned char)*in->s))
		return number(in, l);
	return lexer_fail(in, in->s, "a number, a name or a text in quotes was expected");
}

int lexer_mask(struct lexer *in, struct leaf *l)
{
	bool bracket = lexer_take(in, "(");
	struct lexer ahead = *in;
	int err = words(in, l);

	/* A number alone may have a unit: size & 4K */
	if (!err && !bracket && !strchr(l->text, '|') && isdigit((unsigned char)*ahead.s)) {
		in->s = ahead.s;
		err = number(in, l);
	}
	if (!err && bracket && !lexer_take(in, ")"))
		err = lexer_fail(in, in->s, "')' or '|' was expected");
	return err;
}

int lexer_check(struct lexer *in, const char *at, const struct leaf *l)
{
	bool order = l->op >= WHERE_LT && l->op <= WHERE_GE;

	if ((l->op == WHERE_GLOB || l->op == WHERE_NO_GLOB) && l->literal != LEAF_TEXT)
		return lexer_fail(in, at, "'~' takes a text in quotes: name ~ \"*.so\"");
	if (order && (l->literal == LEAF_TEXT || l->literal == LEAF_NULL))
		return lexer_fail(in, at, "only numbers have an order");
	if ((l->op == WHERE_BITS || l->op == WHERE_NO_BITS) && l->literal != LEAF_NUMBER && l->literal != LEAF_WORD)
		return lexer_fail(in, at, "'&' takes whole numbers and names");
	if (l->len && l->literal != LEAF_NUMBER)
		return lexer_fail(in, at, "len() is compared with a whole number");
	if (l->len && (l->op == WHERE_BITS || l->op == WHERE_NO_BITS))
		return lexer_fail(in, at, "len() has no bits");
	return 0;
}
