/* SPDX-License-Identifier: MIT */
/*
 * unwind_test.c: stacks of real programs. The truth is kept by single-stepping them: every call pushes a return address,
 * every ret takes one, and at every single instruction the unwinder must tell the same.
 */
#include "stopped.h"

TestSuite(unwind, .init = build_begin, .fini = build_end, .timeout = 300);

/* clang-format off */
static const char program[] =
	"#include <alloca.h>\n#include <stdarg.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
	"#define N __attribute__((noinline))\n"
	"volatile int sink; volatile int five = 5;\n"
	"N int leaf(int x) { return x * 3 + sink; }\n"
	"static inline __attribute__((always_inline)) int inlined(int x) { return leaf(x + 1) + 1; }\n"
	"N int tail(int x) { sink++; return leaf(x); }\n"
	"N int saves(int a, int b, int c, int d, int e, int f, int g, int h)\n"
	"{ int x = leaf(a) + leaf(b), y = leaf(c) - leaf(d); return tail(x ^ y) + inlined(e + f) + leaf(g * h) + x * y; }\n"
	"N int varsized(int n) { char *p = alloca((size_t)n * 16 + 1); memset(p, n, (size_t)n); sink += p[n / 2];\n"
	"	return leaf(p[0]) + n; }\n"
	"N int aligned(int n) { _Alignas(64) volatile char v[128]; char *p = alloca((size_t)n); v[n] = p[0] = (char)n;\n"
	"	return leaf(v[n]) + p[0]; }\n"
	"N int variadic(int n, ...) { va_list a; int s = 0; va_start(a, n); while (n--) s += leaf(va_arg(a, int)); va_end(a); return s; }\n"
	"N int recurse(int n) { return n ? recurse(n - 1) + leaf(n) : saves(1, 2, 3, 4, 5, 6, 7, 8); }\n"
	"N double floats(double d) { return d > 1 ? floats(d / 2) * 1.5 + leaf(2) : d; }\n"
	"N int cmp(const void *a, const void *b) { return leaf(*(const int *)a) - leaf(*(const int *)b); }\n"
	"N int work(int n)\n"
	"{ int v[6] = { 5, 3, 9, 1, 7, 2 }; qsort(v, 6, sizeof(*v), cmp); return v[0] + recurse(4) + varsized(n) + aligned(n)\n"
	"	+ variadic(3, 1, 2, 3) + (int)floats(9) + atoi(\"42\"); }\n"
	"N void done(void) { sink = 0; }\n"
	"int main(void) { int r = work(five); done(); printf(\"%d\\n\", r); return 0; }\n";

static const struct {
	const char *cc, *flags;
	bool strip;
	bool bare; /* no call frame information: may end early, but is never wrong */
} builds[] = {
	{ "gcc", "-O0", false, false },
	{ "gcc", "-O2 -fomit-frame-pointer", false, false },
	{ "gcc", "-O2 -g -fomit-frame-pointer", false, false },
	{ "gcc", "-Os -fomit-frame-pointer -no-pie", false, false },
	{ "gcc", "-O2 -fomit-frame-pointer -static", false, false },
	{ "gcc", "-O2 -fomit-frame-pointer -static-pie", true, false },
	{ "gcc", "-O2 -fomit-frame-pointer -fcf-protection=full -Wl,-z,lazy", true, false },
	{ "gcc", "-O2 -fomit-frame-pointer -Wl,-z,lazy -Wl,-z,norelro", false, false },
	{ "gcc", "-O2 -g -fno-asynchronous-unwind-tables -fomit-frame-pointer", false, false }, /* .debug_frame alone */
	{ "gcc", "-O2 -g -gz -fno-asynchronous-unwind-tables -fomit-frame-pointer", false, false },
	{ "gcc", "-O2 -fno-omit-frame-pointer", true, false },
	{ "clang", "-O0", false, false },
	{ "clang", "-O2 -fomit-frame-pointer", false, false },
	{ "clang", "-O2 -fomit-frame-pointer -g", true, false },
	{ "clang", "-O3 -fomit-frame-pointer -no-pie", false, false },
	{ "gcc", "-O0 -fno-asynchronous-unwind-tables", false, true },
	{ "gcc", "-O2 -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -mno-omit-leaf-frame-pointer", false, true },
	{ "gcc", "-O2 -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -fno-pie -no-pie", false, true },
	{ "gcc", "-O2 -fno-asynchronous-unwind-tables -fomit-frame-pointer", false, true },
	{ "clang", "-O1 -fno-asynchronous-unwind-tables -fno-omit-frame-pointer", false, true },
};
/* clang-format on */

