/* SPDX-License-Identifier: MIT */
/* exceptions_test.c: events of throws, catches, signals and processes, made here, against whole records. */
#include <criterion/criterion.h>
#include <signal.h>

#include "pipeline/exceptions.h"
#include "pipeline/frames.h"
#include "pipeline/stacks.h"
#include "proto.h"

#define SALT 0x1000000000000000ull

/* ---- a target that is not there ---- */

#define AT(f) { .function = f, .module = "/bin/t", .offset = 16, .file = "t.cc", .line = 3 }
#define LIB(f) { .function = f, .module = "/lib/rt.so", .offset = 32 }

static const struct stack {
	uint64_t ip;
	bool whole;
	size_t n;
	struct resolved v[8];
} stacks[] = {
	{ 1, true, 4, { LIB("_Unwind_RaiseException"), LIB("__cxa_throw"), AT("ex::f(int)"), AT("main") } },
	{ 2, true, 4, { LIB("_Unwind_Resume_or_Rethrow"), LIB("__cxa_rethrow"), AT("ex::g(int)"), AT("main") } },
	{ 3, false, 5, { LIB("std::panicking::begin_panic_handler"), LIB("core::panicking::panic_fmt"), AT("ex::r5"),
			 LIB("std::panicking::try"), AT("ex::catch") } },
	{ 4, true, 4, { LIB("runtime.gopanic"), LIB("runtime.goPanicIndex"), AT("main.Index"), AT("main.main") } },
	{ 5, true, 4, { LIB("__pthread_kill_implementation"), LIB("raise"), LIB("abort"), AT("die") } },
	{ 6, true, 2, { LIB("strlen"), AT("die") } },
	{ 7, true, 2, { LIB("__cxa_throw"), LIB("_Unwind_Find_FDE") } },
	{ 8, true, 4, { LIB("rust_panic"), AT("ex::r5"), LIB("std::panic::catch_unwind"), LIB("std::rt::lang_start_internal") } },
	{ 9, true, 4, { LIB("std::panicking::rust_panic_without_hook"), LIB("std::panic::resume_unwind"), AT("ex::again"),
			AT("main") } },
	{ 10, true, 2, { { .function = "in", .inlined = true, .module = "/bin/t", .offset = 1 }, { .offset = 0x99 } } },
};

static size_t fake_stack(void *arg, uint32_t pid, const struct ev_place *at, const void *bytes, const struct resolved **ret,
			 bool *whole)
{
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++)
		if (stacks[i].ip == at->regs[16]) {
			*ret = stacks[i].v;
			*whole = stacks[i].whole;
			return stacks[i].n;
		}
	return 0;
}

static const struct {
	uint64_t addr;
	bool exact;
	struct resolved r;
} places[] = {
	{ 0x100, false, AT("ex::h()") },
	{ 0x200, false, { .function = "__cxa_throw", .symbol = "__cxa_throw", .module = "/lib/rt.so" } },
	{ 0x300, false, { .function = "std::panicking::try::cleanup", .symbol = "_ZN3std9panicking3try7cleanupE", .module = "/bin/t" } },
	{ 0x400, false, AT("main.Catch") },
	{ 0x500, false, { .symbol = "__clang_call_terminate", .module = "/bin/t" } },
	{ 0x1000, true, { .symbol = "_ZNKSt13runtime_error4whatEv", .module = "/lib/rt.so" } },
	{ 0x2000, true, { .symbol = "_ZNKSt9exception4whatEv", .module = "/lib/rt.so" } },
	{ 0x3000, true, { .symbol = "_ZNK2ex6Custom4whatEv", .module = "/bin/t" } },
	{ 0x4000, true, { .symbol = "_ZN2ex6Custom3runEv", .module = "/bin/t" } },
	{ 0x5000, true, { .module = "/bin/t" } },
	{ 0x6000, true, { .symbol = "_ZNKSt18bad_variant_access4whatEv", .module = "/bin/t" } },
	{ 0x7000, true, { .symbol = "_ZNKSt12future_error4whatEv", .module = "/lib/rt.so" } },
};

static bool fake_address(void *arg, uint32_t pid, uint64_t addr, bool exact, struct resolved *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i].addr == addr && places[i].exact == exact) {
			*ret = places[i].r;
			return true;
		}
	return false;
}

static const char *fake_type_name(void *arg, const char *mangled)
{
	static const char *const names[][2] = {
		{ "St13runtime_error", "std::runtime_error" }, { "i", "int" }, { "PKc", "char const*" }, { "2ex", "ex" },
		{ "d", "double" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i][0], mangled))
			return names[i][1];
	return NULL;
}

static const char *fake_go_type(void *arg, uint32_t pid, uint64_t type)
{
	static const char *const names[] = {
		NULL, "string", "*errors.errorString", "runtime.errorString", "runtime.boundsError", "int", "uint8", "float64",
		"bool", "main.Custom", "*runtime.TypeAssertionError", "*runtime.PanicNilError", "runtime.errorAddressString",
		"interface {}", "float32",
	};

	return type < ARRAY_SIZE(names) ? names[type] : NULL;
}

