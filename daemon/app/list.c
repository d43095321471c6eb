/* SPDX-License-Identifier: MIT */
/* list.c: tpd list: what can be traced in a process, and the verdict for each function. Nothing is attached. */
#include "app/inlined.h"
#include "base/human.h"
#include "base/log.h"
#include "debug/debug.h"
#include "format/json.h"
#include "probe/runtime.h"

static void list_json(const struct session *s, const struct func *f, const char *source, struct jbuf *j)
{
	enum how how = session_how(s, f);
	const char *why = plan_why(f, how, s->no_hijack), *verdict = how == HOW_REFUSED ? "refused" : "traceable";

	json_obj_open(j);
	json_key(j, "function");
	json_str(j, f->name, strlen(f->name));
	json_key(j, "module");
	json_str(j, f->image->path, strlen(f->image->path));
	json_key(j, "offset");
	json_u64(j, f->addr);
	json_key(j, "size");
	json_u64(j, f->size);
	json_key(j, "exits");
	json_u64(j, f->sites.nexits);
	if (source) {
		json_key(j, "source");
		json_str(j, source, strlen(source));
	}
	json_key(j, "traceable");
	json_bool(j, how != HOW_REFUSED);
	json_key(j, "verdict");
	json_str(j, verdict, strlen(verdict));
	json_key(j, "returns");
	json_str(j, how_name(how), strlen(how_name(how)));
	json_key(j, "emulated");
	json_bool(j, how == HOW_EMULATE);
	if (how != HOW_REFUSED) {
		json_key(j, "entry");
		json_str(j, f->sites.entry_text, strlen(f->sites.entry_text));
		json_key(j, "entry_offset");
		json_u64(j, f->sites.entry - f->addr);
		json_key(j, "single_step");
		json_bool(j, !f->sites.entry_emulated);
	}
	json_key(j, "why");
	json_str(j, why, strlen(why));
	json_obj_close(j);
	json_newline(j);
}

static void list_human(const struct session *s, const struct func *f, const char *source)
{
	enum how how = session_how(s, f);

	human_text(stdout, f->name, strlen(f->name));
	printf("\n    ");
	human_text(stdout, f->image->path, strlen(f->image->path));
	printf("  0x%llx", (unsigned long long)f->addr);
	if (source) {
		printf("  ");
		human_text(stdout, source, strlen(source));
	}
	printf("\n    %llu bytes, ", (unsigned long long)f->size);
	if (how == HOW_REFUSED) {
		printf("cannot be probed: %s\n", sites_strerror(f->error));
		return;
	}
	printf("entry at +%llu (%s%s), %zu exit%s, returns by %s%s: %s\n",
	       (unsigned long long)(f->sites.entry - f->addr), f->sites.entry_text,
	       f->sites.entry_emulated ? "" : ", single-stepped", f->sites.nexits,
	       f->sites.nexits == 1 ? "" : "s", how_name(how), how == HOW_EMULATE ? ", emulated" : "",
	       plan_why(f, how, s->no_hijack));
}

/* "file.c:12" of a function, malloc'ed; NULL if no debug information tells. */
static char *source_of(struct session *s, const struct func *f)
{
	const struct debug_frame *frames, *outer;
	struct debug_file file;
	char *ret = NULL;
	size_t n;

	carry_debug_file(s, f->image, &file);
	if (debug_line(s->carry.debug, &file, f->addr, &frames, &n) || !n)
		return NULL;
	outer = &frames[n - 1]; /* before it: what was inlined at its first instruction */
	if (outer->file && asprintf(&ret, "%s:%u", outer->file, outer->line) < 0)
		ret = NULL;
	return ret;
}

static int prepare(struct session *s)
{
	static const char *const all[] = { "*" };
	struct strings *fn = &s->conf.functions;
	int err;

	fn->v = (const char **)(s->conf.list_pattern ? &s->conf.list_pattern : all);
	fn->n = 1;
	s->conf.max_probes = COOKIE_MAX_FN - 1;
	features_ask(&s->features);
	err = targets_parse(s);
	if (err)
		return STATUS_USAGE;
	for (size_t i = 0; i < s->conf.pids.n; i++) {
		err = target_add(s, s->conf.pids.v[i], false);
		if (!err)
			err = target_scan(s, s->targets);
		if (err)
			return session_status_of(err);
	}
	session_choose_hijack(s);
	return STATUS_DONE;
}

int list_run(struct conf *conf)
{
	struct session s = { .conf = *conf, .child_go = -1 };
	struct jbuf j = { 0 };
	int status = prepare(&s);
	size_t inlined = 0;

	if (!status && debug_open(&s.carry.debug)) {
		log_error("out of memory");
		status = STATUS_FAILED;
	}
	for (size_t i = 0; !status && i < s.plan.n; i++) {
		const struct func *f = &s.plan.funcs[i];
		AUTO_FREE char *source = source_of(&s, f);

		if (!conf->json) {
			list_human(&s, f, source);
			continue;
		}
		json_reset(&j);
		list_json(&s, f, source, &j);
		if (j.err || fwrite(j.p, 1, j.len, stdout) != j.len)
			status = STATUS_FAILED;
	}
	if (!status && inlined_list(&s, conf->json ? &j : NULL, &inlined))
		status = STATUS_FAILED;
	if (!status && !s.plan.n && !inlined) {
		session_say_nearest(&s);
		status = STATUS_NOTHING;
	}
	json_free(&j);
	s.conf.functions.v = NULL;
	session_close(&s);
	return status;
}
