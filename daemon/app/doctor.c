/* SPDX-License-Identifier: MIT */
/* doctor.c: tpd doctor: what this kernel and these privileges allow, each answer found by trying. */
#include "app/session.h"
#include "base/log.h"
#include "format/json.h"
#include "probe/runtime.h"

struct answer {
	const char *key, *text;
	bool yes;
	const char *meaning; /* when the answer is no */
};

static size_t kernel_answers(const struct features *f, struct answer *a)
{
	const struct answer all[] = {
		{ "bpf", "BPF programs load", !f->load_err, "run tpd as root, or with CAP_BPF and CAP_PERFMON" },
		{ "btf", "the kernel has BTF", f->btf, "tpd needs CONFIG_DEBUG_INFO_BTF" },
		{ "bpf_loop", "bpf_loop (5.17)", f->bpf_loop, "tpd needs it: a newer kernel" },
		{ "uprobe_multi", "many probes in one link (6.6)", f->uprobe_multi,
		  "one perf event a probe: attaching and detaching many is slow" },
		{ "multi_pid", "links filtered by process (6.10)", f->multi_pid,
		  "probes hit every process that runs the file; tpd filters" },
		{ "session", "returns seen by a session link (6.13)", f->session,
		  "returns are probed at their ret instructions" },
		{ "write_registers", "probes may write registers (6.18)", f->write_regs,
		  "ret instructions are single-stepped; kernel lockdown refuses this too" },
		{ "emulate", "a ret executed by its probe ran through", f->emulate,
		  "returns are probed with single-steps, or by session links where that is safe" },
		{ "perf_uprobe", "perf uprobes", f->perf_uprobe, "only uprobe_multi can be used" },
	};

	memcpy(a, all, sizeof(all));
	return ARRAY_SIZE(all);
}

static void print_json(const struct features *f, const struct answer *a, size_t n, const struct target *t,
		       const char *forbids)
{
	struct jbuf j = { 0 };

	json_obj_open(&j);
	json_key(&j, "kernel");
	json_str(&j, f->release, strlen(f->release));
	json_key(&j, "lockdown");
	json_str(&j, f->lockdown, strlen(f->lockdown));
	for (size_t i = 0; i < n; i++) {
		json_key(&j, a[i].key);
		json_bool(&j, a[i].yes);
	}
	if (t) {
		json_key(&j, "pid");
		json_u64(&j, t->process.pid);
		json_key(&j, "exe");
		json_str(&j, t->process.exe, strlen(t->process.exe));
		json_key(&j, "seccomp");
		json_bool(&j, t->process.seccomp_filter);
		json_key(&j, "shadow_stack");
		json_bool(&j, t->process.shadow_stack);
		json_key(&j, "return_address_may_be_diverted");
		json_bool(&j, !forbids);
		if (forbids) {
			json_key(&j, "why_not");
			json_str(&j, forbids, strlen(forbids));
		}
	}
	json_obj_close(&j);
	json_newline(&j);
	if (!j.err)
		fwrite(j.p, 1, j.len, stdout);
	json_free(&j);
}

static void print_human(const struct features *f, const struct answer *a, size_t n, const struct target *t,
			const char *forbids)
{
	printf("kernel %s%s%s\n", f->release, *f->lockdown ? ", lockdown " : "", f->lockdown);
	for (size_t i = 0; i < n; i++)
		printf("  %-3s %-42s %s\n", a[i].yes ? "yes" : "no", a[i].text, a[i].yes ? "" : a[i].meaning);
	if (!t)
		return;
	printf("process %d, %s\n", t->process.pid, t->process.exe);
	printf("  %zu modules%s%s\n", t->process.nmodules, t->process.seccomp_filter ? ", seccomp" : "",
	       t->process.shadow_stack ? ", user shadow stack" : "");
	printf("  return addresses %s%s\n",
	       forbids ? "are never diverted: " : "may be diverted where the stack allows", forbids ? forbids : "");
}

int doctor_run(struct conf *conf)
{
	struct session s = { .conf = *conf, .child_go = -1 };
	struct answer answers[16];
	size_t n;
	int err = 0;

	features_ask(&s.features);
	n = kernel_answers(&s.features, answers);
	if (conf->pids.n) {
		err = target_add(&s, conf->pids.v[0], false);
		if (!err)
			err = target_scan(&s, s.targets);
	}
	if (conf->json)
		print_json(&s.features, answers, n, s.targets, s.no_hijack);
	else
		print_human(&s.features, answers, n, s.targets, s.no_hijack);
	session_close(&s);
	if (err)
		return session_status_of(err);
	return s.features.load_err ? STATUS_DENIED : STATUS_DONE;
}
