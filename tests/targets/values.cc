/* SPDX-License-Identifier: MIT */
/*
 * values.cc: calls with every kind of C++ parameter and result, for libstdc++ and libc++, whose strings and vectors are laid
 * out differently; see values.c.
 */
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "said.h"

namespace values
{
enum class Colour : unsigned char { red, green = 5, blue };
enum Plain { one = 1, two };

struct Point {
	int x, y;
};

struct Base {
	int base = 1;
};

struct Derived : Base {
	long own = 2;
	Colour colour = Colour::green;
};

/* Not trivially copyable: passed and returned by a hidden pointer. */
struct Handle {
	int id;
	std::string name;
	Handle(int i, const char *n) : id(i), name(n)
	{
	}
	Handle(const Handle &o) : id(o.id), name(o.name)
	{
	}
	~Handle()
	{
		KEEP(id);
	}
};

class Shape
{
	int sides;
	std::string label;

      public:
	Shape(int n, const char *l) : sides(n), label(l)
	{
	}
	virtual ~Shape()
	{
	}
	TRACED virtual long area(int scale);
	TRACED int count() const;
	TRACED void rename(const std::string &to);
	TRACED static int limit(int n);
};

long Shape::area(int scale)
{
	KEEP(scale);
	return sides * scale;
}

int Shape::count() const
{
	int n = sides;

	KEEP(n);
	return n;
}

void Shape::rename(const std::string &to)
{
	label = to;
}

int Shape::limit(int n)
{
	KEEP(n);
	return n / 2;
}

class Square : public Shape
{
	int side;

