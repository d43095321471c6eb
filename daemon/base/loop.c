/* SPDX-License-Identifier: MIT */
/*
 * loop.c: watches are kept by fd number, each with a generation that travels in the epoll event. An
 * event that was fetched before its watch was deleted, or before the fd number was reused, carries
 * an old generation and is dropped. epoll is level-triggered: whatever is left when the loop stops
 * is reported again by the next run.
 */
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include "base/loop.h"

#define BATCH 64
#define NSEC  1000000000u

enum watch_kind { WATCH_FREE, WATCH_FD, WATCH_TIMER, WATCH_SIGNALS };

struct watch {
	enum watch_kind kind;
	uint32_t gen;
	union {
		loop_cb *cb;
		loop_num_cb *num_cb;
	};
	void *arg;
};

struct loop {
	int epfd;
	struct watch *v; /* by fd */
	size_t n, cap;
	bool stop;
	int value;
};

int loop_new(struct loop **ret)
{
	struct loop *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0) {
		err = -errno;
		free(l);
		return err;
	}
	*ret = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	for (size_t fd = 0; fd < l->n; fd++)
		if (l->v[fd].kind == WATCH_TIMER || l->v[fd].kind == WATCH_SIGNALS)
			close(fd);
	close(l->epfd);
	free(l->v);
	free(l);
}

static int grow_to(struct loop *l, size_t fd)
{
	int err = 0;

	if (fd < l->n)
		return 0;
	err = util_grow(&l->v, fd, &l->cap, sizeof(*l->v));
	if (err)
		return err;
	memset(l->v + l->n, 0, (fd + 1 - l->n) * sizeof(*l->v));
	l->n = fd + 1;
	return 0;
}

/* On success the caller fills in the callback. */
static int watch(struct loop *l, int fd, enum watch_kind kind, void *arg)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct watch *w;
	int err;

	if (fd < 0)
		return -EBADF;
	err = grow_to(l, fd);
	if (err)
		return err;
	w = &l->v[fd];
	ev.data.u64 = (uint64_t)(w->gen + 1) << 32 | (uint32_t)fd;
	/* The kernel, not the table, knows whether fd is watched: closing it took it out. */
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev))
		return -errno;
	w->gen++;
	w->kind = kind;
	w->arg = arg;
	return 0;
}

int loop_add(struct loop *l, int fd, loop_cb *cb, void *arg)
{
	int err = watch(l, fd, WATCH_FD, arg);

	if (!err)
		l->v[fd].cb = cb;
	return err;
}

void loop_del(struct loop *l, int fd)
{
	struct watch *w;
	bool owned;

	if (fd < 0 || (size_t)fd >= l->n || l->v[fd].kind == WATCH_FREE)
		return;
	w = &l->v[fd];
	owned = w->kind != WATCH_FD;
	epoll_ctl(l->epfd, EPOLL_CTL_DEL, fd, NULL);
	w->kind = WATCH_FREE;
	w->gen++;
	if (owned)
		close(fd);
}

/* Takes over fd, also on failure. */
static int watch_owned(struct loop *l, int fd, enum watch_kind kind, loop_num_cb *cb, void *arg)
{
	int err = watch(l, fd, kind, arg);

	if (err) {
		close(fd);
		return err;
	}
	l->v[fd].num_cb = cb;
	return fd;
}

int loop_timer(struct loop *l, loop_num_cb *cb, void *arg)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	return fd < 0 ? -errno : watch_owned(l, fd, WATCH_TIMER, cb, arg);
}

int loop_timer_set(struct loop *l, int id, uint64_t ns, uint64_t period_ns)
{
	struct itimerspec t = {
		.it_value = { ns / NSEC, ns % NSEC },
		.it_interval = { period_ns / NSEC, period_ns % NSEC },
	};

	if (id < 0 || (size_t)id >= l->n || l->v[id].kind != WATCH_TIMER)
		return -EINVAL;
	return timerfd_settime(id, 0, &t, NULL) ? -errno : 0;
}

int loop_signals(struct loop *l, const sigset_t *set, loop_num_cb *cb, void *arg)
{
	int err = pthread_sigmask(SIG_BLOCK, set, NULL), fd;

	if (err)
		return -err;
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	fd = watch_owned(l, fd, WATCH_SIGNALS, cb, arg);
	return fd < 0 ? fd : 0;
}

/* w is a copy: the callback may add watches, which moves the table. */
static int dispatch(int fd, struct watch w, uint32_t events)
{
	struct signalfd_siginfo si;
	uint64_t n;

	switch (w.kind) {
	case WATCH_FD:
		return w.cb(w.arg, events);
	case WATCH_TIMER:
		/* Nothing to read: it was set anew since epoll told of it. */
		return read(fd, &n, sizeof(n)) == sizeof(n) ? w.num_cb(w.arg, n) : 0;
	case WATCH_SIGNALS:
		/* One at a time, so that none is lost when its callback ends the loop. */
		return read(fd, &si, sizeof(si)) == sizeof(si) ? w.num_cb(w.arg, si.ssi_signo) : 0;
	case WATCH_FREE:
		break;
	}
	return 0;
}

static void run_batch(struct loop *l, const struct epoll_event *ev, int n)
{
	for (int i = 0; i < n && !l->stop; i++) {
		uint32_t fd = (uint32_t)ev[i].data.u64;
		struct watch w = l->v[fd];
		int err;

		if (w.kind == WATCH_FREE || w.gen != ev[i].data.u64 >> 32)
			continue;
		err = dispatch(fd, w, ev[i].events);
		if (err < 0)
			loop_stop(l, err);
	}
}

int loop_run(struct loop *l)
{
	struct epoll_event ev[BATCH];

	while (!l->stop) {
		int n = epoll_wait(l->epfd, ev, BATCH, -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		run_batch(l, ev, n);
	}
	l->stop = false;
	return l->value;
}

void loop_stop(struct loop *l, int value)
{
	l->stop = true;
	l->value = value;
}
