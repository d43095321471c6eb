/* SPDX-License-Identifier: MIT */
/*
 * pattern_name.c: compares function names with a pattern. Demangled names are compared without
 * needless spaces, skipping template arguments and ABI tags where the pattern has none.
 */
#include <fnmatch.h>

#include "target/pattern_priv.h"
#include "target/symbols.h"

#define MAX_NAME  4096 /* longer names match only literally */
#define MAX_DEPTH 256

size_t pattern_operator(const char *s, size_t i)
{
	static const char *const op[] = { "<<=", ">>=", "<=>", "->*", "<<", ">>", "<=", ">=",
					  "->",	 "()",	"[]",  "<",   ">",  "*=", "*" };
	size_t k;

	if (i < 8 || strncmp(s + i - 8, "operator", 8) || (i > 8 && pattern_ident(s[i - 9])))
		return 0;
	for (k = 0; k < ARRAY_SIZE(op); k++)
		if (!strncmp(s + i, op[k], strlen(op[k])))
			return strlen(op[k]);
	return 0;
}

char *pattern_squeeze(const char *s, size_t n)
{
	char *out = malloc(n + 1), *to = out;
	size_t i;

	if (!out)
		return NULL;
	for (i = 0; i < n; i++) {
		char prev = to > out ? to[-1] : 0, next = 0;
		size_t k = i;

		if (s[i] != ' ') {
			*to++ = s[i];
			continue;
		}
		while (k < n && s[k] == ' ')
			k++;
		next = k < n ? s[k] : 0;
		/* "unsigned int", and "operator< <int>" */
		if ((pattern_ident(prev) && pattern_ident(next)) || (prev == '<' && next == '<'))
			*to++ = ' ';
		i = k - 1;
	}
	*to = 0;
	return out;
}

/* May this stand between a parameter list and the end? */
static bool is_qualifiers(const char *s)
{
	return !*s || *s == ' ' || *s == '&' || *s == '[' || !strncmp(s, "const", 5) ||
	       !strncmp(s, "volatile", 8) || !strncmp(s, "noexcept", 8);
}

static const char anonymous[] = "(anonymous namespace)";

size_t pattern_base_length(const char *s)
{
	char stack[MAX_DEPTH];
	size_t depth = 0, i, op, open = 0, start = 0, end = 0;

	for (i = 0; s[i]; i++) {
		op = pattern_operator(s, i);
		if (op) {
			i += op - 1;
		} else if (!strncmp(s + i, anonymous, sizeof(anonymous) - 1)) {
			i += sizeof(anonymous) - 2;
		} else if (strchr("(<{[", s[i])) {
			if (depth == MAX_DEPTH)
				return strlen(s);
			if (!depth && s[i] == '(')
				start = i;
			stack[depth++] = s[i];
		} else if (s[i] == '>') {
			if (depth && stack[depth - 1] == '<' && s[i - 1] != '-')
				depth--;
		} else if (strchr(")}]", s[i])) {
			char want = s[i] == ')' ? '(' : s[i] == '}' ? '{' : '[';

			/* An angle left open was a comparison. */
			while (depth && stack[depth - 1] != want)
				depth--;
			depth -= depth > 0;
			if (!depth && want == '(') {
				open = start;
				end = i + 1;
			}
		}
	}
	return end && open && is_qualifiers(s + end) ? open : i;
}

/* Behind the balanced template arguments at s, or NULL if they do not end. */
static const char *skip_angles(const char *s)
{
	size_t angle = 0, paren = 0;

	for (; *s; s++) {
		if (*s == '(' || *s == '{')
			paren++;
		else if ((*s == ')' || *s == '}') && paren)
			paren--;
		else if (*s == '<' && !paren)
			angle++;
		else if (*s == '>' && !paren && s[-1] != '-' && !--angle)
			return s + 1;
	}
	return NULL;
}

/*
 * What the pattern may leave out at s: "<...>", " <...>", "[abi:...]", Rust's "::<...>". NULL:
 * nothing.
 */
static const char *skip_optional(const char *begin, const char *s)
{
	const char *end;

	if (s == begin)
		return NULL; /* Rust's "<T as Trait>::f" is the name itself */
	if (!strncmp(s, "[abi:", 5)) {
		end = strchr(s, ']');
		return end ? end + 1 : NULL;
	}
	if (*s == ' ' && s[1] == '<')
		return skip_angles(s + 1);
	if (!strncmp(s, "::<", 3))
		return skip_angles(s + 2);
	if (*s != '<')
		return NULL;
	end = skip_angles(s);
	if (end && s - begin >= 2 && s[-1] == ':' && !strncmp(end, "::", 2))
		return end + 2; /* the pattern has had its "::" by now */
	return end;
}

