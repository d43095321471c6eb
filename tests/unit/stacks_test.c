/* SPDX-License-Identifier: MIT */
/* stacks_test.c: stacks that come again are known again, and only those; hostile ones do no harm; what it takes. */
#include "base/clock.h"
#include "stopped.h"

TestSuite(stacks, .init = build_begin, .fini = build_end, .timeout = 120);

#define US 1000.0

static const char program[] =
	"#include <stdlib.h>\n#define N __attribute__((noinline))\nvolatile int sink;\n"
	"N int leaf(int x) { return x + sink; }\n"
	"N int f1(int x) { return leaf(x) + 1; }\n" "N int f2(int x) { return f1(x) + 1; }\n"
	"N int f3(int x) { return f2(x) + 1; }\n" "N int f4(int x) { return f3(x) + f1(x); }\n"
	"N int f5(int x) { return f4(x) + f2(x); }\n" "N int f6(int x) { char b[x]; b[0] = x; return f5(x) + b[0]; }\n"
	"int main(void) { return f6(10) + leaf(sink); }\n";

static struct stopped s;
static struct debug *d;
static const struct debug_frame *f;
static size_t n;
static bool whole;

static void begin(const char *flags)
{
	uint64_t leaf;

	build_need("gcc");
	build_write("program.c", program);
	build("gcc -O2 %s -o program program.c", flags);
	stopped_start(&s, build_path("program"));
	leaf = stopped_symbol(&s, "program", "leaf");
	cr_assert_eq(debug_open(&d), 0);
	stopped_run_to(&s, leaf);
	stopped_read_maps(&s);
	stopped_sample(&s);
}

static void end(void)
{
	debug_close(d);
	stopped_end(&s);
}

static const struct debug_frame *unwind(void)
{
	cr_assert_eq(stopped_unwind(d, &s, &f, &n, &whole), 0);
	return f;
}

/* As it would have been on a thread whose stack lies elsewhere. */
static void move_stack(uint64_t by)
{
	uint64_t sp = s.regs[DEBUG_RSP], *word = (uint64_t *)s.stack;

	for (size_t i = 0; i < s.len / sizeof(*word); i++)
		if (word[i] - sp <= s.len)
			word[i] += by;
	for (size_t i = 0; i < DEBUG_RIP; i++)
		if (s.regs[i] - sp <= s.len)
			s.regs[i] += by;
	cr_assert_eq(s.regs[DEBUG_RSP], sp + by);
}

Test(stacks, known_again)
{
	const struct debug_frame *first, *moved;
	uint64_t *word = (uint64_t *)s.stack, ret;

	begin("-fno-omit-frame-pointer");
	first = unwind();
	cr_assert(whole && n >= 9, "%zu", n);
	cr_expect_str_eq(f[1].function, "f1");
	cr_expect_str_eq(f[6].function, "f6");
	cr_expect_str_eq(f[7].function, "main");
	cr_expect_eq(unwind(), first, "not known again");
	/* Words that unwinding does not need may differ. */
	s.regs[DEBUG_RAX]++;
	s.regs[DEBUG_RDI]++;
	cr_expect_eq(unwind(), first, "not known by what counts");
	move_stack(0x100000);
	moved = unwind();
	cr_expect_eq(moved, first, "not known on another stack");
	/* f1 called from elsewhere in f4: its frames are others. */
	ret = word[1];
	for (size_t i = 0; i < s.len / 8; i++)
		if (word[i] == first[3].pc) {
			word[i] = first[5].pc;
			break;
		}
	unwind();
	cr_expect_neq(f, first, "taken for another");
	cr_expect_eq(f[3].pc, first[5].pc);
	word[1] = ret;
	/* A frame pointer that leads elsewhere, beyond the sample. */
	s.regs[DEBUG_RSP] -= 8;
	unwind();
	cr_expect_neq(f, first, "taken for another");
	end();
}

/* A sample that does not reach far enough ends early; more of it tells more. */
Test(stacks, short_samples)
{
	size_t all, last = 0, len;

	begin("-fomit-frame-pointer");
	unwind();
	all = n;
	len = s.len;
	for (s.len = 0; s.len < len; s.len += 8) {
		unwind();
		cr_assert(n >= last && n <= all && n >= 1, "%zu bytes: %zu frames", s.len, n);
		cr_assert_eq(whole, n == all, "%zu bytes: %zu frames of %zu", s.len, n, all);
		last = n;
	}
	cr_expect_eq(last, all);
	end();
}

