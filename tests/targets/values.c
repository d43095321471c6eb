/* SPDX-License-Identifier: MIT */
/*
 * values.c: calls with every kind of C parameter and result; the truth is what their records have to show: "args" and
 * "return" as the stream spells them, one entry a call, in order.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <wchar.h>
#include "said.h"

enum colour { RED, GREEN = 5, BLUE = -1 };
enum access { NONE = 0, READ = 1, WRITE = 2, EXEC = 4, APPEND = 64 };
enum wide { LAST = 0x7fffffffffff };

struct point {
	int x, y;
};
struct mixed {
	int8_t a;
	int64_t b;
};
struct big {
	long a, b, c;
	int d;
};
struct floats {
	double re, im;
};
struct half {
	double d;
	long n;
};
struct inner {
	short s;
	struct point at;
};
struct outer {
	long id;
	struct inner in;
	char tag[8];
};
struct bits {
	unsigned a : 3;
	signed b : 5;
	unsigned c : 17;
	bool d : 1;
	enum access e : 7;
	long long f : 40;
};
struct text {
	const char *name;
	int len;
	const struct point *at;
};
struct node {
	int v;
	struct node *next;
};
union number {
	int i;
	char c[4];
};
typedef unsigned long handle_t;
typedef int (*callback_t)(int);

/* ---- integers ---- */

TRACED signed char v_schar(signed char a, unsigned char b)
{
	KEEP(a);
	KEEP(b);
	return a;
}

TRACED short v_short(short a, unsigned short b)
{
	KEEP(a);
	KEEP(b);
	return a;
}

TRACED int v_int(int a, unsigned b)
{
	KEEP(a);
	KEEP(b);
	return a;
}

TRACED unsigned v_uint(unsigned a)
{
	KEEP(a);
	return a;
}

TRACED long v_long(long a, unsigned long b)
{
	KEEP(a);
	KEEP(b);
	return a;
}

TRACED unsigned long long v_ullong(long long a, unsigned long long b)
{
	KEEP(a);
	KEEP(b);
	return b;
}

TRACED uint8_t v_fixed(int8_t a, uint8_t b, int16_t c, uint16_t d, int32_t e, uint32_t f)
{
	KEEP(a);
	KEEP(b);
	KEEP(c);
	KEEP(d);
	KEEP(e);
	KEEP(f);
	return b;
}

TRACED size_t v_sizes(size_t n, ssize_t m, ptrdiff_t d, handle_t h)
{
	KEEP(n);
	KEEP(m);
	KEEP(d);
	KEEP(h);
	return n;
}

TRACED bool v_bool(bool a, bool b)
{
	KEEP(a);
	KEEP(b);
	return b;
}

TRACED char v_char(char a, char b, wchar_t w)
{
	KEEP(a);
	KEEP(b);
	KEEP(w);
	return a;
}

TRACED void v_nothing(void)
{
	__asm__ volatile("" : : : "memory");
}

