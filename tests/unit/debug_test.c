/* SPDX-License-Identifier: MIT */
/* debug_test.c: the child without privileges: what it cannot do, and what happens when it dies. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "debug/debug.h"
#include "debug/sandbox.h"
#include "target_build.h"

TestSuite(debug, .init = build_begin, .fini = build_end, .timeout = 120);

struct prisoner {
	pid_t pid;
	int sock;
	void *shared, *other;
};

/* clang-format off */
static const struct attempt {
	char letter;
	const char *what;
	int error; /* 0: kills */
} attempts[] = {
	{ 'o', "open a file", EACCES },
	{ 'r', "read a link", EACCES },
	{ 's', "make a socket", 0 },
	{ 'e', "run a program", 0 },
	{ 'x', "map executable memory", 0 },
	{ 'w', "make memory executable", 0 },
	{ 'k', "send a signal", 0 },
	{ 'f', "fork", 0 },
	{ 'p', "trace its parent", 0 },
	{ 'b', "use bpf", 0 },
	{ 'u', "change its user back", 0 },
	{ 'd', "set a descriptor's owner", 0 },
};
/* clang-format on */

static long attempt(char letter, void *page)
{
	switch (letter) {
	case 'o':
		return open("/etc/passwd", O_RDONLY);
	case 'r':
		return readlink("/proc/self/exe", page, 64);
	case 's':
		return socket(AF_INET, SOCK_STREAM, 0);
	case 'e':
		return execl("/bin/true", "true", (char *)NULL);
	case 'x':
		return (long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	case 'w':
		return mprotect(page, 4096, PROT_READ | PROT_EXEC);
	case 'k':
		return syscall(SYS_kill, 1, 0);
	case 'f':
		return syscall(SYS_fork);
	case 'p':
		return ptrace(PTRACE_ATTACH, 1, NULL, NULL);
	case 'b':
		return syscall(SYS_bpf, 0, NULL, 0);
	case 'u':
		return setuid(0);
	case 'd':
		return fcntl(SANDBOX_SOCKET, F_SETOWN, 1);
	}
	return 0;
}

static void serve_attempts(void *shared)
{
	char letter;

	while (read(SANDBOX_SOCKET, &letter, 1) == 1) {
		int error = attempt(letter, shared) < 0 ? errno : 0;

		if (write(SANDBOX_SOCKET, &error, sizeof(error)) != sizeof(error))
			break;
	}
	_exit(0);
}

static struct prisoner imprison(void)
{
	struct prisoner p;
	int fds[2], ready = 1, err;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	p.shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p.other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p.pid = fork();
	if (!p.pid) {
		err = sandbox_enter(fds[1], p.shared);
		if (err || write(SANDBOX_SOCKET, &ready, sizeof(ready)) != sizeof(ready))
			_exit(1);
		serve_attempts(p.shared);
	}
	close(fds[1]);
	p.sock = fds[0];
	cr_assert_eq(read(p.sock, &ready, sizeof(ready)), (ssize_t)sizeof(ready), "the sandbox could not be entered");
	return p;
}

static int let_go(struct prisoner *p)
{
	int status;

	close(p->sock);
	cr_assert_eq(waitpid(p->pid, &status, 0), p->pid);
	munmap(p->shared, 4096);
	munmap(p->other, 4096);
	return status;
}

Test(debug, sandbox_denies)
{
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		struct prisoner p = imprison();
		int error = -1, status;
		ssize_t n;

		cr_assert_eq(write(p.sock, &attempts[i].letter, 1), 1);
		n = read(p.sock, &error, sizeof(error));
		status = let_go(&p);
		if (attempts[i].error) {
			cr_expect_eq(n, (ssize_t)sizeof(error), "%s: it died", attempts[i].what);
			cr_expect_eq(error, attempts[i].error, "%s: %d", attempts[i].what, error);
			cr_expect_eq(status, 0);
		} else {
			cr_expect(n <= 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%s: status %x, error %d",
				  attempts[i].what, status, error);
		}
	}
}

/* The rest of a line of /proc/PID/FILE that begins with key. */
static const char *proc_line(pid_t pid, const char *file, const char *key)
{
	static char line[512];
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	f = fopen(path, "r");
	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key))) {
			fclose(f);
			line[strcspn(line, "\n")] = 0;
			return line + strlen(key);
		}
	fclose(f);
	return NULL;
}

