/* SPDX-License-Identifier: MIT */
/* wire.c: messages over a stream socket: a head, bytes, descriptors that come with the head. */
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "debug/wire.h"

#define MAX_PARTS 4

static int wait_for(int sock, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = sock, .events = events };
	uint64_t now;
	int n;

	do {
		now = clock_mono();
		if (now >= deadline)
			return -ETIMEDOUT;
		n = poll(&p, 1, (int)((deadline - now) / 1000000 + 1));
	} while (!n || (n < 0 && errno == EINTR));
	return n < 0 ? -errno : 0;
}

/* After a failed call: 0 try again, or an error. */
static int again(int sock, short events, uint64_t deadline)
{
	if (errno == EINTR)
		return 0;
	if (errno == EAGAIN && deadline)
		return wait_for(sock, events, deadline);
	return errno == EPIPE ? -ECONNRESET : -errno;
}

static void put_fds(struct msghdr *h, void *control, const int *fds, size_t nfds)
{
	struct cmsghdr *c;

	if (!nfds)
		return;
	h->msg_control = control;
	h->msg_controllen = CMSG_SPACE(nfds * sizeof(int));
	c = CMSG_FIRSTHDR(h);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
	memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
}

static void advance(struct msghdr *h, size_t n)
{
	while (h->msg_iovlen && n >= h->msg_iov->iov_len) {
		n -= h->msg_iov->iov_len;
		h->msg_iov++;
		h->msg_iovlen--;
	}
	if (h->msg_iovlen) {
		h->msg_iov->iov_base = (char *)h->msg_iov->iov_base + n;
		h->msg_iov->iov_len -= n;
	}
	h->msg_control = NULL;
	h->msg_controllen = 0;
}

int wire_send(int sock, uint64_t deadline, const struct wire_head *head, const struct iovec *parts, size_t nparts,
	      const int *fds, size_t nfds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(WIRE_FDS * sizeof(int))] = { 0 };
	struct wire_head first = *head;
	struct iovec v[MAX_PARTS + 1] = { { &first, sizeof(first) } };
	struct msghdr h = { .msg_iov = v, .msg_iovlen = nparts + 1 };
	size_t total = 0;
	int err = 0;

	if (nparts > MAX_PARTS || nfds > WIRE_FDS)
		return -EMSGSIZE;
	for (size_t i = 0; i < nparts; i++) {
		v[i + 1] = parts[i];
		if (parts[i].iov_len > WIRE_MAX - total)
			return -EMSGSIZE;
		total += parts[i].iov_len;
	}
	first.bytes = (uint32_t)total;
	put_fds(&h, control, fds, nfds);
	while (h.msg_iovlen && !err) {
		ssize_t n = sendmsg(sock, &h, MSG_NOSIGNAL | (deadline ? MSG_DONTWAIT : 0));

		if (n >= 0)
			advance(&h, (size_t)n);
		else
			err = again(sock, POLLOUT, deadline);
	}
	return err;
}

void wire_drop_fds(struct wire_msg *m)
{
	while (m->nfds)
		close(m->fds[--m->nfds]);
}

static void take_fds(struct wire_msg *m, struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (m->nfds < WIRE_FDS)
				m->fds[m->nfds++] = fd;
			else
				close(fd);
		}
	}
}

static int recv_all(int sock, uint64_t deadline, void *buf, size_t len, struct wire_msg *fds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(WIRE_FDS * sizeof(int))];
	size_t done = 0;
	int err = 0;

	while (done < len && !err) {
		struct iovec v = { (char *)buf + done, len - done };
		struct msghdr h = {
			.msg_iov = &v,
			.msg_iovlen = 1,
			.msg_control = fds ? control : NULL,
			.msg_controllen = fds ? sizeof(control) : 0,
		};
		ssize_t n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC | (deadline ? MSG_DONTWAIT : 0));

		if (n > 0) {
			done += (size_t)n;
			if (fds)
				take_fds(fds, &h);
		} else if (!n) {
			err = -ECONNRESET;
		} else {
			err = again(sock, POLLIN, deadline);
		}
	}
	return err;
}

int wire_recv(int sock, uint64_t deadline, struct wire_msg *m)
{
	int err;

	wire_drop_fds(m);
	err = recv_all(sock, deadline, &m->head, sizeof(m->head), m);
	if (err)
		return err;
	if (m->head.bytes > WIRE_MAX)
		return -EMSGSIZE;
	if (m->head.bytes > m->cap) {
		void *p = realloc(m->buf, m->head.bytes);

		if (!p)
			return -ENOMEM;
		m->buf = p;
		m->cap = m->head.bytes;
	}
	return recv_all(sock, deadline, m->buf, m->head.bytes, NULL);
}

void wire_free(struct wire_msg *m)
{
	wire_drop_fds(m);
	free(m->buf);
	m->buf = NULL;
	m->cap = 0;
}
