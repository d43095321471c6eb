/* SPDX-License-Identifier: MIT */
/*
 * where_fuzz.c: any text as a condition, resolved for functions whose values are as various as a prototype can tell, and
 * asked of records: of a lost capture, an empty one, and one with every item there, whose bytes are the input's too.
 */
#include <stdlib.h>
#include "condition.h"
#include "pipeline/values.h"
#include "probe/proto_text.h"
#include "probe/where.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const prototypes[] = {
	"f(const char *path, flags open oflag, int fd, unsigned u, u64 big, i8 small, enum {LOW = -1, HIGH = 7} level, char c) -> int",
	"g(bool b, void *p, void *buf:n, size_t n, double d, char s[8], int v[4], char **argv) -> errno char *",
};

#define FUNCTIONS ARRAY_SIZE(prototypes)

static struct capture *compile(const char *text)
{
	struct capture_conf conf = { .depth = 2, .string_size = 32, .elements = 4, .at_return = true, .errors = true };
	char why[PROTO_TEXT_WHY];
	struct proto_view v;
	struct capture *c;
	struct proto *p;

	if (proto_text_parse(text, &p, why) || proto_check(p, p->bytes, &v) || capture_compile(&c, &v, &conf))
		abort();
	free(p);
	return c;
}

/* Tests must be what include/fetch.h says: the kernel trusts them. */
static void check_tests(const struct capture *c, const struct fetch_test *t, uint16_t n)
{
	unsigned clause = 0;

	if (n > TEST_MAX)
		abort();
	for (uint16_t i = 0; i < n; i++) {
		if (t[i].clause != clause && (t[i].clause != clause + 1 || !i))
			abort();
		clause = t[i].clause;
		if (t[i].size != 1 && t[i].size != 2 && t[i].size != 4 && t[i].size != 8)
			abort();
		if (t[i].op > TEST_AND || t[i].item >= FETCH_ITEMS)
			abort();
		if (!(t[i].flags & TEST_F_EXIT) && t[i].at + t[i].size > MAX(c->fixed, 24u))
			abort();
	}
}

static void match(const struct capture *c, const struct where_fn *fn, const uint8_t *bytes, size_t len, struct arena *a)
{
	struct record r = { .type = "call" };

	arena_reset(a);
	record_val(&r, K_DURATION, VAL_NS, 12345);
	record_str(&r, K_EXIT, "return", 6);
	if (values_put(c->values, bytes, len, true, "lost", a, &r) == 0)
		where_match(fn, &r);
}

static void match_all(const struct capture *c, const struct where_fn *fn, const uint8_t *data, size_t size, struct arena *a)
{
	struct capture_head head = { .bytes = c->fixed };
	uint8_t bytes[CAPTURE_MAX];

	match(c, fn, NULL, 0, a);
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, &head, sizeof(head));
	match(c, fn, bytes, c->fixed, a);
	memcpy(bytes + sizeof(head), data, MIN(size, sizeof(bytes) - sizeof(head)));
	head.got = ~0ull;
	memcpy(bytes, &head, sizeof(head));
	match(c, fn, bytes, c->fixed, a);
}

static void resolve(struct where *w, struct capture *const *c, const uint8_t *data, size_t size, struct arena *a)
{
	struct fetch_test test[TEST_MAX];
	struct where_fn *fn;
	char why[WHERE_WHY];
	uint16_t n;

	for (size_t i = 0; i < FUNCTIONS; i++) {
		if (where_resolve(w, c[i]->values, test, &n, &fn))
			abort();
		check_tests(c[i], test, n);
		match_all(c[i], fn, data, size, a);
		free(fn);
	}
	if (where_resolve(w, NULL, test, &n, &fn))
		abort();
	free(fn);
	if (where_verify(w, why) && strlen(why) >= WHERE_WHY)
		abort();
	where_min_duration(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct capture *c[FUNCTIONS];
	static struct arena *a;
	char why[WHERE_WHY] = "", *text = strndup((const char *)data, size);
	struct where *w = NULL;
	size_t column = 0, used;
	int err;

	for (size_t i = 0; i < FUNCTIONS && !c[i]; i++)
		c[i] = compile(prototypes[i]);
	if (!text || (!a && arena_new(&a, 1 << 16)))
		abort();
	used = strlen(text);
	err = where_parse(text, used & 1, &w, why);
	if (!err)
		resolve(w, c, data + MIN(used + 1, size), size - MIN(used + 1, size), a);
	else if (err != -EINVAL || !*why || strchr(why, '\n'))
		abort();
	else if (sscanf(why, "column %zu: ", &column) == 1 && (!column || column > used + 1))
		abort();
	where_free(w);
	free(text);
	return 0;
}