static void integers(void)
{
	v_schar(SCHAR_MIN, UCHAR_MAX);
	said("'function':'v_schar','args':{'a':-128,'b':255},'return':-128");
	v_schar(SCHAR_MAX, 0);
	said("'function':'v_schar','args':{'a':'\\u007f','b':'\\u0000'},'return':'\\u007f'");
	v_short(SHRT_MIN, USHRT_MAX);
	said("'function':'v_short','args':{'a':-32768,'b':65535},'return':-32768");
	v_int(INT_MIN, UINT_MAX);
	said("'function':'v_int','args':{'a':-2147483648,'b':4294967295},'return':-2147483648");
	v_int(INT_MAX, 0);
	said("'function':'v_int','args':{'a':2147483647,'b':0},'return':2147483647");
	v_int(-1, 1);
	said("'function':'v_int','args':{'a':-1,'b':1},'return':-1");
	v_uint(3000000000u);
	said("'function':'v_uint','args':{'a':3000000000},'return':3000000000");
	v_long(LONG_MIN, ULONG_MAX);
	said("'function':'v_long','args':{'a':'-9223372036854775808','b':'18446744073709551615'},"
	     "'return':'-9223372036854775808'");
	v_long(1l << 53, (1ul << 53) + 1);
	said("'function':'v_long','args':{'a':9007199254740992,'b':'9007199254740993'},'return':9007199254740992");
	v_ullong(LLONG_MAX, 42);
	said("'function':'v_ullong','args':{'a':'9223372036854775807','b':42},'return':42");
	v_fixed(INT8_MIN, UINT8_MAX, INT16_MIN, UINT16_MAX, INT32_MIN, UINT32_MAX);
	said("'function':'v_fixed','args':{'a':-128,'b':255,'c':-32768,'d':65535,'e':-2147483648,'f':4294967295},"
	     "'return':255");
	v_sizes(SIZE_MAX, -1, -4096, 7);
	said("'function':'v_sizes','args':{'n':'18446744073709551615','m':-1,'d':-4096,'h':7},"
	     "'return':'18446744073709551615'");
	v_bool(true, false);
	said("'function':'v_bool','args':{'a':true,'b':false},'return':false");
	v_bool(false, true);
	said("'function':'v_bool','args':{'a':false,'b':true},'return':true");
	v_char('x', '"', L'\u20ac');
	said("'function':'v_char','args':{'a':'x','b':'\\\"','w':8364},'return':'x'");
	v_char('\n', 0, L'a');
	said("'function':'v_char','args':{'a':'\\n','b':'\\u0000','w':97},'return':'\\n'");
	v_nothing();
	said("'function':'v_nothing','args':{}");
}

/* ---- enumerations ---- */

TRACED enum colour v_enum(enum colour a, enum colour b)
{
	KEEP(a);
	KEEP(b);
	return b;
}

TRACED enum access v_flags(enum access a, enum access b)
{
	KEEP(a);
	KEEP(b);
	return a;
}

TRACED enum wide v_wide(enum wide a)
{
	KEEP(a);
	return a;
}

static void enumerations(void)
{
	v_enum(GREEN, BLUE);
	said("'function':'v_enum','args':{'a':'GREEN','b':'BLUE'},'return':'BLUE'");
	v_enum(RED, (enum colour)77);
	said("'function':'v_enum','args':{'a':'RED','b':77},'return':77");
	v_flags((enum access)(READ | WRITE), NONE);
	said("'function':'v_flags','args':{'a':'READ|WRITE','b':'NONE'},'return':'READ|WRITE'");
	v_flags((enum access)(EXEC | 8), APPEND);
	said("'function':'v_flags','args':{'a':'EXEC|0x8','b':'APPEND'},'return':'EXEC|0x8'");
	v_wide(LAST);
	said("'function':'v_wide','args':{'a':'LAST'},'return':'LAST'");
}

/* ---- pointers ---- */

TRACED void *v_pointer(void *a, const void *b)
{
	KEEP(a);
	KEEP(b);
	return a;
}

TRACED int *v_to_int(int *a, const unsigned short *b)
{
	KEEP(a);
	KEEP(b);
	return a;
}

TRACED int **v_to_pointer(int **a)
{
	KEEP(a);
	return a;
}

TRACED callback_t v_callback(callback_t f, int n)
{
	KEEP(f);
	KEEP(n);
	return f;
}

TRACED struct point *v_dangling(struct point *a, const char *s, long *n)
{
	KEEP(a);
	KEEP(s);
	KEEP(n);
	return a;
}

static int twice(int x)
{
	return 2 * x;
}

