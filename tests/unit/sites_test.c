/* SPDX-License-Identifier: MIT */
/*
 * sites_test.c: entry and exits of hand-assembled functions, one row a rule. The function lies at
 * 0, what text() knows besides at 0x100 and its cold piece at 0x200; a function begins at 0x300,
 * which is in no text.
 */
#include <criterion/criterion.h>

#include "target/sites.h"

#define BASE	 0x7f0000000000ull
#define AT_STRAY 0x100
#define AT_COLD	 0x200
#define AT_OTHER 0x300
#define CODE_MAX 64

enum { GO = 1, NO_NAMES = 2, NAME_AT_4 = 4, NO_NOP5 = 8 };

struct row {
	const char *code, *stray, *cold;
	unsigned flags;
	enum sites_error error;
	/* text+offset of the entry, * if emulated; exits as kind+offset, an indirect jump with its
	 * parts. */
	const char *want;
};

struct bytes {
	uint8_t v[CODE_MAX];
	size_t n;
};

struct image {
	struct bytes code, stray, cold;
	unsigned flags;
};

#define FRAMED "53 85 ff 0f 84 f7 00 00 00 5b c3" /* push; test; je 0x100; pop; ret */
#define BARE   "85 ff 0f 84 f8 00 00 00 c3"	  /* the same without a frame */
#define ENDBR  "f3 0f 1e fa "

