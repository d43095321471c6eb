/* SPDX-License-Identifier: MIT */
/*
 * capture_fuzz.c: any prototype that proto_check() lets pass becomes programs that stay within their bounds, values that
 * pass their own check, and a capture of random registers that reads. Input: five bytes of configuration, 136 of registers, the block.
 */
#include "../unit/fetch_machine.h"
#include "pipeline/values.h"
#include "probe/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_secret(const char *name)
{
	return name[0] == 's';
}

static void run(const struct capture *c, const uint8_t *regs)
{
	static struct machine m;
	static struct arena *a;
	struct record r = { .type = "call" };

	if (!a && arena_new(&a, 1 << 20))
		abort();
	memcpy(m.reg, regs, sizeof(m.reg));
	memcpy(&m.cfa, regs + sizeof(m.reg), 8);
	/* Some of what registers point to is there. */
	for (int i = 0; i < 16; i += 2)
		m.reg[i] = (uint64_t)(uintptr_t)regs + m.reg[i] % 64;
	m.cfa = (uint64_t)(uintptr_t)regs;
	m.broken = NULL;
	machine_run(&m, c->ops, c->nentry, c->fixed, false);
	machine_run(&m, c->ops + c->nentry, c->nret, c->fixed, true);
	if (m.broken || machine_head(&m)->bytes > c->most)
		abort();
	arena_reset(a);
	if (values_put(c->values, m.mem, machine_head(&m)->bytes, true, NULL, a, &r))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE uint8_t *block = NULL;
	struct capture_conf conf = { .at_return = true };
	struct capture *c;
	struct proto_view v;
	size_t n;

	if (size < 5 + 136)
		return 0;
	conf.depth = data[0] % 8;
	conf.string_size = data[1] * 8u % (FETCH_STR_MAX + 1);
	conf.elements = data[2] % 64;
	conf.errors = data[3] & 1;
	conf.raw = data[3] & 2 && data[3] & 4;
	conf.secret = data[3] & 8 ? is_secret : NULL;
	n = size - 5 - 136;
	block = malloc(n + 1);
	if (!block)
		return 0;
	memcpy(block, data + 5 + 136, n);
	if (data[4] & 1 && n >= sizeof(struct proto))
		((struct proto *)block)->bytes = (uint32_t)n;
	if (proto_check(block, n, &v) || capture_compile(&c, &v, &conf))
		return 0;
	if (c->nentry > FETCH_MAX_OPS || c->nret > FETCH_MAX_OPS || c->most > CAPTURE_MAX || c->fixed > c->most || c->fixed % 8 ||
	    values_check(c->values, c->values->bytes))
		abort();
	run(c, data + 5);
	capture_free(c);
	return 0;
}
