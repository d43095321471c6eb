/* SPDX-License-Identifier: MIT */
/* capture_test.c: from prototypes to programs: what they cost, where each convention puts things, what is never read. */
#include <sys/mman.h>
#include "fetch_machine.h"
#include "pipeline/values.h"
#include "probe/capture.h"
#include "probe/proto_text.h"
#include "record_json.h"
#include "target/proto_build.h"

static const struct capture_conf usual = { .depth = 2, .string_size = 128, .elements = 8, .at_return = true };

/* ---- prototypes in the making ---- */

struct making {
	struct proto_build *b;
	struct proto head;
};

static struct making make(enum proto_lang lang)
{
	return (struct making){ .b = proto_build_new(), .head = { .lang = lang, .result = PROTO_NO_TYPE } };
}

static uint32_t text(struct making *m, const char *s)
{
	return proto_build_string(m->b, s, strlen(s));
}

static uint32_t scalar(struct making *m, enum type_kind kind, uint64_t size)
{
	return proto_build_type(m->b, &(struct type){ .kind = kind, .size = size, .inner = PROTO_NO_TYPE });
}

static uint32_t pointer(struct making *m, uint32_t to, const char *name)
{
	return proto_build_type(m->b, &(struct type){ .kind = TYPE_POINTER, .size = 8, .inner = to, .name = text(m, name) });
}

struct part_of {
	const char *name;
	uint32_t type;
	uint64_t offset;
};

static uint32_t aggregate(struct making *m, struct type t, const char *name, const struct part_of *v, size_t n)
{
	struct member list[16] = { 0 };

	for (size_t i = 0; i < n; i++)
		list[i] = (struct member){ .name = text(m, v[i].name), .type = v[i].type, .offset = v[i].offset };
	t.name = text(m, name);
	t.inner = PROTO_NO_TYPE;
	t.member = proto_build_members(m->b, list, n);
	t.nmembers = (uint32_t)n;
	return proto_build_type(m->b, &t);
}

#define STRUCT(m, size_, name, ...)                                                                          \
	aggregate(m, (struct type){ .kind = TYPE_STRUCT, .size = size_ }, name, (struct part_of[]){ __VA_ARGS__ }, \
		  sizeof((struct part_of[]){ __VA_ARGS__ }) / sizeof(struct part_of))

static void param(struct making *m, const char *name, uint32_t type)
{
	proto_build_param(m->b, &(struct param){ .name = text(m, name), .type = type });
}

/* ---- what became of them ---- */

struct made {
	struct proto *proto;
	struct capture *c;
	struct machine m;
	struct arena *arena;
	struct record r;
};

static struct made *compile_proto(struct proto *p, const struct capture_conf *conf)
{
	struct made *t = calloc(1, sizeof(*t));
	struct proto_view v;

	t->proto = p;
	if (p)
		cr_assert_eq(proto_check(p, p->bytes, &v), 0);
	cr_assert_eq(capture_compile(&t->c, p ? &v : NULL, conf), 0);
	cr_assert_eq(values_check(t->c->values, t->c->values->bytes), 0);
	cr_assert_eq(arena_new(&t->arena, 1 << 20), 0);
	return t;
}

static struct made *compile(struct making *m, const struct capture_conf *conf)
{
	struct proto *p;

	cr_assert_eq(proto_build_finish(m->b, &m->head, &p), 0);
	proto_build_free(m->b);
	return compile_proto(p, conf);
}

static struct made *compile_text(const char *prototype, const struct capture_conf *conf)
{
	char why[PROTO_TEXT_WHY];
	struct proto *p;

	cr_assert_eq(proto_text_parse(prototype, &p, why), 0, "%s", prototype);
	return compile_proto(p, conf);
}

static void done(struct made *t)
{
	capture_free(t->c);
	arena_free(t->arena);
	free(t->proto);
	free(t);
}

static void entry(struct made *t)
{
	machine_run(&t->m, t->c->ops, t->c->nentry, t->c->fixed, false);
}

