/* SPDX-License-Identifier: MIT */
/* resolve_test.c: addresses, types and stacks of programs that stand still, while they live and when they are gone. */
#include <criterion/criterion.h>

#include "app/resolve.h"
#include "app/session.h"
#include "stopped.h"

static const char cxx_source[] =
	"#include <stdexcept>\n"
	"struct Derived : std::runtime_error { using std::runtime_error::runtime_error; };\n"
	"struct Over : std::runtime_error {\n"
	"	using std::runtime_error::runtime_error;\n"
	"	const char *what() const noexcept override { return \"over\"; }\n"
	"};\n"
	"Derived derived(\"d\");\n"
	"Over over(\"o\");\n"
	"extern \"C\" __attribute__((noipa)) void stop_here(void) {}\n"
	"namespace ns {\n"
	"static inline __attribute__((always_inline)) int inner(int n)\n"
	"{\n"
	"	stop_here();\n" /* line 13 */
	"	return n * 2;\n"
	"}\n"
	"__attribute__((noipa)) int middle(int n)\n"
	"{\n"
	"	n = inner(n);\n" /* line 18 */
	"	return n + 1;\n"
	"}\n"
	"}\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	return ns::middle(argc) - 3;\n" /* line 24 */
	"}\n";

static const char go_source[] = "package main\n"
				"import \"errors\"\n"
				"type Custom struct{ A, B int }\n"
				"type Long[T any] struct{ V T }\n"
				"var I interface{} = 42\n"
				"var S interface{} = \"text\"\n"
				"var C interface{} = Custom{1, 2}\n"
				"var P interface{} = &Custom{3, 4}\n"
				"var G interface{} = Long[map[string]struct{ Name string; Value []func(int) (string, error) }]{}\n"
				"var E interface{}\n"
				"func main() { E = errors.New(\"x\"); println(I != nil, S, C, P, G, E) }\n";

static struct session s;
static struct stopped stop;
static const struct resolver *res;

static void begin(void)
{
	build_begin();
	memset(&s, 0, sizeof(s));
	cr_assert_eq(resolve_new(&s.resolve, &s), 0);
	cr_assert_eq(debug_open(&s.carry.debug), 0);
	res = resolve_resolver(s.resolve);
}

static void end(void)
{
	resolve_free(s.resolve);
	debug_close(s.carry.debug);
	images_free(&s.images);
	targets_free(&s);
	build_end();
}

TestSuite(resolve, .init = begin, .fini = end, .timeout = 120);

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", build_dir, name);
	f = fopen(path, "w");
	cr_assert(f && fputs(text, f) >= 0 && !fclose(f));
}

static void start(const char *program)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", build_dir, program);
	stopped_start(&stop, path);
}

/* As the session does whenever something is loaded. */
static void scan(void)
{
	struct target *t;

	cr_assert_eq(target_add(&s, stop.pid, true), 0);
	t = target_find(&s, stop.pid);
	cr_assert_eq(process_read_maps(&t->process), 0);
	cr_assert_eq(resolve_process(s.resolve, &t->process), 0);
}

static uint64_t word_at(uint64_t addr)
{
	errno = 0;
	addr = (uint64_t)ptrace(PTRACE_PEEKDATA, stop.pid, addr, NULL);
	cr_assert_eq(errno, 0);
	return addr;
}

static uint32_t pid(void)
{
	return (uint32_t)stop.pid;
}

/* what() of an object, by its virtual table. */
static void expect_what(const char *program, const char *object, const char *symbol, const char *module)
{
	uint64_t what = word_at(word_at(stopped_symbol(&stop, program, object)) + 16);
	struct resolved r = { 0 };

	cr_assert(res->address(res->arg, pid(), what, true, &r), "%s", object);
	/* libstdc++ has one function for both */
	cr_expect(r.symbol && (!strcmp(r.symbol, symbol) || !strcmp(r.symbol, "_ZNKSt11logic_error4whatEv")), "%s: %s instead of %s",
		  object, r.symbol, symbol);
	cr_expect(strstr(r.module, module), "%s: %s", object, r.module);
	r = (struct resolved){ 0 };
	cr_expect(res->address(res->arg, pid(), what + 1, true, &r));
	cr_expect_null(r.symbol, "%s: in the middle", object);
}

