/* SPDX-License-Identifier: MIT */
/* exceptions_fake.h: a target that is not there, events that it would send, and what was told of them as text. */
#ifndef TPD_EXCEPTIONS_FAKE_H
#define TPD_EXCEPTIONS_FAKE_H

#include <criterion/criterion.h>
#include <signal.h>

#include "pipeline/exceptions.h"
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
	/* libstdc++'s terminate handler asks what it is, in a piece without a name */
	{ 11, true, 6, { LIB("__cxa_rethrow"), { .module = "/lib/libstdc++.so.6", .offset = 5 },
			 { .module = "/lib/libstdc++.so.6", .offset = 6 }, LIB("std::terminate()"), LIB("__cxa_throw"), AT("ex::f(int)") } },
	{ 12, true, 3, { LIB("__cxa_throw"), { .module = "/lib/libstdc++.so.6", .offset = 5 }, AT("ex::g(int)") } },
	{ 13, true, 3, { LIB("__cxa_throw"), { .module = "/lib/other.so", .offset = 5 }, AT("ex::g(int)") } },
	{ 10, true, 2, { { .function = "in", .inlined = true, .module = "/bin/t", .offset = 1 }, { .offset = 0x99 } } },
};

static inline size_t fake_stack(void *arg, uint32_t pid, const struct ev_place *at, const void *bytes, const struct resolved **ret,
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

static inline bool fake_address(void *arg, uint32_t pid, uint64_t addr, bool exact, struct resolved *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (places[i].addr == addr && places[i].exact == exact) {
			*ret = places[i].r;
			return true;
		}
	return false;
}

static inline const char *fake_type_name(void *arg, const char *mangled)
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

static inline const char *fake_go_type(void *arg, uint32_t pid, uint64_t type)
{
	static const char *const names[] = {
		NULL, "string", "*errors.errorString", "runtime.errorString", "runtime.boundsError", "int", "uint8", "float64",
		"bool", "main.Custom", "*runtime.TypeAssertionError", "*runtime.PanicNilError", "runtime.errorAddressString",
		"interface {}", "float32",
	};

	return type < ARRAY_SIZE(names) ? names[type] : NULL;
}

/* Of a file: a name at 0x10, a text at 0x20. */
static inline size_t fake_bytes(void *arg, uint32_t pid, uint64_t addr, void *buf, size_t n)
{
	static const char file[] = "St13runtime_error\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0from the file";

	if (addr < 0x10 || addr - 0x10 >= sizeof(file))
		return 0;
	n = MIN(n, sizeof(file) - (addr - 0x10));
	memcpy(buf, file + (addr - 0x10), n);
	return n;
}

static const struct resolver fake = { NULL, fake_stack, fake_address, fake_type_name, fake_go_type, fake_bytes };
static const struct decoder decoder = { .salt = SALT };

/* ---- records as text ---- */

static char *told; /* all records so far, a line each */
static size_t told_len;
static FILE *told_file;

static inline void show_fields(const struct field *f, size_t n, bool names);

static inline void show(const struct field *f)
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

static inline void show_fields(const struct field *f, size_t n, bool names)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			fputc(' ', told_file);
		if (names)
			fprintf(told_file, "%s=", field_name(&f[i]));
		show(&f[i]);
	}
}

static inline void emit(void *arg, const struct record *r)
{
	fprintf(told_file, "%s ", r->type);
	show_fields(r->f, r->n, true);
	fputc('\n', told_file);
}

/* What was told since the last time. */
static inline const char *all_told(void)
{
	fputc('\0', told_file);
	fflush(told_file);
	rewind(told_file);
	return told;
}

static struct exceptions *x;

static inline void fake_begin(void)
{
	told_file = open_memstream(&told, &told_len);
	cr_assert_eq(exceptions_new(&x, &fake, &decoder, emit, NULL), 0);
}

static inline void fake_end(void)
{
	exceptions_free(x);
	fclose(told_file);
	free(told);
}

static inline void expect(const char *what, const char *want)
{
	const char *got = all_told();

	cr_expect_str_eq(got, want, "%s:\n%s\ninstead of\n%s", what, got, want);
}

/* A part of the only record. */
static inline void expect_part(const char *what, const char *want)
{
	const char *got = all_told();

	cr_expect(strstr(got, want), "%s:\n%s\nhas no\n%s", what, got, want);
}

/* ---- events ---- */

#define HDR(type, k) { .kind = k, .len = sizeof(struct type), .ts_ns = 7, .pid = 10, .tid = 11 }

static inline void send(const void *e, size_t len)
{
	cr_assert_eq(exceptions_event(x, e, len), 0);
}

static inline struct ev_throw throw_of(enum proto_lang lang, uint64_t id, uint64_t stack)
{
	struct ev_throw e = { .h = HDR(ev_throw, EV_THROW), .id = id, .lang = lang, .comm = "t" };

	e.at.regs[16] = stack;
	if (lang == LANG_CXX)
		e.class = 0x474e5543432b2b00ull;
	return e;
}

static inline void set_text(struct ev_throw *e, const char *s)
{
	e->text_len = (uint32_t)strlen(s);
	e->text_all = e->text_len;
	memcpy(e->text, s, e->text_len);
	e->raw[8] = 1; /* a pointer, or a length */
}

static inline void set_name(struct ev_throw *e, const char *s)
{
	e->name_len = (uint32_t)strlen(s);
	memcpy(e->name, s, e->name_len);
}

static inline struct ev_throw runtime_error(uint64_t id, uint64_t stack)
{
	struct ev_throw e = throw_of(LANG_CXX, id, stack);

	set_name(&e, "St13runtime_error");
	set_text(&e, "oops");
	e.what = 0x1000;
	e.object = 0xabc0;
	return e;
}

static inline void catch(uint64_t id, uint64_t ip, enum catch_how how)
{
	struct ev_catch e = { .h = HDR(ev_catch, EV_CATCH), .id = id, .ip = ip, .how = how };

	send(&e, sizeof(e));
}

static inline void process(enum process_event event, int status)
{
	struct ev_process e = { .h = HDR(ev_process, EV_PROCESS), .event = event, .status = status };

	send(&e, sizeof(e));
}

#define HEAD(id) "exception ts=7 pid=10 tid=11 comm='t' id=#100000000000000" id " "
#define FRAME(f) "{function='" f "' module='/bin/t' offset=16 file='t.cc' line=3}"
#define RT(f)    "{function='" f "' module='/lib/rt.so' offset=32}"

static inline struct ev_signal signal_of(uint64_t id, int sig, int code, uint64_t stack)
{
	struct ev_signal e = { .h = HDR(ev_signal, EV_SIGNAL), .id = id, .sig = (uint32_t)sig, .code = code, .addr = 0x10,
			       .comm = "t" };

	e.at.regs[16] = stack;
	return e;
}

#endif
