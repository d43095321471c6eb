/* SPDX-License-Identifier: MIT */
/*
 * spawn.c: -- COMMAND. The child waits on a pipe, before its exec, until the probes of its executable, its loader and the
 * libraries that the loader says it will map are in. From its exec on it is left alone like any other process.
 */
#include <fcntl.h>
#include <sys/wait.h>

#include "app/session.h"
#include "base/log.h"
#include "probe/runtime.h"

/* The file that execvp would run. malloc'ed, or NULL. */
static char *find_command(const char *name)
{
	const char *path = getenv("PATH");
	AUTO_FREE char *dirs = strdup(path ? path : "/usr/bin:/bin");
	char *save = NULL, *full;

	if (strchr(name, '/'))
		return strdup(name);
	for (char *dir = dirs ? strtok_r(dirs, ":", &save) : NULL; dir; dir = strtok_r(NULL, ":", &save)) {
		if (asprintf(&full, "%s/%s", dir, name) < 0)
			return NULL;
		if (!access(full, X_OK))
			return full;
		free(full);
	}
	return NULL;
}

/* What is attached before the command runs. */
static int add_spawned(struct session *s, struct image *img)
{
	uint32_t runtimes = 0;
	int err;

	for (size_t i = 0; i < s->nspawned; i++)
		if (s->spawned[i] == img)
			return 0;
	err = plan_add_image(&s->plan, img, -1);
	if (!err || err == -E2BIG)
		err = runtime_of(img, -1, &runtimes);
	if (!err)
		err = util_grow(&s->spawned, s->nspawned, &s->spawned_cap, sizeof(struct image *));
	if (err)
		return err;
	s->runtimes |= runtimes;
	s->spawned[s->nspawned++] = img;
	return 0;
}

/* The program's loader: it is watched from the first instruction. malloc'ed path, or NULL: static. */
static char *interpreter(const struct image *img)
{
	const struct elf_section *sec = elf_section(img->elf, ".interp");
	char *path = NULL;

	if (!sec || sec->size > 4096 || elf_read(img->elf, sec->offset, sec->size, &path))
		return NULL;
	return path;
}

/* Asks the loader which libraries it would map, as ldd(1) does: nothing of the program itself runs. */
static FILE *ask_loader(const char *loader, const char *path, pid_t *pid)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return NULL;
	*pid = fork();
	if (!*pid) {
		dup2(fds[1], STDOUT_FILENO);
		execl(loader, loader, "--list", path, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	if (*pid < 0) {
		close(fds[0]);
		return NULL;
	}
	return fdopen(fds[0], "re");
}

/* Lines are "NAME => PATH (ADDRESS)", or "PATH (ADDRESS)" for the loader itself. */
static int add_libraries(struct session *s, const char *loader, const char *path)
{
	AUTO_FREE char *line = NULL;
	size_t cap = 0;
	pid_t pid;
	FILE *out = ask_loader(loader, path, &pid);
	int err = 0;

	while (out && getline(&line, &cap, out) > 0 && !err) {
		char *at = strchr(line, '/'), *end = at ? strstr(at, " (") : NULL;
		struct image *img;

		if (!end)
			continue;
		*end = '\0';
		if (!image_get_path(&s->images, at, &img))
			err = add_spawned(s, img);
	}
	if (out) {
		fclose(out);
		waitpid(pid, NULL, 0);
	}
	return err;
}

static int plan_command(struct session *s)
{
	AUTO_FREE char *path = find_command(s->conf.argv[0]), *loader = NULL;
	struct image *img;
	int err;

	if (!path) {
		log_error("%s: no such command", s->conf.argv[0]);
		return -ENOENT;
	}
	err = image_get_path(&s->images, path, &img);
	if (err) {
		log_error("%s: %s", path, err == -ENOEXEC ? "not a 64-bit x86 ELF program; for a script, name its "
							    "interpreter" : strerror(-err));
		return err;
	}
	err = add_spawned(s, img);
	loader = interpreter(img);
	return err || !loader ? err : add_libraries(s, loader, path);
}

static void child_run(struct session *s, int go)
{
	char c;

	if (read(go, &c, 1) != 1)
		_exit(127);
	execvp(s->conf.argv[0], s->conf.argv);
	fprintf(stderr, "tpd: %s: %s\n", s->conf.argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

int spawn_start(struct session *s)
{
	int fds[2], err = plan_command(s);
	struct target *t;

	if (err)
		return err;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	s->child = fork();
	if (!s->child) {
		close(fds[1]);
		child_run(s, fds[0]);
	}
	close(fds[0]);
	s->child_go = fds[1];
	if (s->child < 0)
		return -errno;
	err = target_add(s, s->child, false);
	t = target_find(s, s->child);
	if (err || !t)
		return err ? err : -ESRCH;
	/* Until it execs the child is a copy of tpd, none of whose own modules matter. */
	if (!s->no_hijack)
		s->no_hijack = runtime_forbids_hijack(&t->process, s->runtimes);
	free(t->process.exe);
	t->process.exe = strdup(s->spawned[0]->path);
	return t->process.exe ? 0 : -ENOMEM;
}

void spawn_release(struct session *s)
{
	if (s->child_go < 0)
		return;
	if (write(s->child_go, "x", 1) != 1)
		log_warn("the command could not be started: %s", strerror(errno));
	close(s->child_go);
	s->child_go = -1;
}

/* Called on SIGCHLD, and at the end: a child that never ran is let go. */
void spawn_reap(struct session *s)
{
	int status;

	if (s->child_go >= 0) {
		close(s->child_go);
		s->child_go = -1;
	}
	if (s->child <= 0 || s->child_reaped)
		return;
	if (waitpid(s->child, &status, WNOHANG) != s->child)
		return;
	s->child_reaped = true;
	s->child_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
