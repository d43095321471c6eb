/* SPDX-License-Identifier: MIT */
/*
 * process_test.c: processes that run, threads, deleted and replaced files, roots with traps in
 * them.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "target_build.h"
#include "target/process.h"

TestSuite(process, .init = build_begin, .fini = build_end, .timeout = 60);

/*
 * A child that says "ready" through a pipe once fn has done its part, and lives until it is killed.
 */
static pid_t spawn(void (*fn)(void *), void *arg)
{
	int fd[2];
	pid_t pid;
	char c;

	cr_assert_eq(pipe(fd), 0);
	pid = fork();
	cr_assert(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fd[1], 99);
		close(fd[0]);
		fn(arg);
		for (;;)
			pause();
	}
	close(fd[1]);
	cr_assert_eq(read(fd[0], &c, 1), 1, "the child did not come up");
	close(fd[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void ready(void)
{
	if (write(99, "r", 1) != 1)
		_exit(1);
}

static void idle(void *arg)
{
	ready();
}

static const char program[] =
	"#include <unistd.h>\nint marker(void) { return 4711; }\n"
	"int main(void) { if (write(99, \"r\", 1) == 1) for (;;) pause(); return marker(); }\n";

static void run_program(void *path)
{
	execl(path, path, NULL);
	_exit(1);
}

static const struct module *module_of(const struct process *p, const char *path)
{
	size_t i;

	for (i = 0; i < p->nmodules; i++)
		if (!strcmp(p->modules[i].path, path))
			return &p->modules[i];
	return NULL;
}

Test(process, ourselves)
{
	const struct module *m = NULL;
	struct process p;
	char exe[4096];
	size_t i, k;
	ssize_t n;

	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n] = 0;
	cr_assert_eq(process_open(&p, getpid()), 0);
	cr_expect_eq(p.pid, getpid());
	cr_expect_str_eq(p.exe, exe);
	cr_expect(p.is64);
	cr_expect(process_alive(&p));
	cr_expect_gt(p.nmodules, 2);
	for (i = 0; i < p.nmodules; i++) {
		cr_expect_eq(p.modules[i].path[0], '/', "%s", p.modules[i].path);
		for (k = 0; k < i; k++)
			cr_expect(p.modules[i].ino != p.modules[k].ino ||
				  p.modules[i].dev != p.modules[k].dev);
		if ((uint64_t)(uintptr_t)module_of >= p.modules[i].start &&
		    (uint64_t)(uintptr_t)module_of < p.modules[i].end)
			m = &p.modules[i];
	}
	cr_assert_not_null(m, "our own code is in no module");
	cr_expect_str_eq(m->path, exe);
	cr_expect_eq(process_read_maps(&p), 0);
	process_close(&p);
	process_close(&p);
	p = (struct process){ 0 };
	process_close(&p);
	cr_expect_neq(fcntl(0, F_GETFD), -1, "closed a descriptor that was not its own");
}

Test(process, refused)
{
	struct process p;
	char comm[64] = "";
	pid_t pid;
	FILE *f;

	cr_expect_eq(process_open(&p, 0), -ESRCH);
	cr_expect_eq(process_open(&p, -1), -ESRCH);
	cr_expect_eq(process_open(&p, 2147483647), -ESRCH);
	pid = spawn(idle, NULL);
	kill(pid, SIGKILL);
	waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	cr_expect_eq(process_open(&p, pid), -ESRCH, "a zombie");
	waitpid(pid, NULL, 0);
	cr_expect_eq(process_open(&p, pid), -ESRCH);
	f = fopen("/proc/2/comm", "r");
	if (f && fgets(comm, sizeof(comm), f) && !strcmp(comm, "kthreadd\n"))
		cr_expect_eq(process_open(&p, 2), -ENOENT);
	if (f)
		fclose(f);
}

Test(process, dies)
{
	pid_t pid = spawn(idle, NULL);
	struct process p;

	cr_assert_eq(process_open(&p, pid), 0);
	cr_expect(process_alive(&p));
	end(pid);
	cr_expect_not(process_alive(&p));
	cr_expect_eq(process_read_maps(&p), -ESRCH);
	cr_expect_eq(process_read_status(&p), -ESRCH);
	process_close(&p);
}

static void *thread_main(void *arg)
{
	*(pid_t *)arg = (pid_t)syscall(SYS_gettid);
	ready();
	while (pause())
		;
	return NULL;
}

static void run_threads(void *shared)
{
	pthread_t t;

	if (!pthread_create(&t, NULL, thread_main, shared))
		pthread_exit(NULL);
}

/* A thread's id means its process, even one whose main thread is gone. */
Test(process, threads)
{
	pid_t *tid = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	      pid;
	struct process p;
	char path[64], line[256];
	bool zombie = false;
	FILE *f;
	int i, fd;

	pid = spawn(run_threads, tid);
	/* the main thread ends at about the same time: wait for it */
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	for (i = 0; i < 1000 && !zombie; i++) {
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			zombie |= !strncmp(line, "State:\tZ", 8);
		if (f)
			fclose(f);
		usleep(1000);
	}
	cr_assert(zombie);
	cr_assert_eq(process_open(&p, *tid), 0);
	cr_expect_eq(p.pid, pid);
	cr_expect_gt(p.nmodules, 0);
	cr_expect(process_alive(&p));
	fd = process_open_module(&p, &p.modules[0]);
	cr_expect_geq(fd, 0, "%d", fd);
	close(fd);
	process_close(&p);
	end(pid);
}

static void *filtered(void *arg)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { 1, &allow };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		ready();
	while (pause())
		;
	return NULL;
}

