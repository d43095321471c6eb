/* SPDX-License-Identifier: MIT */
/*
 * where_test.c: conditions from their text to their answer: parsed, resolved for a prototype's captured values, told by the
 * kernel's tests (as bpf/where.bpf.h makes them, on a capture's bytes) and by where_match() on the record.
 */
#include <criterion/criterion.h>

#include "condition.h"
#include "pipeline/values.h"
#include "probe/proto_text.h"
#include "probe/where.h"
#include "target/proto_build.h"

/* A function, one call of it, and the record. */
struct call {
	struct capture *c;
	union {
		struct capture_head head;
		uint8_t bytes[CAPTURE_MAX + 4096];
	};
	struct arena *arena;
	const char *exit; /* "return" unless set */
	uint64_t duration;
};

static void call_of(struct call *x, const struct proto *p, bool errors)
{
	struct capture_conf conf = { .depth = 2, .string_size = 16, .elements = 4, .at_return = true, .errors = errors };
	struct proto_view v;

	memset(x, 0, sizeof(*x));
	cr_assert_eq(proto_check(p, p->bytes, &v), 0);
	cr_assert_eq(capture_compile(&x->c, &v, &conf), 0);
	cr_assert_eq(arena_new(&x->arena, 1 << 16), 0);
	x->head.bytes = x->c->fixed;
	x->exit = "return";
	x->duration = 1000000;
}

static void call_new(struct call *x, const char *text)
{
	char why[PROTO_TEXT_WHY];
	struct proto *p = NULL;

	cr_assert_eq(proto_text_parse(text, &p, why), 0, "%s: %s", text, why);
	call_of(x, p, false);
	free(p);
}

static void call_free(struct call *x)
{
	capture_free(x->c);
	arena_free(x->arena);
}

static const struct value *root_of(const struct call *x, const char *name)
{
	const struct value *v = (const struct value *)(x->c->values + 1);
	const char *strings = (const char *)(v + x->c->values->n);
	bool result = !strcmp(name, "return");

	for (uint32_t i = 0; i < x->c->values->nroots; i++)
		if (!(v[i].flags & VALUE_F_ERRNO) && !(v[i].flags & VALUE_F_RETURN) == !result &&
		    (result || !strcmp(strings + v[i].name, name)))
			return &v[i];
	cr_assert_fail("no %s", name);
	return NULL;
}

static void put_at(struct call *x, const struct value *v, uint64_t number)
{
	cr_assert_lt(v->item, FETCH_ITEMS);
	memcpy(x->bytes + v->at + v->off, &number, MIN(v->size, 8u));
	x->head.got |= 1ull << v->item;
}

static void set(struct call *x, const char *name, int64_t number)
{
	put_at(x, root_of(x, name), (uint64_t)number);
}

/* Bytes in the heap; all: how many there are, UINT64_MAX: nobody knows. */
static void put_fetched(struct call *x, const struct value *v, const char *s, size_t len, uint64_t all)
{
	struct fetched f = { .off = x->head.bytes, .len = (uint32_t)len, .all = all };

	cr_assert_lt(v->item, FETCH_ITEMS);
	memcpy(x->bytes + v->at, &f, sizeof(f));
	memcpy(x->bytes + f.off, s, len);
	x->head.got |= 1ull << v->item;
	x->head.bytes += (uint32_t)(len + 8) & ~7u;
}

/* Bytes behind a pointer. */
static void set_bytes(struct call *x, const char *name, const char *s, size_t len, uint64_t all)
{
	const struct value *v = root_of(x, name);

	put_at(x, v, 0x5000);
	put_fetched(x, (const struct value *)(x->c->values + 1) + v->child, s, len, all);
}

static void set_text(struct call *x, const char *name, const char *s)
{
	set_bytes(x, name, s, strlen(s), strlen(s));
}

/* ---- what the kernel does ---- */

static bool test_holds(const struct call *x, const struct fetch_test *t)
{
	bool sign = t->flags & TEST_F_SIGNED;
	uint64_t u = 0;
	int64_t v;

	if (t->flags & TEST_F_EXIT)
		return !strcmp(x->exit, "exception") || !strcmp(x->exit, "panic");
	if (!(x->head.got >> (t->item & 63) & 1))
		return false;
	memcpy(&u, x->bytes + t->at, t->size);
	v = sign && t->size < 8 ? (int64_t)(u << (64 - t->size * 8)) >> (64 - t->size * 8) : (int64_t)u;
	switch ((enum test_op)t->op) {
	case TEST_EQ:
		return v == t->imm;
	case TEST_NE:
		return v != t->imm;
	case TEST_LT:
		return sign ? v < t->imm : (uint64_t)v < (uint64_t)t->imm;
	case TEST_LE:
		return sign ? v <= t->imm : (uint64_t)v <= (uint64_t)t->imm;
	case TEST_GT:
		return sign ? v > t->imm : (uint64_t)v > (uint64_t)t->imm;
	case TEST_GE:
		return sign ? v >= t->imm : (uint64_t)v >= (uint64_t)t->imm;
	case TEST_AND:
		return (v & t->imm) != 0;
	}
	return false;
}

static bool kernel_holds(const struct call *x, const struct fetch_test *t, unsigned n)
{
	unsigned clause = 0;
	bool holds = !n, fails = false;

	for (unsigned i = 0; i < n; i++) {
		if (t[i].clause != clause) {
			cr_assert_eq(t[i].clause, clause + 1);
			fails |= !holds;
			holds = false;
			clause++;
		}
		holds |= test_holds(x, &t[i]);
	}
	return holds && !fails;
}