static void pointers(void)
{
	static int number = 42, *to = &number;
	static unsigned short small = 200;
	void *gone = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	v_pointer(&number, NULL);
	said("'function':'v_pointer','args':{'a':'%p','b':null},'return':'%p'", (void *)&number, (void *)&number);
	v_pointer(NULL, gone);
	said("'function':'v_pointer','args':{'a':null,'b':'%p'},'return':null", gone);
	v_to_int(&number, &small);
	said("'function':'v_to_int','args':{'a':'%p','b':'%p'},'return':'%p'", (void *)&number, (void *)&small,
	     (void *)&number);
	v_to_int(NULL, NULL);
	said("'function':'v_to_int','args':{'a':null,'b':null},'return':null");
	v_to_pointer(&to);
	said("'function':'v_to_pointer','args':{'a':'%p'},'return':'%p'", (void *)&to, (void *)&to);
	v_callback(twice, 3);
	said("'function':'v_callback','args':{'f':'%p','n':3},'return':'%p'", (void *)twice, (void *)twice);
	v_callback(NULL, 4);
	said("'function':'v_callback','args':{'f':null,'n':4},'return':null");
	v_dangling(gone, gone, gone);
	said("'function':'v_dangling','args':{'a':{'unavailable':'read_fault'},'s':{'unavailable':'read_fault'},"
	     "'n':'%p'},'return':{'unavailable':'read_fault'}", gone);
	v_dangling((void *)8, (void *)-1, (void *)0x800000000000);
	said("'function':'v_dangling','args':{'a':{'unavailable':'read_fault'},'s':{'unavailable':'read_fault'},"
	     "'n':'0x800000000000'},'return':{'unavailable':'read_fault'}");
	munmap(gone, 4096);
}

/* ---- text ---- */

TRACED const char *v_text(const char *s, char *t)
{
	KEEP(s);
	KEEP(t);
	return s;
}

TRACED char *v_buffer(char *buf, size_t size)
{
	snprintf(buf, size, "written");
	KEEP(buf);
	return buf;
}

static void texts(void)
{
	static char exact[129], longer[301], edge[8192];
	char buf[32] = "before", *page_end;

	memset(exact, 'e', 128);
	memset(longer, 'l', 300);
	v_text("hello", "");
	said("'function':'v_text','args':{'s':'hello','t':''},'return':'hello'");
	v_text(NULL, (char *)"tab\there \"quoted\" back\\slash");
	said("'function':'v_text','args':{'s':null,'t':'tab\\there \\\"quoted\\\" back\\\\slash'},'return':null");
	v_text("gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac", (char *)"\xf0\x9f\x90\x9b");
	said("'function':'v_text','args':{'s':'gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac','t':'\xf0\x9f\x90\x9b'},"
	     "'return':'gr\xc3\xbc\xc3\x9f" "e \xe2\x82\xac'");
	v_text("bad \xff here", (char *)"\xc3");
	said("'function':'v_text','args':{'s':'bad \\ufffd here','t':'\\ufffd'},'return':'bad \\ufffd here',"
	     "'invalid_utf8':true");
	v_text(exact, longer);
	said("'function':'v_text','args':{'s':'%s','t':{'value':'%.128s','truncated':true,'length':300}},"
	     "'return':'%s'", exact, longer, exact);
	v_text(longer, exact + 1);
	said("'function':'v_text','args':{'s':{'value':'%.128s','truncated':true,'length':300},'t':'%s'},"
	     "'return':{'value':'%.128s','truncated':true,'length':300}", longer, exact + 1, longer);
	/* ends with the last byte of a page that has no neighbour */
	page_end = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(page_end + 4096, 4096);
	memcpy(page_end + 4096 - 5, "last", 5);
	v_text(page_end + 4096 - 5, page_end + 4095);
	said("'function':'v_text','args':{'s':'last','t':''},'return':'last'");
	/* across two pages */
	memcpy(edge + 4096 - ((uintptr_t)edge & 4095) - 3, "across", 7);
	v_text(edge + 4096 - ((uintptr_t)edge & 4095) - 3, (char *)"");
	said("'function':'v_text','args':{'s':'across','t':''},'return':'across'");
	v_buffer(buf, sizeof(buf));
	said("'function':'v_buffer','args':{'buf':'before','size':32},'return':'written'");
}

/* ---- structures ---- */

TRACED struct point v_point(struct point p)
{
	WATCH(p);
	return p;
}

TRACED struct mixed v_mixed(struct mixed m, int after)
{
	WATCH(m);
	KEEP(after);
	return m;
}

