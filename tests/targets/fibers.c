/* SPDX-License-Identifier: MIT */
/*
 * fibers.c: ucontext fibers on malloc'ed stacks that switch in the middle of traced calls, so that calls overlap and
 * end in another order than they began. MODE move: fibers go on in another thread after each switch.
 */
#include <ucontext.h>
#include "target.h"

#define FIBERS 4
#define STACK  65536

struct fiber {
	ucontext_t ctx;
	void *stack;
	int live;
};

/* One ring of fibers and whoever runs it: one thread, or two that take turns. */
struct ring {
	struct fiber f[FIBERS];
	ucontext_t home[2];
	int now, n, turn;
	long sum, ends;
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

static __thread struct ring *mine;

TRACED static struct ring *ring(void)
{
	return mine; /* read anew: the fiber may have moved to another thread */
}

static TRACED void yield(void)
{
	struct ring *r = ring();

	swapcontext(&r->f[r->now].ctx, &r->home[r->turn]);
}

TRACED long step(long i)
{
	KEEP(i);
	return i + 1;
}

TRACED long fiber_work(long i)
{
	long r = step(i);

	if (i % 3 == 0)
		yield();
	r += step(i);
	ring()->ends++;
	return r;
}

/* Traced calls that are open over several switches. */
TRACED long long_lived(long i)
{
	long r = fiber_work(i) + fiber_work(i + 1) + fiber_work(i + 2);

	KEEP(r);
	return r;
}

static void body(void)
{
	struct ring *r = ring();

	for (long i = 0; i < r->n; i++) {
		long v = fiber_work(i) + long_lived(i);

		ring()->sum += v;
	}
	r = ring();
	r->f[r->now].live = 0;
	setcontext(&r->home[r->turn]);
}

static void ring_init(struct ring *r, int n)
{
	memset(r, 0, sizeof(*r));
	r->n = n;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	for (int i = 0; i < FIBERS; i++) {
		struct fiber *f = &r->f[i];

		getcontext(&f->ctx);
		f->live = 1;
		f->stack = malloc(STACK);
		f->ctx.uc_stack.ss_sp = f->stack;
		f->ctx.uc_stack.ss_size = STACK;
		makecontext(&f->ctx, body, 0);
	}
}

static long ring_free(struct ring *r)
{
	for (int i = 0; i < FIBERS; i++)
		free(r->f[i].stack);
	return r->sum + r->ends;
}

/* Runs the next fiber that lives until it yields. */
static int ring_step(struct ring *r)
{
	for (int i = 0; i < FIBERS; i++) {
		r->now = (r->now + 1) % FIBERS;
		if (r->f[r->now].live) {
			swapcontext(&r->home[r->turn], &r->f[r->now].ctx);
			return 1;
		}
	}
	return 0;
}

static long work(int n)
{
	struct ring *r = malloc(sizeof(*r));
	long sum;

	ring_init(r, n);
	mine = r;
	while (ring_step(r))
		;
	sum = ring_free(r);
	free(r);
	return sum;
}

struct mover {
	struct ring *r;
	int me;
};

static void *mover(void *arg)
{
	struct mover *m = arg;
	struct ring *r = m->r;
	int more = 1;

	mine = r;
	while (more) {
		pthread_mutex_lock(&r->lock);
		while (r->turn != m->me)
			pthread_cond_wait(&r->changed, &r->lock);
		more = ring_step(r);
		r->turn = !m->me;
		pthread_cond_broadcast(&r->changed);
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

static long move_work(int n)
{
	struct ring *r = malloc(sizeof(*r));
	struct mover m[2] = { { r, 0 }, { r, 1 } };
	pthread_t t[2];
	long sum;

	ring_init(r, n);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, mover, &m[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	sum = ring_free(r);
	free(r);
	return sum;
}

int main(int argc, char **argv)
{
	long sum, n;

	target_init(argc, argv, 60);
	sum = target_work(strcmp(target.mode, "move") ? work : move_work);
	n = (long)target.n * target.threads * FIBERS;
	truth_begin("fibers", sum, 0);
	truth("calls", "fiber_work", "return", 4 * n);
	truth("calls", "long_lived", "return", n);
	truth("calls", "step", "return", 8 * n);
	truth("parent", "step", "fiber_work", 8 * n);
	truth("parent", "fiber_work", "long_lived", 3 * n);
	truth_end();
	return 0;
}