static const struct resolver fake = { NULL, fake_stack, fake_address, fake_type_name, fake_go_type };
static const struct decoder decoder = { .salt = SALT };

/* ---- records as text ---- */

static char *told; /* all records so far, a line each */
static size_t told_len;
static FILE *told_file;

static void show_fields(const struct field *f, size_t n, bool names);

static void show(const struct field *f)
{
	switch ((enum val_type)f->type) {
	case VAL_STR:
		fprintf(told_file, "'%.*s'", (int)f->len, f->str);
		break;
	case VAL_UNAVAIL:
		fprintf(told_file, "?%.*s", (int)f->len, f->str);
		break;
	case VAL_OBJECT:
	case VAL_ARRAY:
		fputc(f->type == VAL_OBJECT ? '{' : '[', told_file);
		show_fields(f->list, f->len, f->type == VAL_OBJECT);
		fputc(f->type == VAL_OBJECT ? '}' : ']', told_file);
		break;
	case VAL_S64:
		fprintf(told_file, "%lld", (long long)f->s);
		break;
	case VAL_HEX64:
		fprintf(told_file, "#%llx", (unsigned long long)f->u);
		break;
	case VAL_FLOAT:
		fprintf(told_file, "%g", f->d);
		break;
	case VAL_BOOL:
		fputs(f->u ? "true" : "false", told_file);
		break;
	default:
		fprintf(told_file, "%llu", (unsigned long long)f->u);
	}
}

static void show_fields(const struct field *f, size_t n, bool names)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			fputc(' ', told_file);
		if (names)
			fprintf(told_file, "%s=", field_name(&f[i]));
		show(&f[i]);
	}
}

static void emit(void *arg, const struct record *r)
{
	fprintf(told_file, "%s ", r->type);
	show_fields(r->f, r->n, true);
	fputc('\n', told_file);
}

/* What was told since the last time. */
static const char *all_told(void)
{
	fputc('\0', told_file);
	fflush(told_file);
	rewind(told_file);
	return told;
}

static struct exceptions *x;

static void init(void)
{
	told_file = open_memstream(&told, &told_len);
	cr_assert_eq(exceptions_new(&x, &fake, &decoder, emit, NULL), 0);
}

static void fini(void)
{
	exceptions_free(x);
	fclose(told_file);
	free(told);
}

TestSuite(exceptions, .init = init, .fini = fini);

static void expect(const char *what, const char *want)
{
	const char *got = all_told();

	cr_expect_str_eq(got, want, "%s:\n%s\ninstead of\n%s", what, got, want);
}

/* A part of the only record. */
static void expect_part(const char *what, const char *want)
{
	const char *got = all_told();

	cr_expect(strstr(got, want), "%s:\n%s\nhas no\n%s", what, got, want);
}

/* ---- events ---- */

#define HDR(type, k) { .kind = k, .len = sizeof(struct type), .ts_ns = 7, .pid = 10, .tid = 11 }

static void send(const void *e, size_t len)
{
	cr_assert_eq(exceptions_event(x, e, len), 0);
}

static struct ev_throw throw_of(enum proto_lang lang, uint64_t id, uint64_t stack)
{
	struct ev_throw e = { .h = HDR(ev_throw, EV_THROW), .id = id, .lang = lang, .comm = "t" };

	e.at.regs[16] = stack;
	if (lang == LANG_CXX)
		e.class = 0x474e5543432b2b00ull;
	return e;
}

static void set_text(struct ev_throw *e, const char *s)
{
	e->text_len = (uint32_t)strlen(s);
	e->text_all = e->text_len;
	memcpy(e->text, s, e->text_len);
	e->raw[8] = 1; /* a pointer, or a length */
}

static void set_name(struct ev_throw *e, const char *s)
{
	e->name_len = (uint32_t)strlen(s);
	memcpy(e->name, s, e->name_len);
}

static struct ev_throw runtime_error(uint64_t id, uint64_t stack)
{
	struct ev_throw e = throw_of(LANG_CXX, id, stack);

	set_name(&e, "St13runtime_error");
	set_text(&e, "oops");
	e.what = 0x1000;
	e.object = 0xabc0;
	return e;
}

static void catch(uint64_t id, uint64_t ip, enum catch_how how)
{
	struct ev_catch e = { .h = HDR(ev_catch, EV_CATCH), .id = id, .ip = ip, .how = how };

	send(&e, sizeof(e));
}

static void process(enum process_event event, int status)
{
	struct ev_process e = { .h = HDR(ev_process, EV_PROCESS), .event = event, .status = status };

	send(&e, sizeof(e));
}

#define HEAD(id) "exception ts=7 pid=10 tid=11 comm='t' id=#100000000000000" id " "
#define FRAME(f) "{function='" f "' module='/bin/t' offset=16 file='t.cc' line=3}"
#define RT(f)    "{function='" f "' module='/lib/rt.so' offset=32}"

