/* SPDX-License-Identifier: MIT */
/*
 * stream.c: see stream.h. What is read is hostile: memory stays in proportion to the bytes that
 * the file really has.
 */
#define HASH_NONFATAL_OOM      1
#define uthash_nonfatal_oom(e) ((e)->added = false)
#include <uthash.h>

#include "base/file.h"
#include "pipeline/stream.h"
#include "pipeline/values.h"

#define FRAME_MAX  65528 /* ev_hdr.len is 16 bits, and a multiple of 8 */
#define NAME_BYTES 32000 /* two of them fit a frame; longer ones are cut */
#define META_MAX   64

/* A type of Go's: its name is behind it. */
struct type_name {
	struct type_key {
		uint64_t addr, pid;
	} key;
	bool added;
	UT_hash_handle hh;
	char name[];
};

struct stream_writer {
	FILE *f;
	struct type_name *types; /* that were written, without their names */
	int err;
};

static struct type_name *type_find(struct type_name *all, uint32_t pid, uint64_t addr)
{
	struct type_key key = { addr, pid };
	struct type_name *t;

	HASH_FIND(hh, all, &key, sizeof(key), t);
	return t;
}

static int type_add(struct type_name **all, uint32_t pid, uint64_t addr, const char *name, size_t len)
{
	struct type_name *t = malloc(sizeof(*t) + len + 1);

	if (!t)
		return -ENOMEM;
	t->key = (struct type_key){ addr, pid };
	t->added = true;
	memcpy(t->name, name, len);
	t->name[len] = '\0';
	HASH_ADD(hh, *all, key, sizeof(t->key), t);
	if (t->added)
		return 0;
	free(t);
	return -ENOMEM;
}

static void types_free(struct type_name *all)
{
	struct type_name *t, *next;

	HASH_ITER(hh, all, t, next) {
		HASH_DEL(all, t);
		free(t);
	}
}

static int put(struct stream_writer *w, const void *bytes, size_t len)
{
	if (!w->err && fwrite(bytes, 1, len, w->f) != len)
		w->err = errno ? -errno : -EIO;
	return w->err;
}

int stream_writer_open(struct stream_writer **ret, const char *path, const struct clock_map *clock,
		       uint64_t salt)
{
	struct stream_head head = { .magic = STREAM_MAGIC, .abi = EV_ABI, .offset = clock->offset,
				    .salt = salt };
	AUTO_FREE struct stream_writer *w = calloc(1, sizeof(*w));
	AUTO_CLOSE int fd = -1;
	int err;

	if (!w)
		return -ENOMEM;
	fd = file_open_output(path, true);
	if (fd < 0)
		return fd;
	w->f = fdopen(fd, "w");
	if (!w->f)
		return -errno;
	util_steal_fd(&fd);
	err = put(w, &head, sizeof(head));
	if (err) {
		fclose(w->f);
		return err;
	}
	*ret = util_steal(&w);
	return 0;
}

static int write_strings(struct stream_writer *w, uint16_t kind, const char *a, const char *b)
{
	size_t na = strnlen(a, NAME_BYTES), nb = strnlen(b, NAME_BYTES);
	size_t used = sizeof(struct ev_hdr) + na + 1 + nb + 1, len = (used + 7) & ~(size_t)7;
	struct ev_hdr h = { .kind = kind, .len = (uint16_t)len };

	put(w, &h, sizeof(h));
	put(w, a, na);
	put(w, "", 1);
	put(w, b, nb);
	return put(w, "\0\0\0\0\0\0\0", 1 + len - used);
}

int stream_write_meta(struct stream_writer *w, const char *key, const char *value)
{
	return write_strings(w, STREAM_META, key, value);
}

static int write_values(struct stream_writer *w, const struct values *v)
{
	size_t len = (sizeof(struct ev_hdr) + v->bytes + 7) & ~(size_t)7;
	struct ev_hdr h = { .kind = STREAM_VALUES, .len = (uint16_t)len };

	if (len > FRAME_MAX)
		return 0;
	put(w, &h, sizeof(h));
	put(w, v, v->bytes);
	return put(w, "\0\0\0\0\0\0\0", len - sizeof(h) - v->bytes);
}

