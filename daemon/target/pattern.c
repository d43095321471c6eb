/* SPDX-License-Identifier: MIT */
/*
 * pattern.c: reads a pattern: module or not, glob or not, and which word a mangled name must have
 * to be worth demangling.
 */
#include <ctype.h>
#include <fnmatch.h>

#include "target/pattern_priv.h"

#define MAX_PATTERN 4096

/* The ':' between module and name, or NULL. In "a:::b" the global "::b" is asked for. */
static const char *find_separator(const char *s)
{
	for (; *s && !strchr(" (<", *s); s++) {
		size_t n = strspn(s, ":");

		if (n == 1 || n == 3)
			return s;
		if (n)
			s += n - 1;
	}
	return NULL;
}

/*
 * Is the "[" at s[i] the begin of a set, and where does that end? 0: it is a bracket of the name.
 */
static size_t set_end(const char *s, size_t i)
{
	const char *close;

	if (pattern_operator(s, i) || (i && strchr("<&( *,", s[i - 1])) ||
	    !strncmp(s + i, "[abi:", 5) || !strncmp(s + i, "[...]", 5))
		return 0;
	i += 1 + (s[i + 1] == '!' || s[i + 1] == '^');
	/* a "]" right at the begin is one of the set */
	close = s[i] ? strchr(s + i + 1, ']') : NULL;
	return close ? (size_t)(close - s) : 0;
}

/* Is the '*' at s[i], inside of depth brackets, a wildcard? Else it belongs to the name. */
static bool is_wildcard(const char *s, size_t i, size_t depth)
{
	size_t prev = i;

	if (pattern_operator(s, i) || (i >= 10 && !strncmp(s + i - 10, "operator->", 10)))
		return false;
	if (i && s[i - 1] == '(' && pattern_ident(s[i + 1]))
		return false; /* Go: main.(*Server).Handle */
	if (!depth || !s[i + 1])
		return true;
	while (prev && s[prev - 1] == ' ')
		prev--;
	return !prev || !(pattern_ident(s[prev - 1]) || strchr(">*&])", s[prev - 1]));
}

/*
 * Writes name as an fnmatch pattern, with what is no wildcard escaped; *plain gets it without the
 * user's own backslashes. Returns whether there is a wildcard at all.
 */
static bool make_glob(const char *name, char *glob, char *plain)
{
	size_t i, depth = 0, end;
	bool any = false;

	for (i = 0; name[i]; i++) {
		bool wild = name[i] == '?' || (name[i] == '*' && is_wildcard(name, i, depth));

		end = name[i] == '[' ? set_end(name, i) : 0;
		any |= wild || end;
		if (name[i] == '\\' && name[i + 1])
			i++;
		if (end) {
			memcpy(glob, name + i, end - i + 1);
			memcpy(plain, name + i, end - i + 1);
			glob += end - i + 1;
			plain += end - i + 1;
			i = end;
			continue;
		}
		depth += strchr("(<", name[i]) && !pattern_operator(name, i);
		if (strchr(")>", name[i]) && depth && !(i && name[i - 1] == '-'))
			depth--;
		if (!wild && strchr("*?[]\\", name[i]))
			*glob++ = '\\';
		*glob++ = name[i];
		*plain++ = name[i];
	}
	*glob = *plain = 0;
	return any;
}

