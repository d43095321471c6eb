/* SPDX-License-Identifier: MIT */
/*
 * symbols_nearest.c: what the user may have meant. One pass, no sorting: the edit distance by
 * Myers' bit-vector algorithm (J. ACM 46(3), 1999; global distance as in Hyyro 2001), a few
 * operations a character. Letters count without case. Mangled names are compared by the identifiers
 * in them, without a demangler.
 */
#include "target/symbols_priv.h"

#define WORD	  64 /* characters compared, the last ones of each name */
#define MAX_NAME  1024
#define MAX_BEST  32
#define CONTAINED 1000 /* ranks behind every edit distance */

struct candidate {
	const char *name;
	unsigned int score;
};

struct nearest {
	char text[WORD + 1]; /* lower case */
	size_t len;
	uint64_t peq[256]; /* at which places of text a character is */
	unsigned int limit;
	struct candidate best[MAX_BEST];
	size_t n, max;
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Edit distance between n->text and the name, above n->limit if it is farther. */
static unsigned int distance(const struct nearest *n, const char *name, size_t len)
{
	uint64_t pv = ~0ull, mv = 0, top = 1ull << (n->len - 1);
	unsigned int score = (unsigned int)n->len;
	size_t i;

	if (len > n->len + n->limit || n->len > len + n->limit)
		return n->limit + 1;
	for (i = 0; i < len; i++) {
		uint64_t eq = n->peq[(unsigned char)name[i]], xv = eq | mv, xh, ph, mh;

		xh = (((eq & pv) + pv) ^ pv) | eq;
		ph = mv | ~(xh | pv);
		mh = pv & xh;
		score += (ph & top) != 0;
		score -= (mh & top) != 0;
		ph = ph << 1 | 1;
		mh <<= 1;
		pv = mh | ~(xv | ph);
		mv = ph & xv;
		/* each further character can mend one at most */
		if (score > n->limit + (len - i - 1))
			return n->limit + 1;
	}
	return score;
}

/*
 * "_ZN2ns5Class6methodEi" -> "ns::class::method", in lower case. Rough: stops at what is no plain
 * identifier. For other names just the lower case.
 */
static size_t make_key(const char *name, char *key, size_t size)
{
	const char *s = name;
	size_t n = 0;

	if (!symbol_is_mangled(name)) {
		for (; *s && n < size; s++)
			key[n++] = lower(*s);
		return n;
	}
	s += 2;
	s += *s == 'N';
	s += strspn(s, "KVrL");
	while (n < size) {
		size_t len = 0, digits = strspn(s, "0123456789"), i;

		if (!strncmp(s, "St", 2) && !n) {
			memcpy(key, "std", 3);
			n = 3;
			s += 2;
			continue;
		}
		for (i = 0; i < digits && len < MAX_NAME; i++)
			len = 10 * len + (size_t)(s[i] - '0');
		if (!len || n + len + 2 > size)
			break;
		if (len == 17 && s[digits] == 'h' && s[digits + 17] == 'E')
			break; /* Rust's hash */
		if (n) {
			key[n++] = ':';
			key[n++] = ':';
		}
		for (s += digits, i = 0; i < len && *s; i++)
			key[n++] = lower(*s++);
	}
	return n;
}

static unsigned int rate(const struct nearest *n, const char *key, size_t len)
{
	size_t skip = len > WORD ? len - WORD : 0;
	unsigned int d = distance(n, key + skip, len - skip);

	if (d <= n->limit)
		return d;
	if (n->len >= 3 && memmem(key, len, n->text, n->len))
		return CONTAINED + (unsigned int)(len - n->len);
	if (len >= 4 && memmem(n->text, n->len, key, len))
		return 2 * CONTAINED + (unsigned int)(n->len - len);
	return UINT32_MAX;
}

static void offer(struct nearest *n, const char *name, unsigned int score)
{
	size_t i;

	if (n->n == n->max && score >= n->best[n->n - 1].score)
		return;
	for (i = 0; i < n->n; i++)
		if (!strcmp(n->best[i].name, name))
			return; /* the name of several static functions */
	if (n->n < n->max)
		n->n++;
	for (i = n->n - 1; i > 0 && n->best[i - 1].score > score; i--)
		n->best[i] = n->best[i - 1];
	n->best[i] = (struct candidate){ name, score };
}

static void prepare(struct nearest *n, const char *text)
{
	size_t len = strlen(text), i;

	if (len > WORD)
		text += len - WORD;
	for (i = 0; text[i]; i++) {
		n->text[i] = lower(text[i]);
		n->peq[(unsigned char)n->text[i]] |= 1ull << i;
	}
	n->len = i;
	n->limit = (unsigned int)MAX(i / 3, 1);
}

/* Names are shown as the user may type them: demangled. */
static const char *shown(struct symbols *s, const char *name)
{
	char *pretty = symbol_demangle(name);

	return pretty && !symbols_keep(s, pretty) ? pretty : name;
}

size_t symbols_nearest(struct symbols *s, const char *text, const char **ret, size_t max)
{
	struct nearest n = { .max = MIN(max, MAX_BEST) };
	char key[MAX_NAME];
	size_t i;

	prepare(&n, text);
	if (!n.len || !n.max)
		return 0;
	for (i = 0; i < s->n; i++) {
		size_t len = make_key(s->v[i].name, key, sizeof(key));
		unsigned int score = rate(&n, key, len);

		if (score != UINT32_MAX)
			offer(&n, s->v[i].name, score);
	}
	for (i = 0; i < n.n; i++)
		ret[i] = shown(s, n.best[i].name);
	return n.n;
}
