/* SPDX-License-Identifier: MIT */
/* where.c: a condition for one function: what the kernel tells of it, and what is left for user space. See where.h. */
#include "probe/where_priv.h"

/* Remembers a parameter's name for where_verify(). */
static void learn_name(struct where *w, const char *name)
{
	size_t n = strlen(name), used = strlen(w->names);

	for (const char *p = strstr(w->names, name); p && n; p = strstr(p + 1, name))
		if ((p == w->names || p[-1] == ' ') && (!p[n] || p[n] == ','))
			return;
	if (n && used + n + 8 < sizeof(w->names))
		snprintf(w->names + used, sizeof(w->names) - used, "%s%s", used ? ", " : "", name);
	else if (used + 5 < sizeof(w->names) && n && strcmp(w->names + MAX(used, 3) - 3, "..."))
		strcat(w->names, " ...");
}

static void learn_names(struct where *w, const struct values *v)
{
	for (uint32_t i = 0; v && i < v->nroots; i++)
		if (!(where_values(v)[i].flags & (VALUE_F_RETURN | VALUE_F_ERRNO)))
			learn_name(w, where_string(v, where_values(v)[i].name));
	w->resolved = true;
}

/* How many names of enumerators (of failing alternatives) the test needs. */
static uint32_t count_names(const struct bound *b)
{
	bool all = b->v && b->v->kind == VALUE_ENUM && b->test.literal == WHERE_NUMBER;

	return b->v && (all || (b->test.what == WHERE_FAILED && b->v->kind == VALUE_VARIANT)) ? b->v->nchildren : 0;
}

static uint32_t copy_names(const struct values *v, const struct bound *b, struct where_name *to)
{
	uint32_t n = 0, max = count_names(b);

	for (uint32_t i = 0; i < max; i++) {
		const struct value *x = &where_values(v)[b->v->child + i];

		if (x->kind == VALUE_NAME || (x->kind == VALUE_CASE && x->flags & VALUE_F_ERROR))
			to[n++] = (struct where_name){ where_string(v, x->name), x->number };
	}
	return n;
}

/* One block: head, tests, names, clauses. */
static int make_rest(const struct values *v, const struct bound *b, size_t nbound, const uint64_t *clauses, size_t nclauses,
		     struct where_fn **ret)
{
	size_t names = 0, bytes = (sizeof(struct where_fn) + 15) & ~(size_t)15;
	struct where_test *tests;
	struct where_name *name;
	struct where_fn *fn;
	uint64_t *c;

	for (size_t i = 0; i < nbound; i++)
		names += count_names(&b[i]);
	fn = calloc(1, bytes + nbound * sizeof(*tests) + names * sizeof(*name) + nclauses * sizeof(*c));
	if (!fn)
		return -ENOMEM;
	tests = (struct where_test *)((char *)fn + bytes);
	name = (struct where_name *)(tests + nbound);
	c = (uint64_t *)(name + names);
	for (size_t i = 0; i < nbound; i++) {
		tests[i] = b[i].test;
		tests[i].names = name;
		tests[i].nnames = copy_names(v, &b[i], name);
		name += count_names(&b[i]);
	}
	memcpy(c, clauses, nclauses * sizeof(*c));
	*fn = (struct where_fn){ (uint32_t)nclauses, (uint32_t)nbound, c, tests };
	*ret = fn;
	return 0;
}

struct split {
	struct fetch_test *test;
	unsigned n, clause;
	uint64_t rest[WHERE_CLAUSES];
	size_t nrest;
};