struct truth {
	uint64_t ret[DEBUG_FRAMES];
	size_t n;
};

static bool is_call(const uint8_t *p)
{
	while (*p == 0xf2 || *p == 0x3e || (*p & 0xf0) == 0x40)
		p++;
	return *p == 0xe8 || (*p == 0xff && ((p[1] >> 3) & 7) == 2);
}

static bool is_ret(const uint8_t *p)
{
	while (*p == 0xf2 || *p == 0xf3)
		p++;
	return *p == 0xc3 || *p == 0xc2;
}

/* One instruction, and what it does to the calls. */
static void step(struct stopped *s, struct truth *t)
{
	uint64_t code[2];
	long top;

	code[0] = (uint64_t)ptrace(PTRACE_PEEKTEXT, s->pid, s->user.rip, NULL);
	code[1] = (uint64_t)ptrace(PTRACE_PEEKTEXT, s->pid, s->user.rip + 8, NULL);
	cr_assert_eq(ptrace(PTRACE_SINGLESTEP, s->pid, NULL, NULL), 0);
	stopped_wait(s, SIGTRAP);
	ptrace(PTRACE_GETREGS, s->pid, NULL, &s->user);
	if (is_call((uint8_t *)code)) {
		top = ptrace(PTRACE_PEEKDATA, s->pid, s->user.rsp, NULL);
		cr_assert_lt(t->n, DEBUG_FRAMES);
		t->ret[t->n++] = (uint64_t)top;
	} else if (is_ret((uint8_t *)code)) {
		/* The dynamic linker's trampoline leaves to a function that it pushed, by a ret, on some versions. */
		if (t->n && t->ret[t->n - 1] == s->user.rip)
			t->n--;
	}
}

static const char *name_of(const struct debug_frame *f)
{
	return f->function ? f->function : "?";
}

/* Frames that are not inlined: pcs must be the truth's. */
static bool compare(const struct debug_frame *f, size_t n, bool whole, const struct truth *t, uint64_t rip, size_t b)
{
	const char *what = builds[b].flags;
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t want = !k ? rip : k <= t->n ? t->ret[t->n - k] : builds[b].bare ? f[i].pc : 0;

		if (f[i].inlined)
			continue;
		cr_assert_eq(f[i].pc, want, "%s: at %lx frame %zu of %zu is %lx (%s), not %lx", what, rip, k, n, f[i].pc,
			     name_of(&f[i]), want);
		cr_assert_eq(f[i].exact, !k);
		k++;
	}
	if (builds[b].bare && !whole)
		return false;
	cr_assert_eq(k, t->n + 1, "%s: at %lx %zu frames, not %zu, the last is %s+%lx", what, rip, k, t->n + 1,
		     n ? f[n - 1].module : "", n ? f[n - 1].offset : 0);
	cr_assert(whole, "%s: at %lx it is not whole", what, rip);
	return true;
}

static void build_program(size_t i)
{
	build("%s %s -o program program.c -lm && cp program full", builds[i].cc, builds[i].flags);
	if (builds[i].strip)
		build("strip program");
}

