/* SPDX-License-Identifier: MIT */
/*
 * values_more.c: arguments where they are hard to come by: memory that ends or is not there, long texts, calls inside each other,
 * on fibers, from many threads at once. MODE: texts, depths, filters, errors, deep, fibers, threads. Protocol as in said.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "said.h"

#define PAGE   4096
#define PAIRS  2000 /* of a thread */
#define FIBERS 3

/* ---- texts ---- */

TRACED long more_text(const char *s, int n)
{
	KEEP(s);
	KEEP(n);
	return n;
}

static void say_cut(char letter, int n, int length)
{
	char text[129];

	memset(text, letter, 128);
	text[128] = 0;
	if (length < 0)
		said("'function':'more_text','args':{'s':{'value':'%s','truncated':true},'n':%d},'return':%d", text, n, n);
	else
		said("'function':'more_text','args':{'s':{'value':'%s','truncated':true,'length':%d},'n':%d},'return':%d",
		     text, length, n, n);
}

static void long_text(char letter, int n, int length, bool known)
{
	char *s = malloc((size_t)length + 1);

	memset(s, letter, (size_t)length);
	s[length] = 0;
	more_text(s, n);
	say_cut(letter, n, known ? length : -1);
	free(s);
}

/* Two pages, of which the second goes away. */
static char *last_page(void)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(p, 'p', PAGE);
	munmap(p + PAGE, PAGE);
	return p;
}

static void texts(void)
{
	char *page = last_page();

	more_text("plain", 1);
	said("'function':'more_text','args':{'s':'plain','n':1},'return':1");
	/* gone */
	more_text(page + PAGE, 2);
	said("'function':'more_text','args':{'s':{'unavailable':'read_fault'},'n':2},'return':2");
	more_text((const char *)16, 3);
	said("'function':'more_text','args':{'s':{'unavailable':'read_fault'},'n':3},'return':3");
	more_text((const char *)0xdead000000000000, 4);
	said("'function':'more_text','args':{'s':{'unavailable':'read_fault'},'n':4},'return':4");
	/* the NUL is the page's last byte */
	page[PAGE - 1] = 0;
	memcpy(page + PAGE - 9, "page end", 8);
	more_text(page + PAGE - 9, 5);
	said("'function':'more_text','args':{'s':'page end','n':5},'return':5");
	more_text(page + PAGE - 1, 6);
	said("'function':'more_text','args':{'s':'','n':6},'return':6");
	/* no NUL before the page ends */
	page[PAGE - 1] = 'd';
	more_text(page + PAGE - 9, 7);
	said("'function':'more_text','args':{'s':{'unavailable':'read_fault'},'n':7},'return':7");
	/* of which some can be had all the same */
	memset(page, 'q', PAGE);
	more_text(page + PAGE - 300, 8);
	say_cut('q', 8, -1);
	long_text('a', 9, 128 + 1, true);
	long_text('b', 10, 300, true);
	long_text('c', 11, 1023 + 128, true);
	long_text('d', 12, 1024 + 128, true);
	long_text('e', 13, 65000, true);
	long_text('f', 14, 70 * 1024, false);
	more_text("bad \xff\xc3", 15);
	said("'function':'more_text','args':{'s':'bad \xef\xbf\xbd\xef\xbf\xbd','n':15},'return':15,'invalid_utf8':true");
	more_text("gr\xc3\xbc\xc3\x9f", 16);
	said("'function':'more_text','args':{'s':'gr\xc3\xbc\xc3\x9f','n':16},'return':16");
	munmap(page, PAGE);
}

/* ---- depths ---- */

struct leaf {
	int value;
};

struct twig {
	struct leaf *leaf;
	const char *name;
};

struct branch {
	struct twig *twig;
	int n;
};

struct tree {
	struct branch *branch;
	struct leaf first;
};

TRACED int more_depth(struct tree *t)
{
	KEEP(t);
	return t->branch->n;
}

static void depths(void)
{
	struct leaf leaf = { 4 };
	struct twig twig = { &leaf, "the twig" };
	struct branch branch = { &twig, 2 };
	struct tree tree = { &branch, { 1 } };

	more_depth(&tree);
	said("'t':'%p','branch':'%p','twig':'%p','leaf':'%p'", (void *)&tree, (void *)&branch, (void *)&twig, (void *)&leaf);
}

/* ---- filters ---- */

