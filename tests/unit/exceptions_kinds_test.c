/* SPDX-License-Identifier: MIT */
/* exceptions_kinds_test.c: what is said of each kind of exception: type, message, value. */
#include "exceptions_fake.h"

TestSuite(exceptions_kinds, .init = fake_begin, .fini = fake_end);

Test(exceptions_kinds, cxx_types_and_messages)
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

Test(exceptions_kinds, cxx_floats)
{
	struct ev_throw e = throw_of(LANG_CXX, 1, 1);
	double d = -0.5;

	set_name(&e, "d");
	memcpy(e.raw, &d, sizeof(d));
	send(&e, sizeof(e));
	catch(1, 0, CATCH_HANDLER);
	expect_part("double", "exception_type='double' message=?not_an_exception value=-0.5 outcome");
}

Test(exceptions_kinds, rust)
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

Test(exceptions_kinds, go)
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

Test(exceptions_kinds, go_frames)
{
	struct ev_throw e = throw_of(LANG_GO, 1, 4);

	e.type = 5;
	send(&e, sizeof(e));
	catch(1, 0x400, CATCH_RECOVER);
	expect("recovered", HEAD("1") "language='go' exception_type='int' message='0' value=0 outcome='recovered' thrown="
	       FRAME("main.Index") " caught=" FRAME("main.Catch") " stack=[" FRAME("main.Index") " " FRAME("main.main") "]\n");
}

Test(exceptions_kinds, signals)
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

/* What lay in a page that nobody had touched is read from the file. */
Test(exceptions_kinds, names_and_texts_in_files)
{
	struct ev_throw e = runtime_error(1, 1);

	e.name_len = 0;
	memset(e.name, 0, sizeof(e.name));
	e.name_at = 0x10;
	send(&e, sizeof(e));
	catch(1, 0x100, CATCH_HANDLER);
	expect_part("its type", "exception_type='std::runtime_error' message='oops' outcome");
	e = throw_of(LANG_CXX, 2, 1);
	set_name(&e, "PKc");
	e.text_all = UINT64_MAX;
	e.text_at = 0x30;
	send(&e, sizeof(e));
	catch(2, 0x100, CATCH_HANDLER);
	expect_part("a literal", "exception_type='char const*' message=?not_an_exception value='from the file' outcome");
	e = throw_of(LANG_RUST, 3, 3);
	e.text_all = 8;
	e.text_at = 0x30;
	send(&e, sizeof(e));
	catch(3, 0x100, CATCH_HANDLER);
	expect_part("of known length", "message='from the' outcome");
	e = throw_of(LANG_RUST, 4, 3);
	e.text_all = 8;
	e.text_at = 0x99999;
	send(&e, sizeof(e));
	catch(4, 0x100, CATCH_HANDLER);
	expect_part("nowhere", "message=?read_fault outcome");
	e = runtime_error(5, 1);
	e.text_len = 0;
	e.text_all = UINT64_MAX;
	send(&e, sizeof(e));
	catch(5, 0x100, CATCH_HANDLER);
	expect_part("unreadable", "message=?read_fault outcome");
}
