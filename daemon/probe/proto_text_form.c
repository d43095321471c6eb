/* SPDX-License-Identifier: MIT */
/* proto_text_form.c: where the parts of a prototype stand, and whether a text is one at all. */
#include <ctype.h>

#include "probe/proto_text_priv.h"

static bool ident(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || c == '@';
}

/* What a function's name consists of where it stands behind a result. */
static bool name_char(char c)
{
	return ident(c) || c == ':' || c == '.' || c == '~';
}

static const char *skip_space(const char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

static const char *back_over_space(const char *from, const char *s)
{
	while (s > from && (s[-1] == ' ' || s[-1] == '\t'))
		s--;
	return s;
}

/* Behind MODULE:, as target/pattern.h says: one ':' or three. */
static const char *behind_module(const char *s)
{
	const char *p;

	for (p = s; *p && !strchr(" (<\t", *p); p++) {
		size_t n = strspn(p, ":");

		if (n == 1 || n == 3)
			return p + 1;
		if (n)
			p += n - 1;
	}
	return s;
}

/* Behind the name of a C++ operator that begins at s ("operator->", "operator()"), or s. */
static const char *behind_operator(const char *from, const char *s)
{
	const char *p = s + 8;

	if (strncmp(s, "operator", 8) || (s > from && ident(s[-1])) || ident(*p))
		return s;
	if (!strncmp(p, "()", 2) || !strncmp(p, "[]", 2))
		return p + 2;
	return p + strspn(p, "<>=-+!~*&|^%/,");
}

/* The last brackets outside of all others, and the first "->" out there. */
static void find_brackets(struct form *f)
{
	const char *s = f->head, *open = NULL;
	size_t depth = 0, braces = 0;

	while (*s) {
		const char *behind = behind_operator(f->head, s);

		if (behind != s) {
			s = behind;
			continue;
		}
		if (s[0] == '-' && s[1] == '>') {
			if (!depth) {
				f->arrow = s;
				return;
			}
			s += 2;
			continue;
		}
		/* {R = 1 << 1}, but Rust has <<A as B>::C as D>::f */
		if (braces && s[0] == '<' && s[1] == '<') {
			s += 2;
			continue;
		}
		braces += *s == '{';
		braces -= *s == '}' && braces;
		if (strchr("(<[{", *s)) {
			if (!depth && *s == '(')
				open = s;
			depth++;
		} else if (strchr(")>]}", *s) && depth) {
			depth--;
			if (!depth && *s == ')' && open) {
				f->params = open + 1;
				f->params_end = s;
				open = NULL;
			}
		}
		s++;
	}
}

/* In "int open" and "char *strdup" the last word is the name; "operator new" is one of two words. */
static void find_name(struct form *f)
{
	const char *end = back_over_space(f->head, f->head_end), *s = end, *rest;
	size_t depth = 0;
	bool space = false;

	f->name = f->head;
	f->name_end = end;
	for (const char *p = f->head; p < end; p++) {
		depth += !!strchr("(<[{", *p);
		depth -= depth && strchr(")>]}", *p);
		space |= !depth && (*p == ' ' || *p == '\t');
	}
	while (s > f->head && name_char(s[-1]))
		s--;
	rest = back_over_space(f->head, s);
	if (!space || s == end || rest == f->head)
		return;
	if (rest - f->head >= 8 && !strncmp(rest - 8, "operator", 8))
		return;
	f->name = s;
	f->typed = true;
}

void proto_text_form(const char *text, struct form *f)
{
	memset(f, 0, sizeof(*f));
	f->head = skip_space(behind_module(text));
	find_brackets(f);
	if (f->params)
		f->head_end = f->params - 1;
	else
		f->head_end = f->arrow ? f->arrow : f->head + strlen(f->head);
	find_name(f);
}

/* Is this more than a type? [s, end) is one parameter. */
static bool has_name(const char *s, const char *end)
{
	const char *p = memmem(s, (size_t)(end - s), "(*", 2), *word, *prev;

	if (p && p + 2 < end && ident(p[2]))
		return true; /* void (*f)(int) */
	s = skip_space(s);
	end = back_over_space(s, end);
	while (end > s && end[-1] == ']') {
		do {
			end--;
		} while (end > s && *end != '[');
		end = back_over_space(s, end);
	}
	for (word = end; word > s && ident(word[-1]); word--)
		;
	prev = back_over_space(s, word);
	if (prev > s && prev[-1] == ':' && !(prev > s + 1 && prev[-2] == ':'))
		return true; /* void *buf:len */
	if (word == end || word == s || (prev == word && !strchr("*&}", word[-1])))
		return false;
	if (isdigit((unsigned char)*word) || proto_text_qualifier(word, (size_t)(end - word)))
		return false;
	for (p = prev; p > s && ident(p[-1]); p--)
		;
	if (prev - p == 6 && !strncmp(p, "struct", 6))
		return false;
	if (prev - p == 5 && (!strncmp(p, "union", 5) || !strncmp(p, "class", 5)))
		return false;
	if (prev - p == 4 && !strncmp(p, "enum", 4))
		return false;
	if (!strncmp(word, "flags", 5) || !strncmp(word, "errno", 5))
		return true; /* these begin a type, but do not end one */
	/* "unsigned int", "long double": the type goes on. "const size_t" is one too. */
	return !proto_text_type_word(word, (size_t)(end - word)) ||
	       (p != prev && !proto_text_qualifier(p, (size_t)(prev - p)) && !isdigit((unsigned char)*p) &&
		!proto_text_type_word(p, (size_t)(prev - p)));
}

static bool any_named(const char *s, const char *end)
{
	const char *begin = s;
	size_t depth = 0;

	for (; s <= end; s++) {
		if (s == end || (*s == ',' && !depth)) {
			if (has_name(begin, s))
				return true;
			begin = s + 1;
		} else if (strchr("(<[{", *s)) {
			depth++;
		} else if (strchr(")>]}", *s) && depth) {
			depth--;
		}
	}
	return false;
}

/* A result in front of a plain name, as no demangled name has it. */
static bool has_result(const struct form *f)
{
	const char *s = f->name, *rest, *p;

	if (!f->typed)
		return false;
	while (s < f->name_end && ident(*s))
		s++;
	if (s != f->name_end)
		return false;
	rest = back_over_space(f->head, f->name);
	if (rest[-1] == '*' || rest[-1] == '&')
		return true;
	for (p = f->head; p < rest && ident(*p); p++)
		;
	return p > f->head && proto_text_type_word(f->head, (size_t)(p - f->head));
}

static bool is_prototype(const char *arg, struct form *f)
{
	const char *only;

	if (*arg == '!')
		return false;
	proto_text_form(arg, f);
	if (f->arrow)
		return true;
	if (!f->params || f->params_end[1 + strspn(f->params_end + 1, " \t;")])
		return false;
	only = skip_space(f->params);
	if (!strncmp(only, "void", 4) && skip_space(only + 4) == f->params_end)
		return true;
	return any_named(f->params, f->params_end) || has_result(f);
}

int proto_text_split(const char *arg, char **pattern, const char **proto)
{
	struct form f;
	size_t module, name;
	char *p;

	if (!is_prototype(arg, &f)) {
		p = strdup(arg);
		if (!p)
			return -ENOMEM;
		*pattern = p;
		*proto = NULL;
		return 0;
	}
	module = (size_t)(behind_module(arg) - arg);
	name = (size_t)(f.name_end - f.name);
	p = malloc(module + name + 1);
	if (!p)
		return -ENOMEM;
	memcpy(p, arg, module);
	memcpy(p + module, f.name, name);
	p[module + name] = '\0';
	*pattern = p;
	*proto = arg;
	return 0;
}