/* The second program; expects this of the record. */
static void expect_return(struct made *t, const char *want)
{
	AUTO_FREE char *line = NULL;

	machine_run(&t->m, t->c->ops + t->c->nentry, t->c->nret, t->c->fixed, true);
	cr_assert_null(t->m.broken, "%s", t->m.broken);
	cr_expect_leq(machine_head(&t->m)->bytes, t->c->most);
	t->r = (struct record){ .type = "call" };
	cr_assert_eq(values_put(t->c->values, t->m.mem, machine_head(&t->m)->bytes, true, NULL, t->arena, &t->r), 0);
	line = record_line(&t->r);
	line[strlen(line) - 2] = '\0';
	cr_expect_str_eq(line + strlen("{\"type\":\"call\","), want, "got  %s\nwant %s", line, want);
	arena_reset(t->arena);
}

/* Both programs, the second with rax and rdx; the registers are as before then. */
static void expect(struct made *t, uint64_t rax, uint64_t rdx, const char *want)
{
	uint64_t keep[16];

	memcpy(keep, t->m.reg, sizeof(keep));
	entry(t);
	t->m.reg[0] = rax;
	t->m.reg[2] = rdx;
	expect_return(t, want);
	memcpy(t->m.reg, keep, sizeof(keep));
}

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11 };