static const struct row rows[] = {
	/* the entry: what the kernel emulates */
	{ "55 5d c3", .want = "push+0* | ret+2" },
	{ "41 54 41 5c c3", .want = "push+0* | ret+4" },
	{ "48 50 48 58 c3", .want = "push+0 | ret+4" },
	{ "66 50 66 58 c3", .want = "push+0 | ret+4" },
	{ "90 c3", .want = "nop+0* | ret+1" },
	{ "f3 90 c3", .want = "pause+0 | ret+2" },
	{ "0f 1f 40 00 c3", .want = "nop+0 | ret+4" },
	{ "53 e8 fa ff ff ff 5b c3", .want = "push+0* | ret+7" },
	{ "e8 00 00 00 00 58 c3", .want = "call+0* | ret+6" },
	{ "85 db 74 00 c3", .want = "jz+2* | ret+4" },
	{ "85 db 0f 84 00 00 00 00 c3", .want = "jz+2* | ret+8" },
	/* Vector forms whose opcode byte alone would be a privileged or string instruction: Linux 6.18 answers
	 * -ENOTSUPP to the first two, and takes the third. */
	{ "c5 f9 ef c0 c3", .error = SITES_PROLOGUE },
	{ "c5 f9 6e c6 c3", .error = SITES_PROLOGUE },
	{ "c5 f9 db c1 c3", .want = "vpand+0 | ret+4" },
	{ "f0 ff 07 c3", .error = SITES_PROLOGUE },
	{ "cc c3", .error = SITES_PROLOGUE },
	/* nop5 only where nothing lives below the stack pointer, and only for want of something
	   better */
	{ "0f 1f 44 00 00 c3", .want = "nop5+0* | ret+5" },
	{ ENDBR "0f 1f 44 00 00 c3", .want = "nop5+4* | ret+9" },
	{ "0f 1f 44 00 00 89 fb c3", .flags = NO_NOP5, .want = "mov+5 | ret+7" },
	{ ENDBR "0f 1f 44 00 00 c3", .flags = NO_NOP5, .want = "endbr64+0 endbr | ret+9" },
	{ "0f 1f 44 00 00 55 5d c3", .want = "push+5* | ret+7" },
	{ "89 fb 0f 1f 44 00 00 c3", .want = "mov+0 | ret+7" },
	/* what may be passed over */
	{ ENDBR "55 5d c3", .want = "push+4* | ret+6" },
	{ ENDBR "48 83 ec 08 48 83 c4 08 c3", .want = "endbr64+0 endbr | ret+c" },
	{ "89 fb 55 5d c3", .want = "push+2* | ret+4" },
	{ "31 c0 53 5b c3", .want = "xor+0 | ret+4" },
	{ "41 89 fa 53 5b c3", .want = "mov+0 | ret+5" },
	{ "48 8b 1f 55 5d c3", .want = "mov+0 | ret+5" },
	{ "0f 20 c3 55 5d c3", .want = "mov+0 | ret+5" },
	{ "66 0f ef c0 55 5d c3", .want = "pxor+0 | ret+6" },
	{ "64 4c 8b 1c 25 28 00 00 00 55 5d c3", .want = "push+9* | ret+b" },
	{ "64 4c 8b 1c 25 30 00 00 00 55 5d c3", .want = "mov+0 | ret+b" },
	{ "48 83 ec 08 e8 f7 02 00 00 48 83 c4 08 c3", .want = "sub+0 | ret+d" },
	{ "89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 55 5d c3",
	  .want = "push+18* | ret+1a" },
	{ "89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 89 fb 55 5d c3",
	  .want = "mov+0 | ret+1c" },
	/* jumps into the prologue, and other functions that begin there */
	{ ENDBR "57 5f ff cf 75 fa c3", .want = "endbr64+0 endbr | ret+a" },
	{ "57 5f ff cf 75 fa c3", .want = "push+0* reenter | ret+6" },
	{ ENDBR "53 5b ff cf 75 f6 c3", .want = "push+4* reenter | ret+a" },
	{ ENDBR "55 5d c3", .flags = NAME_AT_4, .want = "endbr64+0 endbr | ret+6" },
	{ ENDBR "89 fb 57 5f 3e ff e0", .want = "endbr64+0 endbr reenter |" },
	{ ENDBR "89 fb 53 5b 3e ff e0", .want = "push+6* |" },
	/* Go: the stack check */
	{ "49 3b 66 10 76 03 55 5d c3 e8 f2 02 00 00 eb f0", .flags = GO,
	  .want = "jbe+4* skip6 | ret+8" },
	{ "4c 8d 64 24 80 4d 3b 66 10 76 03 55 5d c3 e8 ed 02 00 00 eb eb", .flags = GO,
	  .want = "jbe+9* skip6 | ret+d" },
	{ "49 3b 66 10 76 03 55 5d c3 e8 f2 02 00 00 eb f0", .want = "cmp+0 reenter | ret+8" },
	{ "49 3b 66 10 76 03 55 5d c3 eb f5", .flags = GO, .want = "cmp+0 reenter | ret+8" },
	{ "48 83 ec 18 e8 f7 02 00 00 48 83 c4 18 c3", .flags = GO,
	  .want = "call+4* height24 | ret+d" },
	{ "89 fb 55 5d c3", .flags = GO, .want = "mov+0 | ret+4" },
	/* exits by return */
	{ "c2 08 00", .want = "ret+0 | ret+0/8" },
	{ "f3 c3", .want = "ret+0 | ret+0" },
	{ "50 e8 fa 02 00 00", .want = "push+0* |" },
	{ "50 e8 fa 02 00 00 0f 1f 00 00", .want = "push+0* |" },
	{ "0f 0b", .want = "ud2+0 |" },
	{ "53 c3 5b c3", .want = "push+0* | ret+1 ret+3" },
	{ "66 c3", .error = SITES_NO_EXIT_KIND },
	{ "cb", .error = SITES_NO_EXIT_KIND },
	{ "48 cf", .error = SITES_NO_EXIT_KIND },
	{ "ff 28", .error = SITES_NO_EXIT_KIND },
	{ "c7 f8 00 00 00 00 c3", .error = SITES_NO_EXIT_KIND },
	{ "89 fb", .error = SITES_NO_EXIT_KIND },
	/* exits by direct jump */
	{ "e9 fb 02 00 00", .want = "jmp+0* | jmp+0" },
	{ ENDBR "e9 f7 02 00 00", .want = "endbr64+0 endbr | jmp+4" },
	{ "85 ff 0f 84 f8 02 00 00 c3", .want = "test+0 | jcc4+2 ret+8" },
	{ "90 2e 0f 84 f8 02 00 00 c3", .error = SITES_NO_EXIT_KIND },
	{ "55 48 89 e5 c9 e9 f6 02 00 00", .want = "push+0* | jmp+5" },
	{ "90 e2 fd c3", .want = "nop+0* reenter | ret+3" },
	{ "e2 7f c3", .error = SITES_NO_EXIT_KIND },
	{ "66 e9 00 00 00 00 c3", .error = SITES_UNDECODABLE },
	/* pieces */
	{ FRAMED, "5b c3", .want = "push+0* | ret+a ret+101" },
	{ FRAMED, .error = SITES_NO_EXIT_KIND },
	{ FRAMED, "31 c0 e9 02 ff ff ff", .want = "push+0* | ret+a" },
	{ FRAMED, "e8 fb 01 00 00 e9 00 04 00 00", .want = "push+0* | ret+a" },
	{ FRAMED, "5b ff e0", .want = "push+0* | ret+a ind+101[0,ff,0,0 reg 2]" },
	{ FRAMED, "06", .error = SITES_NO_EXIT_KIND },
	{ BARE, "c3", .want = "jz+2* | ret+8 ret+100" },
	{ BARE, "c3", .flags = NO_NAMES, .want = "test+0 | jcc4+2 ret+8" },
	{ BARE, "06", .want = "test+0 | jcc4+2 ret+8" },
	{ BARE, "ff e0", .want = "test+0 | jcc4+2 ret+8" },
	{ BARE, "ff 25 00 00 00 00", .want = "test+0 | jcc4+2 ret+8" },
	{ BARE, ENDBR "f2 ff 25 00 00 00 00", .want = "test+0 | jcc4+2 ret+8" },
	{ "53 85 ff 0f 84 f7 01 00 00 5b c3", .cold = "5b c3", .want = "push+0* | ret+a ret+201" },
	/* exits by indirect jump, and tables */
	{ "ff e0", .want = "jmp+0 reenter | ind+0[0,ff,0,0 reg 2]" },
	{ "41 ff e3", .want = "jmp+0 reenter | ind+0[b,ff,0,0 reg 3]" },
	{ "ff 60 18", .want = "jmp+0 reenter | ind+0[0,ff,0,18 mem 3]" },
	{ "ff 24 c5 10 20 00 00", .want = "jmp+0 reenter | ind+0[ff,0,8,2010 mem 7]" },
	{ "ff 25 10 00 00 00", .want = "jmp+0 | ind+0[ff,ff,0,10 rip 6]" },
	{ "53 ff e0", .want = "push+0* |" },
	{ "53 5b 3e ff e0", .want = "push+0* |" },
	{ "64 ff 20", .error = SITES_NO_EXIT_KIND },
	{ "67 ff 20", .error = SITES_NO_EXIT_KIND },
	{ "55 48 89 e5 48 83 e4 e0 ff e0", .want = "push+0* | ind+8[0,ff,0,0 reg 2]" },
	{ "55 48 89 e5 48 83 e4 e0 48 8d 65 00 ff e0", .want = "push+0* |" },
	{ "55 48 89 e5 48 83 e4 e0 48 8d 65 00 5d ff e0",
	  .want = "push+0* | ind+d[0,ff,0,0 reg 2]" },
	{ "85 ff 74 01 53 ff e0", .want = "test+0 reenter | ind+5[0,ff,0,0 reg 2]" },
	/* code that only the table leads to has its height, unless a return there says otherwise */
	{ "53 ff e0 ff e1 5b c3", .want = "push+0* | ret+6" },
	{ "53 ff e0 5b ff e1", .want = "push+0* | ind+4[1,ff,0,0 reg 2]" },
	{ "53 ff e0 c3 ff e1", .want = "push+0* | ret+3 ind+4[1,ff,0,0 reg 2]" },
	/* the return address is read */
	{ "48 8b 04 24 c3", .want = "mov+0 reads | ret+4" },
	{ "48 8d 04 24 c3", .want = "lea+0 reads | ret+4" },
	{ "48 8b 44 24 08 c3", .want = "mov+0 | ret+5" },
	{ "55 48 89 e5 48 8b 45 08 5d c3", .want = "push+0* reads | ret+9" },
	{ "58 50 c3", .want = "pop+0 reads | ret+2" },
	/* bytes that are no instructions, jumps into the middle */
	{ "", .error = SITES_EMPTY },
	{ "06 c3", .error = SITES_UNDECODABLE },
	{ "e9 00 00", .error = SITES_UNDECODABLE },
	{ "c3 00 00 00", .want = "ret+0 | ret+0" },
	{ "c3 cc cc 90 0f 1f 00", .want = "ret+0 | ret+0" },
	{ "eb 01 b8 c3", .want = "jmp+0* | ret+3" },
	{ "eb 01 b8 ff e0", .error = SITES_UNDECODABLE },
	{ "74 01 b8 c3 c3 c3 c3 c3", .error = SITES_MIDDLE },
	{ "74 01 f0 0f b1 0f c3", .error = SITES_MIDDLE },
};