      public:
	Square(int s) : Shape(4, "square"), side(s)
	{
	}
	TRACED long area(int scale) override;
};

long Square::area(int scale)
{
	KEEP(scale);
	return side * side * scale;
}

TRACED std::string text(std::string s, const std::string &r, std::string *p)
{
	WATCH(s);
	KEEP(p);
	return r;
}

TRACED size_t view(std::string_view v, const std::string_view &r)
{
	WATCH(v);
	SEEN(r);
	return v.size();
}

TRACED std::string_view tail(std::string_view v)
{
	WATCH(v);
	return v.substr(1);
}

TRACED std::vector<int> ints(const std::vector<int> &v, std::vector<int> *p)
{
	KEEP(p);
	return v;
}

TRACED size_t names(const std::vector<std::string> &v, std::vector<Point> points)
{
	WATCH(points);
	return v.size();
}

TRACED size_t array(const std::array<short, 3> &a, std::array<int, 2> b)
{
	WATCH(b);
	SEEN(a);
	return a.size();
}

TRACED int unique(std::unique_ptr<Point> p, const std::unique_ptr<int> &n)
{
	WATCH(p);
	return n ? *n : 0;
}

TRACED std::shared_ptr<Point> shared(std::shared_ptr<Point> p, const std::shared_ptr<std::string> &s)
{
	WATCH(p);
	SEEN(s);
	return p;
}

TRACED int reference(int &n, const long &c, Point &p, Point &&moved)
{
	n++;
	SEEN(c);
	WATCH(p);
	WATCH(moved);
	return n;
}

TRACED int &self(int &n)
{
	KEEP(n);
	return n;
}

TRACED Colour scoped(Colour c, Plain p)
{
	KEEP(c);
	KEEP(p);
	return c;
}

TRACED Derived derived(Derived d, const Base &b)
{
	WATCH(d);
	SEEN(b);
	return d;
}

TRACED Handle by_hidden_pointer(Handle h, int n)
{
	KEEP(n);
	return Handle(h.id + n, h.name.c_str());
}

TRACED std::pair<int, long> pair(std::pair<int, long> p)
{
	WATCH(p);
	return p;
}

TRACED char16_t wide(char16_t c, char32_t d)
{
	KEEP(c);
	KEEP(d);
	return c;
}

template <typename T> TRACED T maximum(T a, T b)
{
	KEEP(a);
	KEEP(b);
	return a < b ? b : a;
}

template <typename T, int N> struct Ring {
	T slot[N];
	TRACED T at(int i);
};

template <typename T, int N> T Ring<T, N>::at(int i)
{
	KEEP(i);
	return slot[i];
}

/* Keeps calls through a pointer what they are. */
template <typename T> static T *hide(T *p)
{
	KEEP(p);
	return p;
}

static void strings()
{
	const std::string small = "fits inside", full = "exactly 15 char", large(100, 'L'), huge(1000, 'H');
	std::string empty, nul("nul\0inside", 10);

	text("by value", small, &empty);
	said("'function':'values::text','args':{'s':'by value','r':'fits inside','p':''},'return':'fits inside'");
	text(large, full, nullptr);
	said("'function':'values::text','args':{'s':'%s','r':'exactly 15 char','p':null},'return':'exactly 15 char'",
	     large.c_str());
	text("exactly 16 chars", huge, &nul);
	said("'function':'values::text','args':{'s':'exactly 16 chars',"
	     "'r':{'value':'%.128s','truncated':true,'length':1000},'p':'nul\\u0000inside'},"
	     "'return':{'value':'%.128s','truncated':true,'length':1000}", huge.c_str(), huge.c_str());
	view("viewed", full);
	said("'function':'values::view','args':{'v':'viewed','r':'exactly 15 char'},'return':6");
	view({}, huge);
	said("'function':'values::view','args':{'v':'','r':{'value':'%.128s','truncated':true,'length':1000}},'return':0",
	     huge.c_str());
	tail(std::string_view("not all of this").substr(0, 7));
	said("'function':'values::tail','args':{'v':'not all'},'return':'ot all'");
}

static void containers()
{
	std::vector<int> none, three{ 1, -2, 3 };
	std::vector<std::string> some{ "first", "a second one that is too long to be inside" };
	std::vector<Point> points{ { 1, 2 }, { 3, 4 } };

	ints(three, &none);
	said("'function':'values::ints','args':{'v':[1,-2,3],'p':[]},'return':[1,-2,3]");
	ints(none, nullptr);
	said("'function':'values::ints','args':{'v':[],'p':null},'return':[]");
	names(some, points);
	said("'function':'values::names','args':{'v':['first','a second one that is too long to be inside'],"
	     "'points':[{'x':1,'y':2},{'x':3,'y':4}]},'return':2");
	array({ 5, 6, 7 }, { -8, 9 });
	said("'function':'values::array','args':{'a':[5,6,7],'b':[-8,9]},'return':3");
	unique(std::make_unique<Point>(Point{ 5, 6 }), std::make_unique<int>(7));
	said("'function':'values::unique','args':{'p':{'x':5,'y':6},'n':7},'return':7");
	unique(nullptr, nullptr);
	said("'function':'values::unique','args':{'p':null,'n':null},'return':0");
	shared(std::make_shared<Point>(Point{ 8, 9 }), std::make_shared<std::string>("shared text"));
	said("'function':'values::shared','args':{'p':{'x':8,'y':9},'s':'shared text'},'return':{'x':8,'y':9}");
	shared(nullptr, nullptr);
	said("'function':'values::shared','args':{'p':null,'s':null},'return':null");
	pair({ 3, -4 });
	said("'function':'values::pair','args':{'p':{'first':3,'second':-4}},'return':{'first':3,'second':-4}");
}

static void plain()
{
	int n = 41;
	long c = -6;
	Point p{ 1, 2 };

	reference(n, c, p, Point{ 3, 4 });
	said("'function':'values::reference','args':{'n':41,'c':-6,'p':{'x':1,'y':2},'moved':{'x':3,'y':4}},'return':42");
	self(n);
	said("'function':'values::self','args':{'n':42},'return':42");
	scoped(Colour::blue, two);
	said("'function':'values::scoped','args':{'c':'blue','p':'two'},'return':'blue'");
	scoped((Colour)9, one);
	said("'function':'values::scoped','args':{'c':9,'p':'one'},'return':9");
	derived(Derived(), Derived());
	said("'function':'values::derived','args':{'d':{'base':1,'own':2,'colour':'green'},'b':{'base':1}},"
	     "'return':{'base':1,'own':2,'colour':'green'}");
	by_hidden_pointer(Handle(7, "seven"), 3);
	said("'function':'values::by_hidden_pointer','args':{'h':{'id':7,'name':'seven'},'n':3},"
	     "'return':{'id':10,'name':'seven'}");
	wide(u'\u20ac', U'\U0001F41B');
	said("'function':'values::wide','args':{'c':'\u20ac','d':'\U0001F41B'},'return':'\u20ac'");
}

static void methods()
{
	Shape s(3, "triangle"), *v = hide(&s);
	Square q(5), *w = hide(&q);
	Ring<long, 3> r{ { 10, 20, 30 } };

	s.count();
	said("'function':'values::Shape::count','args':{'this':{'sides':3,'label':'triangle'}},'return':3");
	s.rename("another name, long enough for the heap");
	said("'function':'values::Shape::rename','args':{'this':{'sides':3,'label':'triangle'},"
	     "'to':'another name, long enough for the heap'}");
	v->area(2);
	said("'function':'values::Shape::area','args':{'this':{'sides':3,"
	     "'label':'another name, long enough for the heap'},'scale':2},'return':6");
	static_cast<Shape *>(w)->area(2);
	said("'function':'values::Square::area','args':{'this':{'sides':4,'label':'square','side':5},'scale':2},"
	     "'return':50");
	Shape::limit(9);
	said("'function':'values::Shape::limit','args':{'n':9},'return':4");
	maximum<int>(3, 4);
	said("'function':'values::maximum<int>','args':{'a':3,'b':4},'return':4");
	maximum<unsigned long>(3, 4000000000);
	said("'function':'values::maximum<unsigned long>','args':{'a':3,'b':4000000000},'return':4000000000");
	r.at(1);
	said("'function':'values::Ring<long, 3>::at','args':{'this':{'slot':[10,20,30]},'i':1},'return':20");
}
}

int main(int argc, char **argv)
{
	target_init(argc, argv, 1);
	target_wait("ready");
	said_begin("values");
	values::strings();
	values::containers();
	values::plain();
	values::methods();
	said_end();
	target_wait(NULL);
	return 0;
}
