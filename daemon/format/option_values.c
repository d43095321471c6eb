/* SPDX-License-Identifier: MIT */
/*
 * option_values.c: from text to numbers, exactly and without the locale: strtod would take "0x1p3",
 * "inf" and, in some languages, "0,5".
 */
#include <limits.h>
#include "format/options_table.h"

#define PIDS_MAX 4096

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* At least one digit; *s moves behind the last. 0, -EINVAL, -ERANGE. */
static int take_number(const char **s, uint64_t *ret)
{
	const char *p = *s;
	bool over = false;
	uint64_t v = 0;

	if (!is_digit(*p))
		return -EINVAL;
	for (; is_digit(*p); p++)
		over |= __builtin_mul_overflow(v, (uint64_t)10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v);
	if (over)
		return -ERANGE;
	*s = p;
	*ret = v;
	return 0;
}

/* "12.5" as 125 and scale 10. */
static int take_decimal(const char **s, uint64_t *ret, uint64_t *scale)
{
	uint64_t v;
	int err = take_number(s, &v);

	*scale = 1;
	if (err)
		return err;
	if (**s == '.') {
		if (!is_digit((*s)[1]))
			return -EINVAL;
		for (++*s; is_digit(**s); ++*s) {
			if (*scale >= UINT64_C(1000000000000000)) /* 15 digits: exact in a double */
				return -EINVAL;
			*scale *= 10;
			if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
			    __builtin_add_overflow(v, (uint64_t)(**s - '0'), &v))
				return -ERANGE;
		}
	}
	*ret = v;
	return 0;
}

int option_time(const char *s, uint64_t *ns)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "ns", 1 },	     { "us", 1000 },	   { "ms", 1000000 },
		{ "s", 1000000000 }, { "m", 60000000000 }, { "h", 3600000000000 },
	};
	uint64_t v, scale, unit = 0;
	int err = take_decimal(&s, &v, &scale);
	unsigned __int128 product;

	if (err)
		return err;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(s, units[i].name))
			unit = units[i].ns;
	if (!unit && (*s || v))
		return -EINVAL;
	product = (unsigned __int128)v * unit;
	if (product % scale) /* a part of a nanosecond */
		return -EINVAL;
	if (product / scale > UINT64_MAX)
		return -ERANGE;
	*ns = product / scale;
	return 0;
}

int option_size(const char *s, uint64_t *bytes)
{
	static const char units[] = "kmg";
	uint64_t v;
	int err = take_number(&s, &v);

	if (err)
		return err;
	if (*s) {
		const char *unit = strchr(units, *s | 0x20);

		if (!unit || !*unit || s[1])
			return -EINVAL;
		if (__builtin_mul_overflow(v, UINT64_C(1) << (unit - units + 1) * 10, &v))
			return -ERANGE;
	}
	*bytes = v;
	return 0;
}

int option_rate(const char *s, double *rate)
{
	uint64_t v, scale, below;
	int err = take_decimal(&s, &v, &scale);
	double r;

	if (err)
		return err;
	r = (double)v / (double)scale;
	if (*s == '%') {
		r = (double)v / ((double)scale * 100);
		s++;
	} else if (*s == '/' && scale == 1) {
		s++;
		err = take_number(&s, &below);
		if (err)
			return err;
		if (!below)
			return -EINVAL;
		r = (double)v / (double)below;
	}
	if (*s)
		return -EINVAL;
	if (!(r > 0 && r <= 1))
		return -ERANGE;
	*rate = r;
	return 0;
}

int option_per_second(const char *s, uint64_t *n)
{
	uint64_t v;
	int err = take_number(&s, &v);

	if (err)
		return err;
	if (!strcmp(s, "/m")) {
		if (v % 60) /* no whole number a second: better refused than rounded */
			return -EINVAL;
		v /= 60;
	} else if (*s && strcmp(s, "/s")) {
		return -EINVAL;
	}
	*n = v;
	return 0;
}

static int set_pids(struct pids *pids, const char *value, const char **bad, int *len)
{
	const char *s = value;

	for (;;) {
		const char *id = s;
		uint64_t v = 0;
		size_t i = 0;
		int err;

		*bad = id;
		*len = strcspn(id, ",");
		if (take_number(&s, &v) || s != id + *len || !v || v > INT_MAX)
			return -EINVAL;
		while (i < pids->n && pids->v[i] != (int)v)
			i++;
		if (i == PIDS_MAX)
			return -ERANGE;
		if (i == pids->n) {
			err = util_grow(&pids->v, pids->n, &pids->cap, sizeof(*pids->v));
			if (err)
				return err;
			pids->v[pids->n++] = v;
		}
		if (!*s++)
			return 0;
	}
}

static int set_string(struct strings *strings, const char *value)
{
	int err = util_grow(&strings->v, strings->n, &strings->cap, sizeof(*strings->v));

	if (!err)
		strings->v[strings->n++] = value;
	return err;
}

