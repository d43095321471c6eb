/* SPDX-License-Identifier: MIT */
/*
 * attach.c: sites become links. uprobe_multi takes all sites of a file in one raw system call; one bad site fails
 * the whole, so a refusal is narrowed down by halves to the culprit. Perf uprobes, one event a site, only where
 * uprobe_multi is missing: they cost an RCU grace period each to take away (T13).
 */
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "kernel/private.h"

static int links_add(struct links *l, int fd)
{
	int err = util_grow(&l->v, l->n, &l->cap, sizeof(*l->v));

	if (err)
		return err;
	l->v[l->n++] = fd;
	return 0;
}

static int link_multi(struct kernel *k, enum prog prog, const char *path, pid_t pid, const struct site *sites,
		      size_t n)
{
	AUTO_FREE uint64_t *offsets = calloc(n, 2 * sizeof(uint64_t));
	uint64_t *cookies = offsets + n;
	union tpd_link_attr attr = { .prog_fd = bpf_program__fd(k->prog[prog]) };
	int fd;

	if (!offsets)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		offsets[i] = sites[i].offset;
		cookies[i] = sites[i].cookie;
	}
	attr.attach_type = prog == PROG_SESSION ? TPD_UPROBE_SESSION : TPD_UPROBE_MULTI;
	attr.path = (uintptr_t)path;
	attr.offsets = (uintptr_t)offsets;
	attr.cookies = (uintptr_t)cookies;
	attr.cnt = n;
	attr.pid = k->features.multi_pid ? pid : 0;
	fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -errno : fd;
}

/* Errors that are not the fault of one site. */
static bool fatal(int err)
{
	return err == -EPERM || err == -ESRCH || err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

static int attach_multi(struct kernel *k, enum prog prog, const char *path, pid_t pid, struct site *sites,
			size_t n)
{
	int fd = link_multi(k, prog, path, pid, sites, n), left, right;

	if (fd >= 0) {
		left = links_add(&k->links[prog], fd);
		if (left)
			close(fd);
		return left;
	}
	if (fatal(fd))
		return fd;
	if (n == 1) {
		sites[0].err = fd;
		return 1;
	}
	left = attach_multi(k, prog, path, pid, sites, n / 2);
	if (left < 0)
		return left;
	right = attach_multi(k, prog, path, pid, sites + n / 2, n - n / 2);
	return right < 0 ? right : left + right;
}

static int uprobe_pmu(void)
{
	AUTO_FCLOSE FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "re");
	int type;

	return f && fscanf(f, "%d", &type) == 1 ? type : -EOPNOTSUPP;
}

static int attach_one_perf(struct kernel *k, enum prog prog, const char *path, pid_t pid, int type,
			   const struct site *s)
{
	struct perf_event_attr pe = { .type = type, .size = sizeof(pe), .config1 = (uintptr_t)path,
				      .config2 = s->offset };
	union tpd_link_attr attr = { .prog_fd = bpf_program__fd(k->prog[prog]),
				     .attach_type = BPF_PERF_EVENT };
	int pfd, fd, err;

	pfd = syscall(SYS_perf_event_open, &pe, pid > 0 ? pid : -1, pid > 0 ? -1 : 0, -1,
		      PERF_FLAG_FD_CLOEXEC);
	if (pfd < 0)
		return -errno;
	attr.target_fd = pfd;
	attr.bpf_cookie = s->cookie;
	fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
	if (fd < 0) {
		err = -errno;
		close(pfd);
		return err;
	}
	err = links_add(&k->links[prog], fd);
	if (err)
		close(fd);
	else
		err = links_add(&k->links[prog], pfd);
	if (err)
		close(pfd);
	return err;
}

static int attach_perf(struct kernel *k, enum prog prog, const char *path, pid_t pid, struct site *sites,
		       size_t n)
{
	int type = uprobe_pmu(), refused = 0, err;

	if (type < 0)
		return type;
	for (size_t i = 0; i < n; i++) {
		err = attach_one_perf(k, prog, path, pid, type, &sites[i]);
		if (err && fatal(err))
			return err;
		sites[i].err = err;
		refused += err != 0;
	}
	return refused;
}

int kernel_attach(struct kernel *k, enum prog prog, int fd, pid_t pid, struct site *sites, size_t n)
{
	char path[64];
	int refused = 0, err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (size_t i = 0; i < n; i += TPD_MULTI_MAX) {
		size_t part = MIN(n - i, (size_t)TPD_MULTI_MAX);

		if (k->features.uprobe_multi)
			err = attach_multi(k, prog, path, pid, sites + i, part);
		else
			err = attach_perf(k, prog, path, pid, sites + i, part);
		if (err < 0)
			return err;
		refused += err;
	}
	return refused;
}

void kernel_detach(struct kernel *k, enum prog prog)
{
	struct links *l = &k->links[prog];

	while (l->n)
		close(l->v[--l->n]);
}

void kernel_detach_all(struct kernel *k)
{
	static const enum prog order[] = { PROG_SESSION, PROG_ENTRY, PROG_ENTRY_EMULATE, PROG_EXIT,
					   PROG_EXIT_EMULATE, PROG_HOOK };

	if (k->live)
		k->live->shut = 1;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		kernel_detach(k, order[i]);
	for (size_t i = 0; i < ARRAY_SIZE(k->watch); i++) {
		bpf_link__destroy(k->watch[i]);
		k->watch[i] = NULL;
	}
}
