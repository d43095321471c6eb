/* SPDX-License-Identifier: MIT */
/*
 * loop_test.c: the event loop on real pipes, timers and signals; and log lines as a reader of
 * stderr gets them.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include "base/log.h"
#include "base/loop.h"

#define MS UINT64_C(1000000)

struct fixture {
	struct loop *l;
	int a[2], b[2];
	int hits_a, hits_b, ticks, id, sigs[8], nsigs;
	uint64_t expired;
	uint32_t events;
};

static void open_fixture(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	cr_assert_eq(loop_new(&f->l), 0);
	cr_assert_eq(pipe2(f->a, O_CLOEXEC | O_NONBLOCK), 0);
	cr_assert_eq(pipe2(f->b, O_CLOEXEC | O_NONBLOCK), 0);
}

static void close_fixture(struct fixture *f)
{
	loop_free(f->l);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(close(f->a[i]), 0, "the loop leaves fds that it was given open");
		cr_expect_eq(close(f->b[i]), 0);
	}
}

static int take_a(void *arg, uint32_t events)
{
	struct fixture *f = arg;
	char c;

	f->events |= events;
	if (read(f->a[0], &c, 1) == 1)
		f->hits_a++;
	if (f->hits_a == 3)
		loop_stop(f->l, 42);
	return 0;
}

Test(loop, hands_out_every_byte_and_stops_with_the_value)
{
	struct fixture f;

	open_fixture(&f);
	cr_assert_eq(loop_add(f.l, f.a[0], take_a, &f), 0);
	cr_expect_eq(loop_add(f.l, f.a[0], take_a, &f), -EEXIST);
	cr_expect_eq(loop_add(f.l, -1, take_a, &f), -EBADF);
	cr_expect_eq(write(f.a[1], "abc", 3), 3);
	cr_expect_eq(loop_run(f.l), 42);
	cr_expect_eq(f.hits_a, 3);
	cr_expect_eq(f.events, EPOLLIN);
	close_fixture(&f);
}

static int hung_up(void *arg, uint32_t events)
{
	return events & EPOLLHUP ? -EPIPE : -EINVAL;
}

Test(loop, tells_of_a_hang_up_and_returns_the_error)
{
	struct fixture f;

	open_fixture(&f);
	close(f.a[1]);
	cr_assert_eq(loop_add(f.l, f.a[0], hung_up, &f), 0);
	cr_expect_eq(loop_run(f.l), -EPIPE);
	f.a[1] = dup(f.a[0]);
	close_fixture(&f);
}

static int stop_before_run(void *arg, uint32_t events)
{
	cr_assert_fail("stopped before it ran");
	return 0;
}

Test(loop, a_stop_before_the_run_counts)
{
	struct fixture f;

	open_fixture(&f);
	cr_expect_eq(write(f.a[1], "a", 1), 1);
	cr_assert_eq(loop_add(f.l, f.a[0], stop_before_run, &f), 0);
	loop_stop(f.l, 7);
	cr_expect_eq(loop_run(f.l), 7);
	close_fixture(&f);
}

/* Both pipes are readable in one batch; whichever comes first takes the other away. */
static int delete_b(void *arg, uint32_t events)
{
	struct fixture *f = arg;

	f->hits_a++;
	loop_del(f->l, f->b[0]);
	loop_del(f->l, f->a[0]);
	return 0;
}

static int delete_a(void *arg, uint32_t events)
{
	struct fixture *f = arg;

	f->hits_b++;
	loop_del(f->l, f->a[0]);
	loop_del(f->l, f->b[0]);
	return 0;
}

static int tick_stop(void *arg, uint64_t n)
{
	struct fixture *f = arg;

	f->expired += n;
	f->ticks++;
	loop_stop(f->l, 0);
	return 0;
}

Test(loop, a_callback_may_delete_itself_and_others)
{
	struct fixture f;

	open_fixture(&f);
	cr_expect_eq(write(f.a[1], "a", 1) + write(f.b[1], "b", 1), 2);
	cr_assert_eq(loop_add(f.l, f.a[0], delete_b, &f), 0);
	cr_assert_eq(loop_add(f.l, f.b[0], delete_a, &f), 0);
	f.id = loop_timer(f.l, tick_stop, &f);
	cr_assert_geq(f.id, 0);
	cr_assert_eq(loop_timer_set(f.l, f.id, MS, 0), 0);
	cr_expect_eq(loop_run(f.l), 0);
	cr_expect_eq(f.hits_a + f.hits_b, 1, "one ran (%d, %d), the other was gone", f.hits_a,
		     f.hits_b);
	loop_del(f.l, f.a[0]);
	loop_del(f.l, 100000);
	loop_del(f.l, -1);
	close_fixture(&f);
}

