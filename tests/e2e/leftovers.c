/* SPDX-License-Identifier: MIT */
/* leftovers.c: is anything of a tracer left in a process or in the kernel? */
#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sys/syscall.h>
#include "harness.h"

/* One file-backed executable mapping against its file. */
static bool mapping_is_clean(pid_t pid, int mem, const char *line)
{
	unsigned long long start, end, offset;
	char perms[8], path[64];
	AUTO_FREE char *a = NULL, *b = NULL;
	AUTO_CLOSE int fd = -1;
	ssize_t n;

	if (sscanf(line, "%llx-%llx %7s %llx", &start, &end, perms, &offset) != 4)
		return true;
	if (!strchr(perms, 'x') || !strchr(line, '/'))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", pid, start, end);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	a = malloc(end - start);
	b = malloc(end - start);
	n = pread(fd, a, end - start, (off_t)offset);
	return !a || !b || n <= 0 || pread(mem, b, n, (off_t)start) != n || !memcmp(a, b, n);
}

bool text_is_clean(pid_t pid, int ms)
{
	char path[64], line[4400];
	bool clean = false;

	for (int waited = 0; !clean && waited <= ms; waited += 5) {
		AUTO_CLOSE int mem = -1;
		AUTO_FCLOSE FILE *maps = NULL;

		snprintf(path, sizeof(path), "/proc/%d/mem", pid);
		mem = open(path, O_RDONLY | O_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/%d/maps", pid);
		maps = fopen(path, "re");
		if (!maps || mem < 0)
			return true; /* it is gone */
		clean = true;
		while (clean && fgets(line, sizeof(line), maps))
			clean = mapping_is_clean(pid, mem, line);
		if (!clean)
			poll(NULL, 0, 5);
	}
	return clean;
}

static unsigned next_id(int cmd, unsigned after)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.start_id = after;
	return syscall(SYS_bpf, cmd, &attr, sizeof(attr)) ? 0 : attr.next_id;
}

static unsigned last_id(int cmd)
{
	unsigned id = 0, next;

	while ((next = next_id(cmd, id)))
		id = next;
	return id;
}

struct bpf_ids bpf_ids_now(void)
{
	return (struct bpf_ids){ last_id(BPF_LINK_GET_NEXT_ID), last_id(BPF_PROG_GET_NEXT_ID),
				 last_id(BPF_MAP_GET_NEXT_ID) };
}

/* Somebody else's tracer makes links too. */
static bool others_trace(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d))) {
		char path[300], comm[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/comm", e->d_name);
		f = e->d_name[0] >= '0' && e->d_name[0] <= '9' ? fopen(path, "re") : NULL;
		if (!f)
			continue;
		found = fgets(comm, sizeof(comm), f) &&
			(!strcmp(comm, "tpd\n") || !strcmp(comm, "bpftrace\n"));
		fclose(f);
	}
	if (d)
		closedir(d);
	return found;
}

bool bpf_nothing_since(const struct bpf_ids *ids, int ms)
{
	/* the kernel frees them after a grace period, in the background */
	for (int waited = 0; waited <= ms; waited += 10) {
		if (!next_id(BPF_LINK_GET_NEXT_ID, ids->link) &&
		    !next_id(BPF_PROG_GET_NEXT_ID, ids->prog) &&
		    !next_id(BPF_MAP_GET_NEXT_ID, ids->map))
			return true;
		poll(NULL, 0, 10);
	}
	return others_trace();
}
