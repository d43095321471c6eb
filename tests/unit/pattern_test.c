/* SPDX-License-Identifier: MIT */
/* pattern_test.c: what -f takes, and what it then matches. */
#include <criterion/criterion.h>
#include <time.h>

#include "target/pattern.h"
#include "target/symbols.h"

Test(pattern, parse)
{
	static const struct {
		const char *text;
		const char *module, *name;
		enum pattern_kind kind;
		bool exclude, demangled, params;
	} ok[] = {
		{ "main", NULL, "main", PAT_EXACT, false, false, false },
		{ "!main", NULL, "main", PAT_EXACT, true, false, false },
		{ "libc.so.6:open*", "libc.so.6", "open*", PAT_GLOB, false, false, false },
		{ "/usr/bin/x:main", "/usr/bin/x", "main", PAT_EXACT, false, false, false },
		{ "!lib*:f?", "lib*", "f?", PAT_GLOB, true, false, false },
		{ "libstdc++.so.6:std::terminate()", "libstdc++.so.6", "std::terminate()",
		  PAT_EXACT, false, true, true },
		{ "ns::f", NULL, "ns::f", PAT_EXACT, false, true, false },
		{ "::f", NULL, "f", PAT_EXACT, false, false, false },
		{ "m:::f", "m", "f", PAT_EXACT, false, false, false },
		{ "f<a:b>", NULL, "f<a:b>", PAT_EXACT, false, true, false },
		{ "x y:f", NULL, "x y:f", PAT_EXACT, false, true, false },
		{ "main.(*Server).Handle", NULL, "main.(*Server).Handle", PAT_EXACT, false, true,
		  false },
		{ "main.(*Server).*", NULL, "main.(*Server).*", PAT_GLOB, false, true, true },
		{ "main.Map[...]", NULL, "main.Map[...]", PAT_EXACT, false, false, false },
		{ "ns::f(char*)", NULL, "ns::f(char*)", PAT_EXACT, false, true, true },
		{ "ns::f(char *, int)", NULL, "ns::f(char *, int)", PAT_EXACT, false, true, true },
		{ "ns::f(*)", NULL, "ns::f(*)", PAT_GLOB, false, true, true },
		{ "A::operator*", NULL, "A::operator*", PAT_EXACT, false, true, false },
		{ "A::operator[]", NULL, "A::operator[]", PAT_EXACT, false, true, false },
		{ "A::operator()", NULL, "A::operator()", PAT_EXACT, false, true, false },
		{ "A::operator()(int)", NULL, "A::operator()(int)", PAT_EXACT, false, true, true },
		{ "f[!]x]", NULL, "f[!]x]", PAT_GLOB, false, false, false },
		{ "f[0-9]", NULL, "f[0-9]", PAT_GLOB, false, false, false },
		{ "a::b::h0123456789abcdef", NULL, "a::b", PAT_EXACT, false, true, false },
		{ "f\\*", NULL, "f*", PAT_EXACT, false, false, false },
		{ "libx.so:0x1fF0", "libx.so", "0x1fF0", PAT_OFFSET, false, false, false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ok); i++) {
		const char *why = NULL;
		struct pattern p;

		cr_assert_eq(pattern_parse(&p, ok[i].text, &why), 0, "%s: %s", ok[i].text, why);
		cr_expect_str_eq(p.name, ok[i].name, "%s: name %s", ok[i].text, p.name);
		cr_expect_str_eq(p.text, ok[i].text);
		cr_expect_eq(!p.module, !ok[i].module, "%s", ok[i].text);
		if (p.module && ok[i].module)
			cr_expect_str_eq(p.module, ok[i].module);
		cr_expect_eq(p.kind, ok[i].kind, "%s: kind %d", ok[i].text, p.kind);
		cr_expect_eq(p.exclude, ok[i].exclude, "%s", ok[i].text);
		cr_expect_eq(p.demangled, ok[i].demangled, "%s", ok[i].text);
		cr_expect_eq(p.params, ok[i].params, "%s: params", ok[i].text);
		if (p.kind == PAT_OFFSET)
			cr_expect_eq(p.offset, 0x1ff0);
		pattern_free(&p);
	}
}

