/* SPDX-License-Identifier: MIT */
/*
 * sites_fuzz.c: arbitrary bytes as code. Whatever they are, no chosen site may lie inside the
 * instruction that begins at another one, the entry is in the function, and an error leaves nothing
 * behind.
 */
#include <Zydis/Zydis.h>

#include "target/sites.h"

#define BASE 0x400000

struct image {
	const uint8_t *code;
	size_t size, stray; /* text() knows only the first stray bytes ... */
	uint8_t modulus;    /* ... and is_function() says yes to each address that this divides */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool fuzz_is_function(void *arg, uint64_t addr)
{
	const struct image *im = arg;

	return addr % im->modulus == 0;
}

static int fuzz_text(void *arg, uint64_t addr, const uint8_t **ret, size_t *len)
{
	const struct image *im = arg;

	if (addr - BASE >= im->stray)
		return -ERANGE;
	*ret = im->code + (addr - BASE);
	*len = im->stray - (addr - BASE);
	return 0;
}

static void fuzz_require(bool holds)
{
	if (!holds)
		abort();
}

static size_t fuzz_length(const struct image *im, uint64_t addr)
{
	ZydisDecodedInstruction z;
	ZydisDecoderContext ctx;
	ZydisDecoder d;

	fuzz_require(addr - BASE < im->size);
	ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	fuzz_require(ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&d, &ctx, im->code + (addr - BASE),
								im->size - (addr - BASE), &z)));
	return z.length;
}

static void fuzz_check(const struct sites *s, const struct sites_func *f, const struct image *im)
{
	uint64_t entry_end = s->entry + fuzz_length(im, s->entry);

	fuzz_require(s->entry - f->addr < f->size && s->entry_text && s->entry_height % 8 == 0);
	fuzz_require(s->entry_height <= COOKIE_MAX_HEIGHT &&
		     s->entry_at_return == !s->entry_height);
	for (size_t i = 0; i < s->nexits; i++) {
		const struct exit_site *x = &s->exits[i];
		uint64_t end = x->addr + fuzz_length(im, x->addr);

		fuzz_require(!x->height && x->kind >= SITE_RET && x->kind <= SITE_JMP_IND);
		fuzz_require(i + 1 == s->nexits || end <= s->exits[i + 1].addr);
		fuzz_require(x->addr == s->entry || x->addr >= entry_end || end <= s->entry);
		if (x->kind == SITE_JMP_IND)
			fuzz_require(x->addr + (uint64_t)x->ind.lo == f->addr &&
				     x->ind.hi - x->ind.lo == (int64_t)f->size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image im;
	struct sites_func f = { .addr = BASE, .arg = &im };
	struct sites s;
	enum sites_error e;

	if (size < 5)
		return 0;
	im = (struct image){
		.code = data + 4, .size = size - 4, .stray = size - 4, .modulus = data[1]
	};
	f.go = data[0] & 1;
	f.is_function = (data[0] & 2) && im.modulus ? fuzz_is_function : NULL;
	f.text = data[0] & 4 ? fuzz_text : NULL;
	f.code = im.code;
	f.size = MIN(im.size, data[0] & 8 ? (size_t)data[2] : im.size);
	if (data[0] & 16) {
		size_t at = MIN(im.size, (size_t)data[2] + data[3]);

		f.cold_addr = BASE + at;
		f.cold = im.code + at;
		f.cold_size = im.size - at;
	}
	e = sites_find(&s, &f);
	fuzz_require(sites_strerror(e));
	if (e)
		fuzz_require(!s.exits && !s.nexits && !s.entry);
	else
		fuzz_check(&s, &f, &im);
	sites_free(&s);
	return 0;
}