static struct bytes bytes_of(const char *hex)
{
	struct bytes b = { .n = 0 };
	char *end;

	for (; hex && *hex; hex = end + (*end == ' '))
		b.v[b.n++] = (uint8_t)strtoul(hex, &end, 16);
	return b;
}

static bool image_is_function(void *arg, uint64_t addr)
{
	const struct image *im = arg;

	return addr == BASE + AT_OTHER || ((im->flags & NAME_AT_4) && addr == BASE + 4);
}

static int image_text(void *arg, uint64_t addr, const uint8_t **ret, size_t *len)
{
	const struct image *im = arg;
	size_t off = addr - BASE - AT_STRAY;

	if (off >= im->stray.n)
		return -ERANGE;
	*ret = im->stray.v + off;
	*len = im->stray.n - off;
	return 0;
}

static enum sites_error find(struct sites *s, const struct row *r)
{
	struct image im = { bytes_of(r->code), bytes_of(r->stray), bytes_of(r->cold), r->flags };
	struct sites_func f = { .addr = BASE, .code = im.code.v, .size = im.code.n, .arg = &im };

	f.go = r->flags & GO;
	f.no_nop5 = r->flags & NO_NOP5;
	f.is_function = r->flags & NO_NAMES ? NULL : image_is_function;
	f.text = r->stray ? image_text : NULL;
	if (im.cold.n) {
		f.cold = im.cold.v;
		f.cold_addr = BASE + AT_COLD;
		f.cold_size = im.cold.n;
	}
	return sites_find(s, &f);
}

