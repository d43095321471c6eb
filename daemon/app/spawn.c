/* SPDX-License-Identifier: MIT */
/*
 * spawn.c: -- COMMAND. The child waits on a pipe until its executable's probes are in, then execs. The functions of its
 * libraries are attached while it stops at the loader's own notice (live.stop_tgid); no other process is ever stopped.
 */
#include <fcntl.h>
#include <sys/prctl.h>
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

/* The program's loader: it is watched from the first instruction. */
static int get_interpreter(struct session *s, struct image *img, struct image **ret)
{
	const struct elf_section *sec = elf_section(img->elf, ".interp");
	AUTO_FREE char *path = NULL;
	int err;

	if (!sec || sec->size > 4096)
		return -ENOENT;
	err = elf_read(img->elf, sec->offset, sec->size, &path);
	return err ? err : image_get_path(&s->images, path, ret);
}

static void child_run(struct session *s, int go)
{
	sigset_t none;
	char c;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* If tpd is killed just while the command waits for its probes, the kernel lets it go on. */
	prctl(PR_SET_PDEATHSIG, SIGCONT);
	if (read(go, &c, 1) != 1)
		_exit(127);
	execvp(s->conf.argv[0], s->conf.argv);
	fprintf(stderr, "tpd: %s: %s\n", s->conf.argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int plan_command(struct session *s, struct image **img, struct image **loader)
{
	AUTO_FREE char *path = find_command(s->conf.argv[0]);
	uint32_t runtimes = 0;
	int err;

	if (!path) {
		log_error("%s: no such command", s->conf.argv[0]);
		return -ENOENT;
	}
	err = image_get_path(&s->images, path, img);
	if (err) {
		log_error("%s: %s", path, err == -ENOEXEC ? "not a 64-bit x86 ELF program; for a script, name its "
							    "interpreter" : strerror(-err));
		return err;
	}
	if (get_interpreter(s, *img, loader))
		*loader = NULL;
	err = plan_add_image(&s->plan, *img, -1);
	if (!err || err == -E2BIG)
		err = runtime_of(*img, -1, &runtimes);
	s->runtimes |= runtimes;
	return err;
}

int spawn_start(struct session *s)
{
	struct image *img = NULL, *loader = NULL;
	int fds[2], err = plan_command(s, &img, &loader);
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
	t->process.exe = strdup(img->path);
	s->spawned[0] = img;
	s->spawned[1] = loader;
	return t->process.exe ? 0 : -ENOMEM;
}

void spawn_release(struct session *s)
{
	if (s->child_go < 0)
		return;
	kernel_live(s->kernel)->stop_tgid = s->child;
	if (write(s->child_go, "x", 1) != 1)
		log_warn("the command could not be started: %s", strerror(errno));
	close(s->child_go);
	s->child_go = -1;
}

/* Called on SIGCHLD, and at the end: a child that never ran, or that is still stopped, is let go. */
void spawn_reap(struct session *s)
{
	int status;

	if (s->child_go >= 0) {
		close(s->child_go);
		s->child_go = -1;
	}
	if (s->child <= 0 || s->child_reaped)
		return;
	if (s->reason)
		kill(s->child, SIGCONT);
	if (waitpid(s->child, &status, WNOHANG) != s->child)
		return;
	s->child_reaped = true;
	s->child_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
