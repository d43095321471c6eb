/* SPDX-License-Identifier: MIT */
/* frames_test.c: frames kept, and stacks that wait for their call. */
#include "exceptions_fake.h"
#include "pipeline/frames.h"
#include "pipeline/stacks.h"

TestSuite(frames, .init = fake_begin, .fini = fake_end);

static int send_stack(struct stacks *s, uint64_t id, uint64_t stack)
{
	struct ev_stack e = { .h = HDR(ev_stack, EV_STACK), .id = id };

	e.at.regs[16] = stack;
	return stacks_event(s, &e, sizeof(e));
}

static void put_stack(struct stacks *s, uint64_t id, bool wanted)
{
	struct record r = { .type = "call" };

	stacks_put(s, id, wanted, &r);
	emit(NULL, &r);
}

Test(frames, stacks_wait_for_their_call)
{
	struct ev_stack bad = { .h = HDR(ev_stack, EV_STACK) };
	struct ev_hdr other = { .kind = EV_CALL, .len = sizeof(other) };
	struct stacks *s;

	cr_assert_eq(stacks_new(&s, &fake), 0);
	cr_expect_eq(send_stack(s, 1, 6), 0);
	cr_expect_eq(send_stack(s, 2, 10), 0);
	cr_expect_eq(send_stack(s, 2, 10), 0);
	put_stack(s, 1, true);
	expect("1", "call stack=[" RT("strlen") " " FRAME("die") "]\n");
	put_stack(s, 1, true);
	expect("again", "call stack=?missing\n");
	put_stack(s, 3, false);
	expect("not wanted", "call \n");
	put_stack(s, 2, true);
	expect("2", "call stack=[{function='in' module='/bin/t' offset=1 inlined=true} {offset=153}]\n");
	for (uint64_t i = 0; i < 1000; i++)
		cr_expect_eq(send_stack(s, i, 6), 0);
	put_stack(s, 0, true);
	expect("long ago", "call stack=?missing\n");
	put_stack(s, 999, true);
	expect("the last", "call stack=[" RT("strlen") " " FRAME("die") "]\n");
	bad.at.len = 1;
	cr_expect_eq(stacks_event(s, &bad, sizeof(bad)), -EBADMSG);
	cr_expect_eq(stacks_event(s, &bad, sizeof(bad) - 8), -EBADMSG);
	cr_expect_eq(stacks_event(s, &bad, 3), -EBADMSG);
	cr_expect_eq(stacks_event(s, &other, sizeof(other)), 0);
	stacks_free(s);
}

Test(frames, are_copied_whole)
{
	struct resolved v[RESOLVE_FRAMES + 5] = { 0 };
	struct frame_list mem;
	struct record r = { .type = "call" };
	struct frames *fr;

	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		v[i] = (struct resolved){ .function = "f", .module = i % 2 ? "/a" : "/b", .file = i % 3 ? "x.c" : NULL, .offset = i };
	fr = frames_copy(v, ARRAY_SIZE(v), true);
	cr_assert_not_null(fr);
	memset(v, 0, sizeof(v));
	cr_expect_eq(fr->n, RESOLVE_FRAMES);
	cr_expect_not(fr->whole);
	frames_put(fr, 60, &mem, &r);
	emit(NULL, &r);
	expect("frames", "call stack=[{function='f' module='/b' offset=60} {function='f' module='/a' offset=61 file='x.c'} "
	       "{function='f' module='/b' offset=62 file='x.c'} {function='f' module='/a' offset=63}] whole=false\n");
	free(fr);
}