static void expect_stack(bool lines)
{
	static const struct {
		const char *function;
		uint32_t line;
		bool inlined;
	} want[] = { { "stop_here", 9, false }, { "inner", 13, true }, { "ns::middle", 18, false }, { "main", 24, false } };
	const struct resolved *v = NULL;
	struct ev_place at = { .len = (uint32_t)stop.len };
	bool whole = false;
	size_t n;

	memcpy(at.regs, stop.regs, sizeof(at.regs));
	n = res->stack(res->arg, pid(), &at, stop.stack, &v, &whole);
	cr_assert_gt(n, 3);
	cr_expect(whole);
	for (size_t i = 0, k = 0; i < ARRAY_SIZE(want); i++) {
		if (!lines && want[i].inlined)
			continue;
		/* without its debug information a function is known by its symbol, with it by its name */
		cr_expect(v[k].function && strstr(v[k].function, want[i].function), "frame %zu: %s", k, v[k].function);
		cr_expect(strstr(v[k].module, build_dir), "frame %zu: %s", k, v[k].module);
		cr_expect_eq(v[k].line, lines ? want[i].line : 0, "frame %zu: %u", k, v[k].line);
		cr_expect_eq(v[k].inlined, want[i].inlined, "frame %zu", k);
		k++;
	}
}

static const char *same(const char *a, const char *b)
{
	return a && !strcmp(a, b) ? NULL : a ? a : "nothing";
}

/* The call in ns::middle that returns to where stop_here's stack begins. */
static void expect_return(bool lines)
{
	struct resolved r = { 0 };
	uint64_t ret;

	memcpy(&ret, stop.stack, sizeof(ret));
	cr_assert(res->address(res->arg, pid(), ret, false, &r));
	cr_expect_null(same(r.symbol, "_ZN2ns6middleEi"), "%s", r.symbol);
	cr_expect(r.function && strstr(r.function, lines ? "inner" : "ns::middle"), "%s", r.function);
	cr_expect_eq(r.line, lines ? 13u : 0u, "%u", r.line);
	cr_expect_eq(r.inlined, lines);
	cr_expect(!lines == !r.file);
}

static void run_cxx(const char *flags, bool lines)
{
	struct resolved r;

	write_file("t.cc", cxx_source);
	build("g++ -O2 -std=c++17 %s -o t t.cc", flags);
	start("t");
	stopped_run_to(&stop, stopped_symbol(&stop, "t", "stop_here"));
	stopped_sample(&stop);
	cr_expect_not(res->address(res->arg, pid(), stop.regs[DEBUG_RIP], true, &r), "not scanned yet");
	scan();
	expect_what("t", "derived", "_ZNKSt13runtime_error4whatEv", strstr(flags, "-fno-pie") ? "/t" : "libstdc++");
	expect_what("t", "over", "_ZNK4Over4whatEv", "/t");
	expect_stack(lines);
	expect_return(lines);
	cr_expect_not(res->address(res->arg, pid(), 8, true, &r), "nothing is mapped there");
	cr_expect_not(res->address(res->arg, pid() + 1, stop.regs[DEBUG_RIP], true, &r), "another process");
}

Test(resolve, program_with_debug_information)
{
	build_need("g++");
	run_cxx("-g", true);
	stopped_end(&stop);
}

Test(resolve, program_without)
{
	build_need("g++");
	run_cxx("-fomit-frame-pointer", false);
	stopped_end(&stop);
}

Test(resolve, program_at_a_fixed_address)
{
	build_need("g++");
	run_cxx("-g -fno-pie -no-pie", true);
	stopped_end(&stop);
}