int stream_write_fn(struct stream_writer *w, const struct fn_name *fn)
{
	int err = write_strings(w, STREAM_FN, fn->function, fn->module);

	return err || !fn->values ? err : write_values(w, fn->values);
}

int stream_write_event(struct stream_writer *w, const void *bytes, size_t len)
{
	struct ev_hdr h;
	int err = decode_header(bytes, len, &h);

	return err ? err : put(w, bytes, len);
}

int stream_write_unwanted(struct stream_writer *w, const void *bytes, size_t len)
{
	struct ev_call e;

	if (len < sizeof(e))
		return -EBADMSG;
	memcpy(&e, bytes, sizeof(e));
	e.flags |= CALL_F_UNWANTED;
	put(w, &e, sizeof(e));
	return put(w, (const char *)bytes + sizeof(e), len - sizeof(e));
}

int stream_write_go_type(struct stream_writer *w, uint32_t pid, uint64_t addr, const char *name)
{
	size_t n = strnlen(name, NAME_BYTES), used = sizeof(struct ev_hdr) + sizeof(addr) + n, len = (used + 8) & ~(size_t)7;
	struct ev_hdr h = { .kind = STREAM_GO_TYPE, .len = (uint16_t)len, .pid = pid };
	int err;

	if (type_find(w->types, pid, addr))
		return 0;
	err = type_add(&w->types, pid, addr, "", 0);
	if (err)
		return err;
	put(w, &h, sizeof(h));
	put(w, &addr, sizeof(addr));
	put(w, name, n);
	return put(w, "\0\0\0\0\0\0\0", len - used);
}

int stream_writer_flush(struct stream_writer *w)
{
	if (!w->err && fflush(w->f))
		w->err = -errno;
	return w->err;
}

int stream_writer_close(struct stream_writer *w)
{
	int err;

	if (!w)
		return 0;
	err = stream_writer_flush(w);
	if (fclose(w->f) && !err)
		err = -errno;
	types_free(w->types);
	free(w);
	return err;
}

struct stream_reader {
	FILE *f;
	struct decoder d;
	struct fn_name *fns; /* each a block of its own at .function, which .module points into */
	size_t nfns, cap;
	struct fn_name meta[META_MAX]; /* key, value */
	size_t nmeta;
	struct type_name *types;
	uint64_t frame[(FRAME_MAX + 8) / 8];
};

int stream_reader_open(struct stream_reader **ret, const char *path)
{
	FILE *f;

	if (!strcmp(path, "-")) {
		int fd = dup(STDIN_FILENO);

		f = fd < 0 ? NULL : fdopen(fd, "r");
	} else {
		f = fopen(path, "re");
	}
	return f ? stream_reader_new(ret, f) : -errno;
}

int stream_reader_new(struct stream_reader **ret, FILE *f)
{
	AUTO_FREE struct stream_reader *r = NULL;
	AUTO_FCLOSE FILE *file = f;
	struct stream_head head;
	size_t n;

	errno = 0;
	n = fread(&head, 1, sizeof(head), file);
	if (n != sizeof(head))
		return ferror(file) && errno ? -errno : -EBADMSG;
	if (memcmp(head.magic, STREAM_MAGIC, sizeof(head.magic)))
		return -EBADMSG;
	if (head.abi != EV_ABI || head.reserved)
		return -EPROTO;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->d = (struct decoder){ .clock = { head.offset }, .salt = head.salt };
	r->f = util_steal(&file);
	*ret = util_steal(&r);
	return 0;
}

/* The two strings of a frame, in one block of memory. */
static int read_strings(const struct stream_reader *r, size_t len, struct fn_name *ret)
{
	const char *text = (const char *)r->frame + sizeof(struct ev_hdr);
	size_t room = len - sizeof(struct ev_hdr), first = strnlen(text, room) + 1, second;
	char *copy;

	if (first >= room)
		return -EBADMSG;
	second = strnlen(text + first, room - first) + 1;
	if (second > room - first)
		return -EBADMSG;
	copy = malloc(first + second);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, text, first + second);
	*ret = (struct fn_name){ .function = copy, .module = copy + first };
	return 0;
}

