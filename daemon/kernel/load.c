/* SPDX-License-Identifier: MIT */
/* load.c: opens, sizes and loads the programs; maps the memory that both sides share. */
#include <sys/epoll.h>
#include <sys/mman.h>

#include "base/log.h"
#include "kernel/private.h"

#define LOG_TAIL 2048
#define SLOT_USUAL 232 /* bytes of a capture that functions of later libraries may need */

/* libbpf's messages: kept, so that the last lines of a refused program can be shown. */
static struct {
	char text[LOG_TAIL * 2];
	size_t len;
} heard;

PRINTF(2, 0)
static int hear(enum libbpf_print_level level, const char *fmt, va_list args)
{
	AUTO_FREE char *line = NULL;
	int n, room;

	if (level == LIBBPF_DEBUG)
		return 0;
	/* The verifier's whole log is one message, and its end is what matters. */
	n = vasprintf(&line, fmt, args);
	if (n <= 0) {
		line = NULL;
		return 0;
	}
	room = MIN(n, LOG_TAIL);
	if (heard.len + room > sizeof(heard.text)) {
		size_t drop = heard.len + room - sizeof(heard.text);

		memmove(heard.text, heard.text + drop, heard.len - drop);
		heard.len -= drop;
	}
	memcpy(heard.text + heard.len, line + n - room, room);
	heard.len += room;
	return 0;
}

static void size_maps(struct kernel *k, const struct kernel_conf *c)
{
	struct tpd *s = k->skel;
	uint32_t hists = c->fns <= HIST_ARRAY_FNS ? c->fns : 0;

	bpf_map__set_max_entries(s->maps.ring, c->ring_bytes);
	bpf_map__set_max_entries(s->maps.cpus, k->ncpus);
	bpf_map__set_max_entries(s->maps.stats, c->fns * k->shards);
	bpf_map__set_max_entries(s->maps.hists, MAX(hists * k->shards, 1u));
	bpf_map__set_max_entries(s->maps.hist_hash, hists ? 1 : MIN(c->fns * 128u, 8u << 20));
	bpf_map__set_max_entries(s->maps.rates, c->rate ? c->fns : 1);
	bpf_map__set_max_entries(s->maps.jumps, COOKIE_MAX_JUMP);
	bpf_map__set_max_entries(s->maps.captures, k->slot ? c->fns : 1);
	bpf_map__set_max_entries(s->maps.fetches, MAX(c->fetches, 1u));
	bpf_map__set_max_entries(s->maps.file_totals, MAX(c->file_totals, 1u));
	if (k->slot)
		bpf_map__set_value_size(s->maps.stashed, k->slot);
	else
		bpf_map__set_max_entries(s->maps.stashed, 1);
}

static void set_knobs(struct kernel *k, const struct kernel_conf *c)
{
	struct tpd__rodata *r = k->skel->rodata;

	r->knob_tgid = c->tgid;
	r->knob_trust_pid = c->tgid && c->features->multi_pid;
	r->knob_stream = c->stream;
	r->knob_shards = k->shards;
	r->knob_hist_hash = c->fns > HIST_ARRAY_FNS;
	r->knob_sample = c->sample;
	r->knob_max_depth = c->max_depth;
	r->knob_min_ns = c->min_ns;
	r->knob_rate = c->rate;
	r->knob_ring_half = c->ring_bytes / 2;
	r->knob_exe_ino = c->exe_ino;
	r->knob_exe_dev = kernel_dev(c->exe_dev);
	r->knob_target_flags = c->target_flags;
	r->knob_slot = k->slot;
	r->knob_slots = k->slot ? STASH_AREA / k->slot - 1 : 0;
	r->knob_where = c->where;
	r->knob_file_min_ns = c->file_min_ns;
	r->knob_file_errors = c->file_errors;
	r->knob_file_count = c->file_totals != 0;
	r->knob_stack = c->stack;
	r->knob_signal = c->signals;
	r->knob_throw = c->throws;
	r->knob_throw_all = c->throw_all;
	if (c->comm)
		snprintf((char *)r->knob_comm, sizeof(r->knob_comm), "%s", c->comm);
}

static void choose_programs(struct kernel *k, const struct kernel_conf *c)
{
	unsigned multi = c->features->uprobe_multi ? TPD_UPROBE_MULTI : 0;
	struct tpd *s = k->skel;

	k->prog[PROG_ENTRY] = s->progs.call_entry;
	k->prog[PROG_ENTRY_EMULATE] = s->progs.call_entry_emulate;
	k->prog[PROG_EXIT] = s->progs.call_exit;
	k->prog[PROG_EXIT_EMULATE] = s->progs.call_exit_emulate;
	k->prog[PROG_SESSION] = s->progs.call_session;
	k->prog[PROG_HOOK] = s->progs.runtime_hook;
	for (int i = 0; i < PROG_MAX; i++)
		bpf_program__set_expected_attach_type(k->prog[i], multi);
	bpf_program__set_expected_attach_type(s->progs.call_session, TPD_UPROBE_SESSION);
	bpf_program__set_autoload(s->progs.call_session, c->features->session);
	bpf_program__set_autoload(s->progs.call_entry_emulate, c->features->emulate);
	bpf_program__set_autoload(s->progs.call_exit_emulate, c->features->emulate);
	bpf_program__set_autoload(s->progs.process_fork, c->watch);
	bpf_program__set_autoload(s->progs.process_exec, c->watch);
	bpf_program__set_autoload(s->progs.signal_deliver, c->signals != 0);
	bpf_program__set_autoload(s->progs.file_enter, c->files);
	bpf_program__set_autoload(s->progs.file_exit, c->files);
}

