/* SPDX-License-Identifier: MIT */
/*
 * debug.c: tpd's side of its child: starts it, hands files over, asks, and finds it guilty when it dies or does not
 * answer. What a file's part was the death of is not tried again with that file; all else is.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "debug/child.h"
#include "debug/debug_priv.h"
#include "debug/sandbox.h"

#define TIMEOUT	  10000000000ull /* ns for one question */
#define FEW_FILES 8

int debug_open(struct debug **ret)
{
	struct debug *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->sock = -1;
	d->note = mmap(NULL, sizeof(*d->note), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (d->note == MAP_FAILED || stacks_open(&d->stacks)) {
		d->note = d->note == MAP_FAILED ? NULL : d->note;
		debug_close(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

/* How it ended, as waitpid() tells. */
static int end_child(struct debug *d)
{
	struct known_file *f, *next;
	int status = 0;

	if (d->sock >= 0)
		close(d->sock);
	d->sock = -1;
	if (d->child > 0) {
		kill(d->child, SIGKILL);
		while (waitpid(d->child, &status, 0) < 0 && errno == EINTR)
			;
	}
	d->child = 0;
	d->nsent = 0;
	memset(d->slot, 0, sizeof(d->slot));
	HASH_ITER(hh, d->files, f, next)
		f->sent = false;
	return status;
}

void debug_close(struct debug *d)
{
	struct known_file *f, *next;

	if (!d)
		return;
	end_child(d);
	HASH_ITER(hh, d->files, f, next) {
		HASH_DEL(d->files, f);
		free(f);
	}
	if (d->note)
		munmap(d->note, sizeof(*d->note));
	stacks_close(d->stacks);
	wire_free(&d->msg);
	free(d);
}

int debug_start(struct debug *d)
{
	int fds[2];

	if (d->child > 0)
		return 0;
	if (d->never)
		return d->refused;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return d->refused = -errno;
	memset(d->note, 0, sizeof(*d->note));
	d->child = fork();
	if (!d->child) {
		d->note->refused = sandbox_enter(fds[1], d->note);
		if (!d->note->refused)
			child_serve(SANDBOX_SOCKET, d->note);
		_exit(1);
	}
	d->refused = d->child < 0 ? -errno : 0;
	close(fds[1]);
	if (d->refused) {
		close(fds[0]);
		d->child = 0;
		return d->refused;
	}
	d->sock = fds[0];
	return 0;
}

int debug_refused(const struct debug *d)
{
	return d->refused;
}

int debug_send(struct debug *d, uint32_t kind, const struct iovec *v, size_t n)
{
	struct wire_head head = { .kind = kind };

	return wire_send(d->sock, clock_mono() + TIMEOUT, &head, v, n, NULL, 0);
}

int debug_receive(struct debug *d, uint32_t kind)
{
	int err = wire_recv(d->sock, clock_mono() + TIMEOUT, &d->msg);

	return !err && d->msg.head.kind != kind ? -EBADMSG : err;
}

void debug_make_room(struct debug *d, size_t n)
{
	if (d->nsent + n > DEBUG_MAX_FILES)
		end_child(d);
}

static struct known_file *know(struct debug *d, uint64_t key)
{
	struct known_file *f;

	HASH_FIND(hh, d->files, &key, sizeof(key), f);
	if (f)
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->key = key;
	HASH_ADD(hh, d->files, key, sizeof(f->key), f);
	return f;
}

bool debug_failed(struct debug *d, int *err)
{
	size_t files = d->nsent;
	struct known_file *f;
	uint32_t phase;
	int status;

	if (*err != -ECONNRESET && *err != -ETIMEDOUT && *err != -EBADMSG && *err != -EMSGSIZE && *err != -ENOMEM)
		return false;
	status = end_child(d);
	phase = d->note->phase & (PHASE_CFI | PHASE_SYMBOLS | PHASE_DWARF);
	/* libdw leaves when memory is short, and no one file is guilty of that. */
	if (WIFEXITED(status) && files > FEW_FILES)
		phase = 0;
	f = *err != -ENOMEM && phase ? know(d, d->note->key) : NULL;
	if (f)
		f->bad |= phase;
	if (*err == -ECONNRESET && d->note->refused < 0) {
		*err = d->refused = d->note->refused;
		d->never = true;
		return false;
	}
	if (*err == -ECONNRESET && !phase)
		return true;
	*err = *err == -ENOMEM ? -ENOMEM : -EBADMSG;
	return false;
}

int debug_send_file(struct debug *d, const struct debug_file *file, uint32_t phases)
{
	struct known_file *f = know(d, file->key);
	struct wire_head head = { .kind = WIRE_FILE };
	struct wire_file q = { .key = file->key };
	int fds[WIRE_FDS] = { file->fd }, err;
	size_t n = 1;

	if (!f)
		return -ENOMEM;
	if (phases && (f->bad & phases) == phases)
		return -EBADMSG;
	err = debug_start(d);
	if (err || f->sent)
		return err;
	q.bad = f->bad;
	if (file->debug_fd >= 0) {
		fds[n++] = file->debug_fd;
		q.has |= WIRE_HAS_DEBUG;
	}
	if (file->alt_fd >= 0) {
		fds[n++] = file->alt_fd;
		q.has |= WIRE_HAS_ALT;
	}
	err = wire_send(d->sock, clock_mono() + TIMEOUT, &head, &(struct iovec){ &q, sizeof(q) }, 1, fds, n);
	if (!err) {
		f->sent = true;
		d->nsent++;
	}
	return err;
}

/* A question about a file; the answer is in d->msg. */
static int ask(struct debug *d, const struct debug_file *f, uint32_t kind, const struct iovec *v, size_t n, uint32_t phases)
{
	int err;

	for (unsigned attempt = 0; attempt < 2; attempt++) {
		debug_make_room(d, 1);
		err = debug_send_file(d, f, phases);
		if (err == -EBADMSG)
			return err;
		if (!err)
			err = debug_send(d, kind, v, n);
		if (!err)
			err = debug_receive(d, kind);
		if (!err || !debug_failed(d, &err))
			return err;
	}
	return -EBADMSG;
}

static int ask_addr(struct debug *d, const struct debug_file *f, uint32_t kind, struct wire_addr *q, uint32_t phases)
{
	return ask(d, f, kind, &(struct iovec){ q, sizeof(*q) }, 1, phases);
}

int debug_proto(struct debug *d, const struct debug_file *f, uint64_t addr, unsigned depth, struct proto **ret)
{
	struct wire_addr q = { .key = f->key, .addr = addr, .depth = depth };
	int err = ask_addr(d, f, WIRE_PROTO, &q, PHASE_DWARF);
	struct proto_view v;
	struct proto *p;

	if (err)
		return err;
	if (d->msg.head.err) {
		err = d->msg.head.err < 0 ? d->msg.head.err : -EBADMSG;
		/* A child that has grown too large makes room for a new one. */
		if (err == -ENOMEM)
			debug_failed(d, &err);
		return err;
	}
	if (proto_check(d->msg.buf, d->msg.head.bytes, &v))
		return -EBADMSG;
	p = malloc(d->msg.head.bytes);
	if (!p)
		return -ENOMEM;
	memcpy(p, d->msg.buf, d->msg.head.bytes);
	*ret = p;
	return 0;
}

static const char *string_at(const struct frames_view *v, uint32_t at)
{
	return at ? v->strings + at : NULL;
}

int debug_line(struct debug *d, const struct debug_file *f, uint64_t addr, const struct debug_frame **ret, size_t *n)
{
	struct wire_addr q = { .key = f->key, .addr = addr };
	int err = ask_addr(d, f, WIRE_LINE, &q, PHASE_DWARF | PHASE_SYMBOLS);
	struct frames_view v;

	if (!err)
		err = frames_check(&d->msg, &v);
	if (err)
		return err;
	for (uint32_t i = 0; i < v.head->nframes; i++)
		d->frames[i] = (struct debug_frame){
			.pc = addr,
			.offset = addr,
			.function = string_at(&v, v.frames[i].function),
			.file = string_at(&v, v.frames[i].file),
			.line = v.frames[i].line,
			.inlined = v.frames[i].flags & WIRE_F_INLINED,
			.exact = true,
		};
	*ret = d->frames;
	*n = v.head->nframes;
	return 0;
}

static int check_inlined(const struct wire_msg *m, const struct wire_inlined **v, const char **strings)
{
	const struct wire_found *h = (const void *)m->buf;

	if (m->head.bytes < sizeof(*h) || h->n > DEBUG_INLINED_MAX ||
	    sizeof(*h) + h->n * sizeof(**v) + (uint64_t)h->nstrings != m->head.bytes)
		return -EBADMSG;
	*v = (const void *)(h + 1);
	*strings = (const char *)(*v + h->n);
	if (h->n && (!h->nstrings || (*strings)[h->nstrings - 1]))
		return -EBADMSG;
	for (uint32_t i = 0; i < h->n; i++) {
		bool good = (*v)[i].name && (*v)[i].name < h->nstrings && (*v)[i].file < h->nstrings;

		for (size_t k = 0; k < DEBUG_INLINED_INTO; k++)
			good &= (*v)[i].into[k] < h->nstrings;
		if (!good)
			return -EBADMSG;
	}
	return 0;
}

int debug_inlined(struct debug *d, const struct debug_file *f, const char *pattern, uint64_t ns,
		  const struct debug_inlined **ret, size_t *n, unsigned *flags)
{
	struct wire_search q = { .key = f->key, .ns = MIN(ns, TIMEOUT / 2) };
	const struct wire_found *h;
	const struct wire_inlined *v;
	const char *s;
	int err;

	err = ask(d, f, WIRE_INLINED,
		  (struct iovec[]){ { &q, sizeof(q) }, { (void *)(uintptr_t)pattern, strlen(pattern) } }, 2, PHASE_DWARF);
	if (!err)
		err = check_inlined(&d->msg, &v, &s);
	if (!err)
		err = d->msg.head.err > 0 ? -EBADMSG : d->msg.head.err;
	if (err)
		return err;
	h = (const void *)d->msg.buf;
	for (uint32_t i = 0; i < h->n; i++) {
		struct debug_inlined *to = &d->inlined[i];

		*to = (struct debug_inlined){ .name = s + v[i].name,
					      .file = v[i].file ? s + v[i].file : NULL,
					      .line = v[i].line,
					      .more = v[i].more };
		for (size_t k = 0; k < DEBUG_INLINED_INTO; k++)
			to->into[k] = v[i].into[k] ? s + v[i].into[k] : NULL;
	}
	*ret = d->inlined;
	*n = h->n;
	*flags = h->flags;
	return 0;
}