static int take_meta(struct stream_reader *r, size_t len)
{
	int err = r->nmeta < META_MAX ? read_strings(r, len, &r->meta[r->nmeta]) : -EBADMSG;

	r->nmeta += !err;
	return err;
}

static int take_fn(struct stream_reader *r, size_t len)
{
	int err = util_grow(&r->fns, r->nfns, &r->cap, sizeof(*r->fns));

	if (!err)
		err = read_strings(r, len, &r->fns[r->nfns]);
	r->nfns += !err;
	r->d.fns = r->fns;
	r->d.nfns = r->nfns;
	return err;
}

static int take_values(struct stream_reader *r, size_t len)
{
	const struct values *v = (const void *)((const char *)r->frame + sizeof(struct ev_hdr));
	struct values *copy;
	size_t room = len - sizeof(struct ev_hdr);

	if (!r->nfns || r->fns[r->nfns - 1].values || room < sizeof(*v) || v->bytes > room || values_check(v, v->bytes))
		return -EBADMSG;
	copy = malloc(v->bytes);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, v, v->bytes);
	r->fns[r->nfns - 1].values = copy;
	return 0;
}

/* The first name stays. */
static int take_go_type(struct stream_reader *r, const struct ev_hdr *h)
{
	size_t head = sizeof(*h) + sizeof(uint64_t);
	const char *name = (const char *)r->frame + head;
	uint64_t addr;

	if (h->len <= head)
		return -EBADMSG;
	memcpy(&addr, name - sizeof(addr), sizeof(addr));
	if (type_find(r->types, h->pid, addr))
		return 0;
	return type_add(&r->types, h->pid, addr, name, strnlen(name, h->len - head));
}

/* One frame into r->frame. 1, 0 at the end, negative errno. */
static int read_frame(struct stream_reader *r, struct ev_hdr *h)
{
	char *p = (char *)r->frame;
	size_t n;

	errno = 0;
	n = fread(p, 1, sizeof(*h), r->f);
	if (!n && feof(r->f))
		return 0;
	if (n != sizeof(*h))
		return ferror(r->f) && errno ? -errno : -ENODATA;
	memcpy(h, p, sizeof(*h));
	if (decode_header(p, MAX(h->len, sizeof(*h)), h))
		return -EBADMSG;
	n = h->len - sizeof(*h);
	if (fread(p + sizeof(*h), 1, n, r->f) != n)
		return ferror(r->f) && errno ? -errno : -ENODATA;
	return 1;
}

int stream_next(struct stream_reader *r, const void **bytes, size_t *len)
{
	struct ev_hdr h;
	int ret;

	for (;;) {
		ret = read_frame(r, &h);
		if (ret <= 0)
			return ret;
		if (h.kind == STREAM_META)
			ret = take_meta(r, h.len);
		else if (h.kind == STREAM_FN)
			ret = take_fn(r, h.len);
		else if (h.kind == STREAM_VALUES)
			ret = take_values(r, h.len);
		else if (h.kind == STREAM_GO_TYPE)
			ret = take_go_type(r, &h);
		else
			break;
		if (ret)
			return ret;
	}
	*bytes = r->frame;
	*len = h.len;
	return 1;
}

const struct decoder *stream_decoder(const struct stream_reader *r)
{
	return &r->d;
}

const char *stream_meta(const struct stream_reader *r, const char *key)
{
	for (size_t i = 0; i < r->nmeta; i++)
		if (!strcmp(r->meta[i].function, key))
			return r->meta[i].module;
	return NULL;
}

const char *stream_go_type(const struct stream_reader *r, uint32_t pid, uint64_t addr)
{
	const struct type_name *t = type_find(r->types, pid, addr);

	return t ? t->name : NULL;
}

void stream_reader_close(struct stream_reader *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->nmeta; i++)
		free((char *)r->meta[i].function);
	for (size_t i = 0; i < r->nfns; i++) {
		free((char *)r->fns[i].function);
		free((void *)r->fns[i].values);
	}
	free(r->fns);
	types_free(r->types);
	fclose(r->f);
	free(r);
}
