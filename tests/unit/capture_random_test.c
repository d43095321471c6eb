/* SPDX-License-Identifier: MIT */
/*
 * capture_random_test.c: hundreds of functions of random prototypes, built by gcc and clang, called through a stub that keeps the
 * registers: what is captured of each call must equal what the program itself says (tests/targets/random_protos.py).
 */
#include <dlfcn.h>
#include "fetch_machine.h"
#include "pipeline/values.h"
#include "probe/capture.h"
#include "record_json.h"
#include "target_build.h"

#define FUNCTIONS 250

struct session {
	uint64_t *regs; /* 16 registers, then the cfa */
	const struct proto *const *protos;
	struct capture *capture[FUNCTIONS];
	struct machine m;
	struct arena *arena;
	json_t *got; /* an object a call, in order */
};

static struct session s;

static void load_registers(void)
{
	memcpy(s.m.reg, s.regs, sizeof(s.m.reg));
	s.m.cfa = s.regs[16];
}

static void on_entry(uint64_t n)
{
	struct capture *c = s.capture[n];

	load_registers();
	machine_run(&s.m, c->ops, c->nentry, c->fixed, false);
}

static void on_exit_(uint64_t n)
{
	struct record r = { .type = "call" };
	struct capture *c = s.capture[n];

	load_registers();
	machine_run(&s.m, c->ops + c->nentry, c->nret, c->fixed, true);
	cr_assert_null(s.m.broken, "f%u: %s", (unsigned)n, s.m.broken);
	cr_assert_leq(machine_head(&s.m)->bytes, c->most);
	cr_assert_eq(values_put(c->values, s.m.mem, machine_head(&s.m)->bytes, true, NULL, s.arena, &r), 0);
	json_array_append_new(s.got, record_json(&r));
	arena_reset(s.arena);
}

/* ---- comparison ---- */

struct tally {
	size_t equal, floats, registers, too_large, abi, wrong;
};

static const char *unavailable(json_t *j)
{
	return json_object_size(j) == 1 ? json_string_value(json_object_get(j, "unavailable")) : NULL;
}

static bool is_real(json_t *j)
{
	json_t *item;
	size_t i;

	json_array_foreach(j, i, item)
		if (!is_real(item))
			return false;
	return json_is_real(j) || json_array_size(j) || (json_is_string(j) && !strcmp(json_string_value(j), "nan"));
}

/* Only floating-point values may be out of reach, and what was too much. */
static bool same(json_t *got, json_t *want, struct tally *t)
{
	const char *why = unavailable(got), *key;
	json_t *item;
	size_t i;

	if (why && !strcmp(why, "register") && is_real(want))
		return ++t->registers;
	if (why && !strcmp(why, "too_large"))
		return ++t->too_large;
	/* Of __int128 and what stands behind it: compilers differ. */
	if (why && !strcmp(why, "abi"))
		return ++t->abi;
	if (json_is_real(want) && json_is_real(got)) {
		t->floats++;
		return json_real_value(want) == json_real_value(got) || (float)json_real_value(want) == (float)json_real_value(got);
	}
	if (json_is_object(want) && json_is_object(got)) {
		json_object_foreach(want, key, item)
			if (!same(json_object_get(got, key), item, t))
				return false;
		return json_object_size(want) == json_object_size(got);
	}
	if (json_is_array(want) && json_is_array(got)) {
		json_array_foreach(want, i, item)
			if (!same(json_array_get(got, i), item, t))
				return false;
		return json_array_size(want) == json_array_size(got);
	}
	t->equal++;
	return json_equal(got, want);
}