static void run_filtered(void *arg)
{
	pthread_t t;

	pthread_create(&t, NULL, filtered, NULL);
}

Test(process, seccomp_in_one_thread)
{
	pid_t pid = spawn(run_filtered, NULL);
	struct process p;

	cr_assert_eq(process_open(&p, pid), 0);
	cr_expect(p.seccomp_filter);
	process_close(&p);
	end(pid);
	pid = spawn(idle, NULL);
	cr_assert_eq(process_open(&p, pid), 0);
	cr_expect_not(p.seccomp_filter);
	process_close(&p);
	end(pid);
}

static uint64_t inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

Test(process, deleted_and_replaced)
{
	static const char *const after[] = { ":", "rm 'p q'", "cp other tmp && mv tmp 'p q'",
					     "mv 'p q' elsewhere" };
	struct stat before;
	size_t i;

	build_need("gcc");
	build_write("p.c", program);
	build("gcc -o p p.c && gcc -Os -o other p.c");
	for (i = 0; i < ARRAY_SIZE(after); i++) {
		const char *path = build_path("p q");
		const struct module *m;
		struct process p;
		pid_t pid;
		int fd;

		build("cp p 'p q'");
		cr_assert_eq(stat(path, &before), 0);
		pid = spawn(run_program, (void *)path);
		build("%s", after[i]);
		cr_assert_eq(process_open(&p, pid), 0);
		m = module_of(&p, i == 3 ? build_path("elsewhere") : path);
		cr_assert_not_null(m, "%s", after[i]);
		cr_expect_eq(m->ino, before.st_ino);
		cr_expect_eq(m->deleted, i == 1 || i == 2, "%s", after[i]);
		cr_expect_str_eq(p.exe, m->path);
		fd = process_open_module(&p, m);
		if (geteuid() == 0 || !m->deleted) {
			cr_expect_geq(fd, 0, "%s: %d", after[i], fd);
			cr_expect_eq(inode(fd), before.st_ino, "%s: another file", after[i]);
		}
		if (fd >= 0)
			close(fd);
		process_close(&p);
		end(pid);
	}
}

/* Without map_files: the path, but only if it still is that file. */
Test(process, module_by_path)
{
	const char *path = build_path("p");
	struct module m;
	struct process p;
	pid_t pid;
	int fd;

	build_need("gcc");
	build_write("p.c", program);
	build("gcc -o p p.c && gcc -Os -o other p.c");
	pid = spawn(run_program, (void *)path);
	cr_assert_eq(process_open(&p, pid), 0);
	m = *module_of(&p, path);
	m.end += 4096; /* no such range */
	fd = process_open_module(&p, &m);
	cr_assert_geq(fd, 0);
	cr_expect_eq(inode(fd), m.ino);
	close(fd);
	build("mv other p");
	cr_expect_eq(process_open_module(&p, &m), -ESTALE);
	process_close(&p);
	end(pid);
}