static void make_record(struct call *x, struct record *r)
{
	arena_reset(x->arena);
	*r = (struct record){ .type = "call" };
	record_val(r, K_DURATION, VAL_NS, x->duration);
	record_u64(r, K_TID, 77);
	record_str(r, K_COMM, "worker", 6);
	record_str(r, K_EXIT, x->exit, strlen(x->exit));
	cr_assert_eq(values_put(x->c->values, x->bytes, x->head.bytes, !strcmp(x->exit, "return"), NULL, x->arena, r), 0);
}

enum where_told { BY_KERNEL = 1, BY_USER = 2, BY_BOTH = 3 };

/* The answer to a condition; who tells it. */
static bool answer(struct call *x, struct where *w, unsigned *told)
{
	struct fetch_test test[TEST_MAX];
	struct where_fn *fn = NULL;
	struct record r;
	uint16_t n = 99;
	bool kernel, user;

	cr_assert_eq(where_resolve(w, x->c->values, test, &n, &fn), 0);
	cr_assert(n <= TEST_MAX);
	kernel = kernel_holds(x, test, n);
	make_record(x, &r);
	user = where_match(fn, &r);
	*told = (n ? BY_KERNEL : 0) | (fn ? BY_USER : 0);
	free(fn);
	return kernel && user;
}

static bool ask(struct call *x, const char *text, unsigned *told)
{
	char why[WHERE_WHY] = "";
	struct where *w = NULL;
	bool yes;

	cr_assert_eq(where_parse(text, false, &w, why), 0, "%s: %s", text, why);
	yes = answer(x, w, told);
	cr_expect_eq(where_verify(w, why), 0, "%s: %s", text, why);
	where_free(w);
	return yes;
}

struct question {
	const char *text;
	bool yes;
	unsigned told;
};

static void ask_all(struct call *x, const struct question *q, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned told = 0;

		cr_expect_eq(ask(x, q[i].text, &told), q[i].yes, "%s", q[i].text);
		cr_expect_eq(told, q[i].told, "%s: told by %u", q[i].text, told);
	}
}

static const char open_proto[] =
	"open(const char *path, flags open oflag, int fd, unsigned int u, uint64_t big, int8_t small, enum {LOW = -1, HIGH = 7} level,"
	" char c, bool b, void *p, void *buf:u, double, const char *nothing) -> int";

static void open_call(struct call *x)
{
	call_new(x, open_proto);
	set_text(x, "path", "/etc/passwd");
	set(x, "oflag", 0x80042);
	set(x, "fd", 3);
	set(x, "u", 4000000000);
	set(x, "big", -1);
	set(x, "small", -100);
	set(x, "level", 7);
	set(x, "c", 'x');
	set(x, "b", 1);
	set(x, "p", 0x1000);
	set_bytes(x, "buf", "\1\2\3", 3, 4000000000);
	set(x, "nothing", 0);
	set(x, "return", -2);
}

Test(where, integers_are_told_by_the_kernel)
{
	static const struct question q[] = {
		{ "return < 0", true, BY_KERNEL },	     { "return >= 0", false, BY_KERNEL },
		{ "return == -2", true, BY_KERNEL },	     { "0 > return", true, BY_KERNEL },
		{ "-3 < return && -1 > return", true, BY_KERNEL },
		{ "fd == 3 && u > 4096", true, BY_KERNEL },  { "fd == 3 && u < 4096", false, BY_KERNEL },
		{ "fd != 3", false, BY_KERNEL },	     { "!(fd == 3)", false, BY_KERNEL },
		{ "fd", true, BY_KERNEL },		     { "!fd", false, BY_KERNEL },
		{ "not fd or b", true, BY_KERNEL },	     { "fd and not b", false, BY_KERNEL },
		{ "(fd > 1 || u == 2) && !nothing", true, BY_KERNEL },
		{ "(fd > 3 || u == 2) && !nothing", false, BY_KERNEL },
		{ "(fd == 3) == true", true, BY_KERNEL },    { "(fd == 3) == 0", false, BY_KERNEL },
		{ "(fd == 3) != 0", true, BY_KERNEL },
		{ "u == 4000000000", true, BY_KERNEL },	     { "u == 0xee6b2800", true, BY_KERNEL },
		{ "u == -294967296", false, BY_KERNEL },     { "u > -1", true, BY_KERNEL },
		{ "u < -1", false, BY_KERNEL },		     { "u != -1", true, BY_KERNEL },
		{ "u <= 18446744073709551615", true, BY_KERNEL },
		{ "big == 18446744073709551615", true, BY_KERNEL }, { "big > 9223372036854775807", true, BY_KERNEL },
		{ "big == -1", false, BY_KERNEL },	     { "big >= 0", true, BY_KERNEL },
		{ "small == -100", true, BY_KERNEL },	     { "small < -128", false, BY_KERNEL },
		{ "small > -129", true, BY_KERNEL },	     { "small < 128", true, BY_KERNEL },
		{ "small & 0x80", true, BY_KERNEL },	     { "small & 0x100", false, BY_KERNEL },
		{ "small & 4", true, BY_KERNEL },	     { "small & 1|2", false, BY_KERNEL },
		{ "level == HIGH", true, BY_KERNEL },	     { "level == LOW", false, BY_KERNEL },
		{ "level > LOW", true, BY_KERNEL },	     { "level == 7", true, BY_KERNEL },
		{ "level == \"HIGH\"", true, BY_KERNEL },
		{ "oflag & O_CREAT", true, BY_KERNEL },	     { "oflag & O_TRUNC", false, BY_KERNEL },
		{ "oflag & (O_TRUNC|O_CREAT)", true, BY_KERNEL }, { "oflag & O_TRUNC | O_EXCL", false, BY_KERNEL },
		{ "oflag == O_RDWR|O_CREAT|O_CLOEXEC", true, BY_KERNEL },
		{ "fd == O_WRONLY|O_RDWR", true, BY_KERNEL }, /* a plain int knows the sets that everyone knows */
		{ "c == 'x'", true, BY_KERNEL },	     { "c == \"y\"", false, BY_KERNEL },
		{ "c == 120", true, BY_KERNEL },	     { "c == '\\x78'", true, BY_KERNEL },
		{ "b", true, BY_KERNEL },		     { "b == true", true, BY_KERNEL },
		{ "b == false", false, BY_KERNEL },	     { "b != 1", false, BY_KERNEL },
		{ "p == 0x1000", true, BY_KERNEL },	     { "p == null", false, BY_KERNEL },
		{ "p", true, BY_KERNEL },		     { "path", true, BY_KERNEL },
		{ "nothing == NULL", true, BY_KERNEL },	     { "nothing != nil", false, BY_KERNEL },
		{ "!nothing", true, BY_KERNEL },		     { "path != null", true, BY_KERNEL },
		{ "buf > 0x4fff", true, BY_KERNEL },	     { "u >= 3G && u < 4G", true, BY_KERNEL },
		{ "fd == 03", true, BY_KERNEL },	     { "args.fd == 3", true, BY_KERNEL },
		{ "fd = 3", true, BY_KERNEL },
	};
	struct call x;

	open_call(&x);
	ask_all(&x, q, ARRAY_SIZE(q));
	call_free(&x);
}