/* Words that demanglers write but that mangled names abbreviate or do not have at all. */
static bool is_abbreviated(const char *word, size_t n)
{
	static const char *const known[] = {
		"std",	       "string",   "basic_string",  "allocator",     "istream",
		"ostream",     "iostream", "basic_istream", "basic_ostream", "basic_iostream",
		"char_traits", "operator", "anonymous",	    "namespace",     "lambda",
		"closure",     "unnamed",  "type",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (memmem(known[i], strlen(known[i]), word, n))
			return true;
	return false;
}

/* Only letters that stand in the mangled name as they are: no punycode. */
static bool is_plain_word(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (s[i] & 0x80)
			return false;
	return !isdigit((unsigned char)s[0]);
}

/*
 * The longest word of the name that every matching mangled name has: identifiers outside of all
 * brackets, behind return types ("non-virtual thunk to f"), before an operator's name.
 */
static char *find_word(const char *name)
{
	size_t end = pattern_base_length(name), i, n, depth = 0, best = 0;
	const char *word = NULL, *op = memmem(name, end, "operator", 8);

	if (op)
		end = (size_t)(op - name);
	for (i = 0; i < end; i += n) {
		for (n = 0; i + n < end && pattern_ident(name[i + n]); n++)
			;
		if (n && !depth && n > best && is_plain_word(name + i, n) &&
		    !is_abbreviated(name + i, n)) {
			word = name + i;
			best = n;
		}
		if (n)
			continue;
		n = 1;
		if (strchr("(<{[", name[i]))
			depth++;
		else if (strchr(")>}]", name[i]) && depth)
			depth--;
		else if (name[i] == ' ' && !depth) {
			word = NULL;
			best = 0;
		}
	}
	return word ? strndup(word, best) : NULL;
}

/* "::h" and 16 hex digits end the names of Rust functions in other tools. */
static void cut_rust_hash(char *name)
{
	size_t n = strlen(name);

	if (n > 19 && !strncmp(name + n - 19, "::h", 3) &&
	    strspn(name + n - 16, "0123456789abcdef") == 16)
		name[n - 19] = 0;
}

static int parse_offset(struct pattern *p, const char **why)
{
	const char *hex = p->name + 2;

	*why = "an offset is written MODULE:0xHEX, at most 16 hex digits";
	if (!p->module)
		*why = "an offset needs its module: MODULE:0xHEX";
	if (!p->module || !*hex || strlen(hex) > 16 ||
	    strspn(hex, "0123456789abcdefABCDEF") != strlen(hex))
		return -EINVAL;
	p->kind = PAT_OFFSET;
	p->offset = strtoull(hex, NULL, 16);
	return 0;
}

/*
 * Demanglers write "char const*" where people write "const char*": moves the word behind its type,
 * in place, wherever a parameter or a template argument begins with it.
 */
static void move_const(char *s)
{
	char *open = strpbrk(s, "(<"), *p;

	for (p = open; p && *p; p++) {
		size_t depth = 0, n = 0;

		if (!strchr("(<,", *p))
			continue;
		p += strspn(p + 1, " ");
		if (strncmp(p + 1, "const ", 6))
			continue;
		while (p[7 + n] && (depth || !strchr("*&,)>", p[7 + n]))) {
			depth += p[7 + n] == '<';
			depth -= p[7 + n] == '>' && depth;
			n++;
		}
		while (n && p[7 + n - 1] == ' ')
			n--;
		memmove(p + 1, p + 7, n);
		memcpy(p + 1 + n, " const", 6);
	}
}

static int parse_name(struct pattern *p)
{
	AUTO_FREE char *glob = malloc(2 * strlen(p->name) + 1);
	AUTO_FREE char *plain = malloc(strlen(p->name) + 1);
	AUTO_FREE char *text = NULL;

	if (!glob || !plain)
		return -ENOMEM;
	cut_rust_hash(p->name);
	p->kind = make_glob(p->name, glob, plain) ? PAT_GLOB : PAT_EXACT;
	free(p->name);
	p->name = util_steal(&plain);
	p->demangled = strstr(p->name, "::") || strpbrk(p->name, "(< ");
	p->params = pattern_base_length(p->name) < strlen(p->name);
	/* "f(*" asks for parameters without ending their list. */
	if (p->kind == PAT_GLOB && strchr(p->name, '('))
		p->params = true;
	text = strdup(p->kind == PAT_GLOB ? glob : p->name);
	if (!text)
		return -ENOMEM;
	move_const(text);
	p->compare = pattern_squeeze(text, strlen(text));
	if (!p->compare)
		return -ENOMEM;
	p->word = find_word(p->name);
	return 0;
}

static int parse(struct pattern *p, const char *s, const char **why)
{
	const char *sep, *name;

	if (*s == '!') {
		p->exclude = true;
		s++;
	}
	sep = find_separator(s);
	name = sep ? sep + 1 : s;
	*why = "the function name is missing";
	if (!*name)
		return -EINVAL;
	*why = "the module before ':' is missing";
	if (sep == s)
		return -EINVAL;
	/* "::f" is f outside of all namespaces, which is what a name without "::" means anyway. */
	if (!strncmp(name, "::", 2) && name[2])
		name += 2;
	*why = "out of memory";
	p->name = strdup(name);
	p->module = sep ? strndup(s, (size_t)(sep - s)) : NULL;
	if (!p->name || (sep && !p->module))
		return -ENOMEM;
	if (!strncmp(p->name, "0x", 2) || !strncmp(p->name, "0X", 2))
		return parse_offset(p, why);
	return parse_name(p);
}

/* fnmatch(3) takes such a bracket literally; who writes one has made a mistake. */
static bool unclosed(const char *name)
{
	const char *open = strrchr(name, '[');

	return open && !strchr(open, ']');
}

int pattern_parse(struct pattern *p, const char *text, const char **why)
{
	const char *s, *reason;
	int err = 0;

	memset(p, 0, sizeof(*p));
	if (strnlen(text, MAX_PATTERN + 1) > MAX_PATTERN) {
		*why = "longer than 4096 bytes";
		return -EINVAL;
	}
	for (s = text; *s && !err; s++)
		if ((unsigned char)*s < 32 || *s == 127)
			err = -EINVAL;
	reason = "control characters";
	if (!err) {
		p->text = strdup(text);
		reason = "out of memory";
		err = p->text ? parse(p, text, &reason) : -ENOMEM;
	}
	if (!err && p->name && unclosed(p->name)) {
		reason = "a '[' without its ']'";
		err = -EINVAL;
	}
	if (err) {
		pattern_free(p);
		*why = reason;
	}
	return err;
}

void pattern_free(struct pattern *p)
{
	free(p->module);
	free(p->name);
	free(p->text);
	free(p->compare);
	free(p->word);
	memset(p, 0, sizeof(*p));
}

/* "libc" and "libc.so" against libc.so.6 and libc-2.31.so. */
static bool module_stem(const char *mod, const char *base)
{
	size_t n = strlen(mod);
	bool so = n > 3 && !strcmp(mod + n - 3, ".so");

	if (so && !strncmp(base, mod, n) && base[n] == '.')
		return true;
	if (so)
		n -= 3;
	if (strncmp(base, mod, n))
		return false;
	base += n;
	if (*base == '-' && isdigit((unsigned char)base[1]))
		base += 1 + strspn(base + 1, "0123456789.-_");
	else if (so)
		return false;
	/* the span may have eaten the dot of ".so" */
	if (base[-1] == '.')
		base--;
	return !strncmp(base, ".so", 3) && (!base[3] || base[3] == '.');
}

bool pattern_module(const struct pattern *p, const char *path)
{
	const char *base = util_base_name(path), *mod = p->module;

	if (!mod || !strcmp(mod, path) || !strcmp(mod, base))
		return true;
	if (!fnmatch(mod, path, 0) || !fnmatch(mod, base, 0))
		return true;
	/* /lib is a link to /usr/lib where /usr is merged, and maps tells the latter. */
	if (*mod == '/' && !strncmp(path, "/usr/", 5) &&
	    (!strncmp(mod, "/lib", 4) || !strncmp(mod, "/bin/", 5) || !strncmp(mod, "/sbin/", 6)))
		return !fnmatch(mod, path + 4, 0);
	return !strchr(mod, '/') && module_stem(mod, base);
}