static void tell_exit(FILE *out, const struct exit_site *x)
{
	const struct jump_spec *j = &x->ind;
	unsigned off = (unsigned)(x->addr - BASE);

	switch (x->kind) {
	case SITE_RET:
		fprintf(out, x->pop ? " ret+%x/%u" : " ret+%x", off, x->pop);
		break;
	case SITE_JMP:
		fprintf(out, " jmp+%x", off);
		break;
	case SITE_JCC:
		fprintf(out, " jcc%x+%x", x->cc, off);
		break;
	default:
		fprintf(out, " ind+%x[%x,%x,%u,%x %s %u]", off, j->base, j->index, j->scale,
			(unsigned)j->disp,
			j->rip	 ? "rip"
			: j->mem ? "mem"
				 : "reg",
			j->len);
		cr_expect(x->addr + (uint64_t)j->lo == BASE && j->hi > j->lo);
	}
}

static char *tell(const struct sites *s)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fprintf(out, "%s+%x%s", s->entry_text, (unsigned)(s->entry - BASE),
		s->entry_emulated ? "*" : "");
	if (s->entry_endbr)
		fputs(" endbr", out);
	if (s->entry_reenter)
		fputs(" reenter", out);
	if (s->entry_skip_cc)
		fprintf(out, " skip%x", s->entry_cc);
	if (!s->entry_at_return)
		fprintf(out, " height%u", s->entry_height);
	if (s->reads_return)
		fputs(" reads", out);
	fputs(" |", out);
	for (size_t i = 0; i < s->nexits; i++)
		tell_exit(out, &s->exits[i]);
	fclose(out);
	return text;
}