Test(where, the_rest_is_told_by_the_record)
{
	static const struct question q[] = {
		{ "path == \"/etc/passwd\"", true, BY_USER },	{ "path == '/etc/shadow'", false, BY_USER },
		{ "path != \"/etc/shadow\"", true, BY_USER },	{ "\"/etc/passwd\" == path", true, BY_USER },
		{ "path ~ \"*passwd\"", true, BY_USER },	{ "path ~ \"*.so\"", false, BY_USER },
		{ "path !~ \"*.so\"", true, BY_USER },		{ "!(path ~ '/etc/*')", false, BY_USER },
		{ "path ~ '/?t?/[a-p]*'", true, BY_USER },	{ "path ~ '/etc/[!p]*'", false, BY_USER },
		{ "path ~ 'etc'", false, BY_USER },		{ "path ~ '*e*c*a*s*w*'", true, BY_USER },
		{ "path ~ '\\\\/etc*'", true, BY_USER },
		{ "len(path) == 11", true, BY_USER },		{ "len(path) > 11", false, BY_USER },
		{ "len(buf) == 4000000000", true, BY_USER },	{ "len(buf) < 4G", true, BY_USER },
		{ "fd == 3 && path ~ '/etc*'", true, BY_BOTH }, { "fd == 4 && path ~ '/etc*'", false, BY_BOTH },
		{ "fd == 4 || path ~ '/etc*'", true, BY_USER }, { "fd == 4 || path ~ '/usr*'", false, BY_USER },
		{ "oflag & O_TRUNC || path ~ 'x'", false, BY_USER }, { "oflag & O_CREAT || path ~ 'x'", true, BY_USER },
		{ "oflag == O_RDWR|O_CREAT|O_CLOEXEC || path ~ 'x'", true, BY_USER },
		{ "level == HIGH || path ~ 'x'", true, BY_USER }, { "level < 7 || path ~ 'x'", false, BY_USER },
		{ "level > LOW || path ~ 'x'", true, BY_USER },
		{ "c == 'x' || path ~ 'x'", true, BY_USER },	{ "c == 'y' || path ~ 'x'", false, BY_USER },
		{ "big == 18446744073709551615 || path ~ 'x'", true, BY_USER },
		{ "small == -100 || path ~ 'x'", true, BY_USER }, { "b || path ~ 'x'", true, BY_USER },
		{ "!b || path ~ 'x'", false, BY_USER },		{ "nothing == null || path ~ 'x'", true, BY_USER },
		{ "p == 0x1000 || path ~ 'x'", true, BY_USER },
		{ "nothing == 'x'", false, BY_USER },		{ "nothing != 'x'", true, BY_USER },
		{ "oflag & O_CREAT == 0", false, BY_USER },	{ "(oflag & O_TRUNC) == 0", true, BY_USER },
		{ "!(oflag & O_CREAT)", false, BY_USER },	{ "oflag & O_CREAT != 0", true, BY_KERNEL },
		{ "fd < 3.5", true, BY_USER },			{ "fd >= 3.5", false, BY_USER },
		{ "duration > 500us", true, BY_USER },		{ "duration > 1.5ms", false, BY_USER },
		{ "duration == 1ms && fd == 3", true, BY_BOTH }, { "tid == 77", true, BY_USER },
		{ "comm == 'worker'", true, BY_USER },		{ "comm ~ 'w*'", true, BY_USER },
		{ "exit == return", true, BY_USER },		{ "exit != return", false, BY_USER },
		{ "exit == exception", false, BY_BOTH },	{ "exit == exception || exit == panic", false, BY_BOTH },
		{ "error == ENOENT", false, BY_USER },		{ "error", false, BY_USER },
		{ "!error", true, BY_USER },
	};
	struct call x;

	open_call(&x);
	ask_all(&x, q, ARRAY_SIZE(q));
	call_free(&x);
}

Test(where, what_is_not_there_is_never_guessed)
{
	static const struct question q[] = {
		{ "fd == 0", false, BY_KERNEL },	      { "fd != 0", false, BY_KERNEL },
		{ "!fd", false, BY_KERNEL },		      { "u > -1", false, BY_KERNEL },
		{ "path == 'x'", false, BY_USER },	      { "path != 'x'", false, BY_USER },
		{ "path !~ 'x'", false, BY_USER },	      { "fd < 1.5", false, BY_USER },
		{ "fd >= 1.5", false, BY_USER },	      { "return < 0", false, BY_KERNEL },
		{ "return >= 0", false, BY_KERNEL },	      { "len(path) != 3", false, BY_USER },
		{ "fd == 0 || exit == exception", true, BY_BOTH },
	};
	struct call x;

	call_new(&x, open_proto);
	x.exit = "exception";
	ask_all(&x, q, ARRAY_SIZE(q));
	call_free(&x);
}