Test(debug, sandbox_has_nothing)
{
	static const char *const caps[] = { "CapInh:\t", "CapPrm:\t", "CapEff:\t", "CapAmb:\t" };
	struct prisoner p = imprison();
	char other[32], out[64];

	for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
		cr_expect_str_eq(proc_line(p.pid, "status", caps[i]), "0000000000000000", "%s", caps[i]);
	cr_expect_str_eq(proc_line(p.pid, "status", "NoNewPrivs:\t"), "1");
	cr_expect_str_eq(proc_line(p.pid, "status", "Seccomp:\t"), "2");
	if (!geteuid()) {
		cr_expect_str_eq(proc_line(p.pid, "status", "CapBnd:\t"), "0000000000000000");
		cr_expect_str_eq(proc_line(p.pid, "status", "Uid:\t"), "65534\t65534\t65534\t65534");
		cr_expect_str_eq(proc_line(p.pid, "status", "Gid:\t"), "65534\t65534\t65534\t65534");
		cr_expect_str_eq(proc_line(p.pid, "status", "Groups:\t"), " ");
		snprintf(other, sizeof(other), "%lx-", (unsigned long)p.other);
		cr_expect_null(proc_line(p.pid, "maps", other), "memory is shared");
		build_run(out, "ls /proc/%d/fd | tr '\\n' ' '", p.pid);
		cr_expect_str_eq(out, "0 1 2 3 ", "%s", out);
	}
	cr_expect_eq(getsid(p.pid), p.pid);
	cr_expect_eq(let_go(&p), 0);
}

/* Pid of our only child, 0: there is none. */
static pid_t only_child(void)
{
	siginfo_t info = { 0 };
	char path[64], line[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "r");
	cr_assert_not_null(f);
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	cr_expect(!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) || errno == ECHILD);
	cr_expect_eq(info.si_pid, 0, "a child was not reaped");
	return (pid_t)strtol(line, NULL, 10);
}

static const char program[] =
	"struct pair { int a; const char *b; };\n"
	"int sum(struct pair *p, long n) { return p->a + (int)n; }\n"
	"int other(int x) { return x * 2; }\n"
	"int main(int c, char **v) { struct pair p = { c, v[0] };\n"
	"	return sum(&p, other(c)); }\n";

static uint64_t nm_value(const char *file, const char *symbol)
{
	char out[4096];

	build_run(out, "nm %s | awk '$3 == \"%s\" { print $1 }'", file, symbol);
	return strtoull(out, NULL, 16);
}

static struct debug_file open_file(const char *name, uint64_t key)
{
	struct debug_file f = { .key = key, .fd = open(build_path(name), O_RDONLY | O_CLOEXEC), .debug_fd = -1, .alt_fd = -1 };

	cr_assert(f.fd >= 0);
	return f;
}

static void expect_sum(struct debug *d, const struct debug_file *f, uint64_t addr)
{
	const struct debug_frame *frames = NULL;
	struct proto_view v;
	struct proto *p = NULL;
	size_t n = 0;
	int err = debug_line(d, f, addr, &frames, &n);

	cr_assert(!err && n == 1, "%d, %zu frames", err, n);
	cr_expect(frames[0].function && !strcmp(frames[0].function, "sum"));
	cr_expect_eq(frames[0].line, 2, "%u", frames[0].line);
	cr_expect(frames[0].file && strstr(frames[0].file, "program.c"));
	err = debug_proto(d, f, addr, 2, &p);
	cr_assert_eq(err, 0, "%d", err);
	cr_assert_eq(proto_check(p, p->bytes, &v), 0);
	cr_expect_str_eq(v.strings + p->name, "sum");
	cr_expect_eq(p->nparams, 2);
	cr_expect_str_eq(v.strings + v.params[1].name, "n");
	free(p);
}

