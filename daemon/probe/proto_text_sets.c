/* SPDX-License-Identifier: MIT */
/*
 * proto_text_sets.c: well-known sets of names, for `enum NAME x` and `flags NAME x` in prototypes. In a set of flags those
 * of several bits stand before the ones that are part of them (O_SYNC before O_DSYNC).
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#include "probe/proto_text_priv.h"

/* clang-format off */
#define V(name) { #name, name }

static const struct set_value open_flags[] = {
	V(O_TMPFILE), V(O_SYNC), V(O_DSYNC), V(O_RDONLY), V(O_WRONLY), V(O_RDWR), V(O_CREAT), V(O_EXCL),
	V(O_NOCTTY), V(O_TRUNC), V(O_APPEND), V(O_NONBLOCK), V(O_ASYNC), V(O_DIRECT), V(O_DIRECTORY),
	V(O_NOFOLLOW), V(O_NOATIME), V(O_CLOEXEC), V(O_PATH), { "O_LARGEFILE", 0100000 },
};
static const struct set_value whence[] = {
	V(SEEK_SET), V(SEEK_CUR), V(SEEK_END), V(SEEK_DATA), V(SEEK_HOLE),
};
static const struct set_value prot[] = {
	V(PROT_NONE), V(PROT_READ), V(PROT_WRITE), V(PROT_EXEC), V(PROT_GROWSDOWN), V(PROT_GROWSUP),
};
static const struct set_value map[] = {
	V(MAP_SHARED_VALIDATE), V(MAP_SHARED), V(MAP_PRIVATE), V(MAP_FIXED), V(MAP_ANONYMOUS), V(MAP_32BIT),
	V(MAP_GROWSDOWN), V(MAP_DENYWRITE), V(MAP_EXECUTABLE), V(MAP_LOCKED), V(MAP_NORESERVE), V(MAP_POPULATE),
	V(MAP_NONBLOCK), V(MAP_STACK), V(MAP_HUGETLB), V(MAP_SYNC), V(MAP_FIXED_NOREPLACE),
};
static const struct set_value advice[] = {
	V(MADV_NORMAL), V(MADV_RANDOM), V(MADV_SEQUENTIAL), V(MADV_WILLNEED), V(MADV_DONTNEED), V(MADV_FREE),
	V(MADV_REMOVE), V(MADV_DONTFORK), V(MADV_DOFORK), V(MADV_MERGEABLE), V(MADV_UNMERGEABLE), V(MADV_HUGEPAGE),
	V(MADV_NOHUGEPAGE), V(MADV_DONTDUMP), V(MADV_DODUMP), V(MADV_COLD), V(MADV_PAGEOUT),
};
static const struct set_value family[] = {
	V(AF_UNSPEC), V(AF_UNIX), V(AF_INET), V(AF_INET6), V(AF_NETLINK), V(AF_PACKET), V(AF_ALG), V(AF_VSOCK),
	V(AF_BLUETOOTH), V(AF_CAN), V(AF_XDP),
};
static const struct set_value socket_type[] = {
	V(SOCK_PACKET), V(SOCK_DCCP), V(SOCK_SEQPACKET), V(SOCK_RDM), V(SOCK_RAW), V(SOCK_DGRAM), V(SOCK_STREAM),
	V(SOCK_NONBLOCK), V(SOCK_CLOEXEC),
};
static const struct set_value shut[] = { V(SHUT_RD), V(SHUT_WR), V(SHUT_RDWR) };
static const struct set_value msg[] = {
	V(MSG_OOB), V(MSG_PEEK), V(MSG_DONTROUTE), V(MSG_CTRUNC), V(MSG_TRUNC), V(MSG_DONTWAIT), V(MSG_EOR),
	V(MSG_WAITALL), V(MSG_CONFIRM), V(MSG_ERRQUEUE), V(MSG_NOSIGNAL), V(MSG_MORE), V(MSG_WAITFORONE),
	V(MSG_ZEROCOPY), V(MSG_FASTOPEN), V(MSG_CMSG_CLOEXEC),
};
static const struct set_value signals[] = {
	V(SIGHUP), V(SIGINT), V(SIGQUIT), V(SIGILL), V(SIGTRAP), V(SIGABRT), V(SIGBUS), V(SIGFPE), V(SIGKILL),
	V(SIGUSR1), V(SIGSEGV), V(SIGUSR2), V(SIGPIPE), V(SIGALRM), V(SIGTERM), V(SIGSTKFLT), V(SIGCHLD), V(SIGCONT),
	V(SIGSTOP), V(SIGTSTP), V(SIGTTIN), V(SIGTTOU), V(SIGURG), V(SIGXCPU), V(SIGXFSZ), V(SIGVTALRM), V(SIGPROF),
	V(SIGWINCH), V(SIGIO), V(SIGPWR), V(SIGSYS),
};
static const struct set_value sigmask_how[] = { V(SIG_BLOCK), V(SIG_UNBLOCK), V(SIG_SETMASK) };
static const struct set_value clocks[] = {
	V(CLOCK_REALTIME), V(CLOCK_MONOTONIC), V(CLOCK_PROCESS_CPUTIME_ID), V(CLOCK_THREAD_CPUTIME_ID),
	V(CLOCK_MONOTONIC_RAW), V(CLOCK_REALTIME_COARSE), V(CLOCK_MONOTONIC_COARSE), V(CLOCK_BOOTTIME),
	V(CLOCK_REALTIME_ALARM), V(CLOCK_BOOTTIME_ALARM), V(CLOCK_TAI),
};
static const struct set_value fcntl_cmd[] = {
	V(F_DUPFD), V(F_GETFD), V(F_SETFD), V(F_GETFL), V(F_SETFL), V(F_GETLK), V(F_SETLK), V(F_SETLKW), V(F_SETOWN),
	V(F_GETOWN), V(F_SETSIG), V(F_GETSIG), V(F_SETLEASE), V(F_GETLEASE), V(F_NOTIFY), V(F_DUPFD_CLOEXEC),
	V(F_SETPIPE_SZ), V(F_GETPIPE_SZ), V(F_ADD_SEALS), V(F_GET_SEALS), V(F_OFD_GETLK), V(F_OFD_SETLK), V(F_OFD_SETLKW),
};
static const struct set_value access_mode[] = { V(F_OK), V(R_OK), V(W_OK), V(X_OK) };
static const struct set_value at[] = {
	V(AT_SYMLINK_NOFOLLOW), V(AT_REMOVEDIR), V(AT_SYMLINK_FOLLOW), V(AT_NO_AUTOMOUNT), V(AT_EMPTY_PATH),
};
static const struct set_value dirfd_values[] = { V(AT_FDCWD) };
static const struct set_value flock_op[] = { V(LOCK_SH), V(LOCK_EX), V(LOCK_UN), V(LOCK_NB) };
static const struct set_value lockf_cmd[] = { V(F_ULOCK), V(F_LOCK), V(F_TLOCK), V(F_TEST) };
static const struct set_value dlopen_flags[] = {
	V(RTLD_LAZY), V(RTLD_NOW), V(RTLD_NOLOAD), V(RTLD_DEEPBIND), V(RTLD_GLOBAL), V(RTLD_LOCAL), V(RTLD_NODELETE),
};
static const struct set_value wait_flags[] = {
	V(WNOHANG), V(WUNTRACED), V(WEXITED), V(WCONTINUED), V(WNOWAIT),
};
static const struct set_value rlimits[] = {
	V(RLIMIT_CPU), V(RLIMIT_FSIZE), V(RLIMIT_DATA), V(RLIMIT_STACK), V(RLIMIT_CORE), V(RLIMIT_RSS), V(RLIMIT_NPROC),
	V(RLIMIT_NOFILE), V(RLIMIT_MEMLOCK), V(RLIMIT_AS), V(RLIMIT_LOCKS), V(RLIMIT_SIGPENDING), V(RLIMIT_MSGQUEUE),
	V(RLIMIT_NICE), V(RLIMIT_RTPRIO), V(RLIMIT_RTTIME),
};
static const struct set_value rusage_who[] = { V(RUSAGE_SELF), V(RUSAGE_CHILDREN), V(RUSAGE_THREAD) };
static const struct set_value sched[] = {
	V(SCHED_OTHER), V(SCHED_FIFO), V(SCHED_RR), V(SCHED_BATCH), V(SCHED_IDLE),
};
static const struct set_value epoll_op[] = { V(EPOLL_CTL_ADD), V(EPOLL_CTL_DEL), V(EPOLL_CTL_MOD) };
static const struct set_value epoll_create_flags[] = { V(EPOLL_CLOEXEC) };
static const struct set_value eventfd_flags[] = { V(EFD_SEMAPHORE), V(EFD_NONBLOCK), V(EFD_CLOEXEC) };
static const struct set_value timerfd_flags[] = { V(TFD_NONBLOCK), V(TFD_CLOEXEC) };
static const struct set_value timer_flags[] = { V(TIMER_ABSTIME), V(TFD_TIMER_CANCEL_ON_SET) };
static const struct set_value inotify_mask[] = {
	V(IN_ACCESS), V(IN_MODIFY), V(IN_ATTRIB), V(IN_CLOSE_WRITE), V(IN_CLOSE_NOWRITE), V(IN_OPEN), V(IN_MOVED_FROM),
	V(IN_MOVED_TO), V(IN_CREATE), V(IN_DELETE), V(IN_DELETE_SELF), V(IN_MOVE_SELF), V(IN_ONLYDIR), V(IN_DONT_FOLLOW),
	V(IN_EXCL_UNLINK), V(IN_MASK_ADD), V(IN_ISDIR), { "IN_ONESHOT", 0x80000000 },
};
static const struct set_value inotify_init_flags[] = { V(IN_NONBLOCK), V(IN_CLOEXEC) };
static const struct set_value getrandom_flags[] = { V(GRND_NONBLOCK), V(GRND_RANDOM) };
static const struct set_value memfd_flags[] = { V(MFD_CLOEXEC), V(MFD_ALLOW_SEALING), V(MFD_HUGETLB) };
static const struct set_value socket_level[] = {
	V(SOL_SOCKET), { "IPPROTO_IP", 0 }, { "IPPROTO_TCP", 6 }, { "IPPROTO_UDP", 17 }, { "IPPROTO_IPV6", 41 },
};
/* Numbers of the libraries' own headers, which are not needed to build tpd; their tests hold them against these. */
static const struct set_value sqlite_result[] = {
	{ "SQLITE_OK", 0 }, { "SQLITE_ERROR", 1 }, { "SQLITE_INTERNAL", 2 }, { "SQLITE_PERM", 3 }, { "SQLITE_ABORT", 4 },
	{ "SQLITE_BUSY", 5 }, { "SQLITE_LOCKED", 6 }, { "SQLITE_NOMEM", 7 }, { "SQLITE_READONLY", 8 },
	{ "SQLITE_INTERRUPT", 9 }, { "SQLITE_IOERR", 10 }, { "SQLITE_CORRUPT", 11 }, { "SQLITE_NOTFOUND", 12 },
	{ "SQLITE_FULL", 13 }, { "SQLITE_CANTOPEN", 14 }, { "SQLITE_PROTOCOL", 15 }, { "SQLITE_SCHEMA", 17 },
	{ "SQLITE_TOOBIG", 18 }, { "SQLITE_CONSTRAINT", 19 }, { "SQLITE_MISMATCH", 20 }, { "SQLITE_MISUSE", 21 },
	{ "SQLITE_AUTH", 23 }, { "SQLITE_RANGE", 25 }, { "SQLITE_NOTADB", 26 }, { "SQLITE_ROW", 100 }, { "SQLITE_DONE", 101 },
};
static const struct set_value zlib_result[] = {
	{ "Z_OK", 0 }, { "Z_STREAM_END", 1 }, { "Z_NEED_DICT", 2 }, { "Z_ERRNO", -1 }, { "Z_STREAM_ERROR", -2 },
	{ "Z_DATA_ERROR", -3 }, { "Z_MEM_ERROR", -4 }, { "Z_BUF_ERROR", -5 }, { "Z_VERSION_ERROR", -6 },
};
static const struct set_value zlib_flush[] = {
	{ "Z_NO_FLUSH", 0 }, { "Z_PARTIAL_FLUSH", 1 }, { "Z_SYNC_FLUSH", 2 }, { "Z_FULL_FLUSH", 3 }, { "Z_FINISH", 4 },
	{ "Z_BLOCK", 5 }, { "Z_TREES", 6 },
};
static const struct set_value errnos[] = {
	{ "OK", 0 }, V(EPERM), V(ENOENT), V(ESRCH), V(EINTR), V(EIO), V(ENXIO), V(E2BIG), V(ENOEXEC), V(EBADF), V(ECHILD),
	V(EAGAIN), V(ENOMEM), V(EACCES), V(EFAULT), V(EBUSY), V(EEXIST), V(ENODEV), V(ENOTDIR), V(EISDIR), V(EINVAL),
	V(ENFILE), V(EMFILE), V(EFBIG), V(ENOSPC), V(EROFS), V(ERANGE), V(EDEADLK), V(ENAMETOOLONG), V(ENOSYS), V(EOVERFLOW),
	V(EOPNOTSUPP), V(ETIMEDOUT), V(ECANCELED), V(EOWNERDEAD), V(ENOTRECOVERABLE),
};