TRACED struct big v_big(struct big b, int after)
{
	WATCH(b);
	KEEP(after);
	b.d++;
	return b;
}

TRACED struct point *v_by_pointer(struct point *p, const struct big *b)
{
	KEEP(b);
	p->x++;
	KEEP(p);
	return p;
}

TRACED long v_nested(struct outer o, const struct outer *p)
{
	WATCH(o);
	KEEP(p);
	return o.id;
}

TRACED struct bits v_bits(struct bits b, const struct bits *p)
{
	WATCH(b);
	KEEP(p);
	return b;
}

TRACED int v_members(struct text t)
{
	WATCH(t);
	return t.len;
}

TRACED int v_list(struct node *n)
{
	KEEP(n);
	return n->v;
}

TRACED union number v_union(union number n)
{
	WATCH(n);
	return n;
}

TRACED int v_array(int a[3], int (*b)[3])
{
	KEEP(a);
	KEEP(b);
	return a[2];
}

static void structures(void)
{
	struct point p = { -3, 4 };
	struct mixed m = { -5, 1l << 40 };
	struct big b = { 1, -2, 3, 4 };
	struct outer o = { 99, { -7, { 10, 20 } }, "tagged" };
	struct bits s = { 5, -16, 100000, true, READ, -500000000000 };
	struct text t = { "named", 5, &p };
	struct node n[2] = { { 1, n + 1 }, { 2, NULL } };
	union number u = { .i = 0x41424344 };
	int a[3] = { 7, 8, 9 };

	v_point(p);
	said("'function':'v_point','args':{'p':{'x':-3,'y':4}},'return':{'x':-3,'y':4}");
	v_mixed(m, 6);
	said("'function':'v_mixed','args':{'m':{'a':-5,'b':1099511627776},'after':6},"
	     "'return':{'a':-5,'b':1099511627776}");
	v_big(b, 6);
	said("'function':'v_big','args':{'b':{'a':1,'b':-2,'c':3,'d':4},'after':6},"
	     "'return':{'a':1,'b':-2,'c':3,'d':5}");
	v_by_pointer(&p, &b);
	said("'function':'v_by_pointer','args':{'p':{'x':-3,'y':4},'b':{'a':1,'b':-2,'c':3,'d':4}},"
	     "'return':{'x':-2,'y':4}");
	v_by_pointer(&p, NULL);
	said("'function':'v_by_pointer','args':{'p':{'x':-2,'y':4},'b':null},'return':{'x':-1,'y':4}");
	v_nested(o, &o);
	said("'function':'v_nested','args':{'o':{'id':99,'in':{'s':-7,'at':{'x':10,'y':20}},'tag':'tagged'},"
	     "'p':{'id':99,'in':{'s':-7,'at':{'x':10,'y':20}},'tag':'tagged'}},'return':99");
	v_bits(s, &s);
	said("'function':'v_bits','args':{'b':{'a':5,'b':-16,'c':100000,'d':true,'e':'READ','f':-500000000000},"
	     "'p':{'a':5,'b':-16,'c':100000,'d':true,'e':'READ','f':-500000000000}},"
	     "'return':{'a':5,'b':-16,'c':100000,'d':true,'e':'READ','f':-500000000000}");
	v_members(t);
	said("'function':'v_members','args':{'t':{'name':'named','len':5,'at':{'x':-1,'y':4}}},'return':5");
	v_list(n);
	said("'function':'v_list','args':{'n':{'v':1,'next':{'v':2,'next':null}}},'return':1");
	v_union(u);
	said("'function':'v_union','args':{'n':{'i':1094861636,'c':'DCBA'}},'return':{'i':1094861636,'c':'DCBA'}");
	v_array(a, &a);
	said("'function':'v_array','args':{'a':'%p','b':'%p'},'return':9", (void *)a, (void *)&a);
}

/* ---- many, and those that no one can read ---- */

