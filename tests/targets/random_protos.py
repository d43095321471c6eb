#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""random_protos.py SEED COUNT [CALLS]: C source with COUNT functions of random prototypes, to stdout.

Its main() calls them all once unseen, says "ready", waits for a line, calls each function CALLS times with random values and prints what tpd has to show, a line a call:
{"function":"f0","args":{"a0":..},"return":..}, for depth 2, string size 128, 8 elements. Floating-point values stand there as
numbers although tpd cannot see those in vector registers, and says so. With -DRECORD it is a shared object for the unit tests instead:
random_run() calls each function through a stub that stores the registers at entry and return, and random_protos[] are the prototypes.
"""
import random
import sys

STRING, ELEMENTS = 128, 8

HEAD = r'''/* Made by random_protos.py; the truth that it prints is what tpd has to show. */
#include <complex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define KEEP(x) __asm__ volatile("" : : "r"(&(x)) : "memory")
FILE *out;

static void p_u(uint64_t v) { fprintf(out, v > 1ull << 53 ? "\"%llu\"" : "%llu", (unsigned long long)v); }
static void p_i(int64_t v) { fprintf(out, v > 1ll << 53 || v < -(1ll << 53) ? "\"%lld\"" : "%lld", (long long)v); }
static void p_real(int digits, double v)
{
	char s[40];

	snprintf(s, sizeof(s), "%.*g", digits, v);
	if (v != v || v - v != 0)
		fprintf(out, "\"%s\"", v != v ? "nan" : s);
	else
		fprintf(out, "%s%s", s, strpbrk(s, ".e") ? "" : ".0");
}
static void p_f(float v) { p_real(9, v); }
static void p_d(double v) { p_real(17, v); }
static void p_ld(long double v) { p_d((double)v); }
static void p_b(bool v) { fputs(v ? "true" : "false", out); }
static void p_i128(__int128 v)
{
	char s[48], *p = s + sizeof(s) - 1;
	unsigned __int128 u = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;

	if (v >= INT64_MIN && v <= INT64_MAX) {
		p_i((int64_t)v);
		return;
	}
	for (*p = 0; u; u /= 10)
		*--p = '0' + (int)(u % 10);
	fprintf(out, "\"%s%s\"", v < 0 ? "-" : "", p);
}
static void p_text(const char *s, size_t n)
{
	fputc('"', out);
	for (; n; n--, s++)
		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			fprintf(out, "\\u%04x", *s);
		else
			fputc(*s, out);
	fputc('"', out);
}
static void p_char(signed char v)
{
	char c = v;

	if (v < 0)
		fprintf(out, "%d", v);
	else
		p_text(&c, 1);
}
static void p_uchar(unsigned char v)
{
	if (v > 0x7f)
		fprintf(out, "%d", v);
	else
		p_char((signed char)v);
}
static void p_s(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n > STRING) {
		fputs("{\"value\":", out);
		p_text(s, STRING);
		fprintf(out, ",\"truncated\":true,\"length\":%zu}", n);
	} else if (s) {
		p_text(s, n);
	} else {
		fputs("null", out);
	}
}
static void p_chars(const char *s, size_t n) { p_text(s, strnlen(s, n)); }
static void p_p(const void *p)
{
	if (p)
		fprintf(out, "\"0x%llx\"", (unsigned long long)(uintptr_t)p);
	else
		fputs("null", out);
}
typedef void (*fn_ptr)(void);
static void p_us(const unsigned char *s) { p_s((const char *)s); }
static void p_fn(fn_ptr p) { p_p((const void *)p); }
static void p_cf(float _Complex v) { fputs("{\"re\":", out); p_f(crealf(v)); fputs(",\"im\":", out); p_f(cimagf(v)); fputc('}', out); }
static void p_cd(double _Complex v) { fputs("{\"re\":", out); p_d(creal(v)); fputs(",\"im\":", out); p_d(cimag(v)); fputc('}', out); }
'''

RECORD = r'''
#ifdef RECORD
#include "proto.h"
#define EXPORT __attribute__((visibility("default")))
/* Registers as x86 numbers them, then the address above the return address. */
uint64_t random_regs[17];
void (*random_entry)(uint64_t), (*random_exit)(uint64_t);
void *random_target, *random_back;
uint64_t random_number;
__asm__(".text\nrandom_stub:\n"
	"mov %r11, random_number(%rip)\n"
#define ALL(op, a, b) \
	op(rax, 0) op(rcx, 8) op(rdx, 16) op(rbx, 24) op(rbp, 40) op(rsi, 48) op(rdi, 56) op(r8, 64) op(r9, 72) op(r10, 80)
#define STORE(reg, at) "mov %" #reg ", random_regs+" #at "(%rip)\n"
#define FETCH(reg, at) "mov random_regs+" #at "(%rip), %" #reg "\n"
	ALL(STORE, , )
	"mov %rsp, random_regs+32(%rip)\n" "lea 8(%rsp), %rax\n" "mov %rax, random_regs+128(%rip)\n"
	"sub $136, %rsp\n"
#define XMM(n) "movups %xmm" #n ", " #n "*16(%rsp)\n"
	XMM(0) XMM(1) XMM(2) XMM(3) XMM(4) XMM(5) XMM(6) XMM(7)
	"mov random_number(%rip), %rdi\n" "call *random_entry(%rip)\n"
#undef XMM
#define XMM(n) "movups " #n "*16(%rsp), %xmm" #n "\n"
	XMM(0) XMM(1) XMM(2) XMM(3) XMM(4) XMM(5) XMM(6) XMM(7)
	"add $136, %rsp\n"
	ALL(FETCH, , )
	"pop random_back(%rip)\n" "lea 1f(%rip), %r11\n" "push %r11\n" "jmp *random_target(%rip)\n"
	"1:\n"
	ALL(STORE, , )
	"sub $192, %rsp\n" "movups %xmm0, (%rsp)\n" "movups %xmm1, 16(%rsp)\n" "fnsave 32(%rsp)\n"
	"mov random_number(%rip), %rdi\n" "call *random_exit(%rip)\n"
	"movups (%rsp), %xmm0\n" "movups 16(%rsp), %xmm1\n" "frstor 32(%rsp)\n" "add $192, %rsp\n"
	ALL(FETCH, , )
	"jmp *random_back(%rip)\n");
#define STUB(f, n) __asm__(".text\nstub_" #f ":\n" "lea " #f "(%rip), %r11\n" "mov %r11, random_target(%rip)\n" \
			   "mov $" #n ", %r11\n" "jmp random_stub\n");
#define CALL(f) stub_##f
EXPORT uint64_t *random_setup(void (*entry)(uint64_t), void (*leave)(uint64_t))
{
	random_entry = entry;
	random_exit = leave;
	return random_regs;
}
#else
#define STUB(f, n)
#define EXPORT
#define CALL(f) f
#endif
'''


class Type:
    """A C type: its declaration, a random value, the name of what prints it, its row in a prototype."""

    def __init__(self, c, kind, printer, value, flags="0", name=None, inner=None, count="0", members=None, aggregate=False):
        self.c, self.kind, self.printer, self.value = c, kind, printer, value
        self.flags, self.inner, self.count, self.members = flags, inner, count, members or []
        self.name = c if name is None else name
        self.aggregate = aggregate

    def declare(self, name):
        return "%s %s" % (self.c, name)

    def show(self, expr):
        return "%s(%s);" % (self.printer, expr)


def integer(bits, signed):
    def value(r):
        low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        v = r.choice([0, 1, low, high, r.randint(low, high), r.randint(0, 100)])
        if bits == 64:
            return "%dull" % v if not signed else "(%dll - 1)" % (v + 1)
        return str(v) if bits < 32 or v > low else "(%d - 1)" % (v + 1)
    return value


def big(r):
    return "((__int128)%dll << 64 | %dull)" % (r.choice([0, -1, r.randint(-2**62, 2**62)]), r.getrandbits(64))


def text(r):
    if r.random() < 0.1:
        return "NULL"
    n = r.choice([0, 1, 7, 8, 31, STRING - 1, STRING, STRING + 1, 300]) if r.random() < 0.6 else r.randint(0, 60)
    s = "".join(r.choice("abcdefghijklmnop qrstuvwxyz0123456789\"\\%=") for _ in range(n))
    return '"%s"' % s.replace("\\", "\\\\").replace('"', '\\"')


def real(r):
    return "%r" % (r.randint(-10**6, 10**6) / 8)


def scalars():
    rows = [("char", "CHAR", "p_char", integer(8, True), "TYPE_F_SIGNED"), ("signed char", "CHAR", "p_char", integer(8, True), "TYPE_F_SIGNED"),
            ("unsigned char", "CHAR", "p_uchar", integer(8, False), "0"), ("int8_t", "CHAR", "p_i", integer(8, True), "TYPE_F_SIGNED"),
            ("uint8_t", "CHAR", "p_u", integer(8, False), "0"), ("_Bool", "BOOL", "p_b", lambda r: str(r.randint(0, 1)), "0"),
            ("short", "INT", "p_i", integer(16, True), "0"), ("unsigned short", "UINT", "p_u", integer(16, False), "0"),
            ("int", "INT", "p_i", integer(32, True), "0"), ("unsigned int", "UINT", "p_u", integer(32, False), "0"),
            ("long", "INT", "p_i", integer(64, True), "0"), ("unsigned long", "UINT", "p_u", integer(64, False), "0"),
            ("long long", "INT", "p_i", integer(64, True), "0"), ("size_t", "UINT", "p_u", integer(64, False), "0"),
            ("__int128", "INT", "p_i128", big, "0"), ("float", "FLOAT", "p_f", real, "0"), ("double", "FLOAT", "p_d", real, "0"),
            ("long double", "FLOAT", "p_ld", real, "0"),
            ("float _Complex", "COMPLEX", "p_cf", lambda r: "%s + %s * I" % (real(r), real(r)), "0"),
            ("double _Complex", "COMPLEX", "p_cd", lambda r: "%s + %s * I" % (real(r), real(r)), "0")]
    return [Type(c, "TYPE_" + kind, printer, value, flags) for c, kind, printer, value, flags in rows]


def pointers():
    char = Type("char", "TYPE_CHAR", "", None, "TYPE_F_SIGNED")
    uchar = Type("unsigned char", "TYPE_CHAR", "", None)
    function = Type("", "TYPE_FUNCTION", "", None)
    integer_ = Type("int", "TYPE_INT", "", None)
    hexes = ["NULL", "(void *)0x1234", "(void *)0xffffffffffffffff", "(void *)&out"]
    return [Type("char *", "TYPE_POINTER", "p_s", lambda r: "(char *)" + text(r), name="", inner=char),
            Type("const char *", "TYPE_POINTER", "p_s", text, name="", inner=char),
            Type("unsigned char *", "TYPE_POINTER", "p_us", lambda r: "(unsigned char *)" + text(r), name="", inner=uchar),
            Type("void *", "TYPE_POINTER", "p_p", lambda r: r.choice(hexes), name=""),
            Type("int *", "TYPE_POINTER", "p_p", lambda r: "(int *)" + r.choice(hexes), name="", inner=integer_),
            Type("fn_ptr", "TYPE_POINTER", "p_fn", lambda r: "(fn_ptr)" + r.choice(hexes), name="", inner=function)]


class Array(Type):
    def __init__(self, elem, n):
        kind = "p_chars" if elem.c == "char" else ""
        super().__init__(elem.c, "TYPE_ARRAY", kind, None, name="", inner=elem, count=str(n))
        self.n = n
        self.value = self.random

    def random(self, r):
        if self.inner.c == "char":
            n = r.randint(0, self.n)
            return '"%s"' % "".join(r.choice("abcdef ghij") for _ in range(n))
        return "{ %s }" % ", ".join(self.inner.value(r) for _ in range(self.n))

    def declare(self, name):
        return "%s %s[%d]" % (self.inner.c, name, self.n)

    def show(self, expr):
        if self.printer:
            return "p_chars(%s, %d);" % (expr, self.n)
        shown = min(self.n, ELEMENTS)
        one = {"signed char": "p_i((%s)[i]);", "unsigned char": "p_u((%s)[i]);"}.get(self.inner.c)
        one = one % expr if one else self.inner.show("(%s)[i]" % expr)
        s = 'fputc(\'[\', out); for (int i = 0; i < %d; i++) { if (i) fputc(\',\', out); %s } fputc(\']\', out);' % (
            shown, one)
        if shown < self.n:
            s = 'fputs("{\\"value\\":", out); %s fprintf(out, ",\\"truncated\\":true,\\"length\\":%d}");' % (s, self.n)
        return s


class World:
    """All types of one program."""

    def __init__(self, r):
        self.r, self.lines = r, []
        self.scalars, self.pointers, self.structs = scalars(), pointers(), [[], []]
        for i in range(6):
            self.enum(i)
        for i in range(40):
            self.struct(i, 0)
        for i in range(40, 80):
            self.struct(i, 1)

    def enum(self, i):
        r = self.r
        flags = i % 2
        values = [1 << k for k in range(r.randint(3, 8))] if flags else sorted(r.sample(range(-3, 12), r.randint(2, 6)))
        if not flags:
            values = [v for v in values if v != 4 and v != 8] + [3, 1000 + i]
            values = sorted(set(values))
        names = ["E%d_%d" % (i, k) for k in range(len(values))]
        self.lines.append("enum e%d { %s };" % (i, ", ".join("%s = %d" % x for x in zip(names, values))))
        signed = any(v < 0 for v in values)
        body = "".join(" case %d: fputs(\"\\\"%s\\\"\", out); return;" % (v, n) for n, v in zip(names, values))
        if flags:
            rest = "".join(' if (v & %d) { fprintf(out, "%%s%s", sep); sep = "|"; v &= ~%du; }' % (v, n, v) for n, v in zip(names, values))
            mask = sum(values)
            other = ('if (v & %d) { const char *sep = ""; fputc(\'"\', out);%s if (v) fprintf(out, "|0x%%x", v); '
                     'fputc(\'"\', out); return; } p_u(v);' % (mask, rest))
        else:
            other = "p_i((%s)v);" % ("int" if signed else "unsigned")
        self.lines.append("static void p_e%d(unsigned v) { switch ((int)v) {%s } %s }" % (i, body, other))

        def value(r):
            if flags:
                return "(enum e%d)%d" % (i, r.choice([0, r.choice(values), r.choice(values) | r.choice(values), 0x10001]))
            return "(enum e%d)%d" % (i, r.choice(values + [77]))
        self.scalars.append(Type("enum e%d" % i, "TYPE_ENUM", "p_e%d" % i, value, "TYPE_F_SIGNED" if signed else "0", name="e%d" % i,
                                 inner=Type("int", "TYPE_INT", "", None) if signed else Type("unsigned int", "TYPE_UINT", "", None),
                                 members=list(zip(names, values))))

    def field(self, level):
        r = self.r
        x = r.random()
        if x < 0.45:
            return r.choice(self.scalars)
        if x < 0.6:
            return r.choice(self.pointers)
        if x < 0.75:
            return Array(r.choice(self.scalars[:12] + self.scalars[15:16]), r.randint(1, 5))
        if x < 0.8:
            return Array(self.scalars[0], r.choice([3, 8, 12, 70, 100]))
        if x < 0.83:
            return Array(self.scalars[8], 20)
        if level and x < 0.93:
            return r.choice(self.structs[0])
        if level:
            return self.pointer_to(r.choice(self.structs[0]))
        return self.scalars[8]

    def struct(self, i, level):
        r = self.r
        union = r.random() < 0.08
        name = "%s s%d" % ("union" if union else "struct", i)
        bits = not union and r.random() < 0.15
        fields = [("m%d" % k, self.field(level)) for k in range(r.choice([1, 2, 2, 2, 3, 3, 4, 6]))]
        if union:
            fields = [("m0", self.scalars[10]), ("m1", self.scalars[16]), ("m2", self.scalars[2])][:r.randint(2, 3)]
        packed = not union and not bits and r.random() < 0.08
        sizes = [r.randint(1, 12) for _ in range(2)] if bits else []
        decl = ["unsigned b%d : %d;" % (k, n) for k, n in enumerate(sizes)] + [t.declare(n) + ";" for n, t in fields]
        self.lines.append("%s { %s }%s;" % (name, " ".join(decl), " __attribute__((packed))" if packed else ""))
        show = ['fputs("%s\\"b%d\\":", out); p_u(v->b%d);' % ("," if k else "", k, k) for k in range(len(sizes))]
        for k, (n, t) in enumerate(fields):
            show.append('fputs("%s\\"%s\\":", out);' % ("," if k or sizes else "", n))
            copy = packed and not isinstance(t, Array)
            show.append("{ %s = v->%s; %s }" % (t.declare("x"), n, t.show("x")) if copy else t.show("v->" + n))
        self.lines.append("static void p_s%d(const %s *v) { fputc('{', out); %s fputc('}', out); }" % (i, name, " ".join(show)))

        def value(r):
            if union:
                return "{ .m0 = %s }" % fields[0][1].value(r)
            return "{ %s }" % ", ".join([str(r.getrandbits(n)) for n in sizes] + [t.value(r) for _, t in fields])
        t = Type(name, "TYPE_UNION" if union else "TYPE_STRUCT", "p_s%d" % i, value, name="s%d" % i,
                 members=[("b%d" % k, sum(sizes[:k]), n) for k, n in enumerate(sizes)] + fields, aggregate=True)
        t.show = lambda expr: "p_s%d(&(%s));" % (i, expr)
        self.structs[level].append(t)

    def pointer_to(self, struct):
        def value(r):
            if r.random() < 0.15:
                return "NULL"
            inner = struct.value(r)
            self.extra.append("static %s o%d = %s;" % (struct.c, len(self.extra), inner))
            return "&o%d" % (len(self.extra) - 1)
        t = Type(struct.c + " *", "TYPE_POINTER", "", value, name="", inner=struct)
        t.show = lambda expr: "if (%s) { %s } else fputs(\"null\", out);" % (expr, struct.show("*(%s)" % expr))
        return t

    def any(self):
        r = self.r
        x = r.random()
        if x < 0.5:
            return r.choice(self.scalars)
        if x < 0.65:
            return r.choice(self.pointers)
        if x < 0.9:
            return r.choice(self.structs[r.randint(0, 1)])
        return self.pointer_to(r.choice(self.structs[r.randint(0, 1)]))


class Proto:
    """The tables of one prototype block."""

    def __init__(self):
        self.types, self.members, self.strings, self.seen = [], [], [b""], {}

    def string(self, s):
        at = sum(len(x) + 1 for x in self.strings)
        if not s:
            return 0
        self.strings.append(s.encode())
        return at

    def type(self, t):
        if id(t) in self.seen:
            return self.seen[id(t)]
        index = self.seen[id(t)] = len(self.types)
        self.types.append(None)
        inner = self.type(t.inner) if t.inner else "PROTO_NO_TYPE"
        rows = []
        for m in t.members:
            if t.kind == "TYPE_ENUM":
                rows.append("{ .name = %d, .value = %d }" % (self.string(m[0]), m[1]))
            elif len(m) == 3:
                unsigned = Type("unsigned int", "TYPE_UINT", "", None)
                self.keep = getattr(self, "keep", []) + [unsigned]
                rows.append("{ .name = %d, .type = %d, .bit_offset = %d, .bit_size = %d }" % (self.string(m[0]), self.type(unsigned), m[1], m[2]))
            else:
                rows.append("{ .name = %d, .type = %d, .offset = offsetof(%s, %s) }" % (self.string(m[0]), self.type(m[1]), t.c, m[0]))
        first = len(self.members)
        self.members += rows
        size = "0" if t.kind == "TYPE_FUNCTION" else "sizeof(%s)" % (t.declare("").strip() if isinstance(t, Array) else t.c)
        if isinstance(t, Array):
            size = "sizeof(%s[%d])" % (t.inner.c, t.n)
        self.types[index] = ("{ .kind = %s, .flags = %s, .name = %d, .size = %s, .count = %s, .inner = %s, .member = %d, .nmembers = %d }"
                             % (t.kind, t.flags, self.string(t.name), size, t.count, inner, first, len(rows)))
        return index


def emit_proto(name, params, result):
    p = Proto()
    title = p.string(name)
    rows = ["{ .name = %d, .type = %d }" % (p.string(n), p.type(t)) for n, t in params]
    back = p.type(result) if result else "PROTO_NO_TYPE"
    blob = b"\0".join(p.strings) + b"\0"
    counts = (len(rows), len(p.types), len(p.members))
    arrays = "".join("\tstruct %s %s[%d];\n" % (kind, field, n) for kind, field, n in
                     zip(("param", "type", "member"), ("params", "types", "members"), counts) if n)
    values = "".join("\t.%s = { %s },\n" % (field, ",\n\t\t".join(list_)) for field, list_ in
                     (("params", rows), ("types", p.types), ("members", p.members)) if list_)
    return ("#ifdef RECORD\nstatic const struct {\n\tstruct proto p;\n%s\tchar strings[%d];\n} proto_%s = {\n\t.p = { .bytes = %d + %s, "
            ".name = %d, .result = %s, .nparams = %d, .ntypes = %d, .nmembers = %d, .nstrings = %d },\n%s\t.strings = { %s },\n};\n#endif\n"
            % (arrays, len(blob), name, len(blob), " + ".join(["sizeof(struct proto)"] + [
                "%d * sizeof(struct %s)" % (n, kind) for kind, n in zip(("param", "type", "member"), counts)]), title, back, *counts, len(blob), values, ", ".join(str(b) for b in blob)))


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    calls = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    r = random.Random(seed)
    w = World(r)
    w.extra = []
    protos, code, run = [], [], []
    for i in range(count):
        params = [("a%d" % k, w.any()) for k in range(r.choice([0, 1, 2, 2, 3, 3, 4, 5, 7, 9, 12]))]
        result = w.any() if r.random() < 0.85 else None
        name = "f%d" % i
        protos.append(emit_proto(name, params, result))
        head = "%s(%s)" % (name, ", ".join(t.declare(n) for n, t in params) or "void")
        # Not two alike, and none without effect: compilers merge the former and do not call the latter.
        body = " __asm__ volatile(\"# %s\" : : : \"memory\");" % name + "".join(" KEEP(%s);" % n for n, _ in params)
        if result:
            code.append("static %s r%d;" % (result.c, i))
        code.append("__attribute__((noinline)) %s %s;" % (result.c if result else "void", head))
        code.append("__attribute__((noinline)) %s %s {%s %s}" % (result.c if result else "void", head, body, "return r%d; " % i if result else ""))
        code.append("#ifdef RECORD\nSTUB(%s, %d)\n%s stub_%s;\n#endif" % (name, i, "%s %s" % ("__typeof__(%s)" % name, ""), name))
        for k in range(calls):
            lines = ["static void call_%d_%d(void) {" % (i, k)]
            lines += ["\t%s = %s;" % (t.declare(n), t.value(r)) for n, t in params]
            if result:
                lines += ["\t%s = %s;" % (result.declare("x"), result.value(r)), "\tr%d = x;" % i, "\tx = CALL(%s)(%s);" % (name, ", ".join(n for n, _ in params))]
            else:
                lines += ["\tCALL(%s)(%s);" % (name, ", ".join(n for n, _ in params))]
            lines += ['\tfputs("{\\"function\\":\\"%s\\",\\"args\\":{", out);' % name]
            for j, (n, t) in enumerate(params):
                lines += ['\tfputs("%s\\"%s\\":", out);' % ("," if j else "", n), "\t" + t.show(n)]
            lines += ['\tfputs("}", out);']
            if result:
                lines += ['\tfputs(",\\"return\\":", out);', "\t" + result.show("x")]
            lines += ['\tfputs("}\\n", out);', "}"]
            code.append("\n".join(lines))
            run.append("\tcall_%d_%d();" % (i, k))
    print("#define STRING %d" % STRING)
    print(HEAD + RECORD)
    print("\n".join(w.lines))
    print("\n".join(w.extra))
    print("\n".join(protos + code))
    print("void random_run(FILE *to);\nEXPORT void random_run(FILE *to)\n{\n\tout = to;\n%s\n}" % "\n".join(run))
    print("#ifdef RECORD\nEXPORT const struct proto *const random_protos[] = { %s };\nEXPORT const unsigned random_count = %d;"
          % (", ".join("&proto_f%d.p" % i for i in range(count)), count))
    print("#else\nint main(void)\n{\n\t/* What tpd reads has to be in memory. */\n\trandom_run(fopen(\"/dev/null\", \"w\"));\n\tputs(\"ready\");\n\tfflush(stdout);\n\tgetchar();\n\trandom_run(stdout);\n\treturn 0;\n}\n#endif")


main()