static void follow(struct debug *d, size_t build)
{
	static struct stopped s;
	const struct debug_frame *f;
	struct truth t = { .n = 0 };
	uint64_t end, start;
	size_t n, steps = 0, good = 0;
	bool whole;

	stopped_start(&s, build_path("program"));
	start = stopped_symbol(&s, "full", "work");
	end = stopped_symbol(&s, "full", "done");
	stopped_run_to(&s, start);
	stopped_read_maps(&s);
	stopped_sample(&s);
	/* What called main is the same all the time: the first sample tells it, checked by name below. */
	cr_assert_eq(stopped_unwind(d, &s, &f, &n, &whole), 0);
	cr_assert((whole && n >= 4 && n < 16) || builds[build].bare, "%s: %zu frames", builds[build].flags, n);
	for (size_t i = n; --i;)
		t.ret[t.n++] = f[i].pc;
	if (!builds[build].strip && !builds[build].bare) {
		cr_expect_str_eq(name_of(&f[0]), "work");
		cr_expect_str_eq(name_of(&f[1]), "main");
		cr_expect_str_eq(name_of(&f[n - 1]), "_start");
	}
	for (; s.user.rip != end; steps++) {
		stopped_sample(&s);
		cr_assert_eq(stopped_unwind(d, &s, &f, &n, &whole), 0);
		good += compare(f, n, whole, &t, s.user.rip, build);
		step(&s, &t);
	}
	cr_expect_gt(steps, 500, "%zu", steps);
	printf("%s %s: %zu of %zu\n", builds[build].cc, builds[build].flags, good, steps);
	stopped_end(&s);
}

Test(unwind, every_instruction)
{
	struct debug *d;

	build_need("gcc");
	build_write("program.c", program);
	cr_assert_eq(debug_open(&d), 0);
	for (size_t i = 0; i < ARRAY_SIZE(builds); i++) {
		if (build_run(NULL, "command -v %s >/dev/null", builds[i].cc))
			continue;
		build_program(i);
		follow(d, i);
	}
	debug_close(d);
}

/* The program's own functions, in order; in a static program those of the C library are not meant. */
static void expect_names(const struct debug_frame *f, size_t n, const char *want, const char *what)
{
	char got[1024] = "";

	for (size_t i = 0; i < n; i++)
		if (f[i].function && f[i].module && !strncmp(f[i].module, build_dir, strlen(build_dir)) &&
		    f[i].function[0] != '_' && !strstr("raise gsignal", f[i].function) && strlen(got) + strlen(f[i].function) + 2 < sizeof(got))
			sprintf(got + strlen(got), "%s%s", *got ? " " : "", f[i].function);
	cr_expect_str_eq(got, want, "%s: %s, not %s", what, got, want);
}

static const char signals[] =
	"#include <setjmp.h>\n#include <signal.h>\n#include <stdlib.h>\n"
	"#define N __attribute__((noinline))\n"
	"volatile int sink; sigjmp_buf back; static char alt[65536];\n"
	"N void hit(void) { sink++; }\n"
	"N void handler(int sig) { hit(); sink++; if (sig == SIGSEGV) siglongjmp(back, 1); }\n"
	"N int crash(volatile int *p) { sink = 1; *p = 5; return sink + *p; }\n"
	"N int f2(int x) { raise(SIGUSR1); return sink + x; }\n"
	"N int f1(int x) { return f2(x) + 1; }\n"
	"N int g1(int x) { return crash((volatile int *)(long)sink - sink) + x; }\n"
	"int main(void) {\n"
	"	stack_t st = { .ss_sp = alt, .ss_size = sizeof(alt) }; struct sigaction sa = { .sa_handler = handler };\n"
	"	sigaction(SIGUSR1, &sa, NULL); sigaction(SIGSEGV, &sa, NULL); f1(1);\n"
	"	if (!sigsetjmp(back, 1)) g1(2);\n"
	"	sigaltstack(&st, NULL); sa.sa_flags = SA_ONSTACK; sigaction(SIGSEGV, &sa, NULL);\n"
	"	if (!sigsetjmp(back, 1)) g1(2);\n"
	"	return 0; }\n";

