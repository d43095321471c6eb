/* SPDX-License-Identifier: MIT */
/* process_maps.c: /proc/PID/maps into modules: each file with executable pages once. */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <uthash.h>

#include "target/elf.h"
#include "target/process_priv.h"

#define MAPS_BUFFER (256u << 10)

struct seen {
	struct {
		uint64_t dev, ino;
	} key;
	UT_hash_handle hh;
};

void process_free_modules(struct module *m, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(m[i].path);
	free(m);
}

/*
 * The kernel escapes newlines only (seq_file_path(m, file, "\n") in fs/proc/task_mmu.c), not even
 * the backslash: any other "\ooo" is part of the name.
 */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (!strncmp(s, "\\012", 4)) {
			*to++ = '\n';
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = 0;
}

static bool is_same(int rootfd, const char *path, uint64_t ino)
{
	AUTO_CLOSE int fd = process_open_in_root(rootfd, path, O_PATH);
	struct stat st;

	return fd >= 0 && !fstat(fd, &st) && st.st_ino == ino;
}

/* One line. 1: an executable mapping of a file; 0: something else; -EBADMSG. */
static int parse_line(char *line, struct module *m, char **path)
{
	unsigned int major, minor;
	char perms[5];
	int at = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 " %n", &m->start,
		   &m->end, perms, &m->offset, &major, &minor, &m->ino, &at) != 7 ||
	    !at || m->start >= m->end)
		return -EBADMSG;
	m->dev = makedev(major, minor);
	*path = line + at;
	(*path)[strcspn(*path, "\n")] = 0;
	return strlen(perms) == 4 && perms[2] == 'x' && m->ino && **path == '/';
}

static int add_module(struct process *p, size_t *cap, const struct module *m, const char *path)
{
	struct module *new;
	int err;

	err = util_grow(&p->modules, p->nmodules, cap, sizeof(*p->modules));
	if (err)
		return err;
	new = &p->modules[p->nmodules];
	*new = *m;
	new->path = strdup(path);
	if (!new->path)
		return -ENOMEM;
	p->nmodules++;
	unescape(new->path);
	/* A name may end like this by itself, and an unlinked file may have been linked anew. */
	if (!is_same(p->rootfd, new->path, m->ino) && process_cut_deleted(new->path))
		new->deleted = !is_same(p->rootfd, new->path, m->ino);
	return 0;
}

static int add_line(struct process *p, size_t *cap, struct seen **seen, char *line)
{
	struct module m = { 0 };
	struct seen *s, *known;
	char *path;
	int err;

	err = parse_line(line, &m, &path);
	if (err <= 0)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->key.dev = m.dev;
	s->key.ino = m.ino;
	HASH_FIND(hh, *seen, &s->key, sizeof(s->key), known);
	if (known) {
		free(s);
		return 0;
	}
	HASH_ADD(hh, *seen, key, sizeof(s->key), s);
	return add_module(p, cap, &m, path);
}

int process_read_maps(struct process *p)
{
	struct process new = { .rootfd = p->rootfd };
	struct seen *seen = NULL, *s, *tmp;
	AUTO_FCLOSE FILE *f = NULL;
	AUTO_FREE char *line = NULL;
	size_t cap = 0, lcap = 0;
	char path[64];
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)process_view(p->pid));
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	/* Each read() takes the target's mmap lock once: few large ones. */
	setvbuf(f, NULL, _IOFBF, MAPS_BUFFER);
	errno = 0;
	while (!err && getline(&line, &lcap, f) >= 0)
		err = add_line(&new, &cap, &seen, line);
	if (!err && ferror(f))
		err = errno ? -errno : -EIO;
	HASH_ITER (hh, seen, s, tmp) {
		HASH_DEL(seen, s);
		free(s);
	}
	if (err) {
		process_free_modules(new.modules, new.nmodules);
		return err;
	}
	process_free_modules(p->modules, p->nmodules);
	p->modules = new.modules;
	p->nmodules = new.nmodules;
	return 0;
}

int module_bias(const struct module *m, const struct elf *e, uint64_t *ret)
{
	const struct elf_segment *seg;
	size_t n = elf_segments(e, &seg);

	for (size_t i = 0; i < n; i++) {
		if (!seg[i].exec || seg[i].offset < m->offset || seg[i].offset - m->offset >= m->end - m->start)
			continue;
		*ret = m->start - (seg[i].vaddr - (seg[i].offset - m->offset));
		return 0;
	}
	return -ERANGE;
}
