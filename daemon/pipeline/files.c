/* SPDX-License-Identifier: MIT */
/* files.c: see files.h. */
#include "pipeline/files_priv.h"

int files_new(struct files **ret, const struct files_conf *conf, const struct descriptors *of, const struct decoder *d,
	      files_emit *emit, void *arg)
{
	struct files *f = calloc(1, sizeof(*f));
	struct file_paths *paths = calloc(1, sizeof(*paths));

	if (!f || !paths) {
		free(f);
		free(paths);
		return -ENOMEM;
	}
	f->conf = *conf;
	f->of = *of;
	f->d = d;
	f->emit = emit;
	f->arg = arg;
	f->paths = paths;
	for (size_t i = 0; i < files_ncalls; i++)
		f->calls[files_calls[i].nr] = &files_calls[i];
	f->positions = !conf->filtered && !conf->summary && !conf->nops;
	*ret = f;
	return 0;
}

void files_free(struct files *f)
{
	struct file_process *p, *tmp;

	if (!f)
		return;
	HASH_ITER (hh, f->processes, p, tmp)
		files_exit(f, p->pid);
	links_free(f);
	files_sums_free(f);
	free(f->paths);
	free(f);
}

static int on_call(struct files *f, const void *bytes, size_t len)
{
	struct file_event v = { 0 };
	int err;

	if (len < sizeof(v.e))
		return -EBADMSG;
	memcpy(&v.e, bytes, sizeof(v.e));
	if ((size_t)v.e.path_len + v.e.path2_len > len - sizeof(v.e))
		return -EBADMSG;
	v.call = v.e.nr < SYS_MAX ? f->calls[v.e.nr] : NULL;
	if (!v.call)
		return -EBADMSG;
	v.text = (const char *)bytes + sizeof(v.e);
	v.p = files_get(f, v.e.h.pid);
	if (!v.p)
		return -ENOMEM;
	files_meant(f, &v);
	err = files_apply(f, &v);
	if (v.e.ret >= 0 && files_tracked(v.call))
		v.p->changed_ns = MAX(v.p->changed_ns, v.e.h.ts_ns);
	if (!err && files_wanted(f, &v)) {
		if (f->conf.summary)
			files_add(f, &v);
		else
			files_record(f, &v);
	}
	desc_put(f, v.fd);
	desc_put(f, v.fd2);
	return err;
}

static int on_process(struct files *f, const void *bytes, size_t len)
{
	struct file_process *p;
	struct ev_process e;

	if (len < sizeof(e))
		return -EBADMSG;
	memcpy(&e, bytes, sizeof(e));
	switch (e.event) {
	case PROC_FORK:
		return files_fork(f, &e);
	case PROC_EXEC:
		files_exec(f, e.h.pid, e.h.ts_ns);
		break;
	case PROC_EXIT:
		p = files_find(f, e.h.pid);
		if (p && f->conf.summary)
			p->gone = true;
		else
			files_exit(f, e.h.pid);
	}
	return 0;
}

int files_event(struct files *f, const void *bytes, size_t len)
{
	struct ev_hdr h;
	int err = decode_header(bytes, len, &h);

	if (err)
		return err;
	if (h.kind == EV_FILE)
		return on_call(f, bytes, len);
	return h.kind == EV_PROCESS ? on_process(f, bytes, len) : 0;
}

unsigned files_unseen(const struct files *f)
{
	return f->unseen;
}

uint64_t files_told(const struct files *f)
{
	return f->told;
}