Test(unwind, signals)
{
	static const char *const flags[] = { "-O0", "-O2 -fomit-frame-pointer", "-O2 -static", "-O2 -g -static-pie" };
	static const struct {
		const char *names;
		bool whole;
	} stops[] = {
		{ "hit handler f2 f1 main", true },
		{ "hit handler crash g1 main", true },
		{ "hit handler crash", false }, /* the handler has a stack of its own: no more was copied */
	};
	static struct stopped s;
	const struct debug_frame *f;
	struct debug *d;
	size_t n;
	bool whole;

	build_need("gcc");
	build_write("signals.c", signals);
	cr_assert_eq(debug_open(&d), 0);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		uint64_t hit;

		build("gcc %s -o signals signals.c", flags[i]);
		stopped_start(&s, build_path("signals"));
		hit = stopped_symbol(&s, "signals", "hit");
		for (size_t k = 0; k < ARRAY_SIZE(stops); k++) {
			stopped_run_to(&s, hit);
			stopped_read_maps(&s);
			stopped_sample(&s);
			cr_assert_eq(stopped_unwind(d, &s, &f, &n, &whole), 0);
			cr_expect_eq(whole, stops[k].whole, "%s %zu", flags[i], k);
			expect_names(f, n, stops[k].names, flags[i]);
			cr_expect(f[0].exact && !f[1].exact && !f[2].exact);
			for (size_t j = 3; j < n; j++)
				cr_expect_eq(f[j].exact, j == 3, "%s: %zu is %s", flags[i], j, name_of(&f[j]));
			ptrace(PTRACE_SINGLESTEP, s.pid, NULL, NULL);
			stopped_wait(&s, SIGTRAP);
		}
		stopped_end(&s);
	}
	debug_close(d);
}

static const char inlines[] =
	"volatile int sink;\n"
	"__attribute__((noinline)) void stop(void) { sink++; }\n"
	"inline __attribute__((always_inline)) void inner(int x) {\n"
	"	stop(); sink = x; }\n"
	"inline __attribute__((always_inline)) void outer(int x) {\n"
	"	inner(x + 1);\n"
	"	sink += x; }\n"
	"namespace ns { struct S { __attribute__((noinline, noclone)) int method(int x) {\n"
	"	outer(x);\n"
	"	return sink; } }; }\n"
	"int main(int c, char **v) { ns::S s;\n"
	"	return s.method(c) + sink; }\n";

static void expect_inlines(struct stopped *s, struct debug *d, const char *what)
{
	static const struct {
		const char *name;
		unsigned line;
		bool inlined;
	} want[] = {
		{ "stop()", 2, false }, { "inner(int)", 4, true },	    { "outer(int)", 6, true },
		{ "ns::S::method(int)", 9, false }, { "main", 12, false },
	};
	const struct debug_frame *f;
	bool whole;
	size_t n;

	stopped_sample(s);
	cr_assert_eq(stopped_unwind(d, s, &f, &n, &whole), 0);
	cr_assert(whole && n > ARRAY_SIZE(want), "%s: %zu frames", what, n);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		cr_expect_str_eq(name_of(&f[i]), want[i].name, "%s %zu: %s", what, i, name_of(&f[i]));
		cr_expect_eq(f[i].line, want[i].line, "%s %zu: %u", what, i, f[i].line);
		cr_expect_eq(f[i].inlined, want[i].inlined, "%s %zu", what, i);
		cr_expect(f[i].file && strstr(f[i].file, "inlines.cc"), "%s %zu", what, i);
	}
}

Test(unwind, inlined_functions_and_lines)
{
	static const char *const cc[] = { "g++ -gdwarf-5", "g++ -gdwarf-4", "clang++", "g++ -gz" };
	static struct stopped s;
	uint64_t stop;
	struct debug *d;

	build_need("g++");
	build_write("inlines.cc", inlines);
	cr_assert_eq(debug_open(&d), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cc); i++) {
		if (build_run(NULL, "%s -O2 -g -o full inlines.cc", cc[i]))
			continue;
		for (int separate = 0; separate < 2; separate++) {
			build("%s", separate ? "objcopy --only-keep-debug full debug && strip -o inlines full" :
					       "cp full inlines");
			stopped_start(&s, build_path("inlines"));
			stop = stopped_symbol(&s, "full", "_Z4stopv");
			stopped_run_to(&s, stop);
			stopped_read_maps(&s);
			for (size_t k = 0; separate && k < s.nmap; k++)
				if (strstr(s.map[k].path, "inlines"))
					s.file[k].debug_fd = open(build_path("debug"), O_RDONLY | O_CLOEXEC);
			expect_inlines(&s, d, cc[i]);
			stopped_end(&s);
		}
	}
	debug_close(d);
}