Test(exceptions, thrown_and_caught)
{
	struct ev_throw e = runtime_error(1, 1);

	e.call = 5;
	send(&e, sizeof(e));
	expect("under way", "");
	catch(1, 0x100, CATCH_HANDLER);
	expect("caught", HEAD("1") "call=#1000000000000005 language='c++' exception_type='std::runtime_error' message='oops' "
	       "outcome='caught' thrown=" FRAME("ex::f(int)") " caught=" FRAME("ex::h()")
	       " stack=[" FRAME("ex::f(int)") " " FRAME("main") "]\n");
	catch(1, 0x100, CATCH_HANDLER);
	exceptions_finish(x);
	expect("told once", "");
}

Test(exceptions, rethrown)
{
	struct ev_throw e = runtime_error(1, 1);

	send(&e, sizeof(e));
	catch(1, 0x100, CATCH_HANDLER);
	all_told();
	/* by the function that the unwinder was asked by */
	e = runtime_error(2, 2);
	send(&e, sizeof(e));
	/* and once more, before anyone caught it */
	e = runtime_error(3, 1);
	e.flags = THROW_F_DEPENDENT;
	send(&e, sizeof(e));
	expect_part("rethrown twice", HEAD("2") "language='c++' exception_type='std::runtime_error' message='oops' "
		    "outcome='rethrown' rethrown=true rethrows=#1000000000000001 thrown=" FRAME("ex::g(int)"));
	catch(3, 0x100, CATCH_HANDLER);
	expect_part("rethrown", "outcome='caught' rethrown=true rethrows=#1000000000000001 thrown=");
	/* memory is used again: something new at the same address */
	e = runtime_error(4, 1);
	send(&e, sizeof(e));
	catch(4, 0x100, CATCH_HANDLER);
	expect_part("thrown anew", HEAD("4") "language='c++' exception_type='std::runtime_error' message='oops' outcome='caught' thrown=");
	e = runtime_error(5, 2);
	send(&e, sizeof(e));
	catch(5, 0x100, CATCH_HANDLER);
	expect_part("names the new one", "rethrows=#1000000000000004");
}

Test(exceptions, endings)
{
	static const struct {
		const char *outcome;
		uint64_t ip;
		int how; /* -1: the process ends with status ip; -2: it executes something else */
	} cases[] = {
		{ "caught", 0, CATCH_HANDLER },	      { "caught", 0x999, CATCH_HANDLER }, { "uncaught", 0x200, CATCH_HANDLER },
		{ "uncaught", 0x500, CATCH_HANDLER }, { "uncaught", 0x100, CATCH_NOBODY }, { "uncaught", 0, CATCH_EXIT },
		{ "recovered", 0x400, CATCH_RECOVER }, { "uncaught", SIGABRT, -1 },	  { "open", SIGKILL, -1 },
		{ "open", 0, -1 },		      { "uncaught", 2 << 8, -1 },	  { "open", 0, -2 },
	};
	char want[64];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ev_throw e = runtime_error(i + 1, 1);

		send(&e, sizeof(e));
		if (cases[i].how >= 0)
			catch(i + 1, cases[i].ip, (enum catch_how)cases[i].how);
		else
			process(cases[i].how == -1 ? PROC_EXIT : PROC_EXEC, (int)cases[i].ip);
		snprintf(want, sizeof(want), "outcome='%s' thrown", cases[i].outcome);
		expect_part(cases[i].outcome, want);
	}
}

Test(exceptions, of_other_processes_go_on)
{
	struct ev_throw e = runtime_error(1, 1);

	e.h.pid = 77;
	send(&e, sizeof(e));
	process(PROC_EXIT, SIGABRT);
	process(PROC_FORK, 0);
	expect("another process", "");
	exceptions_finish(x);
	expect_part("at the end", "outcome='open'");
}