Test(debug, starts_when_asked_and_starts_again)
{
	struct debug *d = NULL;
	struct debug_file f;
	struct proto *p = NULL;
	uint64_t sum;
	pid_t first;

	build_need("gcc");
	build_write("program.c", program);
	build("gcc -g -O1 -fno-inline -o program program.c");
	sum = nm_value("program", "sum");
	f = open_file("program", 7);
	cr_assert_eq(debug_open(&d), 0);
	cr_expect_eq(only_child(), 0, "it started before the first question");
	expect_sum(d, &f, sum);
	first = only_child();
	cr_expect_neq(first, 0);
	cr_expect_eq(debug_proto(d, &f, sum + 1, 2, &p), -ENOENT);
	cr_expect_eq(debug_proto(d, &f, 0, 2, &p), -ENOENT);
	expect_sum(d, &f, sum);
	cr_expect_eq(only_child(), first, "a question took a new child");
	/* Killed between two questions: nobody notices, and no file is to blame. */
	cr_assert_eq(kill(first, SIGKILL), 0);
	cr_assert_eq(waitid(P_PID, (id_t)first, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	expect_sum(d, &f, sum);
	cr_expect_neq(only_child(), first);
	debug_close(d);
	cr_expect_eq(only_child(), 0, "it is still there");
	debug_close(NULL);
}

Test(debug, file_that_kills)
{
	struct debug_file bad, good;
	const struct debug_frame *frames;
	struct debug *d = NULL;
	struct proto *p = NULL;
	uint64_t sum, other;
	size_t n;

	build_need("gcc");
	build_write("program.c", program);
	/* Bytes behind the mapped part that are read only when it comes to the second unit. */
	build("for i in 1 2 3 4 5 6 7 8; do sed \"s/sum/sum$i/;s/main/main$i/;s/sum(&/sum$i(\\&/;s/other/other$i/g\" program.c "
	      ">p$i.c; done; gcc -g -O1 -fno-inline -o bad program.c p?.c && gcc -g -O1 -fno-inline -o program program.c");
	sum = nm_value("bad", "sum");
	other = nm_value("bad", "other8");
	bad = open_file("bad", 1);
	good = open_file("program", 2);
	cr_assert_eq(debug_open(&d), 0);
	expect_sum(d, &bad, sum);
	/* It is mapped, and ends: reading on is SIGBUS. */
	cr_assert_eq(truncate(build_path("bad"), 4096), 0);
	cr_expect_eq(debug_proto(d, &bad, other, 2, &p), -EBADMSG);
	cr_expect_eq(only_child(), 0);
	/* Not asked again: no child starts for it. What is left of the file is still used. */
	cr_expect_eq(debug_proto(d, &bad, sum, 2, &p), -EBADMSG);
	cr_expect_eq(only_child(), 0);
	cr_expect_eq(debug_line(d, &bad, other, &frames, &n), 0);
	cr_expect(n == 1 && !frames[0].line);
	expect_sum(d, &good, nm_value("program", "sum"));
	cr_expect_null(p);
	debug_close(d);
}

Test(debug, child_that_does_not_answer)
{
	struct debug *d = NULL;
	struct debug_file f;
	struct proto *p = NULL;
	uint64_t sum;
	pid_t child;

	build_need("gcc");
	build_write("program.c", program);
	build("gcc -g -O1 -fno-inline -o program program.c");
	sum = nm_value("program", "sum");
	f = open_file("program", 7);
	cr_assert_eq(debug_open(&d), 0);
	expect_sum(d, &f, sum);
	child = only_child();
	cr_assert_eq(kill(child, SIGSTOP), 0);
	cr_expect_eq(debug_proto(d, &f, sum, 2, &p), -EBADMSG);
	cr_expect_eq(only_child(), 0, "it was not ended");
	expect_sum(d, &f, sum);
	debug_close(d);
}

Test(debug, many_files)
{
	struct debug *d = NULL;
	struct debug_file f;
	uint64_t sum;

	build_need("gcc");
	build_write("program.c", program);
	build("gcc -g -O1 -fno-inline -o program program.c");
	sum = nm_value("program", "sum");
	f = open_file("program", 0);
	cr_assert_eq(debug_open(&d), 0);
	/* More than one child is given: it makes place for another. */
	for (; f.key < 1100; f.key++) {
		const struct debug_frame *frames;
		size_t n = 0;
		int err = debug_line(d, &f, sum, &frames, &n);

		cr_assert(!err && n == 1 && frames[0].function, "file %lu: %d", f.key, err);
	}
	debug_close(d);
}

/* Debug information with bytes changed: whatever the libraries make of it, tpd lives, and its next question is answered. */
Test(debug, hostile_files, .timeout = 300)
{
	struct debug_file good, bad = { .debug_fd = -1, .alt_fd = -1 };
	uint64_t sum, state = 88172645463325252;
	AUTO_FREE uint8_t *image = NULL;
	struct debug *d = NULL;
	unsigned refused = 0;
	struct stat st;

	build_need("gcc");
	build_write("program.c", program);
	build("gcc -g -O1 -fno-inline -o program program.c");
	sum = nm_value("program", "sum");
	good = open_file("program", 1);
	cr_assert_eq(fstat(good.fd, &st), 0);
	image = malloc((size_t)st.st_size);
	cr_assert_eq(debug_open(&d), 0);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t regs[DEBUG_REGS] = { [DEBUG_RSP] = 0x1000, [DEBUG_RIP] = sum }, stack[64] = { sum, sum + 1, sum + 2 };
		struct debug_map map = { 0, 0x10000, 0, &bad, "bad" };
		const struct debug_frame *f;
		struct proto *p = NULL;
		bool whole;
		size_t n;
		int err;

		cr_assert_eq(pread(good.fd, image, (size_t)st.st_size, 0), st.st_size);
		for (unsigned k = 0; k <= i % 50; k++) {
			state = state * 6364136223846793005 + 1442695040888963407;
			image[0x200 + (state >> 33) % ((uint64_t)st.st_size - 0x200)] ^= (uint8_t)(1 + (state >> 20) % 255);
		}
		bad.fd = memfd_create("bad", MFD_CLOEXEC);
		bad.key = 100 + i;
		cr_assert_eq(write(bad.fd, image, (size_t)st.st_size - (i % 7 ? 0 : i * 8)), st.st_size - (i % 7 ? 0 : i * 8));
		err = debug_proto(d, &bad, sum, 3, &p);
		cr_expect(!err || err == -ENOENT || err == -EBADMSG || err == -ENOMEM, "%u: %d", i, err);
		refused += err != 0;
		free(p);
		err = debug_line(d, &bad, sum, &f, &n);
		cr_expect(!err || err == -EBADMSG || err == -ENOMEM, "%u: %d", i, err);
		err = debug_stack(d, 1, i, &map, 1, regs, stack, sizeof(stack), &f, &n, &whole);
		cr_expect(!err || err == -EBADMSG || err == -ENOMEM, "%u: %d", i, err);
		close(bad.fd);
	}
	cr_expect(refused > 10 && refused < 290, "%u", refused);
	expect_sum(d, &good, sum);
	debug_close(d);
}