Test(sites, each_rule)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		struct sites s;
		enum sites_error e = find(&s, r);
		AUTO_FREE char *got = e ? strdup("") : tell(&s);

		cr_expect(e == r->error, "%s: %s", r->code, sites_strerror(e));
		cr_expect(!strcmp(got, r->want ?: ""), "%s: got '%s', want '%s'", r->code, got,
			  r->want ?: "");
		sites_free(&s);
	}
}

/* Cut off anywhere, with any one byte changed: never a read out of bounds. */
Test(sites, cut_and_changed)
{
	static const char code[] = ENDBR
		"41 54 55 48 89 e5 53 48 83 ec 10 85 ff 74 0b 64 48 8b 04 25 28 00 00 00 ff 24 c5 "
		"10 20 00 00 0f 84 c8 00 00 00 48 83 c4 10 5b 5d 41 5c e9 c4 02 00 00";
	struct bytes b = bytes_of(code);
	size_t ok = 0;

	for (size_t n = 1; n <= b.n; n++) {
		for (unsigned v = 0; v < 256; v++) {
			AUTO_FREE uint8_t *copy = malloc(n);
			struct sites_func f = { .addr = BASE, .code = copy, .size = n };
			struct sites s;

			memcpy(copy, b.v, n);
			copy[(n * 7 + v) % n] = (uint8_t)v;
			ok += sites_find(&s, &f) == SITES_OK;
			sites_free(&s);
		}
	}
	cr_expect(ok > 0);
}

static enum sites_error find_filled(size_t size, uint8_t byte, size_t *nexits)
{
	AUTO_FREE uint8_t *code = malloc(size);
	struct sites_func f = { .addr = BASE, .code = code, .size = size };
	struct sites s;
	enum sites_error e;

	memset(code, byte, size);
	code[0] = 0x90;
	code[size - 1] = 0xc3;
	e = sites_find(&s, &f);
	*nexits = s.nexits;
	sites_free(&s);
	return e;
}

Test(sites, limits)
{
	size_t n;

	cr_expect(find_filled(4 << 20, 0x90, &n) == SITES_OK && n == 1);
	cr_expect(find_filled((4 << 20) + 1, 0x90, &n) == SITES_TOO_LARGE && n == 0);
	cr_expect(find_filled(16385, 0xc3, &n) == SITES_OK && n == 16384);
	cr_expect(find_filled(16386, 0xc3, &n) == SITES_TOO_LARGE && n == 0);
}

Test(sites, hostile_extents)
{
	const uint8_t ret[] = { 0xc3 };
	struct sites_func f = {
		.addr = UINT64_MAX - 1, .code = ret, .size = 1, .cold = ret, .cold_size = 1
	};
	struct sites s;

	cr_expect(sites_find(&s, &f) == SITES_OK && s.nexits == 2);
	sites_free(&s);
	f.size = 16;
	cr_expect(sites_find(&s, &f) == SITES_EMPTY);
	f.size = 1;
	f.code = NULL;
	cr_expect(sites_find(&s, &f) == SITES_EMPTY);
	/* A cold piece that lies over the function is none. */
	f.code = ret;
	f.cold_addr = f.addr;
	cr_expect(sites_find(&s, &f) == SITES_OK && s.nexits == 1);
	sites_free(&s);
}