static void compare(json_t *got, json_t *want, struct tally *t)
{
	const char *function = json_string_value(json_object_get(want, "function"));
	static const char *const parts[] = { "args", "return" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		json_t *g = json_object_get(got, parts[i]), *w = json_object_get(want, parts[i]);
		char *a, *b;

		if ((!g && !w) || (g && w && same(g, w, t)))
			continue;
		a = g ? json_dumps(g, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
		b = w ? json_dumps(w, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
		if (t->wrong++ < 10)
			cr_log_error("%s %s\n  got  %s\n  want %s", function, parts[i], a ? a : "nothing", b ? b : "nothing");
		free(a);
		free(b);
	}
}

static void compile_all(unsigned count)
{
	static const struct capture_conf conf = { .depth = 2, .string_size = 128, .elements = 8, .at_return = true };
	struct proto_view v;

	for (unsigned i = 0; i < count; i++) {
		cr_assert_eq(proto_check(s.protos[i], s.protos[i]->bytes, &v), 0, "f%u", i);
		cr_assert_eq(capture_compile(&s.capture[i], &v, &conf), 0);
		cr_assert_eq(values_check(s.capture[i]->values, s.capture[i]->values->bytes), 0, "f%u", i);
	}
}

static void run_one(const char *cc, const char *flags, unsigned seed)
{
	AUTO_FREE char *source = getcwd(NULL, 0);
	typedef uint64_t *setup_fn(void (*)(uint64_t), void (*)(uint64_t));
	struct tally t = { 0 };
	char *text = NULL, *line, *next;
	size_t len;
	FILE *f;
	void *so;

	build("python3 %s/tests/targets/random_protos.py %u %u 2 >r.c && %s -w %s -fPIC -fvisibility=hidden -shared -DRECORD -I%s/include r.c -o r.so",
	      source, seed, FUNCTIONS, cc, flags, source);
	so = dlopen(build_path("r.so"), RTLD_NOW | RTLD_LOCAL);
	cr_assert_not_null(so, "%s", dlerror());
	s.protos = dlsym(so, "random_protos");
	s.regs = ((setup_fn *)dlsym(so, "random_setup"))(on_entry, on_exit_);
	s.got = json_array();
	cr_assert_eq(arena_new(&s.arena, 1 << 20), 0);
	compile_all(FUNCTIONS);
	f = open_memstream(&text, &len);
	((void (*)(FILE *))dlsym(so, "random_run"))(f);
	fclose(f);
	cr_assert_eq(json_array_size(s.got), 2 * FUNCTIONS);
	line = text;
	for (size_t i = 0; i < 2 * FUNCTIONS; i++, line = next) {
		json_t *want;

		next = strchr(line, '\n') + 1;
		want = json_loadb(line, (size_t)(next - line), JSON_ALLOW_NUL, NULL);
		cr_assert_not_null(want, "%.*s", (int)(next - line), line);
		compare(json_array_get(s.got, i), want, &t);
		json_decref(want);
	}
	cr_log_info("%s %s: %zu equal, %zu floats in memory, %zu in registers, %zu too large, %zu not told by the convention", cc, flags,
		    t.equal, t.floats, t.registers, t.too_large, t.abi);
	cr_expect_eq(t.wrong, 0, "%s %s: %zu wrong", cc, flags, t.wrong);
	cr_expect(t.equal > 3000 && t.floats > 100 && t.registers > 100 && t.too_large < t.equal / 50 && t.abi < t.equal / 50,
		  "%s %s: %zu equal, %zu floats, %zu in registers, %zu too large, %zu abi", cc, flags, t.equal, t.floats, t.registers,
		  t.too_large, t.abi);
	for (size_t i = 0; i < FUNCTIONS; i++)
		capture_free(s.capture[i]);
	json_decref(s.got);
	arena_free(s.arena);
	free(text);
	dlclose(so);
}

static void run(const char *cc, const char *flags, unsigned seed)
{
	build_begin();
	build_need("python3");
	build_need(cc);
	run_one(cc, flags, seed);
	build_end();
}

Test(capture_random, gcc_O2)
{
	run("gcc", "-O2", 1);
}

Test(capture_random, gcc_O0)
{
	run("gcc", "-O0", 2);
}

Test(capture_random, clang_O2)
{
	run("clang", "-O2", 3);
}

Test(capture_random, clang_O0)
{
	run("clang", "-O0", 4);
}