/* A clause goes to the kernel if every test of it can; what the kernel tells only roughly is asked again. */
static void split_clause(struct split *s, struct where *w, const struct values *v, const struct bound *b, uint64_t leaves)
{
	struct fetch_test test[WHERE_LEAVES + WHERE_KERNEL_MAX];
	bool exact = true, all = true;
	unsigned n = 0;

	for (unsigned i = 0; i < WHERE_LEAVES && all; i++) {
		bool one_exact = true;
		unsigned more;

		if (!(leaves >> i & 1))
			continue;
		more = n < TEST_MAX ? where_kernel(v, &b[i], test + n, &one_exact) : 0;
		all = more > 0;
		exact = exact && one_exact;
		n += more;
	}
	all = all && s->n + n <= TEST_MAX;
	for (unsigned i = 0; i < n && all; i++) {
		test[i].clause = (uint8_t)s->clause;
		s->test[s->n++] = test[i];
	}
	s->clause += all;
	for (size_t i = 0; i < w->nleaves && !all; i++)
		if (leaves >> i & 1 && b[i].address) {
			w->leaf[i].spoiled = true;
			snprintf(w->leaf[i].wrong, sizeof(w->leaf[i].wrong), "an address can only be compared alone or beside "
				 "plain numbers, because the record has what it points to");
		}
	if (!all || !exact)
		s->rest[s->nrest++] = leaves;
}

int where_resolve(struct where *w, const struct values *v, struct fetch_test test[TEST_MAX], uint16_t *ntests,
		  struct where_fn **fn)
{
	AUTO_FREE struct bound *b = calloc(WHERE_LEAVES, sizeof(*b));
	struct split s = { .test = test };
	uint64_t bound = 0;
	bool never = false;
	int err = 0;

	if (!b)
		return -ENOMEM;
	learn_names(w, v);
	for (size_t i = 0; i < w->nleaves; i++)
		if (where_bind(v, &w->leaf[i], &b[i])) {
			w->leaf[i].applied = true;
			bound |= 1ull << i;
		}
	for (size_t i = 0; i < w->nclauses; i++) {
		never |= !(w->clause[i] & bound);
		split_clause(&s, w, v, b, w->clause[i] & bound);
	}
	if (never) {
		/* Nothing that this function's calls have can make it hold: no number is below 0 without a sign. */
		test[0] = (struct fetch_test){ .at = sizeof(struct capture_head), .size = 8, .op = TEST_LT };
		s.n = 1;
		s.rest[0] = 0;
		s.nrest = 1;
	}
	*fn = NULL;
	if (s.nrest)
		err = make_rest(v, b, w->nleaves, s.rest, s.nrest, fn);
	if (!err)
		*ntests = (uint16_t)s.n;
	return err;
}

/* The name of a leaf, as it was written. */
static void leaf_name(const struct leaf *l, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "%s", l->is_return ? "return" : l->is_args ? "args" : "");

	for (unsigned i = 0; i < l->nsteps && n < size; i++)
		if (l->step[i].name)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? "." : "", l->step[i].name);
		else
			n += (size_t)snprintf(buf + n, size - n, "[%u]", l->step[i].index);
}

int where_verify(const struct where *w, char why[WHERE_WHY])
{
	for (size_t i = 0; i < w->nleaves && w->resolved; i++) {
		const struct leaf *l = &w->leaf[i];
		char name[100];

		if (l->applied && !l->spoiled)
			continue;
		leaf_name(l, name, sizeof(name));
		if (*l->wrong)
			snprintf(why, WHERE_WHY, "'%s': %s", name, l->wrong);
		else if (*w->names)
			snprintf(why, WHERE_WHY, "'%s' is no parameter of these functions; they have %s", name, w->names);
		else
			snprintf(why, WHERE_WHY, "'%s' is not known: nothing is known of these functions' parameters; "
				 "tell a prototype: -f 'f(int a, char *b) -> int'", name);
		return -EINVAL;
	}
	return 0;
}

uint64_t where_min_duration(const struct where *w)
{
	uint64_t most = 0;

	for (size_t i = 0; i < w->nclauses; i++) {
		const struct leaf *l = &w->leaf[__builtin_ctzll(w->clause[i])];
		bool alone = !(w->clause[i] & (w->clause[i] - 1));

		if (!alone || l->failed || l->is_return || l->is_args || l->nsteps != 1 ||
		    strcmp(l->step[0].name, "duration") || l->literal != LEAF_TIME || l->number > INT64_MAX)
			continue;
		if (l->op == WHERE_GT || l->op == WHERE_GE)
			most = MAX(most, (uint64_t)l->number + (l->op == WHERE_GT));
	}
	return most;
}
