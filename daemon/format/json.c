/* SPDX-License-Identifier: MIT */
/*
 * json.c: each writer reserves its worst case once and then writes without further checks: this is
 * the hot path of a stream (RFC 8259 text, one record a line).
 */
#include <endian.h>
#include <math.h>
#include <time.h>
#include "base/utf8.h"
#include "format/json.h"

#define FIRST_BYTES 4096
#define SAFE_INTEGER \
	(UINT64_C(1) \
	 << 53) /* readers that hold numbers as doubles are exact up to here (RFC 7493) */
#define NSEC	   UINT64_C(1000000000)
#define DATE_LEN   21 /* "2026-01-02T03:04:05. with its quote */
#define CHUNK	   4096
#define ESCAPE_MAX 6 /* \u001f and \ufffd */
#define WORD	   8 /* bytes looked at together */

static const char digits[] =
	"00010203040506070809101112131415161718192021222324252627282930313233343536373839"
	"40414243444546474849505152535455565758596061626364656667686970717273747576777879"
	"8081828384858687888990919293949596979899";
static const char hex[] = "0123456789abcdef";

/*
 * 0: stands for itself; 'u': as \u00XX; MULTI: part of UTF-8; else the letter behind a backslash.
 */
#define MULTI 1
static const unsigned char escapes[256] = {
	[0x00 ... 0x07] = 'u',
	['\b'] = 'b',
	['\t'] = 't',
	['\n'] = 'n',
	[0x0b] = 'u',
	['\f'] = 'f',
	['\r'] = 'r',
	[0x0e ... 0x1f] = 'u',
	['"'] = '"',
	['\\'] = '\\',
	[0x80 ... 0xff] = MULTI,
};

void json_free(struct jbuf *j)
{
	free(j->p);
	*j = (struct jbuf){ 0 };
}

void json_reset(struct jbuf *j)
{
	j->len = 0;
	j->err = 0;
	j->comma = false;
}

static __attribute__((noinline, cold)) bool grow(struct jbuf *j, size_t n)
{
	size_t want = j->cap ? j->cap : FIRST_BYTES, need;
	char *p = NULL;

	if (!j->err && !__builtin_add_overflow(j->len, n, &need)) {
		while (want < need && want <= SIZE_MAX / 2)
			want *= 2;
		if (want >= need)
			p = realloc(j->p, want);
	}
	if (!p) {
		j->err = -ENOMEM;
		return false;
	}
	j->p = p;
	j->cap = want;
	return true;
}

static inline bool reserve(struct jbuf *j, size_t n)
{
	return !j->err && (j->cap - j->len >= n || grow(j, n));
}

/*
 * Room for a value of n bytes and the comma before it, which is written. Where to write, or NULL.
 */
static inline char *begin(struct jbuf *j, size_t n)
{
	char *p;

	if (!reserve(j, n + 1))
		return NULL;
	p = j->p + j->len;
	if (j->comma)
		*p++ = ',';
	return p;
}

static inline void end(struct jbuf *j, char *p, bool comma)
{
	j->len = p - j->p;
	j->comma = comma;
}

static void open_close(struct jbuf *j, char c, bool opens)
{
	char *p;

	if (!opens)
		j->comma = false;
	p = begin(j, 1);
	if (p) {
		*p = c;
		end(j, p + 1, !opens);
	}
}

void json_obj_open(struct jbuf *j)
{
	open_close(j, '{', true);
}

void json_obj_close(struct jbuf *j)
{
	open_close(j, '}', false);
}

void json_arr_open(struct jbuf *j)
{
	open_close(j, '[', true);
}

void json_arr_close(struct jbuf *j)
{
	open_close(j, ']', false);
}

void json_key(struct jbuf *j, const char *key)
{
	size_t n = strlen(key);
	char *p = begin(j, n + 3);

	if (!p)
		return;
	*p++ = '"';
	p = mempcpy(p, key, n);
	*p++ = '"';
	*p++ = ':';
	end(j, p, false);
}

bool json_name(struct jbuf *j, const char *name)
{
	bool bad = json_str(j, name, strlen(name));
	char *p;

	j->comma = false;
	p = begin(j, 1);
	if (p) {
		*p = ':';
		end(j, p + 1, false);
	}
	return bad;
}

static inline unsigned decimal_length(uint64_t v)
{
	unsigned n = 1;

	for (;;) {
		if (v < 10)
			return n;
		if (v < 100)
			return n + 1;
		if (v < 1000)
			return n + 2;
		if (v < 10000)
			return n + 3;
		v /= 10000;
		n += 4;
	}
}

/* Writes the last n digits of v, with leading zeros; returns what is behind them. */
static inline char *put_digits(char *p, uint64_t v, unsigned n)
{
	unsigned at = n;

	for (; at >= 2; at -= 2) {
		memcpy(p + at - 2, digits + v % 100 * 2, 2);
		v /= 100;
	}
	if (at)
		*p = '0' + v % 10;
	return p + n;
}

static void put_number(struct jbuf *j, uint64_t v, bool negative)
{
	char *p = begin(j, 20 + 1 + 2);
	bool quote = v > SAFE_INTEGER;

	if (!p)
		return;
	if (quote)
		*p++ = '"';
	if (negative)
		*p++ = '-';
	p = put_digits(p, v, decimal_length(v));
	if (quote)
		*p++ = '"';
	end(j, p, true);
}

void json_u64(struct jbuf *j, uint64_t v)
{
	put_number(j, v, false);
}

void json_s64(struct jbuf *j, int64_t v)
{
	put_number(j, v < 0 ? -(uint64_t)v : (uint64_t)v, v < 0);
}

