/* SPDX-License-Identifier: MIT */
/*
 * excepts.cc: C++ exceptions on all their ways, for libstdc++ and libc++. The truth is what the record of each has to say: type,
 * message, frames from the throw outwards, the line of the throw, where it was caught. MODE "" does all that are caught, any
 * other dies of one.
 */
#include <cxxabi.h>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <vector>
#include "said.h"

namespace exlib
{
void raise(int n);
int pass(int (*f)(int), int n);
int absorb(int (*f)(int), int n);
}

namespace ex
{
static thread_local int line; /* of the last throw */
#define HERE line = __LINE__

struct Derived : std::runtime_error {
	using std::runtime_error::runtime_error;
};

/* What its base says is not what it says. */
struct Overrides : std::runtime_error {
	Overrides() : std::runtime_error("not this")
	{
	}
	const char *what() const noexcept override
	{
		return "but this";
	}
};

struct Custom : std::exception {
	const char *what() const noexcept override
	{
		return "custom";
	}
};

struct Unrelated {
	int n;
};

static long cleaned;

struct Guard {
	int v;
	~Guard()
	{
		cleaned += v;
		KEEP(v);
	}
};

static std::string name_of(const std::type_info &t)
{
	int status;
	std::unique_ptr<char, void (*)(void *)> s(abi::__cxa_demangle(t.name(), nullptr, nullptr, &status), free);

	return s ? s.get() : t.name();
}

/* ---- five frames, with destructors and without ---- */

TRACED int f5(int n)
{
	KEEP(n);
	if (n)
		HERE, throw std::runtime_error("five frames up");
	return n;
}

#define FRAME(name, below, guard)         \
	TRACED int name(int n)            \
	{                                 \
		guard;                    \
		int r = below(n);         \
		KEEP(r);                  \
		return r;                 \
	}
FRAME(f4, f5, )
FRAME(f3, f4, )
FRAME(f2, f3, )
FRAME(f1, f2, )
FRAME(d4, f5, Guard g{ 1 })
FRAME(d3, d4, Guard g{ 2 })
FRAME(d2, d3, Guard g{ 3 })
FRAME(d1, d2, Guard g{ 4 })

TRACED int catch_five(int (*f)(int), int n)
{
	try {
		n = f(n);
	} catch (const std::runtime_error &) {
		n = -1;
	}
	KEEP(n);
	return n;
}

/* Does not catch this type, so it is passed through. */
TRACED int catch_other(int n)
{
	try {
		n = f1(n);
	} catch (int) {
		n = 0;
	}
	KEEP(n);
	return n;
}

TRACED int catch_all(void (*f)(int), int n)
{
	try {
		f(n);
	} catch (...) {
		n = -1;
	}
	KEEP(n);
	return n;
}

static void frames()
{
	catch_five(f1, 1);
	said("'exception_type':'std::runtime_error','message':'five frames up','outcome':'caught',"
	     "'caught_in':'ex::catch_five','frames':'ex::f5 ex::f4 ex::f3 ex::f2 ex::f1','line':%d", line);
	catch_five(d1, 1);
	said("'exception_type':'std::runtime_error','message':'five frames up','outcome':'caught',"
	     "'caught_in':'ex::catch_five','frames':'ex::f5 ex::d4 ex::d3 ex::d2 ex::d1','line':%d", line);
	catch_five(catch_other, 1);
	said("'exception_type':'std::runtime_error','message':'five frames up','outcome':'caught',"
	     "'caught_in':'ex::catch_five','frames':'ex::f5 ex::f4 ex::f3 ex::f2 ex::f1 ex::catch_other','line':%d", line);
	catch_five(f1, 0);
}

/* ---- types and messages ---- */

/* No lines: compilers merge the ends of these throws. */
TRACED void throw_kind(int kind)
{
	KEEP(kind);
	switch (kind) {
	case 0: throw std::logic_error(std::string(40, 'l'));
	case 1: throw Derived("derived");
	case 2: throw Overrides();
	case 3: throw Custom();
	case 4: throw 42;
	case 5: throw "only text";
	case 6: throw Unrelated{ 7 };
	case 7: throw new Unrelated{ 8 }; /* a pointer; nobody frees it */
	case 8: throw std::bad_alloc();
	case 9: throw std::string("a std::string");
	case 10: throw std::invalid_argument("");
	}
}

TRACED void in_library(int n)
{
	std::vector<int> v(3);

	KEEP(n);
	n = v.at(n);
	KEEP(n);
}

TRACED std::string message_of(void (*f)(int), int n)
{
	try {
		f(n);
	} catch (const std::exception &e) {
		return e.what();
	}
	return "";
}

static void kinds()
{
	static const struct {
		const char *type, *message; /* the message as JSON */
	} expect[] = {
		{ "std::logic_error", "'llllllllllllllllllllllllllllllllllllllll'" },
		{ "ex::Derived", "'derived'" },
		{ "ex::Overrides", "{'unavailable':'*'}" },
		{ "ex::Custom", "{'unavailable':'*'}" },
		{ "int", "{'unavailable':'*'}" },
		{ "char const*", "{'unavailable':'*'}" },
		{ "ex::Unrelated", "{'unavailable':'*'}" },
		{ "ex::Unrelated*", "{'unavailable':'*'}" },
		{ "std::bad_alloc", "'std::bad_alloc'" },
		{ "", "{'unavailable':'*'}" },
		{ "std::invalid_argument", "''" },
	};
	std::string message;

	for (int i = 0; i < 11; i++) {
		catch_all(throw_kind, i);
		said("'exception_type':'%s','message':%s,'outcome':'caught','caught_in':'ex::catch_all',"
		     "'frames':'ex::throw_kind'",
		     *expect[i].type ? expect[i].type : name_of(typeid(std::string)).c_str(), expect[i].message);
	}
	message = message_of(in_library, 7);
	said("'exception_type':'std::out_of_range','message':'%s','outcome':'caught','caught_in':'ex::message_of',"
	     "'frames':'ex::in_library'", message.c_str());
}

/* ---- again, nested, and kept for later ---- */

TRACED void rethrow(int n)
{
	try {
		f5(n);
	} catch (...) {
		HERE, throw;
	}
}

/* Another one, thrown and caught in a destructor while the first is under way. */
struct Nested {
	~Nested()
	{
		catch_all(throw_kind, 1);
	}
};

TRACED void nested(int n)
{
	Nested g;

	f5(n);
	KEEP(n);
}

TRACED void wrap(int n)
{
	try {
		f5(n);
	} catch (...) {
		std::throw_with_nested(std::logic_error("around it"));
	}
}

TRACED std::exception_ptr keep(int n)
{
	std::exception_ptr p;

	try {
		f5(n);
	} catch (...) {
		p = std::current_exception();
	}
	return p;
}

static std::exception_ptr kept;

TRACED void deliver(int n)
{
	KEEP(n);
	std::rethrow_exception(kept);
}

TRACED void replace(int n)
{
	try {
		f5(n);
	} catch (const std::runtime_error &) {
		throw_kind(1);
	}
}

TRACED std::string wrapped_type(int n)
{
	try {
		wrap(n);
	} catch (...) {
		return name_of(*abi::__cxa_current_exception_type());
	}
	return "";
}

#define F5 "'exception_type':'std::runtime_error','message':'five frames up','outcome':'caught'"

static void again()
{
	std::string type;

	catch_all(rethrow, 1);
	said(F5 ",'caught_in':'ex::rethrow','frames':'ex::f5 ex::rethrow ex::catch_all'");
	said(F5 ",'caught_in':'ex::catch_all','rethrown':true,'frames':'ex::rethrow ex::catch_all','line':%d", line);
	catch_all(nested, 1);
	said(F5 ",'caught_in':'ex::catch_all','frames':'ex::f5 ex::nested ex::catch_all'");
	said("'exception_type':'ex::Derived','message':'derived','outcome':'caught','caught_in':'ex::catch_all',"
	     "'frames':'ex::throw_kind ex::catch_all'");
	type = wrapped_type(1);
	said(F5 ",'caught_in':'ex::wrap','frames':'ex::f5 ex::wrap'");
	said("'exception_type':'%s','message':'around it','outcome':'caught','caught_in':'ex::wrapped_type',"
	     "'frames':'ex::wrap'", type.c_str());
	kept = keep(1);
	said(F5 ",'caught_in':'ex::keep','frames':'ex::f5 ex::keep'");
	catch_all(deliver, 1);
	said(F5 ",'caught_in':'ex::catch_all','rethrown':true,'frames':'ex::deliver ex::catch_all'");
	catch_all(replace, 1);
	said(F5 ",'caught_in':'ex::replace','frames':'ex::f5 ex::replace ex::catch_all'");
	said("'exception_type':'ex::Derived','message':'derived','outcome':'caught','caught_in':'ex::catch_all',"
	     "'frames':'ex::throw_kind ex::replace ex::catch_all'");
	kept = nullptr;
}

/* ---- constructors ---- */

struct Member {
	Guard g{ 1 };
	TRACED Member(int n);
};

Member::Member(int n)
{
	f5(n);
	KEEP(n);
}

struct Whole {
	Guard g{ 1 };
	Member m;
	TRACED Whole(int n);
};

Whole::Whole(int n) : m(n)
{
	KEEP(n);
}

TRACED void construct(int n)
{
	Whole w(n);

	KEEP(n);
}

TRACED void construct_in_heap(int n)
{
	delete new Member(n);
}

static void constructors()
{
	catch_all(construct, 1);
	said(F5 ",'caught_in':'ex::catch_all','frames':'ex::f5 ex::Member::Member ex::Whole::Whole ex::construct ex::catch_all'");
	catch_all(construct_in_heap, 1);
	said(F5 ",'caught_in':'ex::catch_all','frames':'ex::f5 ex::Member::Member ex::construct_in_heap ex::catch_all'");
}

/* ---- across modules ---- */

TRACED int over_there(int n)
{
	exlib::raise(n);
	KEEP(n);
	return n;
}

TRACED int callback(int n)
{
	return exlib::pass(f5, n) + 1;
}

static void modules()
{
	catch_all([](int n) { over_there(n); }, 3);
	said("'exception_type':'std::out_of_range','message':'library 3','outcome':'caught','caught_in':'ex::catch_all',"
	     "'frames':'exlib::raise ex::over_there'");
	catch_five(callback, 1);
	said(F5 ",'caught_in':'ex::catch_five','frames':'ex::f5 exlib::pass ex::callback ex::catch_five'");
	exlib::absorb(f1, 1);
	said(F5 ",'caught_in':'exlib::absorb','frames':'ex::f5 ex::f4 ex::f3 ex::f2 ex::f1 exlib::absorb'");
	exlib::absorb(over_there, 4);
	said("'exception_type':'std::out_of_range','message':'library 4','outcome':'caught','caught_in':'exlib::absorb',"
	     "'frames':'exlib::raise ex::over_there exlib::absorb'");
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 3 };

TRACED void throw_in_thread(int n)
{
	KEEP(n);
	throw Derived("thread " + std::to_string(n));
}

static void *thread(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		catch_all(throw_in_thread, (int)(long)arg * 10 + i);
	/* unwinds by force: no exception */
	pthread_exit(nullptr);
}

static void threads()
{
	pthread_t t[THREADS];

	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], nullptr, thread, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], nullptr);
	for (int i = 0; i < THREADS * ROUNDS; i++)
		said("'exception_type':'ex::Derived','message':'thread %d','outcome':'caught','caught_in':'ex::catch_all',"
		     "'frames':'ex::throw_in_thread ex::catch_all ex::thread'", i / ROUNDS * 10 + i % ROUNDS);
}