Test(exceptions, cxx_types_and_messages)
{
	static const char long_text[] = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
					"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
					"0123456789012345678901234567890123456789012345678901234";
	static const struct {
		const char *name, *text;
		uint64_t what, class;
		const char *want;
	} cases[] = {
		{ "St13runtime_error", "a", 0x1000, 0, "exception_type='std::runtime_error' message='a' outcome" },
		{ "St13runtime_error", "", 0x1000, 0, "message='' outcome" },
		{ "St13runtime_error", long_text, 0x1000, 0, "0123456789012345678901234' truncated=true} outcome" },
		{ "St13runtime_error", "a", 0x2000, 0, "message='std::exception' outcome" },
		{ "St13runtime_error", "a", 0x3000, 0, "message=?what_overridden outcome" },
		{ "St13runtime_error", "a", 0x4000, 0, "message=?not_an_exception outcome" },
		{ "St13runtime_error", "a", 0x5000, 0, "message=?no_symbol outcome" },
		{ "St13runtime_error", "a", 0x9999, 0, "message=?not_an_exception outcome" },
		{ "St13runtime_error", "a", 0, 0, "message=?not_an_exception outcome" },
		{ "St13runtime_error", "a", 0x6000, 0, "message='a' outcome" },
		{ "St13runtime_error", "a", 0x6000, 1, "message='bad_variant_access' outcome" },
		{ "St13runtime_error", "a", 0x7000, 0, "message='a' outcome" },
		{ "St13runtime_error", "a", 0x7000, 1, "message=?what_overridden outcome" },
		{ "*2ex", "a", 0, 0, "exception_type='ex' message=?not_an_exception outcome" },
		{ "3odd", "a", 0, 0, "exception_type='3odd' message" },
		{ "", "a", 0x1000, 0, "exception_type=?read_fault message='a' outcome" },
		{ long_text, "a", 0x1000, 0, "exception_type=?truncated message='a' outcome" },
		{ "i", "", 0, 0, "exception_type='int' message=?not_an_exception value=-2 outcome" },
		{ "j", "", 0x1000, 0, "exception_type='j' message=?not_an_exception value=4294967294 outcome" },
		{ "a", "", 0, 0, "message=?not_an_exception value=-2 outcome" },
		{ "b", "", 0, 0, "message=?not_an_exception value=true outcome" },
		{ "PKc", "words", 0, 0, "exception_type='char const*' message=?not_an_exception value='words' outcome" },
		{ "PKv", "words", 0, 0, "exception_type='PKv' message=?not_an_exception outcome" },
		{ "i", "", 0, 2, "exception_type=?foreign message=?foreign outcome" },
	};
	static const uint64_t classes[] = { 0x474e5543432b2b00ull, 0x434c4e47432b2b01ull, 0x4142430000000000ull };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ev_throw e = throw_of(LANG_CXX, i + 1, 1);

		set_name(&e, cases[i].name);
		set_text(&e, cases[i].text);
		memset(e.raw, 0xff, 8);
		e.raw[0] = 0xfe;
		e.what = cases[i].what;
		e.class = classes[cases[i].class];
		send(&e, sizeof(e));
		catch(i + 1, 0x100, CATCH_HANDLER);
		expect_part(cases[i].name, cases[i].want);
	}
}

Test(exceptions, cxx_floats)
{
	struct ev_throw e = throw_of(LANG_CXX, 1, 1);
	double d = -0.5;

	set_name(&e, "d");
	memcpy(e.raw, &d, sizeof(d));
	send(&e, sizeof(e));
	catch(1, 0, CATCH_HANDLER);
	expect_part("double", "exception_type='double' message=?not_an_exception value=-0.5 outcome");
}

Test(exceptions, rust)
{
	struct ev_throw e = throw_of(LANG_RUST, 1, 3);

	set_text(&e, "literal words");
	strcpy(e.file, "src/main.rs");
	e.line = 12ull << 32 | 5;
	send(&e, sizeof(e));
	catch(1, 0x300, CATCH_HANDLER);
	expect("caught", HEAD("1") "language='rust' exception_type='panic' message='literal words' outcome='caught' "
	       "file='src/main.rs' line=12 thrown=" FRAME("ex::r5") " caught=" FRAME("ex::catch")
	       " stack=[" FRAME("ex::r5") " " RT("std::panicking::try") " " FRAME("ex::catch") "] whole=false\n");
	/* main was left by it */
	e = throw_of(LANG_RUST, 2, 8);
	set_text(&e, "x");
	send(&e, sizeof(e));
	catch(2, 0x300, CATCH_HANDLER);
	expect_part("main", "message='x' outcome='uncaught' thrown=" FRAME("ex::r5") " stack=");
	/* a payload that is no text, and one that only looks like it */
	e = throw_of(LANG_RUST, 3, 9);
	send(&e, sizeof(e));
	catch(3, 0x100, CATCH_HANDLER);
	expect_part("payload", "message=?payload outcome='caught' rethrown=true thrown=" FRAME("ex::again") " caught=" FRAME("ex::h()"));
	e = throw_of(LANG_RUST, 4, 3);
	set_text(&e, "ab\xff");
	send(&e, sizeof(e));
	catch(4, 0, CATCH_HANDLER);
	expect_part("no text", "message=?payload");
	/* cut in the middle of a letter */
	e = throw_of(LANG_RUST, 5, 3);
	set_text(&e, "ab\xc3");
	e.text_all = 300;
	send(&e, sizeof(e));
	catch(5, 0, CATCH_HANDLER);
	expect_part("cut", "message={value='ab\xc3' truncated=true length=300}");
}

static void put_words(struct ev_throw *e, const uint64_t *w, size_t n)
{
	memcpy(e->raw, w, n * sizeof(*w));
}