/* The string size is 16: of longer ones the beginning is known, and how long they are. */
Test(where, truncated_text_is_asked_carefully)
{
	static const struct question known[] = {
		{ "s == '0123456789abcdef'", false, BY_USER },	   { "s != '0123456789abcdef'", true, BY_USER },
		{ "s == '0123456789abcdefghij'", false, BY_USER }, { "s != '0123456789abcdefghij'", false, BY_USER },
		{ "s == '0123456789abcdefg'", false, BY_USER },	   { "s != '0123456789abcdefg'", true, BY_USER },
		{ "s == 'x123456789abcdefghij'", false, BY_USER }, { "s != 'x123456789abcdefghij'", true, BY_USER },
		{ "s ~ '0123*'", true, BY_USER },		   { "s !~ '0123*'", false, BY_USER },
		{ "s ~ '0123*f'", false, BY_USER },		   { "s !~ '0123*f'", false, BY_USER },
		{ "s ~ '9*'", false, BY_USER },			   { "s !~ '9*'", true, BY_USER },
		{ "s ~ '0123456789abcdef'", false, BY_USER },	   { "s !~ '0123456789abcdef'", true, BY_USER },
		{ "len(s) == 20", true, BY_USER },		   { "len(s) > 16", true, BY_USER },
		{ "len(s) < 20", false, BY_USER },
	};
	static const struct question unknown[] = {
		{ "len(s) > 17", false, BY_USER }, { "len(s) > 16", true, BY_USER },  { "len(s) >= 16", true, BY_USER },
		{ "len(s) < 100", false, BY_USER }, { "len(s) != 3", true, BY_USER }, { "len(s) == 16", false, BY_USER },
		{ "s != '0123456789abcdefg'", false, BY_USER },
	};
	struct call x;

	call_new(&x, "f(char *s)");
	set_bytes(&x, "s", "0123456789abcdef", 16, 20);
	ask_all(&x, known, ARRAY_SIZE(known));
	call_free(&x);
	call_new(&x, "f(char *s)");
	set_bytes(&x, "s", "0123456789abcdef", 16, UINT64_MAX);
	ask_all(&x, unknown, ARRAY_SIZE(unknown));
	call_free(&x);
}

/* ---- structures, alternatives: prototypes as debug information gives them ---- */

static uint32_t named(struct proto_build *b, const char *s)
{
	return proto_build_string(b, s, strlen(s));
}

static uint32_t plain(struct proto_build *b, enum type_kind kind, unsigned size)
{
	struct type t = { .kind = (uint8_t)kind, .size = size, .inner = PROTO_NO_TYPE };

	if (kind == TYPE_CHAR) {
		t.flags = TYPE_F_SIGNED;
		t.name = named(b, "char");
	}

	return proto_build_type(b, &t);
}

/* f(struct { int x; unsigned bits : 3; char name[8]; } *p) -> int; Rust: Result<u32, i32>, which is {tag, value}. */
static struct proto *typed_proto(enum proto_lang lang)
{
	struct proto_build *b = proto_build_new();
	uint32_t i4 = plain(b, TYPE_INT, 4), u4 = plain(b, TYPE_UINT, 4), c1 = plain(b, TYPE_CHAR, 1);
	struct type name = { .kind = TYPE_ARRAY, .size = 8, .count = 8, .inner = c1 };
	struct member fields[] = {
		{ .name = named(b, "x"), .type = i4 },
		{ .name = named(b, "bits"), .type = u4, .offset = 4, .bit_offset = 2, .bit_size = 3 },
		{ .name = named(b, "name"), .offset = 8, .type = proto_build_type(b, &name) },
	};
	struct type s = { .kind = TYPE_STRUCT, .size = 16, .nmembers = 3, .inner = PROTO_NO_TYPE, .name = named(b, "S") };
	struct type p = { .kind = TYPE_POINTER, .size = 8 };
	struct member alternatives[] = {
		{ .type = u4 },
		{ .name = named(b, "Ok"), .type = u4, .offset = 4, .value = 0 },
		{ .name = named(b, "Err"), .type = i4, .offset = 4, .value = 1 },
	};
	struct type v = { .kind = TYPE_VARIANT, .size = 8, .nmembers = 3, .inner = PROTO_NO_TYPE, .name = named(b, "R") };
	struct param param = { .name = named(b, "p") };
	struct proto head = { .lang = (uint8_t)lang, .name = named(b, "f"), .result = i4 }, *ret = NULL;

	s.member = proto_build_members(b, fields, 3);
	p.inner = proto_build_type(b, &s);
	param.type = proto_build_type(b, &p);
	proto_build_param(b, &param);
	v.member = proto_build_members(b, alternatives, 3);
	if (lang == LANG_RUST)
		head.result = proto_build_type(b, &v);
	cr_assert_eq(proto_build_finish(b, &head, &ret), 0);
	proto_build_free(b);
	return ret;
}

static const struct value *child_of(const struct call *x, const struct value *v, uint32_t i)
{
	return (const struct value *)(x->c->values + 1) + v->child + i;
}

