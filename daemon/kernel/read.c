/* SPDX-License-Identifier: MIT */
/* read.c: what comes up from the kernel: events, statistics, the last sweep. */
#include <sys/epoll.h>

#include "kernel/private.h"

int kernel_target(struct kernel *k, pid_t tgid, uint32_t flags, dev_t dev, uint64_t ino)
{
	struct target_info info = { .flags = flags, .dev = kernel_dev(dev), .ino = ino };
	uint32_t key = tgid;

	return bpf_map_update_elem(bpf_map__fd(k->skel->maps.targets), &key, &info, BPF_ANY) ? -errno : 0;
}

int kernel_targets(const struct kernel *k, pid_t **ret)
{
	int fd = bpf_map__fd(k->skel->maps.targets), n = 0;
	uint32_t key, *at = NULL;
	pid_t *v = NULL;
	size_t cap = 0;

	while (!bpf_map_get_next_key(fd, at, &key)) {
		if (util_grow(&v, n, &cap, sizeof(*v))) {
			free(v);
			return -ENOMEM;
		}
		v[n++] = key;
		at = &key;
	}
	*ret = v;
	return n;
}

int kernel_set_jump(struct kernel *k, uint32_t i, const struct jump_spec *spec)
{
	return bpf_map_update_elem(bpf_map__fd(k->skel->maps.jumps), &i, spec, BPF_ANY) ? -errno : 0;
}

int kernel_set_capture(struct kernel *k, uint32_t fn, const struct capture_spec *spec, const struct fetch *ops,
		       uint32_t bytes)
{
	struct capture_spec copy = *spec;
	int fd = bpf_map__fd(k->skel->maps.fetches);

	if (sizeof(struct ev_call) + bytes > k->slot)
		return -E2BIG;
	if (spec->nentry + spec->nret > k->nfetches - k->fetches)
		return -ENOSPC;
	copy.entry = k->fetches;
	copy.ret = copy.entry + spec->nentry;
	for (uint32_t i = 0; i < (uint32_t)spec->nentry + spec->nret; i++) {
		if (bpf_map_update_elem(fd, &k->fetches, &ops[i], BPF_ANY))
			return -errno;
		k->fetches++;
	}
	return bpf_map_update_elem(bpf_map__fd(k->skel->maps.captures), &fn, &copy, BPF_ANY) ? -errno : 0;
}

int kernel_set_syscall(struct kernel *k, uint32_t nr, const struct sys_spec *spec)
{
	if (nr >= SYS_MAX)
		return -ERANGE;
	return bpf_map_update_elem(bpf_map__fd(k->skel->maps.syscalls), &nr, spec, BPF_ANY) ? -errno : 0;
}

int kernel_file_totals(struct kernel *k, int (*cb)(void *arg, const struct file_key *key, const struct file_stats *s), void *arg)
{
	int fd = bpf_map__fd(k->skel->maps.file_totals), ret = 0;
	struct file_key key, next, *at = NULL;
	struct file_stats stats;

	while (!bpf_map_get_next_key(fd, at, &next)) {
		/* The next one is found before this one may go. */
		if (ret > 0)
			bpf_map_delete_elem(fd, at);
		key = next;
		at = &key;
		ret = bpf_map_lookup_elem(fd, &key, &stats) ? 0 : cb(arg, &key, &stats);
		if (ret < 0)
			return ret;
	}
	if (at && ret > 0)
		bpf_map_delete_elem(fd, at);
	return 0;
}

int kernel_set_places(struct kernel *k, pid_t tgid, int64_t errno_off, uint64_t abort_msg)
{
	struct target_places p = { .errno_off = errno_off, .abort_msg = abort_msg };
	struct target_info info;
	uint32_t key = tgid;

	/* It has ended: nothing would take its places away any more. */
	if (bpf_map_lookup_elem(bpf_map__fd(k->skel->maps.targets), &key, &info))
		return -errno;
	return bpf_map_update_elem(bpf_map__fd(k->skel->maps.places), &key, &p, BPF_ANY) ? -errno : 0;
}

int kernel_fd(const struct kernel *k)
{
	return k->epoll;
}

int kernel_read(struct kernel *k, int (*cb)(void *arg, const void *ev, size_t len), void *arg)
{
	struct epoll_event ev;
	int err;

	epoll_wait(k->epoll, &ev, 1, 0); /* takes the edge */
	k->cb = cb;
	k->cb_arg = arg;
	k->read = 0;
	err = ring_buffer__consume(k->ring);
	return err < 0 ? err : k->read;
}

int kernel_sweep(struct kernel *k)
{
	struct bpf_link *link = bpf_program__attach_iter(k->skel->progs.sweep_open, NULL);
	int err = 0, fd;
	char buf[64];

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	if (fd < 0) {
		err = -errno;
	} else {
		while ((err = read(fd, buf, sizeof(buf))) > 0)
			;
		err = err < 0 ? -errno : 0;
		close(fd);
	}
	bpf_link__destroy(link);
	return err;
}

volatile struct live *kernel_live(struct kernel *k)
{
	return k->live;
}

const struct cpu_stats *kernel_cpus(const struct kernel *k, size_t *n)
{
	*n = k->ncpus;
	return k->cpus;
}

void kernel_fn_stats(const struct kernel *k, uint32_t fn, struct fn_stats *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (fn >= k->fns)
		return;
	for (uint32_t i = 0; i < k->shards; i++)
		fn_stats_merge(ret, &k->stats[(size_t)fn * k->shards + i]);
	/* Each call began, and then either ended in one of these ways or was never followed. */
	for (int j = 0; j < CALL_EXIT_MAX; j++)
		ret->entered += ret->exits[j];
	ret->entered += ret->lost[LOST_MAP_FULL] + ret->lost[LOST_DEPTH] + ret->lost[LOST_READ_FAULT] +
			ret->lost[LOST_MISSED];
}

/* The shared hash is looked up bucket by bucket between the function's extremes, not walked. */
static int histogram_hash(const struct kernel *k, uint32_t fn, uint64_t bucket[HIST_BUCKETS])
{
	int fd = bpf_map__fd(k->skel->maps.hist_hash);
	struct fn_stats s;

	kernel_fn_stats(k, fn, &s);
	if (!s.min_inv)
		return 0;
	for (uint32_t b = hist_bucket(~s.min_inv); b <= hist_bucket(s.max_ns); b++) {
		struct hist_key key = { .fn = fn, .bucket = b };

		if (bpf_map_lookup_elem(fd, &key, &bucket[b]))
			bucket[b] = 0;
	}
	return 0;
}

int kernel_histogram(const struct kernel *k, uint32_t fn, uint64_t bucket[HIST_BUCKETS])
{
	memset(bucket, 0, HIST_BUCKETS * sizeof(*bucket));
	if (fn >= k->fns)
		return -ERANGE;
	if (!k->hists)
		return histogram_hash(k, fn, bucket);
	for (uint32_t i = 0; i < k->shards; i++)
		hist_merge(bucket, &k->hists[((size_t)fn * k->shards + i) * HIST_BUCKETS]);
	return 0;
}

uint64_t kernel_missed(const struct kernel *k)
{
	uint64_t missed = 0;

	for (int i = 0; i < PROG_MAX; i++) {
		struct bpf_prog_info info = {};
		uint32_t len = sizeof(info);
		int fd = bpf_program__fd(k->prog[i]);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			missed += info.recursion_misses;
	}
	return missed;
}