#define SET(name, flags, v) { name, flags, v, ARRAY_SIZE(v) }

const struct set proto_text_sets[] = {
	SET("open", true, open_flags), SET("whence", false, whence), SET("prot", true, prot), SET("map", true, map),
	SET("advice", false, advice), SET("family", false, family), SET("socktype", true, socket_type),
	SET("shut", false, shut), SET("msg", true, msg), SET("signal", false, signals),
	SET("sigmask", false, sigmask_how), SET("clock", false, clocks), SET("fcntl", false, fcntl_cmd),
	SET("access", true, access_mode), SET("at", true, at), SET("dirfd", false, dirfd_values),
	SET("flock", true, flock_op), SET("lockf", false, lockf_cmd), SET("dlopen", true, dlopen_flags),
	SET("wait", true, wait_flags), SET("rlimit", false, rlimits), SET("rusage", false, rusage_who),
	SET("sched", false, sched), SET("epoll_ctl", false, epoll_op), SET("epoll_create", true, epoll_create_flags),
	SET("eventfd", true, eventfd_flags), SET("timerfd", true, timerfd_flags), SET("timer", true, timer_flags),
	SET("inotify", true, inotify_mask), SET("inotify_init", true, inotify_init_flags),
	SET("getrandom", true, getrandom_flags), SET("memfd", true, memfd_flags), SET("sol", false, socket_level),
	SET("errno", false, errnos), SET("sqlite", false, sqlite_result), SET("zlib", false, zlib_result),
	SET("zflush", false, zlib_flush),
};
const size_t proto_text_nsets = ARRAY_SIZE(proto_text_sets);
/* clang-format on */