static int set_number(const struct option_row *row, const char *value, uint64_t *to)
{
	uint64_t v = 0, size = row->min; /* itself a power of two */
	int err;

	switch (row->type) {
	case OPT_TIME:
		err = option_time(value, &v);
		break;
	case OPT_BYTES:
	case OPT_SIZE:
		err = option_size(value, &v);
		break;
	case OPT_PER_SECOND:
		err = option_per_second(value, &v);
		break;
	default:
		err = take_number(&value, &v);
		if (!err && *value)
			err = -EINVAL;
	}
	if (err)
		return err;
	if (v < row->min || v > row->max)
		return -ERANGE;
	if (row->type == OPT_SIZE) {
		while (size < v)
			size *= 2;
		v = size;
	}
	*to = v;
	return 0;
}

static int set_choice(const struct option_row *row, const char *value, int *to)
{
	for (int i = 0; row->choices[i]; i++) {
		if (!strcmp(row->choices[i], value)) {
			*to = i;
			return 0;
		}
	}
	return -EINVAL;
}

int option_set(struct conf *c, const struct option_row *row, const char *value, const char **bad,
	       int *len)
{
	void *to = (char *)c + row->offset;

	*bad = value;
	*len = value ? (int)MIN(strlen(value), (size_t)INT_MAX) : 0;
	switch (row->type) {
	case OPT_FLAG:
		*(bool *)to = true;
		return 0;
	case OPT_REPEAT:
		++*(int *)to;
		return 0;
	case OPT_COMMAND:
		*(enum command *)to = (enum command)row->min;
		return 0;
	case OPT_TEXT:
	case OPT_FILE:
		if (!*value || (row->type == OPT_FILE && !strcmp(value, "-")))
			return -EINVAL;
		*(const char **)to = value;
		return 0;
	case OPT_STRINGS:
		return *value ? set_string(to, value) : -EINVAL;
	case OPT_PIDS:
		return set_pids(to, value, bad, len);
	case OPT_NUMBER:
	case OPT_TIME:
	case OPT_BYTES:
	case OPT_SIZE:
	case OPT_PER_SECOND:
		return set_number(row, value, to);
	case OPT_RATE:
		return option_rate(value, to);
	case OPT_CHOICE:
		return set_choice(row, value, to);
	}
	return -EINVAL;
}

/* A bound as one would write it. */
static void size_text(uint64_t v, char text[24])
{
	static const char units[] = "BKMG";
	int unit = 0;

	while (v && unit < 3 && !(v % 1024)) {
		v /= 1024;
		unit++;
	}
	snprintf(text, 24, "%llu%.*s", (unsigned long long)v, unit != 0, units + unit);
}

static void complain_size(const struct option_row *row, char *text, size_t n)
{
	char min[24], max[24];

	size_text(row->min, min);
	size_text(row->max, max);
	snprintf(text, n, "is not between %s and %s", min, max);
}

/* The range of a row, in the words that its values are written in. */
static void complain_range(const struct option_row *row, char *text, size_t n)
{
	if (row->type == OPT_RATE)
		snprintf(text, n, "is not between 0 and 1");
	else if (row->type == OPT_PIDS)
		snprintf(text, n, "is one too many; at most %d processes, or take --exe or --comm",
			 PIDS_MAX);
	else if (row->type == OPT_SIZE || row->type == OPT_BYTES)
		complain_size(row, text, n);
	else if (row->max >= INT64_MAX)
		snprintf(text, n, "is too large");
	else
		snprintf(text, n, "is not between %llu and %llu", (unsigned long long)row->min,
			 (unsigned long long)row->max);
}

void option_complaint(const struct option_row *row, int err, char *text, size_t n)
{
	static const char *const wrong[] = {
		[OPT_TEXT] = "is empty",
		[OPT_FILE] = "is not the name of a file",
		[OPT_STRINGS] = "is empty; name a function or a pattern such as 'read*'",
		[OPT_PIDS] = "is not a process id",
		[OPT_NUMBER] = "is not a whole number",
		[OPT_TIME] = "is not a time; write it as 250us, 10ms, 1.5s, 2m or 1h",
		[OPT_BYTES] = "is not a size; write it as 128 or 1K",
		[OPT_SIZE] = "is not a size; write it as 512K, 8M or 1G",
		[OPT_RATE] = "is not a share; write it as 0.01, 1% or 1/100",
		[OPT_PER_SECOND] = "is not a rate; write it as 100, 100/s or 6000/m",
	};
	size_t len;

	if (err == -ERANGE) {
		complain_range(row, text, n);
		return;
	}
	if (row->type != OPT_CHOICE) {
		snprintf(text, n, "%s", wrong[row->type]);
		return;
	}
	len = snprintf(text, n, "is none of");
	for (size_t i = 0; row->choices[i] && len < n; i++)
		len += snprintf(text + len, n - len, "%s %s", i ? "," : "", row->choices[i]);
}