static void typed_call(struct call *x, struct proto *p, uint32_t tag, uint32_t value)
{
	const struct value *root, *s, *r;

	call_of(x, p, false);
	root = root_of(x, "p");
	put_at(x, root, 0x1000);
	s = child_of(x, root, 0);
	put_at(x, child_of(x, s, 0), 42);
	put_at(x, child_of(x, s, 1), 5u << child_of(x, s, 1)->bit_off);
	r = root_of(x, "return");
	if (!r->nchildren) {
		memcpy(x->bytes + child_of(x, s, 2)->at + child_of(x, s, 2)->off, "bob", 4);
		return;
	}
	put_at(x, child_of(x, r, 0), tag);
	put_at(x, child_of(x, child_of(x, r, 1), 0), value);
	put_at(x, child_of(x, child_of(x, r, 2), 0), value);
}

Test(where, members_and_alternatives_are_found)
{
	static const struct question ok[] = {
		{ "p.x == 42", true, BY_KERNEL },      { "p->x < 42", false, BY_KERNEL },
		{ "p.bits == 5", true, BY_USER },      { "p.bits > 5", false, BY_USER },
		{ "p", true, BY_KERNEL },	       { "p == 0x1000", true, BY_KERNEL },
		{ "return == Ok", true, BY_KERNEL },   { "return != Err", true, BY_KERNEL },
		{ "return == Err", false, BY_KERNEL }, { "return.Ok == 9", true, BY_USER },
		{ "return.Err == 9", false, BY_USER }, { "return.Err != 9", false, BY_USER },
		{ "return == Err || p.bits == 4", false, BY_USER },
		{ "return == Ok || p.bits == 4", true, BY_USER },
	};
	static const struct question text[] = {
		{ "p.name == 'bob'", true, BY_USER }, { "p->name ~ 'b*'", true, BY_USER },
		{ "p.name != 'eve'", true, BY_USER }, { "len(p.name) == 3", true, BY_USER },
		{ "p.name == 'bo'", false, BY_USER }, { "p.x == 42 && p.name == 'bob'", true, BY_BOTH },
	};
	static const struct question err[] = {
		{ "return == Err", true, BY_KERNEL }, { "return.Err == 9", true, BY_USER }, { "return.Ok == 9", false, BY_USER },
	};
	struct proto *p = typed_proto(LANG_RUST), *c = typed_proto(LANG_C);
	struct call x;

	typed_call(&x, c, 0, 9);
	ask_all(&x, text, ARRAY_SIZE(text));
	call_free(&x);
	free(c);
	typed_call(&x, p, 0, 9);
	ask_all(&x, ok, ARRAY_SIZE(ok));
	call_free(&x);
	typed_call(&x, p, 1, 9);
	ask_all(&x, err, ARRAY_SIZE(err));
	call_free(&x);
	free(p);
}

/* ---- --errors ---- */

static bool failed(struct call *x, unsigned *told)
{
	char why[WHERE_WHY];
	struct where *w = NULL;
	bool yes;

	cr_assert_eq(where_parse(NULL, true, &w, why), 0);
	yes = answer(x, w, told);
	cr_expect_eq(where_verify(w, why), 0);
	where_free(w);
	return yes;
}

Test(where, errors_are_what_failed)
{
	static const struct {
		const char *proto;
		int64_t result;
		bool failed;
	} cases[] = {
		{ "f() -> int", -1, true },	  { "f() -> int", 0, false },
		{ "f() -> ssize_t", -5, true },	  { "f() -> unsigned", 0xffffffff, false },
		{ "f() -> enum errno", 110, true }, { "f() -> enum errno", 0, false },
		{ "f() -> enum zlib", -5, true }, { "f() -> enum zlib", 1, false },
		{ "f() -> bool", 0, false },	  { "f() -> void *", 0, false },
		{ "f() -> double", 0, false },
	};
	unsigned told;
	struct call x;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		call_new(&x, cases[i].proto);
		if (!strstr(cases[i].proto, "double"))
			set(&x, "return", cases[i].result);
		cr_expect_eq(failed(&x, &told), cases[i].failed, "%s %lld", cases[i].proto, (long long)cases[i].result);
		cr_expect_eq(told, BY_KERNEL, "%s", cases[i].proto);
		x.exit = "panic";
		x.head.got = 0;
		cr_expect(failed(&x, &told));
		x.exit = "unwound";
		cr_expect(!failed(&x, &told));
		call_free(&x);
	}
}

/* func f(a int) error, or (int32, error): nil, or an interface's two words. */
static void go_call(struct call *x, bool two, uint64_t word)
{
	struct proto_build *b = proto_build_new();
	uint32_t i4 = plain(b, TYPE_INT, 4), u8 = plain(b, TYPE_UINT, 8);
	struct member words[] = { { .name = named(b, "tab"), .type = u8 }, { .name = named(b, "data"), .type = u8, .offset = 8 } };
	struct type error = { .kind = TYPE_STRUCT, .size = 16, .nmembers = 2, .inner = PROTO_NO_TYPE, .go_kind = 20,
			      .name = named(b, "error") };
	struct type both = { .kind = TYPE_STRUCT, .size = 24, .nmembers = 2, .inner = PROTO_NO_TYPE };
	struct param param = { .name = named(b, "a"), .type = i4 };
	struct proto head = { .lang = LANG_GO, .name = named(b, "f") }, *p = NULL;
	struct member results[2] = { { .name = named(b, "n"), .type = i4 }, { .name = named(b, "err"), .offset = 8 } };
	const struct value *root;

	error.member = proto_build_members(b, words, 2);
	results[1].type = head.result = proto_build_type(b, &error);
	both.member = proto_build_members(b, results, 2);
	if (two)
		head.result = proto_build_type(b, &both);
	proto_build_param(b, &param);
	cr_assert_eq(proto_build_finish(b, &head, &p), 0);
	proto_build_free(b);
	call_of(x, p, false);
	free(p);
	set(x, "a", 7);
	root = root_of(x, "return");
	if (two)
		put_at(x, child_of(x, root, 0), (uint64_t)-1);
	root = two ? child_of(x, root, 1) : root;
	put_at(x, root, word);
	put_at(x, child_of(x, child_of(x, root, 0), 1), 0x20);
}

