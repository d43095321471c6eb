/* SPDX-License-Identifier: MIT */
/* exceptions_test.c: events of throws, catches, signals and processes, made here, against whole records. */
#include "exceptions_fake.h"

TestSuite(exceptions, .init = fake_begin, .fini = fake_end);

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
		{ "recovered", 0x400, CATCH_RECOVER }, { "replaced", 0, CATCH_REPLACED }, { "uncaught", SIGABRT, -1 },	  { "open", SIGKILL, -1 },
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

/* std::terminate's handler throws again what nobody caught, to learn what it is: that was told. */
Test(exceptions, thrown_again_by_terminate)
{
	struct ev_throw e = runtime_error(1, 1);

	send(&e, sizeof(e));
	catch(1, 0x200, CATCH_NOBODY);
	expect_part("uncaught", "outcome='uncaught'");
	e = runtime_error(2, 11);
	send(&e, sizeof(e));
	catch(2, 0x100, CATCH_HANDLER);
	exceptions_finish(x);
	expect("again", "");
	/* its first throw was not seen */
	e = runtime_error(3, 11);
	e.object = 0xdef0;
	send(&e, sizeof(e));
	catch(3, 0x100, CATCH_HANDLER);
	expect_part("the first one seen", HEAD("3") "language='c++' exception_type='std::runtime_error' message='oops' "
		    "outcome='uncaught' rethrown=true thrown=");
	/* the memory is used again */
	e = runtime_error(4, 1);
	send(&e, sizeof(e));
	catch(4, 0x100, CATCH_HANDLER);
	expect_part("another one", HEAD("4"));
	e = runtime_error(5, 2);
	send(&e, sizeof(e));
	catch(5, 0x100, CATCH_HANDLER);
	expect_part("again", HEAD("5"));
}

/* A frame without a name in the runtime's own library is the runtime's, in another library it is not. */
Test(exceptions, runtime_without_names)
{
	struct ev_throw e = runtime_error(1, 12);

	send(&e, sizeof(e));
	catch(1, 0x100, CATCH_HANDLER);
	expect_part("libstdc++", "thrown=" FRAME("ex::g(int)"));
	e = runtime_error(2, 13);
	send(&e, sizeof(e));
	catch(2, 0x100, CATCH_HANDLER);
	expect_part("another", "thrown={module='/lib/other.so' offset=5}");
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
	struct ev_catch c = { .h = HDR(ev_catch, EV_CATCH), .how = CATCH_REPLACED + 1 };
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