Test(resolve, after_the_end)
{
	struct resolved r = { 0 };
	uint64_t exit_at;

	build_need("g++");
	run_cxx("-g", true);
	exit_at = stopped_symbol(&stop, "t", "main");
	stopped_end(&stop);
	target_remove(&s, target_find(&s, stop.pid));
	images_trim(s.images);
	expect_stack(true);
	expect_return(true);
	cr_assert(res->address(res->arg, pid(), exit_at, true, &r));
	cr_expect_null(same(r.symbol, "main"), "%s", r.symbol);
}

Test(resolve, only_those_that_have_ended_are_forgotten)
{
	struct process ended = { .pid = 1 << 22 };
	struct module none = { 0 };
	struct resolved r;

	build_need("g++");
	run_cxx("-g", true);
	ended.modules = &none;
	for (int i = 0; i < 2000; i++, ended.pid++)
		cr_assert_eq(resolve_process(s.resolve, &ended), 0);
	cr_expect(res->address(res->arg, pid(), stop.regs[DEBUG_RIP], true, &r));
	stopped_end(&stop);
}

Test(resolve, names_of_types)
{
	static const char *const cases[][2] = {
		{ "St13runtime_error", "std::runtime_error" }, { "i", "int" }, { "PKc", "char const*" },
		{ "N2ex7DerivedE", "ex::Derived" },	       { "St6vectorIiSaIiEE", "std::vector<int, std::allocator<int> >" },
		{ "PFviE", "void (*)(int)" },		       { "St8functionIFiiEE", "std::function<int (int)>" },
		{ "", NULL }, { "!", NULL }, { "i trailing", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got = res->type_name(res->arg, cases[i][0]);

		cr_expect(cases[i][1] ? !same(got, cases[i][1]) : !got, "%s: %s", cases[i][0], got);
	}
}

/* Without processes, as for a recorded stream. */
Test(resolve, nobody)
{
	const struct resolver *none;
	const struct resolved *v;
	struct resolve *r;
	struct ev_place at = { .len = 0 };
	struct resolved got;
	bool whole = true;

	cr_assert_eq(resolve_new(&r, NULL), 0);
	none = resolve_resolver(r);
	cr_expect_eq(none->stack(none->arg, 1, &at, "", &v, &whole), 0);
	cr_expect_not(whole);
	cr_expect_not(none->address(none->arg, 1, 0x1000, false, &got));
	cr_expect_null(none->go_type(none->arg, 1, 0x1000));
	cr_expect_null(same(none->type_name(none->arg, "i"), "int"));
	resolve_free(r);
}

static void run_go(const char *flags, const char *make)
{
	static const char *const cases[][2] = {
		{ "main.I", "int" }, { "main.S", "string" }, { "main.C", "main.Custom" }, { "main.P", "*main.Custom" },
		{ "main.G", "main.Long[map[string]struct { Name string; Value []func(int) (string, error) }]" },
	};
	uint64_t type;

	write_file("t.go", go_source);
	build("export HOME=$PWD GO111MODULE=off && go build %s -o full t.go && %s", flags, make);
	start("t");
	/* by then what has to be relocated is */
	stopped_run_to(&stop, stopped_symbol(&stop, "full", "main.main"));
	scan();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *got;

		type = word_at(stopped_symbol(&stop, "full", cases[i][0]));
		got = res->go_type(res->arg, pid(), type);
		cr_expect(!same(got, cases[i][1]), "%s %s: %s: %s", flags, make, cases[i][0], got);
		cr_expect_null(res->go_type(res->arg, pid(), 0x1000));
	}
	/* what is no type gives no name, whatever it gives */
	for (uint64_t a = type - 4096; a < type + 4096; a++)
		res->go_type(res->arg, pid(), a);
	stopped_end(&stop);
}

Test(resolve, go_types)
{
	build_need("go");
	run_go("", "cp full t");
}

Test(resolve, go_types_of_a_stripped_program)
{
	build_need("go");
	run_go("", "strip -o t full");
}

Test(resolve, go_types_of_a_program_that_can_be_moved)
{
	build_need("go");
	run_go("-buildmode=pie", "cp full t");
}

Test(resolve, go_types_of_one_that_is_both)
{
	build_need("go");
	run_go("-buildmode=pie", "strip -o t full");
}