static uint64_t at(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* ---- cost ---- */

static void expect_ops(const struct made *t, const uint8_t *ops, size_t n)
{
	cr_assert_eq(t->c->nentry, n, "%u operations", t->c->nentry);
	for (size_t i = 0; i < n; i++)
		cr_expect_eq(t->c->ops[i].op, ops[i], "operation %zu is %u", i, t->c->ops[i].op);
}

Test(capture, no_operation_too_many)
{
	static const uint8_t ints[] = { FETCH_REG, FETCH_PUT, FETCH_REG, FETCH_PUT }, string[] = { FETCH_REG, FETCH_PUT, FETCH_STR };
	struct made *t = compile_text("f(int a, int b)", &usual);

	expect_ops(t, ints, ARRAY_SIZE(ints));
	cr_expect_eq(t->c->nret, 0);
	cr_expect_eq(t->c->most, 16 + 8);
	done(t);
	t = compile_text("f(char *s) -> int", &usual);
	expect_ops(t, string, ARRAY_SIZE(string));
	cr_expect_eq(t->c->nret, 2);
	done(t);
	t = compile_text("f(void)", &usual);
	cr_expect_eq(t->c->nentry + t->c->nret, 0);
	expect(t, 0, 0, "\"args\":{}");
	done(t);
}

/* ---- C by text ---- */

Test(capture, raw_registers)
{
	struct capture_conf raw = { .raw = true, .at_return = true };
	struct made *t = compile_proto(NULL, &raw);

	t->m.reg[RDI] = 0;
	t->m.reg[RSI] = UINT64_MAX;
	t->m.reg[RDX] = 3;
	t->m.reg[RCX] = 4;
	t->m.reg[R8] = 5;
	t->m.reg[R9] = 0xdeadbeef;
	expect(t, 7, 0, "\"args\":{\"rdi\":\"0x0\",\"rsi\":\"0xffffffffffffffff\",\"rdx\":\"0x3\",\"rcx\":\"0x4\",\"r8\":\"0x5\","
			"\"r9\":\"0xdeadbeef\"},\"return\":\"0x7\"");
	done(t);
}

Test(capture, names_why_a_call_failed)
{
	struct made *t = compile_text("f(int fd) -> errno int", &usual);
	struct capture_conf errors = usual;

	t->m.err = ENOENT;
	t->m.reg[RDI] = 3;
	expect(t, 0xffffffff, 0, "\"args\":{\"fd\":3},\"return\":-1,\"error\":\"ENOENT\"");
	expect(t, 5, 0, "\"args\":{\"fd\":3},\"return\":5");
	t->m.err = -1;
	expect(t, UINT64_MAX, 0, "\"args\":{\"fd\":3},\"return\":-1");
	t->m.err = 100000;
	expect(t, UINT64_MAX, 0, "\"args\":{\"fd\":3},\"return\":-1,\"error\":100000");
	done(t);
	t = compile_text("f() -> errno void *", &usual);
	t->m.err = ENOMEM;
	expect(t, 0, 0, "\"args\":{},\"return\":null,\"error\":\"ENOMEM\"");
	expect(t, UINT64_MAX, 0, "\"args\":{},\"return\":\"0xffffffffffffffff\",\"error\":\"ENOMEM\"");
	expect(t, 16, 0, "\"args\":{},\"return\":\"0x10\"");
	done(t);
	errors.errors = true;
	t = compile_text("f() -> long", &errors);
	t->m.err = EINVAL;
	expect(t, 0xffffffff, 0, "\"args\":{},\"return\":4294967295");
	expect(t, UINT64_MAX, 0, "\"args\":{},\"return\":-1,\"error\":\"EINVAL\"");
	done(t);
}

Test(capture, bytes_as_many_as_told)
{
	static const char data[] = "ab\0cdefgh";
	struct made *t = compile_text("write(int fd, void *buf:n, size_t n) -> long", &usual);

	t->m.reg[RSI] = at(data);
	t->m.reg[RDX] = 4;
	expect(t, 4, 0, "\"args\":{\"fd\":0,\"buf\":\"61620063\",\"n\":4},\"return\":4");
	t->m.reg[RDX] = UINT64_MAX;
	expect(t, 4, 0, "\"args\":{\"fd\":0,\"buf\":{\"unavailable\":\"read_fault\"},\"n\":\"18446744073709551615\"},\"return\":4");
	t->m.reg[RSI] = 0;
	t->m.reg[RDX] = 0;
	expect(t, 4, 0, "\"args\":{\"fd\":0,\"buf\":null,\"n\":0},\"return\":4");
	done(t);
}

Test(capture, memory_that_is_not_there_is_said)
{
	long page = sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct made *t = compile_text("f(char *a, char *b, char *c)", &usual);

	cr_assert_eq(mprotect(p + page, (size_t)page, PROT_NONE), 0);
	memset(p, 'x', (size_t)page);
	strcpy(p + page - 3, "ok");
	t->m.reg[RDI] = at(p + page - 3);
	t->m.reg[RSI] = at(p + page);
	t->m.reg[RDX] = 8;
	expect(t, 0, 0, "\"args\":{\"a\":\"ok\",\"b\":{\"unavailable\":\"read_fault\"},\"c\":{\"unavailable\":\"read_fault\"}}");
	done(t);
	munmap(p, (size_t)page * 2);
}

/* ---- budgets ---- */

Test(capture, many_and_large_parameters_share_what_there_is)
{
	static char big[4000];
	uint64_t stack[40];
	struct capture_conf conf = usual;
	char prototype[1024] = "f(";
	struct made *t;

	memset(big, 'B', sizeof(big) - 1);
	conf.string_size = FETCH_STR_MAX;
	for (int i = 0; i < 40; i++)
		sprintf(prototype + strlen(prototype), "%schar *p%d", i ? ", " : "", i);
	strcat(prototype, ") -> char *");
	t = compile_text(prototype, &conf);
	cr_expect_leq(t->c->most, CAPTURE_MAX);
	cr_expect_leq(t->c->nentry, FETCH_MAX_OPS);
	for (int i = 0; i < 16; i++)
		t->m.reg[i] = at(big);
	for (int i = 0; i < 40; i++)
		stack[i] = at(big);
	t->m.cfa = at(stack);
	entry(t);
	cr_expect_null(t->m.broken, "%s", t->m.broken);
	t->r = (struct record){ .type = "call" };
	cr_expect_eq(values_put(t->c->values, t->m.mem, machine_head(&t->m)->bytes, false, NULL, t->arena, &t->r), 0);
	cr_assert_eq(t->r.f[0].len, 40);
	/* The first ones whole, the later ones at least as pointers, all told apart. */
	cr_expect_eq(t->r.f[0].list[0].type, VAL_OBJECT);
	cr_expect_eq(t->r.f[0].list[0].list[0].len, FETCH_STR_MAX);
	for (int i = 0; i < 40; i++)
		cr_expect(t->r.f[0].list[i].type == (t->r.f[0].list[i].len == 3 ? VAL_OBJECT : VAL_STR), "parameter %d", i);
	cr_expect(!strncmp(t->r.f[0].list[39].str, "0x", 2));
	done(t);
}

static uint32_t tree(struct making *m, unsigned depth)
{
	uint32_t leaf = scalar(m, TYPE_INT, 4), below, p;

	if (!depth)
		return STRUCT(m, 4, "leaf", { "v", leaf, 0 });
	below = tree(m, depth - 1);
	p = pointer(m, below, "");
	return STRUCT(m, 40, "node", { "a", p, 0 }, { "b", p, 8 }, { "c", p, 16 }, { "d", p, 24 }, { "v", leaf, 32 });
}

Test(capture, a_deep_type_does_not_starve_the_next)
{
	struct capture_conf conf = usual;
	struct making m = make(LANG_C);
	struct made *t;
	int64_t node[5];

	conf.depth = 8;
	param(&m, "tree", pointer(&m, tree(&m, 6), ""));
	param(&m, "n", scalar(&m, TYPE_INT, 4));
	m.head.result = scalar(&m, TYPE_INT, 4);
	t = compile(&m, &conf);
	for (int i = 0; i < 4; i++)
		node[i] = (int64_t)at(node);
	node[4] = 9;
	t->m.reg[RDI] = at(node);
	t->m.reg[RSI] = 77;
	entry(t);
	t->m.reg[RAX] = 5;
	machine_run(&t->m, t->c->ops + t->c->nentry, t->c->nret, t->c->fixed, true);
	cr_assert_null(t->m.broken, "%s", t->m.broken);
	t->r = (struct record){ .type = "call" };
	cr_assert_eq(values_put(t->c->values, t->m.mem, machine_head(&t->m)->bytes, true, NULL, t->arena, &t->r), 0);
	cr_assert_eq(t->r.f[0].len, 2);
	cr_expect(t->r.f[0].list[0].type == VAL_OBJECT && t->r.f[0].list[0].len == 5);
	cr_expect(t->r.f[0].list[1].type == VAL_S64 && t->r.f[0].list[1].s == 77);
	cr_expect(t->r.n == 2 && t->r.f[1].s == 5);
	done(t);
}

/* ---- secrets ---- */

static bool is_secret(const char *name)
{
	return !strcmp(name, "password") || !strcmp(name, "key");
}

static bool in_capture(const struct made *t, const char *what)
{
	return memmem(t->m.mem, sizeof(t->m.mem), what, strlen(what));
}

Test(capture, secrets_never_leave_the_target)
{
	struct user {
		int id;
		char key[16];
		int age;
		const char *password;
		const char *name;
	} u = { 1, "KEYKEYKEYKEYKEY", 40, "HUNTER2HUNTER2", "joe" };
	struct capture_conf conf = usual;
	struct making m = make(LANG_C);
	uint32_t num, chars, str, user;
	struct made *t;

	conf.secret = is_secret;
	num = scalar(&m, TYPE_INT, 4);
	chars = scalar(&m, TYPE_CHAR, 1);
	proto_build_set_type(m.b, chars, &(struct type){ .kind = TYPE_CHAR, .size = 1, .flags = TYPE_F_SIGNED, .inner = PROTO_NO_TYPE });
	str = pointer(&m, chars, "");
	user = STRUCT(&m, sizeof(u), "user", { "id", num, 0 },
		      { "key", proto_build_type(m.b, &(struct type){ .kind = TYPE_ARRAY, .size = 16, .count = 16, .inner = chars }), 4 },
		      { "age", num, 20 }, { "password", str, 24 }, { "name", str, 32 });
	param(&m, "u", pointer(&m, user, ""));
	param(&m, "password", str);
	param(&m, "v", user);
	t = compile(&m, &conf);
	t->m.reg[RDI] = at(&u);
	t->m.reg[RSI] = at("ANOTHERSECRET");
	t->m.cfa = at(&u);
	expect(t, 0, 0,
	       "\"args\":{\"u\":{\"id\":1,\"key\":{\"unavailable\":\"masked\"},\"age\":40,\"password\":{\"unavailable\":\"masked\"},"
	       "\"name\":\"joe\"},\"password\":{\"unavailable\":\"masked\"},\"v\":{\"id\":1,\"key\":{\"unavailable\":\"masked\"},\"age\":40,"
	       "\"password\":{\"unavailable\":\"masked\"},\"name\":\"joe\"}}");
	cr_expect(in_capture(t, "joe") && !in_capture(t, "KEY") && !in_capture(t, "HUNTER") && !in_capture(t, "ANOTHER"));
	/* Not even the pointer. */
	for (size_t i = 0; i + 8 <= sizeof(t->m.mem); i++)
		cr_expect(memcmp(t->m.mem + i, &u.password, 8) && memcmp(t->m.mem + i, &t->m.reg[RSI], 8), "at %zu", i);
	done(t);
}

/* ---- Rust ---- */

Test(capture, rust_pairs_and_what_is_larger)
{
	struct making m = make(LANG_RUST);
	uint32_t byte = scalar(&m, TYPE_UINT, 1), word = scalar(&m, TYPE_UINT, 8), i32 = scalar(&m, TYPE_INT, 4);
	uint32_t str = STRUCT(&m, 16, "&str", { "data_ptr", pointer(&m, byte, ""), 0 }, { "length", word, 8 });
	uint32_t pair = STRUCT(&m, 8, "(i32, i32)", { "__0", i32, 0 }, { "__1", i32, 4 });
	uint32_t three = STRUCT(&m, 12, "Three", { "a", i32, 0 }, { "b", i32, 4 }, { "c", i32, 8 });
	uint32_t five = proto_build_type(m.b, &(struct type){ .kind = TYPE_ARRAY, .size = 5, .count = 5, .inner = byte });
	int values[3] = { 7, 8, 9 };
	struct made *t;

	param(&m, "t", three);
	param(&m, "p", pair);
	param(&m, "a", five);
	param(&m, "n", i32);
	param(&m, "s", str); /* half in r9, half on the stack */
	m.head.result = pair;
	t = compile(&m, &usual);
	t->m.reg[RDI] = at(values);
	t->m.reg[RSI] = 1;
	t->m.reg[RDX] = (uint32_t)-2;
	t->m.reg[RCX] = 0x0504030201;
	t->m.reg[R8] = 42;
	t->m.reg[R9] = at("hello");
	t->m.cfa = at(&(uint64_t){ 4 });
	expect(t, 3, 4, "\"args\":{\"t\":{\"a\":7,\"b\":8,\"c\":9},\"p\":[1,-2],\"a\":[1,2,3,4,5],\"n\":42,\"s\":\"hell\"},\"return\":[3,4]");
	done(t);
}

Test(capture, rust_says_what_versions_differ_in)
{
	struct making m = make(LANG_RUST);
	uint32_t f32 = scalar(&m, TYPE_FLOAT, 4), i32 = scalar(&m, TYPE_INT, 4);
	struct made *t;

	param(&m, "a", i32);
	param(&m, "f", f32);
	param(&m, "wrapped", STRUCT(&m, 4, "Metres", { "__0", f32, 0 }));
	param(&m, "lost", i32);
	m.head.result = STRUCT(&m, 12, "Three", { "a", i32, 0 }, { "b", i32, 4 }, { "c", i32, 8 });
	t = compile(&m, &usual);
	expect(t, 0, 0, "\"args\":{\"a\":{\"unavailable\":\"abi\"},\"f\":{\"unavailable\":\"abi\"},\"wrapped\":{\"unavailable\":\"abi\"},"
			"\"lost\":{\"unavailable\":\"abi\"}},\"return\":{\"unavailable\":\"abi\"}");
	done(t);
}

/* ---- Go ---- */

Test(capture, go_registers_and_stack)
{
	struct making m = make(LANG_GO);
	uint32_t num = scalar(&m, TYPE_INT, 8), half = scalar(&m, TYPE_INT, 4), real = scalar(&m, TYPE_FLOAT, 8);
	uint32_t byte = scalar(&m, TYPE_UINT, 1), str, two, point, list[2];
	struct { int64_t two[2]; int32_t x, y; int64_t last; char *s; int64_t len; } stack = { { 5, 6 }, 7, -8, 9, "result", 3 };
	struct made *t;

	str = aggregate(&m, (struct type){ .kind = TYPE_STRUCT, .size = 16, .go_kind = 24 }, "string",
			(struct part_of[]){ { "str", pointer(&m, byte, ""), 0 }, { "len", num, 8 } }, 2);
	two = proto_build_type(m.b, &(struct type){ .kind = TYPE_ARRAY, .size = 16, .count = 2, .inner = num });
	point = STRUCT(&m, 8, "main.Point", { "X", half, 0 }, { "Y", half, 4 });
	param(&m, "a", num);    /* rax */
	param(&m, "p", point);  /* rbx rcx */
	param(&m, "two", two);  /* stack */
	param(&m, "f", real);   /* xmm */
	param(&m, "s", str);    /* rdi rsi */
	param(&m, "b", num);    /* r8 */
	param(&m, "c", num);    /* r9 */
	param(&m, "d", num);    /* r10 */
	param(&m, "q", point);  /* one register is left: stack */
	param(&m, "e", num);    /* r11 */
	param(&m, "g", num);    /* stack */
	list[0] = str;
	list[1] = num;
	m.head.result = aggregate(&m, (struct type){ .kind = TYPE_STRUCT, .size = 24 }, "",
				  (struct part_of[]){ { "name", list[0], 0 }, { "~r1", list[1], 16 } }, 2);
	t = compile(&m, &usual);
	t->m.cfa = at(&stack);
	t->m.reg[RAX] = 1;
	t->m.reg[RBX] = 2;
	t->m.reg[RCX] = 3;
	t->m.reg[RDI] = at("string");
	t->m.reg[RSI] = 6;
	t->m.reg[R8] = 10;
	t->m.reg[R9] = 11;
	t->m.reg[R10] = 12;
	t->m.reg[R11] = 13;
	entry(t);
	t->m.reg[RAX] = at("answer");
	t->m.reg[RBX] = 4;
	t->m.reg[RCX] = 99;
	expect_return(t,
		      "\"args\":{\"a\":1,\"p\":{\"X\":2,\"Y\":3},\"two\":[5,6],\"f\":{\"unavailable\":\"register\"},\"s\":\"string\",\"b\":10,"
		      "\"c\":11,\"d\":12,\"q\":{\"X\":7,\"Y\":-8},\"e\":13,\"g\":9},\"return\":{\"name\":\"answ\",\"~r1\":99}");
	done(t);
}

Test(capture, go_arrays_on_the_stack_are_not_copied_whole)
{
	struct making m = make(LANG_GO);
	uint32_t num = scalar(&m, TYPE_INT, 8), word = scalar(&m, TYPE_UINT, 8);
	uint32_t list = proto_build_type(m.b, &(struct type){ .kind = TYPE_ARRAY, .size = 800, .count = 100, .inner = num });
	int64_t stack[101];
	struct made *t;

	param(&m, "list", list);
	param(&m, "n", word);
	t = compile(&m, &usual);
	for (int i = 0; i < 101; i++)
		stack[i] = i;
	t->m.cfa = at(stack);
	t->m.reg[RAX] = 9;
	expect(t, 0, 0, "\"args\":{\"list\":{\"value\":[0,1,2,3,4,5,6,7],\"truncated\":true,\"length\":100},\"n\":9}");
	done(t);
}

Test(capture, odd_arrays_and_names)
{
	struct capture_conf conf = usual;
	struct making m = make(LANG_C);
	uint32_t num = scalar(&m, TYPE_INT, 4), none, flexible, s;
	int data[4] = { 5, 6, 7, 8 };
	struct made *t;

	conf.secret = is_secret;
	none = proto_build_type(m.b, &(struct type){ .kind = TYPE_ARRAY, .count = 0, .inner = num });
	flexible = proto_build_type(m.b, &(struct type){ .kind = TYPE_ARRAY, .count = UINT64_MAX, .inner = num });
	s = STRUCT(&m, 8, "s", { "n", num, 0 }, { "none", none, 4 }, { "n", num, 4 }, { "rest", flexible, 8 });
	param(&m, "", pointer(&m, s, ""));
	param(&m, "", num);
	param(&m, "arg1", num);
	t = compile(&m, &conf);
	t->m.reg[RDI] = at(data);
	t->m.reg[RSI] = 1;
	t->m.reg[RDX] = 2;
	expect(t, 0, 0, "\"args\":{\"arg1\":{\"n\":5,\"none\":[],\"n#2\":6,\"rest\":\"...\"},\"arg2\":1,\"arg1#2\":2}");
	done(t);
}

/* Each level holds the one below three times at the same place: 3^40 ways down. */
Test(capture, types_that_hold_each_other_in_too_many_ways, .timeout = 60)
{
	for (enum proto_lang lang = LANG_C; lang <= LANG_GO; lang++)
		for (uint64_t size = 0; size <= 8; size += 8) {
			struct making m = make(lang);
			uint32_t t = size ? scalar(&m, TYPE_INT, size) :
				     aggregate(&m, (struct type){ .kind = TYPE_STRUCT }, "empty", NULL, 0);

			for (int i = 0; i < 40; i++)
				t = STRUCT(&m, size, "_s", { "_a", t, 0 }, { "_b", t, 0 }, { "_c", t, 0 });
			param(&m, "v", t);
			param(&m, "p", pointer(&m, t, ""));
			m.head.result = t;
			done(compile(&m, &usual));
		}
}
