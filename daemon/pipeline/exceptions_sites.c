/* SPDX-License-Identifier: MIT */
/* exceptions_sites.c: how many exceptions, by type and by the function that threw; see exceptions.h. */
#include "base/human.h"
#include "pipeline/exceptions_priv.h"

#define SITES_MAX 1024 /* the others are counted together */

struct site {
	uint64_t count, outcomes[OUTCOME_MAX];
	size_t type_len, function_len, module_len; /* in the key, one after the other */
	UT_hash_handle hh;
	size_t key_len;
	char key[];
};

struct exception_sites {
	struct site *table;
	struct site *others;
};

int exception_sites_new(struct exception_sites **ret)
{
	AUTO_FREE struct exception_sites *s = calloc(1, sizeof(*s));

	if (s)
		s->others = calloc(1, sizeof(*s->others));
	if (!s || !s->others)
		return -ENOMEM;
	*ret = util_steal(&s);
	return 0;
}

void exception_sites_free(struct exception_sites *s)
{
	if (!s)
		return;
	while (s->table) {
		struct site *x = s->table;

		HASH_DEL(s->table, x);
		free(x);
	}
	free(s->others);
	free(s);
}

/* Lengths belong to the key: "ab" + "c" is not "a" + "bc". */
static struct site *make(const char *type, const char *function, const char *module)
{
	size_t t = strlen(type), f = strlen(function), m = strlen(module);
	struct site *x = calloc(1, sizeof(*x) + t + f + m + 3);

	if (!x)
		return NULL;
	x->type_len = t;
	x->function_len = f;
	x->module_len = m;
	x->key_len = t + f + m + 3;
	memcpy(x->key, type, t);
	memcpy(x->key + t + 1, function, f);
	memcpy(x->key + t + 1 + f + 1, module, m);
	return x;
}

static const char *site_function(const struct site *x)
{
	return x->key + x->type_len + 1;
}

static const char *site_module(const struct site *x)
{
	return site_function(x) + x->function_len + 1;
}

static struct site *find(struct exception_sites *s, const struct exception *ex)
{
	static const struct resolved nowhere;
	const struct resolved *at = ex->thrown < ex->frames->n ? &ex->frames->v[ex->thrown] : &nowhere;
	struct site *x = make(ex->type ? ex->type : "", at->function ? at->function : "", at->module ? at->module : ""), *known;

	if (!x)
		return s->others;
	HASH_FIND(hh, s->table, x->key, x->key_len, known);
	if (known || HASH_COUNT(s->table) >= SITES_MAX) {
		free(x);
		return known ? known : s->others;
	}
	HASH_ADD_KEYPTR(hh, s->table, x->key, x->key_len, x);
	return x;
}

void exception_sites_count(struct exception_sites *s, const struct exception *ex, enum outcome how)
{
	struct site *x = find(s, ex);

	x->count++;
	x->outcomes[how]++;
}

static void put_text(struct record *r, enum record_key key, const char *s, size_t len, const char *why)
{
	if (len) {
		record_str(r, key, s, len);
	} else if (why) {
		record_val(r, key, VAL_UNAVAIL, 0);
		r->f[r->n - 1].str = why;
		r->f[r->n - 1].len = (uint32_t)strlen(why);
	}
}

static void emit_site(const struct site *x, bool interval, const char *no_type, exceptions_emit *emit, void *arg)
{
	struct field outcomes[OUTCOME_MAX];
	struct record r = { .type = "exceptions", .rank = RANK_STREAM };
	size_t n = 0;

	if (interval)
		record_val(&r, K_INTERVAL, VAL_BOOL, 1);
	put_text(&r, K_EXC_TYPE, x->key, x->type_len, no_type);
	if (x->key_len) {
		put_text(&r, K_FUNCTION, site_function(x), x->function_len, "no_symbol");
		put_text(&r, K_MODULE, site_module(x), x->module_len, NULL);
	}
	record_u64(&r, K_COUNT, x->count);
	for (unsigned how = 0; how < OUTCOME_MAX; how++)
		if (x->outcomes[how])
			outcomes[n++] = (struct field){ .name = outcome_name(how), .type = VAL_U64, .u = x->outcomes[how] };
	record_list(&r, K_OUTCOMES, VAL_OBJECT, outcomes, n);
	emit(arg, &r);
}

void exception_sites_summary(struct exception_sites *s, bool interval, exceptions_emit *emit, void *arg)
{
	struct site *x, *tmp;

	HASH_ITER (hh, s->table, x, tmp)
		emit_site(x, interval, "not_known", emit, arg);
	if (s->others->count)
		emit_site(s->others, interval, "too_many", emit, arg);
}

static int by_count(const struct site *a, const struct site *b)
{
	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return strcmp(a->key, b->key);
}

/* A column; the last one needs no padding. */
static void print_text(FILE *out, const char *s, size_t len, size_t width)
{
	size_t columns = human_text(out, s, len);

	if (columns < width)
		fprintf(out, "%*s", (int)(width - columns), "");
}

static void print_site(FILE *out, const struct site *x, size_t type, size_t function)
{
	static const char others[] = "(all others)", unknown[] = "-";
	const char *name = x->key_len ? x->type_len ? x->key : unknown : others;
	const char *where = x->key_len && x->function_len ? site_function(x) : unknown, *comma = "  ";
	char count[HUMAN_MAX];

	print_text(out, name, strlen(name), type);
	fputs("  ", out);
	print_text(out, where, strlen(where), function);
	fprintf(out, "  %10s", human_count(count, x->count));
	for (unsigned how = 0; how < OUTCOME_MAX; how++) {
		if (!x->outcomes[how])
			continue;
		fprintf(out, "%s%s %s", comma, human_count(count, x->outcomes[how]), outcome_name(how));
		comma = ", ";
	}
	fputc('\n', out);
}

void exception_sites_table(struct exception_sites *s, FILE *out)
{
	const size_t most = 48;
	size_t type = strlen("exception"), function = strlen("thrown in");
	struct site *x, *tmp;

	if (!s->table && !s->others->count)
		return;
	HASH_SORT(s->table, by_count);
	HASH_ITER (hh, s->table, x, tmp) {
		type = MAX(type, MIN(human_text(NULL, x->key, x->type_len), most));
		function = MAX(function, MIN(human_text(NULL, site_function(x), x->function_len), most));
	}
	fprintf(out, "\n%-*s  %-*s  %10s  outcome\n", (int)type, "exception", (int)function, "thrown in", "count");
	HASH_ITER (hh, s->table, x, tmp)
		print_site(out, x, type, function);
	if (s->others->count)
		print_site(out, s->others, type, function);
}