/* The fd number of the other pipe is reused while its event waits in the batch. */
static int replace_other(void *arg, uint32_t events)
{
	struct fixture *f = arg;
	char c;
	int other = read(f->a[0], &c, 1) == 1 ? f->b[0] : f->a[0], fresh[2];

	f->hits_a++;
	loop_del(f->l, f->a[0]);
	loop_del(f->l, f->b[0]);
	cr_assert_eq(pipe2(fresh, O_NONBLOCK), 0);
	cr_assert_eq(dup2(fresh[0], other), other);
	cr_assert_eq(loop_add(f->l, other, stop_before_run, f), 0);
	close(fresh[0]);
	f->id = fresh[1];
	return 0;
}

Test(loop, a_stale_event_never_reaches_a_new_watch)
{
	struct fixture f;
	int timer;

	open_fixture(&f);
	cr_expect_eq(write(f.a[1], "a", 1) + write(f.b[1], "b", 1), 2);
	cr_assert_eq(loop_add(f.l, f.a[0], replace_other, &f), 0);
	cr_assert_eq(loop_add(f.l, f.b[0], replace_other, &f), 0);
	timer = loop_timer(f.l, tick_stop, &f);
	cr_assert_eq(loop_timer_set(f.l, timer, MS, 0), 0);
	cr_expect_eq(loop_run(f.l), 0);
	cr_expect_eq(f.hits_a, 1);
	close(f.id);
	close_fixture(&f);
}

static int take_b_forever(void *arg, uint32_t events)
{
	struct fixture *f = arg;

	return ++f->hits_b == 2 ? -ECANCELED : 0;
}

static int add_many(void *arg, uint32_t events)
{
	struct fixture *f = arg;
	int fd = fcntl(f->b[0], F_DUPFD_CLOEXEC, 900); /* moves the table */

	cr_assert_geq(fd, 900);
	cr_assert_eq(loop_add(f->l, fd, take_b_forever, f), 0);
	loop_del(f->l, f->a[0]);
	f->id = fd;
	return 0;
}

Test(loop, a_callback_may_add_while_the_table_grows)
{
	struct fixture f;

	open_fixture(&f);
	cr_expect_eq(write(f.a[1], "a", 1) + write(f.b[1], "b", 1), 2);
	cr_assert_eq(loop_add(f.l, f.a[0], add_many, &f), 0);
	cr_expect_eq(loop_run(f.l), -ECANCELED);
	close(f.id);
	close_fixture(&f);
}

Test(loop, a_closed_fd_number_can_be_watched_again)
{
	struct fixture f;
	int saved;

	open_fixture(&f);
	cr_assert_eq(loop_add(f.l, f.a[0], stop_before_run, &f), 0);
	saved = f.a[0];
	close(f.a[0]);
	cr_assert_eq(dup2(f.b[0], saved), saved);
	cr_expect_eq(loop_add(f.l, saved, take_b_forever, &f), 0,
		     "close took it out of the epoll set");
	cr_expect_eq(write(f.b[1], "b", 1), 1);
	cr_expect_eq(loop_run(f.l), -ECANCELED);
	close_fixture(&f);
}

static int tick_thrice(void *arg, uint64_t n)
{
	struct fixture *f = arg;

	cr_expect_geq(n, 1);
	f->expired += n;
	return ++f->ticks == 3 ? -ETIME : 0;
}

Test(loop, timers_run_once_periodically_and_not_when_disarmed)
{
	struct fixture f;
	int once, periodic, never;

	open_fixture(&f);
	once = loop_timer(f.l, tick_stop, &f);
	periodic = loop_timer(f.l, tick_thrice, &f);
	never = loop_timer(f.l, tick_stop, &f);
	cr_assert(once >= 0 && periodic >= 0 && never >= 0);
	cr_assert_eq(loop_timer_set(f.l, once, 1, 0), 0);
	cr_expect_eq(loop_run(f.l), 0);
	cr_expect_eq(f.ticks, 1);
	cr_expect_eq(f.expired, 1);
	f.ticks = 0;
	cr_assert_eq(loop_timer_set(f.l, never, MS, MS), 0);
	cr_assert_eq(loop_timer_set(f.l, never, 0, MS), 0, "0 disarms");
	cr_assert_eq(loop_timer_set(f.l, periodic, MS, MS), 0);
	cr_expect_eq(loop_run(f.l), -ETIME);
	cr_expect_eq(f.ticks, 3);
	cr_expect_geq(f.expired, 4);
	cr_expect_eq(loop_timer_set(f.l, periodic, UINT64_MAX, UINT64_MAX), 0,
		     "584 years are a time too");
	cr_expect_eq(loop_timer_set(f.l, f.a[0], MS, 0), -EINVAL);
	cr_expect_eq(loop_timer_set(f.l, -1, MS, 0), -EINVAL);
	close_fixture(&f);
}

static int take_signal(void *arg, uint64_t n)
{
	struct fixture *f = arg;

	f->sigs[f->nsigs++] = n;
	loop_stop(f->l, f->nsigs);
	return 0;
}