/*
 * Does the base of a name match, whole, where the pattern may leave out what skip_optional() skips?
 */
static bool base_equal(const char *p, const char *pend, const char *name, const char *end)
{
	const char *s = name;

	while (s < end) {
		if (p < pend && *p == *s) {
			p++;
			s++;
			continue;
		}
		s = skip_optional(name, s);
		if (!s || s > end)
			return false;
	}
	return p == pend;
}

/* Behind the stem of a copy that the compiler made of the function "stem". */
static bool is_copy_suffix(const char *s)
{
	static const char *const kind[] = { "constprop", "isra", "lto_priv", "llvm", "localalias" };
	bool any = false;
	size_t i;

	while (*s == '.') {
		for (i = 0; i < ARRAY_SIZE(kind); i++)
			if (!strncmp(s + 1, kind[i], strlen(kind[i])))
				break;
		if (i < ARRAY_SIZE(kind))
			s += 1 + strlen(kind[i]);
		else if (any && s[1] >= '0' && s[1] <= '9')
			s += 1 + strspn(s + 1, "0123456789");
		else
			return false;
		any = true;
	}
	return any && !*s;
}

/* Blocks that a compiler (.cold) or post-link optimiser (.warm) moved out of their function. */
static bool is_piece(const char *mangled)
{
	static const char *const kind[] = { ".cold", ".warm" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kind); i++) {
		const char *c = strstr(mangled, kind[i]);

		if (c && (!c[5] || c[5] == '.'))
			return true;
	}
	return false;
}

static bool exact_pretty(const struct pattern *p, const char *pretty)
{
	AUTO_FREE char *name = pattern_squeeze(pretty, strlen(pretty));
	size_t base, pbase = strlen(p->compare), rest;

	if (!name)
		return false;
	base = pattern_base_length(name);
	if (p->params)
		pbase = pattern_base_length(p->compare);
	if (!base_equal(p->compare, p->compare + pbase, name, name + base))
		return false;
	rest = strlen(p->compare + pbase);
	return !strncmp(name + base, p->compare + pbase, rest) &&
	       (!p->params || is_qualifiers(name + base + rest));
}

static bool glob_text(const struct pattern *p, const char *text, size_t len)
{
	AUTO_FREE char *name = NULL;

	if (!text[len] && !strchr(text, ' '))
		return !fnmatch(p->compare, text, 0);
	name = pattern_squeeze(text, len);
	return name && !fnmatch(p->compare, name, 0);
}

static bool glob_name(const struct pattern *p, const char *mangled, const char *pretty)
{
	if (strnlen(mangled, MAX_NAME + 1) > MAX_NAME || (p->word && !strstr(mangled, p->word)) ||
	    is_piece(mangled))
		return false;
	if (glob_text(p, mangled, strlen(mangled)))
		return true;
	if (!pretty)
		return false;
	return glob_text(p, pretty, pattern_base_length(pretty)) ||
	       (p->params && glob_text(p, pretty, strlen(pretty)));
}

bool pattern_name(const struct pattern *p, const char *mangled, const char *pretty)
{
	size_t n;

	if (p->kind == PAT_OFFSET)
		return false;
	if (!strcmp(p->name, mangled) || (pretty && !strcmp(p->name, pretty)))
		return true;
	if (p->kind == PAT_GLOB)
		return glob_name(p, mangled, pretty);
	n = strlen(p->name);
	if (!strncmp(mangled, p->name, n) && is_copy_suffix(mangled + n))
		return true;
	/* "f.part.0" is called by f: counting it as f would count twice. */
	return pretty && !is_piece(mangled) && !strstr(mangled, ".part.") &&
	       exact_pretty(p, pretty);
}

bool pattern_worth_demangling(const struct pattern *p, const char *mangled)
{
	if (p->kind == PAT_OFFSET || !symbol_is_mangled(mangled) ||
	    strnlen(mangled, MAX_NAME + 1) > MAX_NAME)
		return false;
	if (p->kind == PAT_EXACT && !p->demangled) {
		/*
		 * A C++ function outside of all namespaces: _Z, letters (L for static ones), the
		 * length, the name.
		 */
		const char *s = mangled + 2 + strspn(mangled + 2, "NKVrORLM");

		s += strspn(s, "0123456789");
		return mangled[1] == 'Z' && !strncmp(s, p->name, strlen(p->name));
	}
	return !p->word || strstr(mangled, p->word);
}
