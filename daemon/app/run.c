/* SPDX-License-Identifier: MIT */
/*
 * run.c: the loop of a session. Reading is batched: the first event after a pause wakes tpd at once, from then on it looks
 * every DRAIN_NS until nothing has come for a while. An idle tpd has no timer running.
 */
#include "app/run.h"
#include "base/clock.h"
#include "base/log.h"

#define DRAIN_NS     (5 * 1000000ull)
#define DRAINS_EMPTY 20 /* looks in vain before tpd sleeps for good */
#define STATUS_NS    1000000000ull
#define LOST_NS      200000000ull /* losses are told no more often, and at the end */

static void stop(struct session *s, const char *reason)
{
	if (!s->reason)
		s->reason = reason;
	loop_stop(s->loop, 0);
}

/* The image or the libraries of a process changed: plan and attach what is new. */
static void rescan(struct session *s, pid_t pid, bool fresh_image)
{
	struct target *t = target_find(s, pid);
	AUTO_FREE struct probe_info *probes = NULL;
	size_t from = s->plan.n, n;
	bool hijack = s->hijack;
	int err;

	if (t && fresh_image) {
		struct process again;

		if (process_open(&again, pid))
			return;
		/* The pidfd is the old one's: it is watched, and the process is the same. */
		close(again.pidfd);
		again.pidfd = t->process.pidfd;
		t->process.pidfd = -1;
		process_close(&t->process);
		t->process = again;
	} else if (!t) {
		if (target_add(s, pid, true) || !(t = target_find(s, pid)))
			return;
		run_watch(s, t);
		output_process(&s->output, pid, "attach", t->process.exe, NULL, 0);
	}
	err = target_scan(s, t);
	if (err)
		return;
	if (hijack && s->no_hijack) {
		err = session_stop_hijack(s, s->no_hijack);
		if (err < 0)
			log_warn("process %d: %s", pid, strerror(-err));
	}
	if (s->plan.wanted > s->plan.max)
		log_warn("%zu functions match by now; only the first %zu are traced; start tpd again for the rest",
			 s->plan.wanted, s->plan.max);
	if (!carry_plan(s))
		carry_install(s);
	carry_process(s, &t->process);
	session_name_functions(s);
	err = session_attach(s, t);
	if (err < 0 && err != -ESRCH)
		log_warn("process %d: new functions cannot be attached: %s", pid, strerror(-err));
	/* Nothing that came forbids it: return addresses may be diverted again. */
	if (s->hijack)
		kernel_live(s->kernel)->no_hijack = HIJACK_FREE;
	images_trim(s->images);
	n = session_probes(s, from, &probes);
	if (n)
		output_process(&s->output, pid, "library", NULL, probes, n);
}

static void on_process(struct session *s, const struct ev_process *e)
{
	struct target *t;

	switch (e->event) {
	case PROC_FORK:
		rescan(s, e->child, false);
		break;
	case PROC_EXEC:
		t = target_find(s, e->h.pid);
		if (t && e->status) /* by a thread: what was attached for its leader went with it */
			t->nattached = 0;
		if (t || s->everywhere)
			rescan(s, e->h.pid, true);
		break;
	case PROC_LIBRARY:
		if (target_find(s, e->h.pid))
			rescan(s, e->h.pid, false);
		break;
	}
}

static int on_event(void *arg, const void *bytes, size_t len)
{
	struct session *s = arg;
	struct ev_hdr h;
	int err;

	fileio_check(s);
	err = output_event(&s->output, bytes, len);

	if (err == -EBADMSG)
		log_warn("an event of %zu bytes cannot be decoded", len);
	if (!decode_header(bytes, len, &h) && h.kind == EV_PROCESS) {
		struct ev_process e;

		memcpy(&e, bytes, sizeof(e));
		on_process(s, &e);
	}
	if (s->conf.count && s->output.calls + (s->npatterns ? 0 : s->output.file_records) >= s->conf.count)
		stop(s, "count");
	return 0;
}

/* Events of processes did not fit into the ring: what they would have told is found out from the processes. */
static void look_again(struct session *s, uint64_t count)
{
	AUTO_FREE pid_t *v = NULL;
	int n = kernel_targets(s->kernel, &v);

	output_lost(&s->output, "ring_full", count - s->looked_again);
	s->process_lost += count - s->looked_again;
	s->looked_again = count;
	for (int i = 0; i < n; i++)
		rescan(s, v[i], true);
}

static void tell_losses(struct session *s)
{
	uint64_t more = kernel_live(s->kernel)->more_lost;

	output_losses(&s->output, &s->source);
	if (more != s->more_lost)
		output_lost(&s->output, "ring_full", more - s->more_lost);
	s->more_lost = more;
}

static int drain(struct session *s)
{
	volatile struct live *live = kernel_live(s->kernel);
	int n = kernel_read(s->kernel, on_event, s);
	uint64_t lost = live->lost, now = clock_mono();

	if (live->look_again != s->looked_again)
		look_again(s, live->look_again);
	if (live->foreign && s->hijack)
		session_stop_hijack(s, "a call ran on a foreign stack, or more than 60 deep");
	if (lost != s->lost_seen && now - s->lost_ns > LOST_NS) {
		s->lost_seen = lost;
		s->lost_ns = now;
		tell_losses(s);
	}
	if (n > 0)
		fileio_count(s, false);
	fileio_warn(s);
	if (output_flush(&s->output) == -EPIPE)
		stop(s, "error");
	return n;
}