Test(exceptions, go)
{
	static const struct {
		uint64_t type;
		const char *text;
		uint64_t raw[5];
		const char *want;
	} cases[] = {
		{ 1, "plain", { 1, 5 }, "exception_type='string' message='plain' outcome" },
		{ 1, "", { 1, 5 }, "exception_type='string' message=?read_fault outcome" },
		{ 1, "", { 0, 0 }, "message='' outcome" },
		{ 2, "an error", { 1, 8 }, "exception_type='*errors.errorString' message='an error' outcome" },
		{ 3, "integer divide by zero", { 1, 22 }, "message='runtime error: integer divide by zero' outcome" },
		{ 12, "invalid", { 1, 7, 0x10 }, "message='runtime error: invalid' outcome='recovered' address='0x10'" },
		{ 4, "x", { 5, 3, 1 }, "message='runtime error: index out of range [5] with length 3' outcome" },
		{ 4, "", { -1ull, 3, 1 }, "message='runtime error: index out of range [-1]' outcome" },
		{ 4, "", { -1ull, 3, 0 }, "message='runtime error: index out of range [18446744073709551615] with length 3' outcome" },
		{ 4, "", { 4, 3, 0x101 }, "message='runtime error: slice bounds out of range [:4] with length 3' outcome" },
		{ 4, "", { 4, 3, 0x201 }, "message='runtime error: slice bounds out of range [:4] with capacity 3' outcome" },
		{ 4, "", { 4, 3, 0x301 }, "message='runtime error: slice bounds out of range [4:3]' outcome" },
		{ 4, "", { -4ull, 3, 0x301 }, "message='runtime error: slice bounds out of range [-4:]' outcome" },
		{ 4, "", { 4, 3, 0x401 }, "message='runtime error: slice bounds out of range [::4] with length 3' outcome" },
		{ 4, "", { 4, 3, 0x501 }, "message='runtime error: slice bounds out of range [::4] with capacity 3' outcome" },
		{ 4, "", { 4, 3, 0x601 }, "message='runtime error: slice bounds out of range [:4:3]' outcome" },
		{ 4, "", { 4, 3, 0x701 }, "message='runtime error: slice bounds out of range [4:3:]' outcome" },
		{ 4, "", { -4ull, 3, 0x701 }, "message='runtime error: slice bounds out of range [-4::]' outcome" },
		{ 4, "", { 4, 3, 0x801 }, "message=?error_method outcome" },
		{ 4, "", { 4, 3, 0xff01 }, "message=?error_method outcome" },
		{ 5, "", { -42ull }, "exception_type='int' message='-42' value=-42 outcome" },
		{ 6, "", { 0x1ff }, "exception_type='uint8' message='255' value=255 outcome" },
		{ 7, "", { 0x3ff8000000000000ull }, "message='1.5' value=1.5 outcome" },
		{ 14, "", { 0x3fc00000 }, "exception_type='float32' message='1.5' value=1.5 outcome" },
		{ 8, "", { 0x101 }, "message='true' value=true outcome" },
		{ 9, "abc", { 7 }, "exception_type='main.Custom' message=?error_method outcome" },
		{ 10, "", { 13, 1, 5 }, "message='interface conversion: interface {} is string, not int' outcome" },
		{ 10, "", { 13, 0, 5 }, "message='interface conversion: interface {} is nil, not int' outcome" },
		{ 10, "", { 0, 1, 5 }, "message='interface conversion: interface is string, not int' outcome" },
		{ 10, "", { 13, 1, 1 }, "message=?error_method outcome" },
		{ 10, "", { 13, 1, 5, 9, 4 }, "message=?error_method outcome" },
		{ 10, "", { 13, 1, 0 }, "message=?error_method outcome" },
		{ 10, "", { 13, 99, 5 }, "message=?error_method outcome" },
		{ 11, "", { 0 }, "message='panic called with nil argument (use GODEBUG=panicnil=1 to disable)' outcome" },
		{ 0, "", { 0 }, "exception_type='nil' message='nil' outcome" },
		{ 99, "x", { 1, 1 }, "exception_type=?no_type message=?no_type outcome" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ev_throw e = throw_of(LANG_GO, i + 1, 4);

		set_text(&e, cases[i].text);
		put_words(&e, cases[i].raw, ARRAY_SIZE(cases[i].raw));
		e.type = cases[i].type;
		send(&e, sizeof(e));
		catch(i + 1, 0x400, CATCH_RECOVER);
		expect_part("go", cases[i].want);
	}
	catch(1, 0, CATCH_RECOVER);
	expect("unknown", "");
}

Test(exceptions, go_frames)
{
	struct ev_throw e = throw_of(LANG_GO, 1, 4);

	e.type = 5;
	send(&e, sizeof(e));
	catch(1, 0x400, CATCH_RECOVER);
	expect("recovered", HEAD("1") "language='go' exception_type='int' message='0' value=0 outcome='recovered' thrown="
	       FRAME("main.Index") " caught=" FRAME("main.Catch") " stack=[" FRAME("main.Index") " " FRAME("main.main") "]\n");
}

static struct ev_signal signal_of(uint64_t id, int sig, int code, uint64_t stack)
{
	struct ev_signal e = { .h = HDR(ev_signal, EV_SIGNAL), .id = id, .sig = (uint32_t)sig, .code = code, .addr = 0x10,
			       .comm = "t" };

	e.at.regs[16] = stack;
	return e;
}

Test(exceptions, signals)
{
	static const struct {
		int sig, code;
		const char *text, *want;
	} cases[] = {
		{ SIGSEGV, SEGV_MAPERR, "", "exception_type='SIGSEGV' message='invalid address 0x10' outcome='uncaught' signal=11 "
		  "address='0x10' thrown=" RT("strlen") " stack=[" RT("strlen") " " FRAME("die") "]" },
		{ SIGSEGV, SEGV_ACCERR, "", "message='access denied at address 0x10' outcome='uncaught' signal=11 address='0x10' thrown" },
		{ SIGSEGV, SI_KERNEL, "", "or a forbidden instruction' outcome='uncaught' signal=11 thrown" },
		{ SIGSEGV, SI_USER, "", "message='Segmentation fault' outcome='uncaught' signal=11 thrown" },
		{ SIGFPE, FPE_INTDIV, "", "message='integer division by zero, or its result is too large' outcome='uncaught' signal=8 thrown" },
		{ SIGABRT, SI_TKILL, "t: t.c:3: f: Assertion `n' failed.\n", "exception_type='SIGABRT' "
		  "message='t: t.c:3: f: Assertion `n' failed.' outcome='uncaught' signal=6 thrown" },
		{ SIGABRT, SI_TKILL, "", "message='Aborted' outcome" },
		{ 40, 0, "", "message=?unknown_signal" },
		{ -1, 0, "", "exception_type='signal -1' message=?unknown_signal" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ev_signal e = signal_of(i + 1, cases[i].sig, cases[i].code, 6);

		e.text_len = (uint32_t)strlen(cases[i].text);
		memcpy(e.text, cases[i].text, e.text_len);
		send(&e, sizeof(e));
		expect_part("signal", cases[i].want);
	}
}

Test(exceptions, what_raises_a_signal_is_left_out)
{
	struct ev_signal e = signal_of(1, SIGABRT, SI_TKILL, 5);

	send(&e, sizeof(e));
	expect("abort", HEAD("1") "language='c' exception_type='SIGABRT' message='Aborted' outcome='uncaught' signal=6 thrown="
	       FRAME("die") " stack=[" FRAME("die") "]\n");
}

Test(exceptions, a_fault_is_where_it_is)
{
	struct ev_signal e = signal_of(1, SIGSEGV, SEGV_MAPERR, 5);

	send(&e, sizeof(e));
	expect_part("fault", "thrown=" RT("__pthread_kill_implementation"));
	e = signal_of(2, SIGSEGV, SI_TKILL, 5);
	send(&e, sizeof(e));
	expect_part("raised", "thrown=" FRAME("die"));
}

/* Its end was lost: seen when its memory is used for another one, but not by who shares what is thrown. */
Test(exceptions, an_end_that_went_unseen)
{
	struct ev_throw e = runtime_error(1, 1);

	send(&e, sizeof(e));
	e = runtime_error(2, 1);
	send(&e, sizeof(e));
	expect_part("the first", HEAD("1") "language='c++' exception_type='std::runtime_error' message='oops' outcome='unknown' thrown");
	e = runtime_error(3, 1);
	e.h.tid = 12;
	e.flags = THROW_F_DEPENDENT;
	send(&e, sizeof(e));
	expect("another thread, the same object", "");
	for (uint64_t i = 4; i < 6; i++) {
		e = throw_of(LANG_GO, i, 4);
		e.type = 5;
		e.object = 0xabc0;
		send(&e, sizeof(e));
	}
	expect("the same constant", "");
}

Test(exceptions, a_signal_names_its_exception)
{
	struct ev_throw t = runtime_error(1, 1);
	struct ev_signal e = signal_of(2, SIGABRT, SI_TKILL, 5), other = signal_of(3, SIGABRT, SI_TKILL, 5);

	send(&t, sizeof(t));
	catch(1, 0x200, CATCH_HANDLER);
	expect_part("terminate", "outcome='uncaught'");
	send(&e, sizeof(e));
	expect_part("terminate", "outcome='uncaught' signal=6 exception=#1000000000000001 thrown");
	other.h.tid = 12;
	send(&other, sizeof(other));
	expect_part("another thread", "outcome='uncaught' signal=6 thrown");
	/* nobody said what became of it, but its thread aborts */
	t = runtime_error(4, 1);
	send(&t, sizeof(t));
	send(&e, sizeof(e));
	expect_part("abort", "exception=#1000000000000004");
	/* a fault has nothing to do with what came before */
	e = signal_of(5, SIGSEGV, SEGV_MAPERR, 6);
	send(&e, sizeof(e));
	expect_part("fault", "address='0x10' thrown");
	process(PROC_EXIT, SIGABRT);
	e = signal_of(6, SIGABRT, SI_TKILL, 5);
	send(&e, sizeof(e));
	expect_part("a new process of that number", "signal=6 thrown");
}

Test(exceptions, frames)
{
	struct ev_throw e = runtime_error(1, 7);

	/* thrown by the runtime itself */
	send(&e, sizeof(e));
	catch(1, 0, CATCH_HANDLER);
	expect_part("runtime", "thrown=" RT("__cxa_throw") " stack=[" RT("__cxa_throw") " " RT("_Unwind_Find_FDE") "]\n");
	/* nothing is known */
	e = runtime_error(2, 99);
	send(&e, sizeof(e));
	catch(2, 0, CATCH_HANDLER);
	expect_part("unknown", "outcome='caught' stack=[] whole=false\n");
	e = runtime_error(3, 10);
	send(&e, sizeof(e));
	catch(3, 0, CATCH_HANDLER);
	expect_part("inlined", "stack=[{function='in' module='/bin/t' offset=1 inlined=true} {offset=153}]\n");
}

Test(exceptions, bounded)
{
	struct ev_throw e = runtime_error(0, 1);

	for (uint64_t i = 0; i <= EXCEPTIONS_MAX; i++) {
		e.id = i + 1;
		e.object = i * 16;
		send(&e, sizeof(e));
	}
	expect_part("the oldest", HEAD("1"));
	e.id = 2;
	send(&e, sizeof(e));
	expect_part("the same id", "outcome='unknown'");
}

static size_t lines(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

Test(exceptions, each_is_told_once)
{
	struct ev_throw e = runtime_error(0, 1);

	for (uint64_t i = 0; i < 3 * EXCEPTIONS_MAX; i++) {
		e.id = i + 1;
		e.object += i % 2 * 16;
		send(&e, sizeof(e));
		if (i % 3 == 0)
			catch(e.id, 0x100, CATCH_HANDLER);
	}
	exceptions_finish(x);
	cr_expect_eq(lines(all_told()), 3 * EXCEPTIONS_MAX);
}

Test(exceptions, summary)
{
	struct ev_throw e;
	char *table;
	size_t len;
	FILE *out;

	for (uint64_t i = 0; i < 5; i++) {
		e = runtime_error(i + 1, i < 3 ? 1 : 2);
		if (i == 4)
			e.name_len = 0;
		send(&e, sizeof(e));
		catch(i + 1, i ? 0x100 : 0x200, CATCH_HANDLER);
	}
	all_told();
	exceptions_summary(x, false);
	expect("summary",
	       "exceptions exception_type='std::runtime_error' function='ex::f(int)' module='/bin/t' count=3 outcomes={caught=2 uncaught=1}\n"
	       "exceptions exception_type='std::runtime_error' function='ex::g(int)' module='/bin/t' count=1 outcomes={caught=1}\n"
	       "exceptions exception_type=?not_known function='ex::g(int)' module='/bin/t' count=1 outcomes={caught=1}\n");
	out = open_memstream(&table, &len);
	exceptions_table(x, out);
	fclose(out);
	cr_expect_str_eq(table,
			 "\nexception           thrown in        count  outcome\n"
			 "std::runtime_error  ex::f(int)           3  2 caught, 1 uncaught\n"
			 "-                   ex::g(int)           1  1 caught\n"
			 "std::runtime_error  ex::g(int)           1  1 caught\n", "%s", table);
	free(table);
}

Test(exceptions, summary_is_bounded)
{
	struct ev_throw e;
	char name[32];

	for (unsigned i = 0; i < 1500; i++) {
		e = runtime_error(i + 1, 1);
		e.object += i * 16;
		snprintf(name, sizeof(name), "4t%u", i);
		set_name(&e, name);
		send(&e, sizeof(e));
	}
	exceptions_finish(x);
	all_told();
	exceptions_summary(x, true);
	expect_part("interval", "exceptions interval=true exception_type='4t0' ");
	exceptions_summary(x, false);
	cr_expect_eq(lines(all_told()), 1025);
	exceptions_summary(x, false);
	expect_part("the others", "exceptions exception_type=?too_many count=476 outcomes={open=476}\n");
}

Test(exceptions, nothing_is_no_table)
{
	char *table;
	size_t len;
	FILE *out = open_memstream(&table, &len);

	exceptions_table(x, out);
	fclose(out);
	cr_expect_str_eq(table, "");
	free(table);
	exceptions_summary(x, false);
	expect("summary", "");
}

Test(exceptions, refuses_what_no_program_sends)
{
	struct ev_throw t = runtime_error(1, 1), bad;
	struct ev_catch c = { .h = HDR(ev_catch, EV_CATCH), .how = CATCH_EXIT + 1 };
	struct ev_signal s = signal_of(1, SIGSEGV, 1, 6);
	struct ev_hdr other = { .kind = EV_CALL, .len = sizeof(other) };

	for (size_t n = 0; n < sizeof(t); n++) {
		bad = t;
		bad.h.len = (uint16_t)n;
		cr_expect_eq(exceptions_event(x, &bad, n), -EBADMSG, "%zu", n);
	}
	cr_expect_eq(exceptions_event(x, &t, sizeof(t) - 8), -EBADMSG);
	bad = t;
	bad.at.len = 1;
	cr_expect_eq(exceptions_event(x, &bad, sizeof(bad)), -EBADMSG);
	bad = t;
	bad.text_len = THROW_TEXT + 1;
	cr_expect_eq(exceptions_event(x, &bad, sizeof(bad)), -EBADMSG);
	bad = t;
	bad.name_len = THROW_TEXT + 1;
	cr_expect_eq(exceptions_event(x, &bad, sizeof(bad)), -EBADMSG);
	bad = t;
	bad.lang = LANG_GO + 1;
	cr_expect_eq(exceptions_event(x, &bad, sizeof(bad)), -EBADMSG);
	cr_expect_eq(exceptions_event(x, &c, sizeof(c)), -EBADMSG);
	s.text_len = THROW_TEXT + 1;
	cr_expect_eq(exceptions_event(x, &s, sizeof(s)), -EBADMSG);
	s = signal_of(1, SIGSEGV, 1, 6);
	s.at.len = 8;
	cr_expect_eq(exceptions_event(x, &s, sizeof(s)), -EBADMSG);
	cr_expect_eq(exceptions_event(x, &other, sizeof(other)), 0);
	exceptions_finish(x);
	expect("nothing", "");
}

/* ---- stacks of calls ---- */

static int send_stack(struct stacks *s, uint64_t id, uint64_t stack)
{
	struct ev_stack e = { .h = HDR(ev_stack, EV_STACK), .id = id };

	e.at.regs[16] = stack;
	return stacks_event(s, &e, sizeof(e));
}

static void put_stack(struct stacks *s, uint64_t id, bool wanted)
{
	struct record r = { .type = "call" };

	stacks_put(s, id, wanted, &r);
	emit(NULL, &r);
}

Test(exceptions, stacks_wait_for_their_call)
{
	struct ev_stack bad = { .h = HDR(ev_stack, EV_STACK) };
	struct ev_hdr other = { .kind = EV_CALL, .len = sizeof(other) };
	struct stacks *s;

	cr_assert_eq(stacks_new(&s, &fake), 0);
	cr_expect_eq(send_stack(s, 1, 6), 0);
	cr_expect_eq(send_stack(s, 2, 10), 0);
	cr_expect_eq(send_stack(s, 2, 10), 0);
	put_stack(s, 1, true);
	expect("1", "call stack=[" RT("strlen") " " FRAME("die") "]\n");
	put_stack(s, 1, true);
	expect("again", "call stack=?missing\n");
	put_stack(s, 3, false);
	expect("not wanted", "call \n");
	put_stack(s, 2, true);
	expect("2", "call stack=[{function='in' module='/bin/t' offset=1 inlined=true} {offset=153}]\n");
	for (uint64_t i = 0; i < 1000; i++)
		cr_expect_eq(send_stack(s, i, 6), 0);
	put_stack(s, 0, true);
	expect("long ago", "call stack=?missing\n");
	put_stack(s, 999, true);
	expect("the last", "call stack=[" RT("strlen") " " FRAME("die") "]\n");
	bad.at.len = 1;
	cr_expect_eq(stacks_event(s, &bad, sizeof(bad)), -EBADMSG);
	cr_expect_eq(stacks_event(s, &bad, sizeof(bad) - 8), -EBADMSG);
	cr_expect_eq(stacks_event(s, &bad, 3), -EBADMSG);
	cr_expect_eq(stacks_event(s, &other, sizeof(other)), 0);
	stacks_free(s);
}

Test(exceptions, frames_are_copied_whole)
{
	struct resolved v[RESOLVE_FRAMES + 5] = { 0 };
	struct frame_list mem;
	struct record r = { .type = "call" };
	struct frames *fr;

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		v[i] = (struct resolved){ .function = "f", .module = i % 2 ? "/a" : "/b", .file = i % 3 ? "x.c" : NULL, .offset = i };
	fr = frames_copy(v, ARRAY_SIZE(v), true);
	cr_assert_not_null(fr);
	memset(v, 0, sizeof(v));
	cr_expect_eq(fr->n, RESOLVE_FRAMES);
	cr_expect_not(fr->whole);
	frames_put(fr, 60, &mem, &r);
	emit(NULL, &r);
	expect("frames", "call stack=[{function='f' module='/b' offset=60} {function='f' module='/a' offset=61 file='x.c'} "
	       "{function='f' module='/b' offset=62 file='x.c'} {function='f' module='/a' offset=63}] whole=false\n");
	free(fr);
}