Test(pattern, refused)
{
	static const char *const bad[] = {
		"",	"!",	  ":f",
		"m:",	"0x1234", ":0x12",
		"m:0x", "m:0xzz", "m:0x12345678123456789",
		"a\nb", "a\x7f", "f[", "f[!", "m:[z-",
	};
	char large[5000];
	struct pattern p;
	const char *why;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		why = NULL;
		cr_expect_eq(pattern_parse(&p, bad[i], &why), -EINVAL, "\"%s\"", bad[i]);
		cr_expect_not_null(why, "\"%s\"", bad[i]);
	}
	memset(large, 'a', sizeof(large) - 1);
	large[sizeof(large) - 1] = 0;
	cr_expect_eq(pattern_parse(&p, large, &why), -EINVAL);
	large[4096] = 0;
	cr_expect_eq(pattern_parse(&p, large, &why), 0);
	pattern_free(&p);
}

Test(pattern, module)
{
	static const struct {
		const char *pattern, *path;
		bool match;
	} row[] = {
		{ "f", "/any", true },
		{ "libc.so.6:f", "/usr/lib/libc.so.6", true },
		{ "libc:f", "/usr/lib/libc.so.6", true },
		{ "libc.so:f", "/usr/lib/libc.so.6", true },
		{ "libc:f", "/usr/lib/libc-2.31.so", true },
		{ "libc.so:f", "/usr/lib/libc-2.31.so", true },
		{ "libc:f", "/usr/lib/libcrypt.so.1", false },
		{ "libc:f", "/usr/lib/libc-client.so.7", false },
		{ "libc.so:f", "/usr/lib/libc.sox", false },
		{ "libc.so.6:f", "/usr/lib/libc.so.7", false },
		{ "lib*:f", "/usr/lib/libc.so.6", true },
		{ "/usr/lib/*:f", "/usr/lib/x/libc.so.6", true },
		{ "/lib/libc.so.6:f", "/usr/lib/libc.so.6", true },
		{ "/opt/libc.so.6:f", "/usr/lib/libc.so.6", false },
		{ "redis:f", "/usr/bin/redis-server", false },
		{ "redis-server:f", "/usr/bin/redis-server", true },
		{ "libstdc++:f", "/usr/lib/libstdc++.so.6.0.30", true },
		{ "x.so:f", "/t/lib x.so", false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct pattern p;
		const char *why;

		cr_assert_eq(pattern_parse(&p, row[i].pattern, &why), 0);
		cr_expect_eq(pattern_module(&p, row[i].path), row[i].match, "%s %s", row[i].pattern,
			     row[i].path);
		pattern_free(&p);
	}
}

/* As symbols_match() asks: plainly, then demangled if that is worth it. */
static bool matches(const char *text, const char *mangled)
{
	char *pretty = symbol_demangle(mangled);
	bool plain, full, worth;
	struct pattern p;
	const char *why;

	cr_assert_eq(pattern_parse(&p, text, &why), 0, "%s", text);
	plain = pattern_name(&p, mangled, NULL);
	full = pattern_name(&p, mangled, pretty);
	worth = pattern_worth_demangling(&p, mangled);
	/* no false no */
	cr_expect(!full || plain || worth, "%s on %s (%s): not found worth it", text, mangled,
		  pretty);
	pattern_free(&p);
	free(pretty);
	return full;
}

Test(pattern, names)
{
	static const struct {
		const char *pattern, *mangled;
		bool match;
	} row[] = {
		{ "f", "f", true },
		{ "f", "g", false },
		{ "f", "ff", false },
		{ "f", "f.constprop.0", true },
		{ "f", "f.isra.0.constprop.12", true },
		{ "f", "f.llvm.1234567", true },
		{ "f", "f.cold", false },
		{ "f", "f.part.0", false },
		{ "f", "f.5", false },
		{ "f.cold", "f.cold", true },
		{ "f*", "f.cold", false },
		{ "f*", "foo", true },
		{ "f?", "foo", false },
		{ "[fg]oo", "goo", true },
		{ "f", "_Z1fi", true },
		{ "f", "_ZL1fi", true },
		{ "f", "_ZN2ns1fEi", false },
		{ "f*", "_Z3foov", true },
		{ "ns::f", "_ZN2ns1fEi", true },
		{ "ns::f", "_ZN2ns1fIiEEiT_", true },
		{ "ns::f", "_ZN2ns1fB5cxx11Ei", true },
		{ "ns::f", "_ZN1a2ns1fEi", false },
		{ "ns::f", "_ZN2ns2ffEi", false },
		{ "ns::f", "_ZN2ns1fEi.cold", false },
		{ "ns::f", "_ZN2ns1fEi.part.0", false },
		{ "ns::f", "_ZN2ns1fEi.constprop.0", true },
		{ "::ns::f", "_ZN2ns1fEi", true },
		{ "ns::f(int)", "_ZN2ns1fEi", true },
		{ "ns::f(int)", "_ZN2ns1fEl", false },
		{ "ns::f(int)", "_ZN2ns1fIiEEiT_", true },
		{ "ns::f<int>(int)", "_ZN2ns1fIiEEiT_", true },
		{ "ns::f<int>", "_ZN2ns1fIiEEiT_", true },
		{ "ns::f<long>", "_ZN2ns1fIiEEiT_", false },
		{ "ns::f()", "_ZN2ns1fEv", true },
		{ "ns::f()", "_ZNK2ns1fEv", true },
		{ "ns::f() const", "_ZNK2ns1fEv", true },
		{ "ns::f() const", "_ZN2ns1fEv", false },
		{ "f(int,char*)", "_Z1fiPc", true },
		{ "f( int , char * )", "_Z1fiPc", true },
		{ "f(int, char*)", "_Z1fiPw", false },
		{ "f(unsigned int)", "_Z1fj", true },
		{ "f(const char*)", "_Z1fPKc", true },
		{ "f(char const*)", "_Z1fPKc", true },
		{ "f(const char*)", "_Z1fPc", false },
		{ "f(int, const char * const *)", "_Z1fiPKPKc", true },
		{ "f(const unsigned long&)", "_Z1fRKm", true },
		{ "f(const std::vector<const A*, B>&)", "_Z1fRKSt6vectorIPK1A1BE", true },
		{ "f(const", "_Z1fi", false },
		{ "f(const )", "_Z1fi", false },
		{ "ns::*", "_ZN2ns1fEi", true },
		{ "ns::*", "_ZN1a2ns1fEi", false },
		{ "*::f", "_ZN1a2ns1fEi", true },
		{ "ns::f(*)", "_ZN2ns1fEi", true },
		{ "ns::f(*)", "_ZN2ns1gEi", false },
		{ "std::vector::push_back", "_ZNSt6vectorIiSaIiEE9push_backERKi", true },
		{ "std::vector<int, std::allocator<int>>::push_back",
		  "_ZNSt6vectorIiSaIiEE9push_backERKi", true },
		{ "std::string::append", "_ZNSs6appendEPKc", true },
		{ "std::str*::append", "_ZNSs6appendEPKc", true },
		{ "std::allocator::allocator", "_ZNSaIcEC1Ev", true },
		{ "A::A", "_ZN1AC2Ev", true },
		{ "A::~A", "_ZN1AD0Ev", true },
		{ "A::operator*", "_ZN1AmlEi", true },
		{ "A::operator*", "_ZN1AplEi", false },
		{ "A::operator<", "_ZN1AltEi", true },
		{ "A::operator<", "_ZN1AlsEi", false },
		{ "A::operator<<", "_ZN1AlsEi", true },
		{ "A::operator<<", "_ZN1AlsIiEERS_T_", true },
		{ "A::operator<", "_ZN1AltIiEERS_T_", true },
		{ "A::operator()", "_ZN1AclEi", true },
		{ "A::operator()(int)", "_ZN1AclEi", true },
		{ "A::operator[]", "_ZN1AixEi", true },
		{ "A::operator->", "_ZN1AptEv", true },
		{ "A::operator int", "_ZN1AcviEv", true },
		{ "operator new", "_Znwm", true },
		{ "operator new(unsigned long)", "_Znwm", true },
		{ "(anonymous namespace)::f", "_ZN12_GLOBAL__N_11fEv", true },
		{ "(anonymous namespace)::f()", "_ZN12_GLOBAL__N_11fEv", true },
		{ "main::{lambda(int)#1}::operator()", "_ZZ4mainENKUliE_clEi", true },
		{ "main::{lambda(int)#1}::operator()(int) const", "_ZZ4mainENKUliE_clEi", true },
		{ "std::terminate()", "_ZSt9terminatev", true },
		{ "std::terminate", "_ZSt9terminatev", true },
		{ "demo::run", "_ZN4demo3run17h0123456789abcdefE", true },
		{ "demo::run::h0123456789abcdef", "_ZN4demo3run17h0123456789abcdefE", true },
		{ "demo::*", "_ZN4demo3run17h0123456789abcdefE", true },
		{ "demo::ru", "_ZN4demo3run17h0123456789abcdefE", false },
		{ "main.(*Server).Handle", "main.(*Server).Handle", true },
		{ "main.(*Server).Handle", "main.(*BigServer).Handle", false },
		{ "main.(*Server).*", "main.(*Server).Handle", true },
		{ "main.(*Server).*", "main.(*BigServer).Handle", false },
		{ "main.*", "main.(*Server).Handle", true },
		{ "github.com/x/y.(*T).M", "github.com/x/y.(*T).M", true },
		{ "main.Map[...]", "main.Map[...]", true },
		{ "type..eq.struct { a int }", "type..eq.struct { a int }", true },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(row); i++)
		cr_expect_eq(matches(row[i].pattern, row[i].mangled), row[i].match, "%s on %s",
			     row[i].pattern, row[i].mangled);
}

Test(pattern, base_length)
{
	static const char *const row[][2] = {
		{ "f", "f" },
		{ "f(int)", "f" },
		{ "ns::f<int>(int) const", "ns::f<int>" },
		{ "f(void (*)(int))", "f" },
		{ "A::operator()(int)", "A::operator()" },
		{ "A::operator()", "A::operator()" },
		{ "A::operator<<(int)", "A::operator<<" },
		{ "A::operator< <int>(int)", "A::operator< <int>" },
		{ "(anonymous namespace)::f(int)", "(anonymous namespace)::f" },
		{ "f(int)::{lambda(int)#1}::operator()(int) const",
		  "f(int)::{lambda(int)#1}::operator()" },
		{ "f<(1>2)>(int)", "f<(1>2)>" },
		{ "f<decltype (a->b)>(int)", "f<decltype (a->b)>" },
		{ "f(int) [clone .constprop.0]", "f" },
		{ "main.(*Server).Handle", "main.(*Server).Handle" },
		{ "<T as a::B>::m", "<T as a::B>::m" },
		{ "f(int", "f(int" },
		{ "(", "(" },
		{ "", "" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(row); i++)
		cr_expect_eq(pattern_base_length(row[i][0]), strlen(row[i][1]), "%s: %zu",
			     row[i][0], pattern_base_length(row[i][0]));
}

Test(pattern, demangle)
{
	/* Doubles at each step: 2^n copies. */
	static const char bomb[] =
		"_Z1fSt4pairI1xS0_ES_IS0_S0_ES_IS1_S1_ES_IS2_S2_ES_IS3_S3_ES_IS4_S4_E"
		"S_IS5_S5_ES_IS6_S6_ES_IS7_S7_ES_IS8_S8_ES_IS9_S9_ES_ISA_SA_ES_ISB_SB_E"
		"S_ISC_SC_ES_ISD_SD_ES_ISE_SE_ES_ISF_SF_ES_ISG_SG_ES_ISH_SH_ES_ISI_SI_E"
		"S_ISJ_SJ_ES_ISK_SK_ES_ISL_SL_ES_ISM_SM_ES_ISN_SN_ES_ISO_SO_ES_ISP_SP_E";
	char *s, *deep;

	s = symbol_demangle("_ZN2ns1fIiEEiT_");
	cr_expect_str_eq(s, "ns::f<int>(int)");
	free(s);
	s = symbol_demangle("_RNvC4demo3run");
	cr_expect_str_eq(s, "demo::run");
	free(s);
	cr_expect_null(symbol_demangle("main"));
	cr_expect_null(symbol_demangle("_Z"));
	cr_expect_null(symbol_demangle(""));
	cr_expect_null(symbol_demangle(bomb));
	deep = malloc(100001);
	cr_assert(deep);
	memset(deep, 'P', 100000);
	memcpy(deep, "_Z1f", 4);
	deep[100000] = 0;
	cr_expect_null(symbol_demangle(deep));
	deep[4096] = 0;
	cr_expect_null(symbol_demangle(deep));
	free(deep);
}

/* Names are hostile: a glob of many stars must not take forever on a name that nearly fits. */
Test(pattern, glob_time, .timeout = 20)
{
	char name[4001];
	struct pattern p;
	const char *why;
	int i;

	memset(name, 'a', 4000);
	name[4000] = 0;
	cr_assert_eq(pattern_parse(&p, "*a*a*a*a*a*a*a*a*a*a*a*a*b", &why), 0);
	for (i = 0; i < 10; i++)
		cr_expect_not(pattern_name(&p, name, NULL));
	pattern_free(&p);
}