enum colour { RED, GREEN, BLUE = 7 };

TRACED int more_filter(int n, const char *text, enum colour colour, unsigned char small)
{
	KEEP(n);
	KEEP(text);
	KEEP(colour);
	KEEP(small);
	return n * 10;
}

static void filters(void)
{
	static const char *const names[] = { "red", "green", "blue", "blue and more" };
	static const enum colour colours[] = { RED, GREEN, BLUE };

	for (int i = -4; i < 8; i++) {
		const char *text = i == 7 ? NULL : names[i & 3];

		more_filter(i, text, colours[(i + 4) % 3], (unsigned char)(i * 16));
		if (text)
			said("'n':%d,'text':'%s','colour':%d,'small':%d", i, text, colours[(i + 4) % 3], (i * 16) & 255);
		else
			said("'n':%d,'text':null,'colour':%d,'small':%d", i, colours[(i + 4) % 3], (i * 16) & 255);
	}
}

/* ---- errors of the C library ---- */

static void errors(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	open("/nowhere/at/all", O_WRONLY | O_CREAT, 0600);
	said("'function':'open','args':{'path':'/nowhere/at/all','flags':'O_WRONLY|O_CREAT'},'return':-1,'error':'ENOENT'");
	open("/", O_RDWR);
	said("'function':'open','args':{'path':'/','flags':'O_RDWR'},'return':-1,'error':'EISDIR'");
	close(fd);
	close(fd);
	said("'function':'close','args':{'fd':%d},'return':-1,'error':'EBADF'", fd);
}

/* ---- calls inside each other ---- */

TRACED long more_deep(int level, int most)
{
	long r;

	KEEP(level);
	KEEP(most);
	r = level < most ? more_deep(level + 1, most) : 0;
	KEEP(r);
	return r + level;
}

static void deep(void)
{
	more_deep(0, target.depth);
	said("'most':%d", target.depth);
}

/* ---- pairs: the result is the sum of the arguments ---- */

TRACED long more_pair(long who, long count)
{
	KEEP(who);
	KEEP(count);
	return who + count;
}

/* The same, with calls inside. */
TRACED long more_pairs(long who, long count)
{
	KEEP(who);
	KEEP(count);
	return more_pair(who, count) + more_pair(0, 0);
}

static void *thread(void *arg)
{
	for (long i = 0; i < PAIRS; i++)
		more_pairs((long)(intptr_t)arg, i);
	return NULL;
}

static void threads(void)
{
	pthread_t t[MAX_THREADS];

	for (int i = 0; i < target.threads; i++)
		pthread_create(&t[i], NULL, thread, (void *)(intptr_t)(i * 1000000));
	for (int i = 0; i < target.threads; i++)
		pthread_join(t[i], NULL);
	said("'pairs':%d,'threads':%d,'step':1000000", PAIRS, target.threads);
}

/* ---- fibers ---- */

static ucontext_t home, fiber[FIBERS];

/* Its call is open while others begin and end. */
TRACED long more_fiber(long who, long count)
{
	KEEP(who);
	KEEP(count);
	more_pair(who, count);
	swapcontext(&fiber[who / 1000000], &home);
	more_pair(who, -count);
	return who + count;
}

static void fiber_main(int who)
{
	for (int i = 0; i < PAIRS / 10; i++)
		more_fiber(who * 1000000L, i);
}

static void fibers(void)
{
	for (int i = 0; i < FIBERS; i++) {
		getcontext(&fiber[i]);
		fiber[i].uc_stack.ss_sp = malloc(65536);
		fiber[i].uc_stack.ss_size = 65536;
		fiber[i].uc_link = &home;
		makecontext(&fiber[i], (void (*)(void))fiber_main, 1, i);
	}
	for (int i = 0; i < FIBERS * (PAIRS / 10 + 1); i++)
		swapcontext(&home, &fiber[i % FIBERS]);
	said("'pairs':%d,'threads':%d,'step':1000000", PAIRS / 10, FIBERS);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = {
		{ "texts", texts }, { "depths", depths }, { "filters", filters }, { "errors", errors },
		{ "deep", deep },   { "fibers", fibers }, { "threads", threads },
	};

	target_init(argc, argv, 1);
	target_wait("ready");
	said_begin("values_more");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(modes[i].name, target.mode))
			modes[i].run();
	said_end();
	target_wait(NULL);
	return 0;
}
