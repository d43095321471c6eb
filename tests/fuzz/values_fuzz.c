/* SPDX-License-Identifier: MIT */
/*
 * values_fuzz.c: a block of values out of a recorded stream, and a capture that need not belong to it. Input: one byte of
 * flags, two of the block's length, the block, the capture.
 */
#include "format/json.h"
#include "pipeline/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct field *f, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		sum += strlen(field_name(&f[i])) + f[i].type;
		if (f[i].type == VAL_STR || f[i].type == VAL_UNAVAIL)
			for (uint32_t k = 0; k < f[i].len; k++)
				sum += (unsigned char)f[i].str[k];
		else if (f[i].type == VAL_OBJECT || f[i].type == VAL_ARRAY)
			sum += walk(f[i].list, f[i].len);
	}
	return sum;
}

static const char *go_type(void *arg, uint32_t pid, uint64_t type)
{
	return type % 2 ? "main.T" : NULL;
}

static void read_values(const struct values *v, const uint8_t *bytes, size_t len, bool returned)
{
	static const struct resolver names = { .go_type = go_type };
	struct values_from from = { .bytes = bytes, .len = len, .why = "map_full", .returned = returned, .names = &names };
	struct record r = { .type = "call" };
	static struct arena *a;

	if (!a && arena_new(&a, 256 << 10))
		abort();
	arena_reset(a);
	if (!values_put_from(v, &from, a, &r) && walk(r.f, r.n) == SIZE_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE uint8_t *block = NULL, *capture = NULL;
	size_t n;

	if (size < 3)
		return 0;
	n = MIN((size_t)(data[1] | data[2] << 8), size - 3);
	block = malloc(n + 1);
	capture = malloc(size - 3 - n + 1);
	if (!block || !capture)
		return 0;
	memcpy(block, data + 3, n);
	memcpy(capture, data + 3 + n, size - 3 - n);
	/* Lengths that fit, or nothing would ever get past them. */
	if (data[0] & 2 && n >= sizeof(struct values))
		((struct values *)block)->bytes = (uint32_t)n;
	if (!values_check(block, n))
		read_values((struct values *)block, data[0] & 4 ? NULL : capture, size - 3 - n, data[0] & 1);
	return 0;
}
