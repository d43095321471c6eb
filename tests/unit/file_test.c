/* SPDX-License-Identifier: MIT */
/* file_test.c: output files are opened only where nobody else can have laid a trap. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "base/file.h"

static char dir[64];

static void init(void)
{
	strcpy(dir, "/tmp/file_test.XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(chdir(dir), 0);
	umask(0);
}

static void fini(void)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(chdir("/"), 0);
	cr_assert_eq(system(command), 0);
}

TestSuite(file, .init = init, .fini = fini);

static void touch(const char *path, uid_t uid)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);

	cr_assert(fd >= 0 && write(fd, "old\n", 4) == 4);
	close(fd);
	if (uid)
		cr_assert_eq(chown(path, uid, uid), 0);
}

static int try(const char *path)
{
	int fd = file_open_output(path, false);

	if (fd >= 0)
		close(fd);
	return MIN(fd, 0);
}

static off_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? -1 : st.st_size;
}

Test(file, new_files_are_private)
{
	AUTO_CLOSE int fd = file_open_output("new", false);
	struct stat st;

	cr_assert_geq(fd, 0);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0600);
	cr_expect(fcntl(fd, F_GETFL) & O_APPEND);
	cr_expect(fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

Test(file, what_can_be_named)
{
	static const struct { const char *path; int want; } cases[] = {
		{ "plain", 0 }, { "./plain", 0 }, { "sub/../plain", 0 }, { "sub//plain", 0 }, { "up/plain", 0 },
		{ "/dev/null", 0 }, { "-", 0 }, { "/dev/stdout", 0 }, { "/dev/stderr", 0 }, { "/dev/fd/2", 0 },
		{ "link", -ELOOP }, { "dangling", -ELOOP }, { "sub", -EISDIR }, { "sub/", -EISDIR },
		{ "/", -EISDIR }, { ".", -EISDIR }, { "..", -EISDIR }, { "", -ENOENT }, { "none/plain", -ENOENT },
		{ "plain/x", -ENOTDIR }, { "loop/x", -ELOOP }, { "fifo", -ENXIO }, { "socket", -ENXIO },
		{ "/dev/fd/999999", -EBADF },
	};
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	touch("plain", 0);
	cr_assert(!mkdir("sub", 0755) && !symlink("..", "sub/up") && !symlink("sub/../sub/..", "up"));
	cr_assert(!symlink("plain", "link") && !symlink("nowhere", "dangling") && !symlink("loop", "loop"));
	cr_assert(!mkfifo("fifo", 0600) && !bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		cr_expect_eq(try(cases[i].path), cases[i].want, "%s: %d", cases[i].path, try(cases[i].path));
	close(fd);
}

Test(file, only_regular_files_are_truncated)
{
	int fd;

	touch("plain", 0);
	cr_assert_eq(try("plain"), 0);
	cr_expect_eq(size_of("plain"), 4);
	fd = file_open_output("plain", true);
	cr_assert_geq(fd, 0);
	cr_expect_eq(size_of("plain"), 0);
	close(fd);
	fd = file_open_output("/dev/null", true);
	cr_assert_geq(fd, 0);
	close(fd);
}

static void need_root(void)
{
	if (geteuid())
		cr_skip_test("needs root, to be someone else");
}

/* A directory as /tmp is, owned by root, with a trap of user 1000 in it. */
static void make_shared(void)
{
	need_root();
	cr_assert(!mkdir("tmp", 01777) && !chmod("tmp", 01777));
}

Test(file, foreign_things_in_a_shared_directory_are_refused)
{
	make_shared();
	touch("victim", 0);
	touch("tmp/theirs", 1000);
	touch("tmp/ours", 0);
	cr_assert(!mkfifo("tmp/fifo", 0666) && !chown("tmp/fifo", 1000, 1000));
	cr_assert(!symlink("../victim", "tmp/link") && !lchown("tmp/link", 1000, 1000));
	cr_assert(!symlink("..", "tmp/dir") && !lchown("tmp/dir", 1000, 1000));
	cr_assert(!symlink("..", "tmp/own"));
	cr_assert(!symlink("tmp/dir", "indirect"));
	cr_expect_eq(try("tmp/ours"), 0);
	cr_expect_eq(try("tmp/theirs"), -EACCES);
	cr_expect_neq(try("tmp/fifo"), 0);
	cr_expect(try("tmp/link") == -ELOOP || try("tmp/link") == -EACCES, "the kernel may be first");
	cr_expect_eq(try("tmp/dir/victim"), -EACCES);
	cr_expect_eq(try("tmp/own/victim"), 0);
	cr_expect_eq(try("indirect/victim"), -EACCES);
	cr_expect_eq(file_open_output("tmp/theirs", true), -EACCES);
	cr_expect_eq(size_of("tmp/theirs"), 4);
}

Test(file, second_names)
{
	make_shared();
	touch("secret", 0);
	touch("theirs", 1000);
	cr_assert(!link("secret", "tmp/trap") && !link("secret", "here") && !link("theirs", "second"));
	cr_expect_eq(try("tmp/trap"), -EACCES, "whoever made that link wants us to write to our own file");
	cr_expect_eq(file_open_output("tmp/trap", true), -EACCES);
	cr_expect_eq(size_of("secret"), 4);
	cr_expect_eq(try("here"), 0);
	cr_expect_eq(try("second"), -EACCES);
}

Test(file, long_paths)
{
	static char path[10000];

	memset(path, '/', sizeof(path) - 1);
	cr_expect_eq(try(path), -ENAMETOOLONG);
	path[4095] = '\0';
	cr_expect_eq(try(path), -EISDIR);
	memset(path, 'x', 300);
	path[300] = '\0';
	cr_expect_eq(try(path), -ENAMETOOLONG);
}