Test(process, odd_names)
{
	/* (not "a\\012b": maps does not tell it from a newline) */
	static const char *const names[] = { "a\nb", "a\\040b x", "x (deleted)", "tab\there" };
	size_t i;

	build_need("gcc");
	build_write("p.c", program);
	build("gcc -o p p.c");
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		const char *path = build_path(names[i]);
		struct process p;
		pid_t pid;

		cr_assert_eq(link(build_path("p"), path), 0);
		pid = spawn(run_program, (void *)path);
		cr_assert_eq(process_open(&p, pid), 0);
		cr_expect_not_null(module_of(&p, path), "%s", names[i]);
		if (module_of(&p, path))
			cr_expect_not(module_of(&p, path)->deleted, "%s", names[i]);
		process_close(&p);
		end(pid);
		unlink(path);
	}
}

Test(process, root)
{
	int root, fd;

	build("mkdir -p etc usr/lib && echo in > etc/file && ln -s /etc/file usr/lib/abs && "
	      "ln -s ../../../../../etc/file usr/lib/up && ln -s /proc/self/exe magic && mkfifo "
	      "pipe && "
	      "ln -s loop loop");
	root = open(build_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = process_open_in_root(root, "/etc/file", O_RDONLY);
	cr_assert_geq(fd, 0);
	cr_expect_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	close(fd);
	fd = process_open_in_root(root, "usr/lib/abs", O_RDONLY);
	cr_expect_geq(fd, 0);
	close(fd);
	fd = process_open_in_root(root, "usr/lib/up", O_RDONLY);
	cr_expect_geq(fd, 0);
	close(fd);
	cr_expect_eq(process_open_in_root(root, "/../etc/passwd", O_RDONLY), -ENOENT);
	cr_expect_eq(process_open_in_root(root, "magic", O_RDONLY), -ENOENT);
	cr_expect_eq(process_open_in_root(root, "pipe", O_RDONLY), -ENOEXEC);
	cr_expect_eq(process_open_in_root(root, "etc", O_RDONLY), -ENOEXEC);
	cr_expect_eq(process_open_in_root(root, "loop", O_RDONLY), -ELOOP);
	cr_expect_eq(process_open_in_root(-1, "/etc/passwd", O_RDONLY), -EBADF);
	close(root);
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cr_expect_eq(process_open_in_root(root, "/dev/null", O_RDONLY), -ENOEXEC);
	cr_expect_eq(process_open_in_root(root, "/proc/self/exe", O_RDONLY), -ELOOP,
		     "a magic link");
	close(root);
}

static bool has(const pid_t *pids, size_t n, pid_t pid)
{
	while (n--)
		if (pids[n] == pid)
			return true;
	return false;
}

Test(process, find)
{
	pid_t a, b, *pids = NULL;
	size_t n = 0;

	build_need("gcc");
	build_write("p.c", program);
	build("gcc -o unusual-tpd-name-long p.c && ln -s unusual-tpd-name-long other-name && cp "
	      "unusual-tpd-name-long copy");
	a = spawn(run_program, (void *)build_path("unusual-tpd-name-long"));
	b = spawn(run_program, (void *)build_path("other-name"));
	cr_assert_eq(process_find_exe(build_path("other-name"), &pids, &n), 0);
	cr_expect_eq(n, 2);
	cr_expect(has(pids, n, a) && has(pids, n, b));
	free(pids);
	cr_assert_eq(process_find_exe(build_path("copy"), &pids, &n), 0);
	cr_expect_eq(n, 0);
	free(pids);
	cr_expect_eq(process_find_exe("/no/such/file", &pids, &n), -ENOENT);
	/* the kernel keeps 15 characters */
	cr_assert_eq(process_find_comm("unusual-tpd-name-long", &pids, &n), 0);
	cr_expect_eq(n, 1);
	cr_expect(has(pids, n, a));
	free(pids);
	end(a);
	end(b);
}