static int map_memory(const struct bpf_map *map, size_t value, size_t n, int prot, void **ret, size_t *len)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *p;

	/* Array elements of a mapped array are rounded up to 8 bytes, the whole to pages. */
	*len = (value * n + page - 1) / page * page;
	p = mmap(NULL, *len, prot, MAP_SHARED, bpf_map__fd(map), 0);
	if (p == MAP_FAILED)
		return -errno;
	*ret = p;
	return 0;
}

static int map_all(struct kernel *k)
{
	struct tpd *s = k->skel;
	int err;

	err = map_memory(s->maps.live_map, sizeof(struct live), 1, PROT_READ | PROT_WRITE,
			 (void **)&k->live, &k->live_len);
	if (!err)
		err = map_memory(s->maps.cpus, sizeof(struct cpu_stats), k->ncpus, PROT_READ,
				 (void **)&k->cpus, &k->cpus_len);
	if (!err)
		err = map_memory(s->maps.stats, sizeof(struct fn_stats), (size_t)k->fns * k->shards,
				 PROT_READ, (void **)&k->stats, &k->stats_len);
	if (!err && k->fns <= HIST_ARRAY_FNS)
		err = map_memory(s->maps.hists, HIST_BUCKETS * 8, (size_t)k->fns * k->shards,
				 PROT_READ, (void **)&k->hists, &k->hists_len);
	return err;
}

static int attach_watchers(struct kernel *k, const struct kernel_conf *c)
{
	struct tpd *s = k->skel;
	struct bpf_program *p[WATCHERS] = { s->progs.thread_exit, c->watch ? s->progs.process_fork : NULL,
					    c->watch ? s->progs.process_exec : NULL,
					    c->signals ? s->progs.signal_deliver : NULL,
					    c->files ? s->progs.file_exit : NULL,
					    c->files ? s->progs.file_enter : NULL };

	for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
		if (!p[i])
			continue;
		k->watch[i] = bpf_program__attach(p[i]);
		if (!k->watch[i])
			return -errno;
	}
	return 0;
}

static int on_event(void *arg, void *ev, size_t len)
{
	struct kernel *k = arg;

	k->read++;
	return k->cb ? k->cb(k->cb_arg, ev, len) : 0;
}

/* libbpf's own epoll is level-triggered: with events that wake nobody it would be ready all the time. */
static int open_epoll(struct kernel *k)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (k->epoll < 0 || epoll_ctl(k->epoll, EPOLL_CTL_ADD, bpf_map__fd(k->skel->maps.ring), &ev))
		return -errno;
	return 0;
}

static int open_all(struct kernel *k, const struct kernel_conf *c)
{
	int err;

	libbpf_set_print(hear);
	heard.len = 0;
	k->skel = tpd__open();
	if (!k->skel)
		return -errno;
	choose_programs(k, c);
	size_maps(k, c);
	set_knobs(k, c);
	err = tpd__load(k->skel);
	if (err) {
		size_t n = MIN(heard.len, (size_t)LOG_TAIL);

		/* Not in one line: it is a listing. */
		log_error("the kernel refused the BPF programs: %s; its last words:", strerror(-err));
		fprintf(stderr, "%.*s\n", (int)n, heard.text + heard.len - n);
		return err == -EACCES ? -EINVAL : err;
	}
	err = map_all(k);
	if (!err)
		err = attach_watchers(k, c);
	if (err)
		return err;
	k->ring = ring_buffer__new(bpf_map__fd(k->skel->maps.ring), on_event, k, NULL);
	if (!k->ring)
		return -errno;
	return open_epoll(k);
}

int kernel_open(struct kernel **ret, const struct kernel_conf *c)
{
	struct kernel *k;
	long cpus = libbpf_num_possible_cpus();
	int err;

	if (c->features->load_err)
		return c->features->load_err;
	if (!c->features->btf || !c->features->bpf_loop)
		return -EOPNOTSUPP;
	k = calloc(1, sizeof(*k));
	if (!k)
		return -ENOMEM;
	k->features = *c->features;
	k->epoll = -1;
	k->ncpus = MAX(cpus, 1);
	k->fns = c->fns;
	k->nfetches = c->fetches;
	if (c->capture)
		k->slot = (sizeof(struct ev_call) + MAX(c->capture, (uint32_t)SLOT_USUAL) + 7) / 8 * 8;
	k->shards = 1;
	while (k->shards < k->ncpus && k->shards < 8)
		k->shards *= 2;
	err = open_all(k, c);
	if (err) {
		kernel_close(k);
		return err;
	}
	*ret = k;
	return 0;
}

static void unmap(const void *p, size_t len)
{
	if (p)
		munmap((void *)p, len);
}

void kernel_close(struct kernel *k)
{
	if (!k)
		return;
	kernel_detach_all(k);
	ring_buffer__free(k->ring);
	if (k->epoll >= 0)
		close(k->epoll);
	unmap((const void *)k->live, k->live_len);
	unmap(k->cpus, k->cpus_len);
	unmap(k->stats, k->stats_len);
	unmap(k->hists, k->hists_len);
	tpd__destroy(k->skel);
	for (int i = 0; i < PROG_MAX; i++)
		free(k->links[i].v);
	free(k);
}