size_t json_float_text(char buf[JSON_FLOAT_MAX], double v)
{
	int n = 0;

	if (isnan(v))
		return (size_t)(stpcpy(buf, "nan") - buf);
	if (isinf(v))
		return (size_t)(stpcpy(buf, v < 0 ? "-inf" : "inf") - buf);
	/* 15 digits always come back from a double, 17 always bring it back (IEEE 754-2019, 5.12.2). */
	for (int precision = 15; precision <= 17; precision++) {
		n = snprintf(buf, JSON_FLOAT_MAX, "%.*g", precision, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	if (!strpbrk(buf, ".e"))
		n += sprintf(buf + n, ".0");
	return (size_t)n;
}

static void put_word(struct jbuf *j, const char *word, size_t n)
{
	char *p = begin(j, n);

	if (p)
		end(j, mempcpy(p, word, n), true);
}

void json_bool(struct jbuf *j, bool v)
{
	if (v)
		put_word(j, "true", 4);
	else
		put_word(j, "false", 5);
}

void json_float(struct jbuf *j, double v)
{
	char text[JSON_FLOAT_MAX];
	size_t n = json_float_text(text, v);

	if (isfinite(v))
		put_word(j, text, n);
	else
		json_str(j, text, n);
}

void json_nil(struct jbuf *j)
{
	put_word(j, "null", 4);
}

void json_hex64(struct jbuf *j, uint64_t v)
{
	char *p = begin(j, 18);

	if (!p)
		return;
	*p++ = '"';
	for (int shift = 60; shift >= 0; shift -= 4)
		*p++ = hex[v >> shift & 15];
	*p++ = '"';
	end(j, p, true);
}

/*
 * Bytes of a word that stand for themselves, counted from its start (WORD: all). A byte's top bit
 * ends up set in `odd` if it is not ASCII, below a blank, a quote or a backslash. A borrow can set
 * it wrongly, but only above a byte that is rightly set.
 */
static inline unsigned clean_bytes(uint64_t w)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t odd =
		w | (w - ones * 0x20) | ((w ^ ones * '"') - ones) | ((w ^ ones * '\\') - ones);

	odd &= ones * 0x80;
	return odd ? (unsigned)__builtin_ctzll(odd) / 8 : WORD;
}

/* One character that is not clean: *s moves behind it. Returns what is behind the output. */
static char *put_odd(char *p, const unsigned char **s, const unsigned char *stop, bool *bad)
{
	unsigned char c = **s, e = escapes[c];
	size_t len;

	if (e == MULTI) {
		len = utf8_length(*s, stop - *s);
		if (len) {
			p = mempcpy(p, *s, len);
			*s += len;
			return p;
		}
		*bad = true;
		++*s;
		return mempcpy(p, "\\ufffd", 6);
	}
	++*s;
	*p++ = '\\';
	*p++ = e;
	if (e == 'u') {
		*p++ = '0';
		*p++ = '0';
		*p++ = hex[c >> 4];
		*p++ = hex[c & 15];
	}
	return p;
}

/*
 * Escapes at least n bytes from s (a character that begins before s + n is finished), reading up to
 * stop. The output has room for ESCAPE_MAX * n + WORD bytes, so that a whole word may be stored
 * before it is known how much of it counts.
 */
static inline char *put_escaped(char *p, const unsigned char **sp, size_t n,
				const unsigned char *stop, bool *bad)
{
	const unsigned char *s = *sp, *soft = s + n;

	while (s < soft) {
		if (soft - s >= WORD) {
			unsigned clean;
			uint64_t w;

			memcpy(&w, s, WORD);
			memcpy(p, &w, WORD);
			clean = clean_bytes(le64toh(w));
			s += clean;
			p += clean;
			if (clean == WORD)
				continue;
		}
		if (escapes[*s])
			p = put_odd(p, &s, stop, bad);
		else
			*p++ = *s++;
	}
	*sp = s;
	return p;
}

bool json_str(struct jbuf *j, const char *str, size_t len)
{
	const unsigned char *s = (const unsigned char *)str, *stop = s + len;
	bool bad = false;
	char *p;

	p = begin(j, 2 + WORD + ESCAPE_MAX * MIN(len, (size_t)CHUNK));
	if (!p)
		return false;
	*p++ = '"';
	while (s < stop) {
		j->len = p - j->p;
		/* 1: the closing quote of the last round. */
		if (!reserve(j, 1 + WORD + ESCAPE_MAX * MIN((size_t)(stop - s), (size_t)CHUNK)))
			return bad;
		p = put_escaped(j->p + j->len, &s, MIN((size_t)(stop - s), (size_t)CHUNK), stop,
				&bad);
	}
	*p++ = '"';
	end(j, p, true);
	return bad;
}

static void put_date(struct jbuf *j, uint64_t second)
{
	time_t t = second;
	struct tm tm;

	/* 64 bits of ns end in the year 2554: four digits are enough, and gmtime_r cannot fail. */
	gmtime_r(&t, &tm);
	strftime(j->date, sizeof(j->date), "\"%Y-%m-%dT%H:%M:%S.", &tm);
	j->second = second + 1;
}

void json_time(struct jbuf *j, uint64_t ns)
{
	uint64_t second = ns / NSEC;
	char *p = begin(j, DATE_LEN + 9 + 2);

	if (!p)
		return;
	if (j->second != second + 1)
		put_date(j, second);
	p = mempcpy(p, j->date, DATE_LEN);
	p = put_digits(p, ns % NSEC, 9);
	*p++ = 'Z';
	*p++ = '"';
	end(j, p, true);
}

void json_newline(struct jbuf *j)
{
	j->comma = false;
	put_word(j, "\n", 1);
	j->comma = false;
}