Test(unwind, library_that_came_later)
{
	static struct stopped s;
	const struct debug_frame *f;
	struct debug *d;
	bool whole;
	size_t n;

	build_need("gcc");
	build_write("lib.c", "int (*volatile again)(int);\n"
			     "__attribute__((noinline)) static int hidden(int (*cb)(int), int x) { return cb(x) + 1; }\n"
			     "int exported(int (*cb)(int), int x) { return hidden(cb, x + 1) * 2; }\n");
	build_write("later.c", "#include <dlfcn.h>\nvolatile int sink;\n"
			       "int cb(int x) { sink++; return x + sink; }\n"
			       "int main(void) { void *h = dlopen(\"./lib.so\", RTLD_NOW);\n"
			       "int (*f)(int (*)(int), int) = (int (*)(int (*)(int), int))dlsym(h, \"exported\");\n"
			       "return f(cb, 1) + sink; }\n");
	build("gcc -O2 -fomit-frame-pointer -shared -fPIC -o lib.so lib.c && strip lib.so && "
	      "gcc -O2 -fomit-frame-pointer -rdynamic -o later later.c -ldl");
	cr_assert_eq(chdir(build_dir), 0);
	cr_assert_eq(debug_open(&d), 0);
	stopped_start(&s, build_path("later"));
	stopped_run_to(&s, stopped_symbol(&s, "later", "cb"));
	stopped_read_maps(&s);
	stopped_sample(&s);
	cr_assert_eq(stopped_unwind(d, &s, &f, &n, &whole), 0);
	cr_expect(whole);
	cr_assert_geq(n, 4);
	cr_expect_str_eq(name_of(&f[0]), "cb");
	cr_expect_null(f[1].function, "%s", name_of(&f[1])); /* static, and stripped */
	cr_expect(f[1].module && strstr(f[1].module, "/lib.so"));
	cr_expect_str_eq(name_of(&f[2]), "exported");
	cr_expect_str_eq(name_of(&f[3]), "main");
	stopped_end(&s);
	debug_close(d);
}

Test(unwind, go)
{
	static const char *const flags[] = { "", "-ldflags=-s", "-ldflags='-s -w'" };
	static struct stopped s;
	const struct debug_frame *f;
	struct debug *d;
	bool whole;
	size_t n;

	build_need("go");
	build_write("prog.go", "package main\nimport \"runtime\"\nvar sink int\n"
			       "func init() { runtime.LockOSThread() }\n"
			       "//go:noinline\nfunc leaf(x int) int { sink += x; return sink }\n"
			       "//go:noinline\nfunc middle(x int, v []int) int { return leaf(x+1) + v[0] }\n"
			       "//go:noinline\nfunc outer(x int) int { v := make([]int, x); return middle(x, v) + v[1] }\n"
			       "func main() { println(outer(5)) }\n");
	if (build_run(NULL, "HOME=$PWD GOCACHE=$PWD/cache GO111MODULE=off go build -o full prog.go"))
		cr_skip_test("go cannot build");
	cr_assert_eq(debug_open(&d), 0);
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		build("HOME=$PWD GOCACHE=$PWD/cache GO111MODULE=off go build %s -o prog prog.go", flags[i]);
		stopped_start(&s, build_path("prog"));
		stopped_run_to(&s, stopped_symbol(&s, "full", "main.leaf"));
		stopped_read_maps(&s);
		stopped_sample(&s);
		cr_assert_eq(stopped_unwind(d, &s, &f, &n, &whole), 0);
		cr_expect(whole, "%s: not whole", flags[i]);
		expect_names(f, n, 
			     *flags[i] ? "main.leaf main.middle main.outer main.main runtime.main runtime.goexit" :
					 "main.leaf main.middle main.outer main.main runtime.main runtime.goexit.abi0", flags[i]);
		stopped_end(&s);
	}
	debug_close(d);
}