Test(loop, signals_come_one_by_one_and_none_is_lost_at_a_stop)
{
	struct fixture f;
	sigset_t set;

	open_fixture(&f);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	cr_assert_eq(loop_signals(f.l, &set, take_signal, &f), 0);
	raise(SIGUSR1);
	raise(SIGHUP);
	cr_expect_eq(loop_run(f.l), 1);
	cr_expect_eq(loop_run(f.l), 2, "the second waits for the next run");
	cr_expect_eq(f.sigs[0] + f.sigs[1], SIGHUP + SIGUSR1);
	cr_expect_neq(f.sigs[0], f.sigs[1]);
	close_fixture(&f);
}

Test(loop, free_closes_its_own_fds)
{
	int before = dup(STDIN_FILENO), after;
	struct loop *l;
	sigset_t set;

	close(before);
	cr_assert_eq(loop_new(&l), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	cr_assert_eq(loop_signals(l, &set, take_signal, NULL), 0);
	for (int i = 0; i < 40; i++)
		cr_assert_geq(loop_timer(l, tick_stop, NULL), 0);
	loop_del(l, loop_timer(l, tick_stop, NULL));
	loop_free(l);
	loop_free(NULL);
	after = dup(STDIN_FILENO);
	cr_expect_eq(after, before, "fds up to %d were leaked", after);
	close(after);
}

/*
 * What one log_at wrote to stderr, and in how many writes: of an O_DIRECT pipe each read takes what
 * one write put in.
 */
static int capture(enum log_level level, const char *message, char *text, size_t n)
{
	int p[2], saved = dup(STDERR_FILENO), writes = 0;
	size_t len = 0;
	ssize_t got;

	cr_assert_eq(pipe2(p, O_DIRECT | O_NONBLOCK | O_CLOEXEC), 0);
	dup2(p[1], STDERR_FILENO);
	errno = EXDEV;
	log_at(level, "%s", message);
	cr_expect_eq(errno, EXDEV, "errno is kept");
	dup2(saved, STDERR_FILENO);
	while ((got = read(p[0], text + len, n - 1 - len)) > 0) {
		len += got;
		writes++;
	}
	text[len] = '\0';
	close(saved);
	close(p[0]);
	close(p[1]);
	return writes;
}

Test(log, escapes_prefixes_and_writes_once)
{
	static const struct {
		enum log_level level;
		const char *in, *out;
	} rows[] = {
		{ LOG_ERROR, "no such file", "tpd: no such file\n" },
		{ LOG_WARN, "odd", "tpd: warning: odd\n" },
		{ LOG_INFO, "hm", "tpd: hm\n" },
		{ LOG_DEBUG, "not shown", "" },
		{ LOG_ERROR, "a\nb\tc\033[2J\177", "tpd: a\\x0ab\\x09c\\x1b[2J\\x7f\n" },
		{ LOG_ERROR, "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
		  "tpd: \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\n" },
		{ LOG_ERROR,
		  "\x9b"
		  "31m \xc2\x9b \xc2\xa0",
		  "tpd: \\x9b31m \\xc2\\x9b \xc2\xa0\n" },
		{ LOG_ERROR, "\xff\xc0\xaf\xed\xa0\x80", "tpd: \\xff\\xc0\\xaf\\xed\\xa0\\x80\n" },
		{ LOG_ERROR, "100%n %s", "tpd: 100%n %s\n" },
	};
	char text[512];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int writes = capture(rows[i].level, rows[i].in, text, sizeof(text));

		cr_expect_str_eq(text, rows[i].out, "row %zu: %s", i, text);
		cr_expect_eq(writes, *rows[i].out ? 1 : 0, "row %zu: %d writes", i, writes);
	}
}

Test(log, cuts_a_huge_message_and_says_so)
{
	static char huge[20000], text[20000];
	int writes;
	size_t n;

	memset(huge, 'x', sizeof(huge) - 1);
	writes = capture(LOG_ERROR, huge, text, sizeof(text));
	n = strlen(text);
	cr_expect_geq(writes, 1);
	cr_expect(n > 4000 && n < 4200, "%zu", n);
	cr_expect_str_eq(text + n - 4, "...\n");
}

static void count_hook(void *arg, bool before)
{
	int *n = arg;

	*n = *n * 10 + (before ? 1 : 2);
}

Test(log, the_hook_surrounds_each_shown_line)
{
	char text[64];
	int order = 0;

	log_set_hook(count_hook, &order);
	capture(LOG_INFO, "a", text, sizeof(text));
	capture(LOG_DEBUG, "b", text, sizeof(text));
	log_set_level(LOG_DEBUG);
	cr_expect_eq(log_level(), LOG_DEBUG);
	capture(LOG_DEBUG, "c", text, sizeof(text));
	log_set_hook(NULL, NULL);
	log_set_level(LOG_INFO);
	capture(LOG_INFO, "d", text, sizeof(text));
	cr_expect_eq(order, 1212);
}