/* ---- the end ---- */

TRACED int never(int n) noexcept
{
	return f5(n) + 1;
}

static void *deadly_thread(void *arg)
{
	f2(1);
	return arg;
}

/* The truth comes first. */
static void die(const char *mode)
{
	pthread_t t;

	if (!strcmp(mode, "uncaught")) {
		said("'exception_type':'std::runtime_error','message':'five frames up','outcome':'uncaught',"
		     "'frames':'ex::f5 ex::f4 ex::f3 ex::f2 ex::f1'");
		said_end();
		f1(1);
	} else if (!strcmp(mode, "noexcept")) {
		said("'exception_type':'std::runtime_error','message':'five frames up','outcome':'uncaught',"
		     "'frames':'ex::f5 ex::never'");
		said_end();
		catch_five(never, 1);
	} else if (!strcmp(mode, "thread")) {
		said("'exception_type':'std::runtime_error','message':'five frames up','outcome':'uncaught',"
		     "'frames':'ex::f5 ex::f4 ex::f3 ex::f2 ex::deadly_thread'");
		said_end();
		pthread_create(&t, nullptr, deadly_thread, nullptr);
		pthread_join(t, nullptr);
	} else if (!strcmp(mode, "int")) {
		said("'exception_type':'int','message':{'unavailable':'*'},'outcome':'uncaught','frames':'ex::throw_kind'");
		said_end();
		throw_kind(4);
	}
}
}

int main(int argc, char **argv)
{
	target_init(argc, argv, 1);
	target_wait("ready");
	said_begin("excepts");
	if (*target.mode) {
		ex::die(target.mode);
		return 2;
	}
	ex::frames();
	ex::kinds();
	ex::again();
	ex::constructors();
	ex::modules();
	ex::threads();
	said_end();
	target_wait(NULL);
	return 0;
}