TRACED long v_many(int a, long b, const char *c, short d, unsigned e, char f, int g, const char *h, signed char i,
		   unsigned long j)
{
	KEEP(a);
	KEEP(b);
	KEEP(c);
	KEEP(d);
	KEEP(e);
	KEEP(f);
	KEEP(g);
	KEEP(h);
	KEEP(i);
	KEEP(j);
	return a + b;
}

TRACED long v_split(int a, int b, int c, int d, int e, struct mixed m, int f, struct point p)
{
	KEEP(a);
	KEEP(b);
	KEEP(c);
	KEEP(d);
	KEEP(e);
	WATCH(m);
	KEEP(f);
	WATCH(p);
	return f;
}

TRACED double v_double(double a, int b, float c)
{
	WATCH(a);
	KEEP(b);
	WATCH(c);
	return a;
}

TRACED struct floats v_floats(struct floats f, const struct floats *p)
{
	WATCH(f);
	KEEP(p);
	return f;
}

TRACED struct half v_half(struct half h)
{
	WATCH(h);
	return h;
}

TRACED long v_long_double(long double a, int b)
{
	WATCH(a);
	KEEP(b);
	return b;
}

TRACED int v_variadic(const char *fmt, int n, ...)
{
	KEEP(fmt);
	KEEP(n);
	return n;
}

TRACED __int128 v_int128(__int128 a, int b)
{
	WATCH(a);
	KEEP(b);
	return a;
}

TRACED int v_fails(int code)
{
	KEEP(code);
	if (!code)
		return 7;
	errno = code;
	return -1;
}

static void many(void)
{
	struct mixed m = { 1, 2 };
	struct point p = { 3, 4 };
	struct floats f = { 0.5, -2 };
	struct half h = { 1.5, 9 };

	v_many(1, -2, "three", -4, 5, 'f', 7, "eight", -9, 10);
	said("'function':'v_many','args':{'a':1,'b':-2,'c':'three','d':-4,'e':5,'f':'f','g':7,'h':'eight','i':-9,"
	     "'j':10},'return':-1");
	v_split(1, 2, 3, 4, 5, m, 6, p);
	said("'function':'v_split','args':{'a':1,'b':2,'c':3,'d':4,'e':5,'m':{'a':1,'b':2},'f':6,"
	     "'p':{'x':3,'y':4}},'return':6");
	v_double(2.5, 3, 4.5f);
	said("'function':'v_double','args':{'a':{'unavailable':'register'},'b':3,'c':{'unavailable':'register'}},"
	     "'return':{'unavailable':'register'}");
	v_floats(f, &f);
	said("'function':'v_floats','args':{'f':{'re':{'unavailable':'register'},'im':{'unavailable':'register'}},"
	     "'p':{'re':0.5,'im':-2.0}},"
	     "'return':{'re':{'unavailable':'register'},'im':{'unavailable':'register'}}");
	v_half(h);
	said("'function':'v_half','args':{'h':{'d':{'unavailable':'register'},'n':9}},"
	     "'return':{'d':{'unavailable':'register'},'n':9}");
	v_long_double(3.25l, 8);
	said("'function':'v_long_double','args':{'a':3.25,'b':8},'return':8");
	v_variadic("%%d", 2, 3, 4);
	said("'function':'v_variadic','args':{'fmt':'%%%%d','n':2},'return':2");
	v_int128(((__int128)1 << 64) + 5, 6);
	said("'function':'v_int128','args':{'a':'18446744073709551621','b':6},'return':'18446744073709551621'");
}

static void errors(void)
{
	v_fails(0);
	said("'function':'v_fails','args':{'code':0},'return':7");
	v_fails(ENOENT);
	said("'function':'v_fails','args':{'code':2},'return':-1,'error':'ENOENT','failed':true");
	v_fails(EACCES);
	said("'function':'v_fails','args':{'code':13},'return':-1,'error':'EACCES','failed':true");
}

int main(int argc, char **argv)
{
	target_init(argc, argv, 1);
	target_wait("ready");
	said_begin("values");
	integers();
	enumerations();
	pointers();
	texts();
	structures();
	many();
	errors();
	said_end();
	target_wait(NULL);
	return 0;
}