Test(where, errors_of_go_are_not_nil)
{
	/* So many that the kernel has no room for what failed means. */
	static const char many[] = "a != 1 && a != 2 && a != 3 && a != 4 && a != 5 && a != 6 && a != 8 && a != 9 && a != 10 && a != 11 &&"
				   "a != 12 && a != 13 && a != 14 && a != 15 && a != 16";
	char why[WHERE_WHY];
	struct call x;
	unsigned told;

	for (unsigned i = 0; i < 4; i++) {
		struct where *w = NULL;

		go_call(&x, i & 1, i & 2 ? 0x4711 : 0);
		cr_expect_eq(failed(&x, &told), (i & 2) != 0, "%u", i);
		cr_expect_eq(told, BY_KERNEL);
		cr_assert_eq(where_parse(many, true, &w, why), 0, "%s", why);
		cr_expect_eq(answer(&x, w, &told), (i & 2) != 0, "%u", i);
		cr_expect_eq(told, BY_BOTH);
		where_free(w);
		x.exit = "panic";
		cr_expect(failed(&x, &told));
		call_free(&x);
	}
}

/* The errno of a pointer's function is captured only if it failed. */
Test(where, errno_tells_that_a_pointer_failed)
{
	const struct value *v;
	unsigned told;
	struct call x;

	call_new(&x, "f() -> errno char *");
	set(&x, "return", 0);
	cr_expect(!failed(&x, &told));
	v = (const struct value *)(x.c->values + 1);
	cr_assert_eq(x.c->values->nroots, 2);
	cr_assert(v[1].flags & VALUE_F_ERRNO);
	put_at(&x, &v[1], ENOENT);
	cr_expect(failed(&x, &told));
	cr_expect_eq(told, BY_KERNEL);
	cr_expect(ask(&x, "error == ENOENT && return == null", &told));
	cr_expect(ask(&x, "errno ~ 'EN*' && error", &told));
	cr_expect(!ask(&x, "error != ENOENT", &told));
	call_free(&x);
}

Test(where, results_fail_by_their_alternative)
{
	struct proto *p = typed_proto(LANG_RUST);
	unsigned told;
	struct call x;

	typed_call(&x, p, 0, 9);
	cr_expect(!failed(&x, &told));
	cr_expect_eq(told, BY_KERNEL);
	call_free(&x);
	typed_call(&x, p, 1, 9);
	cr_expect(failed(&x, &told));
	call_free(&x);
	free(p);
}

Test(where, errors_and_a_condition_both_hold)
{
	char why[WHERE_WHY];
	struct where *w = NULL;
	unsigned told;
	struct call x;

	open_call(&x);
	cr_assert_eq(where_parse("fd == 3", true, &w, why), 0);
	cr_expect(answer(&x, w, &told));
	set(&x, "return", 5);
	cr_expect(!answer(&x, w, &told));
	set(&x, "return", -5);
	set(&x, "fd", 4);
	cr_expect(!answer(&x, w, &told));
	where_free(w);
	call_free(&x);
}

/* ---- several functions ---- */

Test(where, a_function_without_the_name_never_matches)
{
	struct fetch_test test[TEST_MAX];
	char why[WHERE_WHY] = "";
	struct where_fn *fn = NULL;
	struct where *w = NULL;
	unsigned told;
	struct call x, y;
	struct record r;
	uint16_t n;

	call_new(&x, "f(int a) -> int");
	call_new(&y, "g(int b, char *name) -> int");
	set(&x, "a", 1);
	set(&y, "b", 1);
	cr_assert_eq(where_parse("a == 1", false, &w, why), 0);
	cr_expect(answer(&x, w, &told));
	cr_expect(!answer(&y, w, &told));
	cr_expect_eq(told, BY_BOTH);
	cr_expect_eq(where_verify(w, why), 0);
	/* Nothing captured at all. */
	cr_assert_eq(where_resolve(w, NULL, test, &n, &fn), 0);
	cr_expect_eq(n, 1);
	cr_expect(!kernel_holds(&x, test, n));
	make_record(&x, &r);
	cr_expect(!where_match(fn, &r));
	free(fn);
	where_free(w);
	call_free(&x);
	call_free(&y);
	cr_expect(where_match(NULL, &r));
}

static const struct {
	const char *text, *why;
} senseless[] = {
	{ "fdd == 3", "'fdd' is no parameter of these functions; they have path, oflag, fd, u, big, small, level, c, b, p, buf, "
		      "arg12, nothing" },
	{ "fd == 3 && sice > 1", "'sice' is no parameter of these functions; they have path, oflag, fd, u, big, small, level, c, b, "
				 "p, buf, arg12, nothing" },
	{ "oflag & O_CRAET", "'oflag': 'O_CRAET' is no value of it; it has O_TMPFILE, O_SYNC, O_DSYNC, O_RDONLY, O_WRONLY, O_RDWR, "
			     "O_CREAT, O_EXCL, ... (text is put into quotes)" },
	{ "fd == foo", "'fd': 'foo' is no value of it (text is put into quotes)" },
	{ "fd == 'foo'", "'fd': it is a number, not text" },
	{ "fd == null", "'fd': it is no pointer" },
	{ "fd > 10ms", "'fd': it is no time; only the duration is" },
	{ "fd.x == 1", "'fd.x': there is no member 'x' (or it lies deeper than --depth)" },
	{ "path == passwd", "'path': it is a pointer, not text" },
	{ "path > 3 || path == 'x'", "'path': an address can only be compared alone or beside plain numbers, because the record has "
				     "what it points to" },
	{ "buf == 'x'", "'buf': it is raw bytes, not text" },
	{ "len(fd) > 1", "'fd': only text, bytes and arrays have a length" },
	{ "c == 'xy'", "'c': it is one character" },
	{ "arg12 > 1", "'arg12': it cannot be read: register" },
	{ "duration > 10", "'duration': a time needs its unit: duration > 10ms" },
	{ "exit == crash", "'exit': it is one of return, tail_call, exception, panic, unwound, thread_exit, open" },
	{ "comm > worker", "'comm': only numbers have an order" },
	{ "tid == x", "'tid': it is a number" },
	{ "exit", "'exit': compare it with something" },
	{ "return.x == 1", "'return.x': there is no member 'x' (or it lies deeper than --depth)" },
	{ "args.duration > 1", "'args.duration' is no parameter of these functions; they have path, oflag, fd, u, big, small, "
			       "level, c, b, p, buf, arg12, nothing" },
};

