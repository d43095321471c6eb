/* SPDX-License-Identifier: MIT */
/* fileio.c: see fileio.h. */
#include "app/fileio.h"
#include "app/session.h"
#include "base/log.h"

#define RING_FILES (16u << 20)
#define TOTALS     32768 /* descriptors and calls that are counted in the kernel until tpd looks */

static int take_op(struct fileio *y, char *name)
{
	int err;

	if (!files_known(name, strlen(name))) {
		log_error("--op: '%s' is no operation on files; see FILES in tpd(8)", name);
		return -EINVAL;
	}
	err = util_grow(&y->ops, y->nops, &y->cap, sizeof(*y->ops));
	if (!err)
		y->ops[y->nops++] = name;
	return err;
}

int fileio_open(struct session *s)
{
	const struct strings *ops = &s->conf.ops;
	struct fileio *y = &s->fileio;
	char *at, *save;
	size_t len = 1;
	int err;

	if (!s->conf.files)
		return 0;
	err = proc_fds_new(&y->fds);
	for (size_t i = 0; i < ops->n; i++)
		len += strlen(ops->v[i]) + 1;
	at = y->names = calloc(1, len);
	if (err || !at)
		return -ENOMEM;
	for (size_t i = 0; i < ops->n; i++)
		at += sprintf(at, "%s,", ops->v[i]);
	for (char *name = strtok_r(y->names, ",", &save); name && !err; name = strtok_r(NULL, ",", &save))
		err = take_op(y, name);
	if (!err && ops->n && !y->nops) {
		log_error("--op: names no operation");
		err = -EINVAL;
	}
	return err;
}

static struct files_conf conf_of(const struct session *s)
{
	const struct conf *c = &s->conf;

	return (struct files_conf){
		.all_fds = c->all_fds, .stat = c->stat, .summary = c->files == FILES_SUMMARY,
		.filtered = c->min_duration_ns || c->errors, .paths = c->paths.v, .npaths = c->paths.n,
		.ops = s->fileio.ops, .nops = s->fileio.nops,
	};
}

void fileio_size(const struct session *s, struct kernel_conf *k)
{
	const struct conf *c = &s->conf;

	if (!c->files)
		return;
	k->files = true;
	k->file_min_ns = c->min_duration_ns;
	k->file_errors = c->errors;
	if (c->files == FILES_SUMMARY)
		k->file_totals = TOTALS;
	if (!c->ring_bytes)
		k->ring_bytes = MAX(k->ring_bytes, (uint64_t)RING_FILES);
}

static int tell_kernel(void *arg, uint32_t nr, const struct sys_spec *spec)
{
	struct session *s = arg;

	return kernel_set_syscall(s->kernel, nr, spec);
}

static int ask_all(struct session *s)
{
	int err = 0;

	for (struct target *t = s->targets; t && !err; t = t->next)
		err = files_process(s->output.files, t->process.pid);
	return err;
}

int fileio_start(struct session *s)
{
	struct files_conf conf = conf_of(s);
	struct descriptors of;
	int err;

	if (!s->conf.files)
		return 0;
	of = proc_fds_descriptors(s->fileio.fds);
	err = files_new(&s->output.files, &conf, &of, &s->output.decoder, output_file, &s->output);
	if (!err)
		err = ask_all(s);
	if (!err)
		err = files_specs(&conf, tell_kernel, s);
	if (!err)
		err = ask_all(s);
	if (!err)
		fileio_warn(s);
	return err;
}

void fileio_check(struct session *s)
{
	volatile struct live *live;
	uint64_t lost;

	if (!s->output.files)
		return;
	live = kernel_live(s->kernel);
	lost = live->more_lost + live->look_again;
	if (lost != s->fileio.lost)
		files_lost(s->output.files);
	s->fileio.lost = lost;
}

struct counting {
	struct files *files;
	bool last;
};

static int count(void *arg, const struct file_key *key, const struct file_stats *s)
{
	struct counting *c = arg;

	return files_count(c->files, key, s, c->last);
}

void fileio_count(struct session *s, bool last)
{
	struct counting c = { s->output.files, last };

	if (!s->output.files || s->conf.files != FILES_SUMMARY)
		return;
	kernel_file_totals(s->kernel, count, &c);
	files_counted(s->output.files);
}

void fileio_warn(struct session *s)
{
	if (!s->output.files || s->fileio.told_io_uring || !(files_unseen(s->output.files) & FILES_IO_URING))
		return;
	s->fileio.told_io_uring = true;
	log_warn("a traced process uses io_uring: what it does with files through that is not seen");
}

void fileio_free(struct session *s)
{
	proc_fds_free(s->fileio.fds);
	free(s->fileio.names);
	free(s->fileio.ops);
}

int fileio_replay(struct output *o)
{
	static const struct files_conf conf = { .all_fds = true };
	static const struct descriptors nobody;

	return files_new(&o->files, &conf, &nobody, &o->decoder, output_file, o);
}