static int on_ring(void *arg, uint32_t events)
{
	struct session *s = arg;

	s->empty_drains = 0;
	drain(s);
	return loop_timer_set(s->loop, s->drain_timer, DRAIN_NS, DRAIN_NS);
}

static int on_drain(void *arg, uint64_t n)
{
	struct session *s = arg;

	if (drain(s) > 0) {
		s->empty_drains = 0;
		return 0;
	}
	if (++s->empty_drains < DRAINS_EMPTY)
		return 0;
	/* Ask to be woken, then look once more: an event may have come between. */
	kernel_live(s->kernel)->quiet = 0;
	__sync_synchronize();
	if (drain(s) > 0)
		return 0;
	return loop_timer_set(s->loop, s->drain_timer, 0, 0);
}

static int on_duration(void *arg, uint64_t n)
{
	stop(arg, "duration");
	return 0;
}

static int on_interval(void *arg, uint64_t n)
{
	struct session *s = arg;

	drain(s);
	output_summary(&s->output, &s->source, true);
	return 0;
}

static int on_status(void *arg, uint64_t n)
{
	struct session *s = arg;

	output_status(&s->output, kernel_live(s->kernel)->lost);
	return 0;
}

static int on_signal(void *arg, uint64_t sig)
{
	struct session *s = arg;

	if (sig == SIGCHLD) {
		spawn_reap(s);
		return 0;
	}
	stop(s, "signal");
	return 0;
}

static int on_target_exit(void *arg, uint32_t events)
{
	struct target *t = arg;
	struct session *s = t->session;

	loop_del(s->loop, t->process.pidfd);
	target_remove(s, t);
	/* Others may come with --exe, --comm and --follow, but only while someone can start them. */
	if (!s->targets && !s->conf.exe && !s->conf.comm)
		stop(s, "target_exit");
	return 0;
}

int run_watch(struct session *s, struct target *t)
{
	return loop_add(s->loop, t->process.pidfd, on_target_exit, t);
}

static int add_timers(struct session *s)
{
	s->drain_timer = loop_timer(s->loop, on_drain, s);
	s->duration_timer = loop_timer(s->loop, on_duration, s);
	s->interval_timer = loop_timer(s->loop, on_interval, s);
	s->status_timer = loop_timer(s->loop, on_status, s);
	return MIN(MIN(s->drain_timer, s->duration_timer), MIN(s->interval_timer, s->status_timer));
}

int run_prepare(struct session *s)
{
	sigset_t set;
	int err = loop_new(&s->loop);

	if (err)
		return err;
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	err = add_timers(s);
	if (err >= 0)
		err = loop_signals(s->loop, &set, on_signal, s);
	if (!err)
		err = loop_add(s->loop, kernel_fd(s->kernel), on_ring, s);
	for (struct target *t = s->targets; t && !err; t = t->next)
		err = run_watch(s, t);
	return err;
}

int session_run(struct session *s)
{
	const struct conf *c = &s->conf;
	int err;

	if (c->duration_ns)
		loop_timer_set(s->loop, s->duration_timer, c->duration_ns, 0);
	if (c->interval_ns)
		loop_timer_set(s->loop, s->interval_timer, c->interval_ns, c->interval_ns);
	if (s->output.status)
		loop_timer_set(s->loop, s->status_timer, STATUS_NS, STATUS_NS);
	/* What came while the probes went in. */
	on_ring(s, 0);
	err = loop_run(s->loop);
	if (err) {
		log_error("the event loop failed: %s", strerror(-err));
		s->status = STATUS_FAILED;
		s->reason = "error";
	}
	return err;
}

void run_finish(struct session *s)
{
	struct accounting_sum sum;
	const struct cpu_stats *cpus;
	uint64_t missed, lost = 0;
	size_t n;

	drain(s);
	tell_losses(s);
	exceptions_finish(s->output.exceptions);
	cpus = kernel_cpus(s->kernel, &n);
	accounting_finish(&s->output.accounting, cpus, n, &sum);
	missed = kernel_missed(s->kernel);
	if (missed)
		output_lost(&s->output, "missed", missed);
	if (sum.unexplained) {
		log_error("%llu events are unaccounted for: this is a bug in tpd",
			  (unsigned long long)sum.unexplained);
		output_lost(&s->output, "missed", sum.unexplained);
	}
	for (struct target *t = s->targets; t; t = t->next)
		output_process(&s->output, t->process.pid, "detach", NULL, NULL, 0);
	for (size_t fn = 0; fn < s->plan.n; fn++) {
		struct fn_stats st;

		kernel_fn_stats(s->kernel, fn, &st);
		lost += stats_lost(&st);
	}
	fileio_count(s, true);
	output_summary(&s->output, &s->source, false);
	output_end(&s->output, s->reason, lost + missed + sum.unexplained + s->process_lost + s->more_lost);
}