Test(where, senseless_tests_are_named)
{
	struct call x;

	open_call(&x);
	for (size_t i = 0; i < ARRAY_SIZE(senseless); i++) {
		char why[WHERE_WHY] = "";
		struct where *w = NULL;
		unsigned told;

		cr_assert_eq(where_parse(senseless[i].text, false, &w, why), 0, "%s: %s", senseless[i].text, why);
		answer(&x, w, &told);
		cr_expect_eq(where_verify(w, why), -EINVAL, "%s", senseless[i].text);
		cr_expect_str_eq(why, senseless[i].why, "%s: %s", senseless[i].text, why);
		where_free(w);
	}
	call_free(&x);
}

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "column 1: a number, a name or a text in quotes was expected" },
	{ "fd ==", "column 6: a number, a name or a text in quotes was expected" },
	{ "fd == 3 &&", "column 11: a number, a name or a text in quotes was expected" },
	{ "fd == 3 fd", "column 9: '&&', '||' or the end was expected" },
	{ "(fd == 3", "column 9: ')' or '&&' or '||' was expected" },
	{ "fd == 3)", "column 8: '&&', '||' or the end was expected" },
	{ "fd == 3x", "column 7: this is no number: 12, 0x1f, 1.5, 4K, 10ms" },
	{ "fd == 08", "column 7: this is no number: 12, 0x1f, 1.5, 4K, 10ms" },
	{ "fd == 0x", "column 7: this is no number: 12, 0x1f, 1.5, 4K, 10ms" },
	{ "fd == 99999999999999999999", "column 7: this is no number: 12, 0x1f, 1.5, 4K, 10ms" },
	{ "fd == 99999999999999T", "column 7: this is no number: 12, 0x1f, 1.5, 4K, 10ms" },
	{ "fd == 1e999", "column 7: this is no number: 12, 0x1f, 1.5, 4K, 10ms" },
	{ "s == \"abc", "column 6: the text does not end: \" is missing" },
	{ "s == 'abc\\", "column 6: the text does not end: ' is missing" },
	{ "s ~ abc", "column 3: '~' takes a text in quotes: name ~ \"*.so\"" },
	{ "s > 'abc'", "column 3: only numbers have an order" },
	{ "s & 'abc'", "column 5: a name or a number was expected" },
	{ "s & 1.5", "column 3: '&' takes whole numbers and names" },
	{ "len(s)", "column 7: what len() is compared with was expected" },
	{ "len(s) == 'x'", "column 8: len() is compared with a whole number" },
	{ "len(s == 1", "column 7: ')' was expected" },
	{ "p. == 1", "column 4: the name of a member was expected" },
	{ "v[x] == 1", "column 3: the number of an element was expected" },
	{ "v[-1] == 1", "column 3: the number of an element was expected" },
	{ "v[1 == 1", "column 5: ']' was expected" },
	{ "3 3", "column 3: a comparison was expected: == != < <= > >= & ~" },
	{ "'x' ~ s", "column 1: '~' has its pattern on the right" },
	{ "3 == 3", "column 6: the name of a parameter, 'return' or 'duration' was expected" },
	{ "(a) == 2", "column 5: a condition can only be compared with 0, 1, true and false" },
	{ "a & 4 == 4", "column 3: what is left of '&' can only be compared with 0" },
	{ "true", "column 5: a comparison was expected: == != < <= > >= & ~" },
	{ "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q == 1", "column 32: at most 16 members inside each other" },
};

Test(where, says_where_it_is_wrong)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char why[WHERE_WHY] = "";
		struct where *w = NULL;

		cr_expect_eq(where_parse(bad[i].text, false, &w, why), -EINVAL, "%s", bad[i].text);
		cr_expect_str_eq(why, bad[i].why, "%s: %s", bad[i].text, why);
		cr_expect_null(w);
	}
}

/* Text made of n times the same. */
static char *repeat(const char *first, const char *more, const char *last, unsigned n)
{
	char *s = malloc(strlen(first) + n * strlen(more) + strlen(last) + 1), *p = stpcpy(s, first);

	for (unsigned i = 0; i < n; i++)
		p = stpcpy(p, more);
	strcpy(p, last);
	return s;
}

