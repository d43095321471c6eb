/* SPDX-License-Identifier: MIT */
/*
 * capture_random_test.c: hundreds of functions of random prototypes, built by gcc and clang, called through a stub that keeps the
 * registers: what is captured of each call must equal what the program itself says (tests/targets/random_protos.py).
 */
#include <dlfcn.h>
#include "fetch_machine.h"
#include "pipeline/values.h"
#include "probe/capture.h"
#include "random_tally.h"
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

/* ---- runs ---- */

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
		tally_call(&t, json_array_get(s.got, i), want);
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