static uint64_t any(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	return *state ^= *state << 17;
}

/* A value as hostile as can be: random, in the code, in the stack, at the edges. */
static uint64_t hostile(uint64_t *state)
{
	const struct debug_map *m = &s.map[any(state) % s.nmap];
	uint64_t r = any(state);

	switch (r % 6) {
	case 0:
		return any(state);
	case 1:
	case 2:
		return m->start + any(state) % (m->end - m->start);
	case 3:
	case 4:
		return s.regs[DEBUG_RSP] + any(state) % (s.len + 64) - 16;
	}
	return (uint64_t[]){ 0, 1, ~0ull, 1ull << 63, m->start, m->end, m->start - 1, m->end - 1 }[any(state) % 8];
}

Test(stacks, hostile_samples)
{
	uint64_t state = 88172645463325252, *word = (uint64_t *)s.stack;
	size_t longest = 0;

	begin("-g");
	for (int i = 0; i < 4000; i++) {
		for (size_t k = 0; k < DEBUG_REGS; k++)
			if (k != DEBUG_RSP || !(i % 16))
				s.regs[k] = hostile(&state);
		if (i % 2)
			s.regs[DEBUG_RIP] = s.map[i % s.nmap].start + any(&state) % 4096;
		for (size_t k = 0; k < s.len / 8; k++)
			if (k < 64 || i % 64 == 0)
				word[k] = hostile(&state);
		unwind();
		cr_assert(n >= 1 && n <= DEBUG_FRAMES);
		cr_assert_eq(f[0].pc, s.regs[DEBUG_RIP]);
		longest = MAX(longest, n);
	}
	cr_expect_gt(longest, 5, "%zu", longest);
	end();
}

/* Mappings that overlap, that are empty, of files that are no programs. */
Test(stacks, hostile_maps)
{
	struct debug_map *m;

	begin("");
	build_write("text", "not a program\n");
	for (size_t i = 0; i < s.nmap; i++) {
		struct debug_file text = { .key = 1000 + i, .fd = open(build_path("text"), O_RDONLY), .debug_fd = -1, .alt_fd = -1 };
		struct debug_map saved = s.map[i];

		m = &s.map[i];
		m->file = &text;
		s.serial++;
		unwind();
		m->file = NULL;
		s.serial++;
		unwind();
		*m = saved;
		m->start = 0;
		m->end = ~0ull;
		s.serial++;
		unwind();
		*m = saved;
		m->bias = 0x123456789abcdef0;
		s.serial++;
		unwind();
		m->start = m->end;
		s.serial++;
		unwind();
		*m = saved;
		close(text.fd);
	}
	s.serial++;
	unwind();
	cr_expect(whole);
	s.nmap = 0;
	s.serial++;
	unwind();
	cr_expect(n == 1 && !whole && !f[0].function && !f[0].module);
	stopped_read_maps(&s);
	end();
}

Test(stacks, figures)
{
	uint64_t start, child, first, asked = ~0ull, known = ~0ull;

	begin("-g");
	start = clock_mono();
	cr_assert_eq(debug_line(d, &s.file[0], 0, &f, &n), 0);
	child = clock_mono() - start;
	start = clock_mono();
	unwind();
	first = clock_mono() - start;
	for (unsigned i = 0; i < 1000; i++) {
		start = clock_mono();
		unwind();
		known = MIN(known, clock_mono() - start);
	}
	cr_assert(whole && n >= 10, "%zu", n);
	/* Cut, so that it is asked anew at each height; all of its code was seen before. */
	for (s.len = 1024; whole; s.len -= 8)
		unwind();
	for (unsigned i = 0; i < 1000; i++) {
		move_stack(16);
		start = clock_mono();
		unwind();
		asked = MIN(asked, clock_mono() - start);
	}
	cr_assert(!whole && n >= 8, "%zu", n);
	printf("child %.0f us, first stack %.0f us, %zu known frames asked anew %.1f us, known again %.2f us\n", child / US,
	       first / US, n, asked / US, known / US);
	cr_expect_lt(known, 20000);
	end();
}