Test(where, limits_are_told)
{
	static const struct {
		const char *first, *more, *last;
		unsigned n;
		const char *why;
	} cases[] = {
		{ "a", " || a", "", 62, NULL },
		{ "a", " || a", "", 63, "at most 63 tests" },
		{ "", "(", "a", 1000, "at most 32 brackets" },
		{ "", "!", "a", 1000, "at most 32 brackets" },
		{ "a&&b", "||c&&d", "", 5, NULL },
		{ "a&&b", "||c&&d", "", 6, "more than 64 clauses" },
		{ "a", " ", "", 5000, "longer than 4096 bytes" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FREE char *s = repeat(cases[i].first, cases[i].more, cases[i].last, cases[i].n);
		char why[WHERE_WHY] = "";
		struct where *w = NULL;

		cr_expect_eq(where_parse(s, false, &w, why), cases[i].why ? -EINVAL : 0, "%zu: %s", i, why);
		cr_expect(!cases[i].why || strstr(why, cases[i].why), "%zu: %s", i, why);
		where_free(w);
	}
}

/* More than the kernel takes is asked in user space. */
Test(where, clauses_that_do_not_fit_are_told_by_the_record)
{
	AUTO_FREE char *s = repeat("a == 1", " && (a != 5 || a != 6)", " && a == 1", 12);
	unsigned told;
	struct call x;

	call_new(&x, "f(int a)");
	set(&x, "a", 1);
	cr_expect(ask(&x, s, &told));
	cr_expect_eq(told, BY_BOTH);
	set(&x, "a", 2);
	cr_expect(!ask(&x, s, &told));
	call_free(&x);
}

Test(where, least_duration_is_known)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
		{ "duration > 10ms", 10000001 },	  { "duration >= 10ms", 10000000 },
		{ "10ms < duration && a", 10000001 },	  { "duration > 10ms || a", 0 },
		{ "duration < 10ms", 0 },		  { "duration > 1s && duration > 2s", 2000000001 },
		{ "!(duration < 5us)", 5000 },		  { "args.duration > 10ms", 0 },
		{ "a == 1", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[WHERE_WHY] = "";
		struct where *w = NULL;

		cr_assert_eq(where_parse(cases[i].text, false, &w, why), 0, "%s", why);
		cr_expect_eq(where_min_duration(w), cases[i].ns, "%s", cases[i].text);
		where_free(w);
	}
}

/* ---- random conditions against their plain meaning ---- */

struct dice {
	uint64_t state;
};

static unsigned roll(struct dice *d, unsigned n)
{
	d->state = d->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(d->state >> 33) % n;
}

static const char *const names[] = { "a", "b", "c", "s" };
static const int64_t numbers[] = { 0, 1, -1, 2, 7, 127, 128, -128, -129, 255, 256, 2147483647, -2147483648, 4294967295, 4294967296 };

/* Writes a condition and returns what it is for these values; s is text "x". */
static bool write_condition(struct dice *d, const int64_t *v, unsigned depth, char **to)
{
	static const char *const ops[] = { "==", "!=", "<", "<=", ">", ">=" };
	unsigned which = roll(d, 8);
	bool left, right;

	if (depth && which < 4) {
		*to = stpcpy(*to, "(");
		left = write_condition(d, v, depth - 1, to);
		*to = stpcpy(*to, which < 2 ? " && " : " || ");
		right = write_condition(d, v, depth - 1, to);
		*to = stpcpy(*to, ")");
		return which < 2 ? left && right : left || right;
	}
	if (depth && which < 5) {
		*to = stpcpy(*to, "!(");
		left = write_condition(d, v, depth - 1, to);
		*to = stpcpy(*to, ")");
		return !left;
	}
	which = roll(d, ARRAY_SIZE(names));
	if (which == 3) {
		left = roll(d, 2);
		*to += sprintf(*to, "s %s '%c'", roll(d, 2) ? "==" : "~", left ? 'x' : 'y');
		return left;
	}
	int64_t value = v[which], n = numbers[roll(d, ARRAY_SIZE(numbers))];
	unsigned op = roll(d, 7);

	if (op == 6) {
		n &= INT64_MAX;
		*to += sprintf(*to, "%s & %lld", names[which], (long long)n);
		/* c has 8 bits, a 32 and a sign */
		return (value & n & (which == 2 ? 0xff : which == 0 ? 0xffffffffll : -1)) != 0;
	}
	*to += sprintf(*to, "%s %s %lld", names[which], ops[op], (long long)n);
	return op == 0 ? value == n : op == 1 ? value != n : op == 2 ? value < n : op == 3 ? value <= n : op == 4 ? value > n : value >= n;
}

Test(where, random_conditions_mean_what_they_say)
{
	struct dice d = { 42 };
	unsigned yes = 0, asked = 0, kernel = 0;
	struct call x;

	call_new(&x, "f(int a, unsigned long b, uint8_t c, char *s)");
	set_text(&x, "s", "x");
	for (unsigned i = 0; i < 4000; i++) {
		int64_t v[3] = { (int32_t)numbers[roll(&d, ARRAY_SIZE(numbers))], llabs(numbers[roll(&d, ARRAY_SIZE(numbers))]),
				 (uint8_t)numbers[roll(&d, ARRAY_SIZE(numbers))] };
		char text[8192], *end = text, why[WHERE_WHY];
		struct where *w = NULL;
		bool truth, answered;
		unsigned told = 0;

		for (unsigned k = 0; k < 3; k++)
			set(&x, names[k], v[k]);
		truth = write_condition(&d, v, 4, &end);
		if (where_parse(text, false, &w, why)) {
			cr_expect(strstr(why, "clauses"), "%s: %s", text, why);
			continue;
		}
		answered = answer(&x, w, &told);
		cr_expect_eq(answered, truth, "a=%lld b=%lld c=%lld: %s", (long long)v[0], (long long)v[1], (long long)v[2], text);
		where_free(w);
		asked++;
		yes += truth;
		kernel += told & BY_KERNEL;
	}
	cr_expect(asked > 3000 && yes > 500 && yes < asked - 500 && kernel > 1000, "%u %u %u", asked, yes, kernel);
	call_free(&x);
}
