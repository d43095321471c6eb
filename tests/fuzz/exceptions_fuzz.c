/* SPDX-License-Identifier: MIT */
/* exceptions_fuzz.c: any bytes as events of throws, catches, signals, stacks and processes, told and written by each sink. */
#include <stdlib.h>
#include "pipeline/exceptions.h"
#include "pipeline/stacks.h"
#include "proto.h"
#include "sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every byte of the stack is read, as who resolves it would. */
static size_t fuzz_stack(void *arg, uint32_t pid, const struct ev_place *at, const void *bytes, const struct resolved **ret,
			 bool *whole)
{
	static const char *const names[] = { "__cxa_throw", "std::panicking::try", "main.f", NULL, "runtime.gopanic", "raise",
					     "std::rt::x", "_Unwind_Resume_or_Rethrow" };
	static struct resolved v[RESOLVE_FRAMES + 1];
	const unsigned char *p = bytes;
	size_t n = 0, sum = 0;

	for (uint32_t i = 0; i < at->len; i++)
		sum += p[i];
	for (; n < at->len % (RESOLVE_FRAMES + 2); n++)
		v[n] = (struct resolved){ .function = names[(sum + p[n]) % ARRAY_SIZE(names)], .offset = p[n],
					  .module = p[n] % 3 ? "/m" : NULL, .file = p[n] % 5 ? NULL : "f.c" };
	*ret = v;
	*whole = sum % 2;
	return n;
}

static bool fuzz_address(void *arg, uint32_t pid, uint64_t addr, bool exact, struct resolved *ret)
{
	static const char *const symbols[] = { "_ZNKSt13runtime_error4whatEv", "_ZNKSt9exception4whatEv", "__cxa_throw", NULL,
					       "_ZNK1x4whatEv", "4whatEv" };

	*ret = (struct resolved){ .symbol = symbols[addr % ARRAY_SIZE(symbols)], .function = addr % 7 ? "f" : NULL };
	return addr % 11;
}

static const char *fuzz_type_name(void *arg, const char *mangled)
{
	return strlen(mangled) % 2 ? mangled : NULL;
}

static const char *fuzz_go_type(void *arg, uint32_t pid, uint64_t type)
{
	static const char *const names[] = { "string", "runtime.boundsError", "int8", "float32", "float64", "bool", "uintptr", NULL,
					     "*runtime.TypeAssertionError", "runtime.errorString", "runtime.errorAddressString",
					     "main.T" };

	return names[type % ARRAY_SIZE(names)];
}

static const struct resolver resolver = { NULL, fuzz_stack, fuzz_address, fuzz_type_name, fuzz_go_type };

static struct sink *open_sink(const struct sink_ops *ops)
{
	struct sink_conf conf = { .path = "/dev/null", .colour = true };
	struct sink *s;

	if (ops->open(&s, &conf))
		abort();
	return s;
}

static void write_record(void *arg, const struct record *r)
{
	struct sink **sinks = arg;

	for (size_t i = 0; i < 2; i++)
		if (sinks[i]->ops->write(sinks[i], r))
			abort();
}

/*
 * An event: its kind, how many bytes of the input, then these. What is missing behind them is zero up to the size of its struct
 * if the kind says so, so that not every input has to be that long. Exactly as large as it is, for the sanitizer.
 */
static void one_event(struct exceptions *x, struct stacks *s, uint8_t kind, const uint8_t *data, size_t n)
{
	static const uint8_t kinds[] = { EV_STACK, EV_THROW, EV_CATCH, EV_SIGNAL, EV_PROCESS, EV_THROW, EV_CATCH, 77 };
	static const size_t sizes[] = { [EV_STACK] = sizeof(struct ev_stack), [EV_THROW] = sizeof(struct ev_throw),
					[EV_CATCH] = sizeof(struct ev_catch), [EV_SIGNAL] = sizeof(struct ev_signal),
					[EV_PROCESS] = sizeof(struct ev_process), [77] = 32 };
	struct ev_hdr h = { .kind = kinds[kind % 8] };
	size_t full = kind & 8 ? sizes[h.kind] + (kind >> 4) * 8 : sizeof(h) + (n + 7) / 8 * 8, room = full - sizeof(h);
	uint8_t *bytes = calloc(1, full);
	int err;

	if (!bytes)
		abort();
	h.len = (uint16_t)full;
	h.pid = kind >> 7;
	h.tid = kind >> 6;
	memcpy(bytes, &h, sizeof(h));
	memcpy(bytes + sizeof(h), data, n < room ? n : room);
	if (h.kind == EV_THROW && kind & 8) { /* mostly right, else nothing comes of it */
		struct ev_throw e;

		memcpy(&e, bytes, sizeof(e));
		e.lang %= LANG_GO + 2;
		e.name_len %= THROW_TEXT + 2;
		e.text_len %= THROW_TEXT + 2;
		e.at.len %= (kind >> 4) * 8 + 2;
		memcpy(bytes, &e, sizeof(e));
	}
	err = exceptions_event(x, bytes, full);
	if (err && err != -EBADMSG)
		abort();
	err = stacks_event(s, bytes, full);
	if (err && err != -EBADMSG)
		abort();
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct decoder decoder;
	static struct sink *sinks[2];
	static FILE *null;
	struct record r = { .type = "call" };
	struct exceptions *x;
	struct stacks *s;

	if (!sinks[0]) {
		sinks[0] = open_sink(&sink_ndjson);
		sinks[1] = open_sink(&sink_console);
		null = fopen("/dev/null", "w");
	}
	if (exceptions_new(&x, &resolver, &decoder, write_record, sinks) || stacks_new(&s, &resolver) || !null)
		abort();
	while (size >= 3) {
		size_t n = data[1] | (size_t)data[2] << 8;
		uint8_t kind = data[0];

		data += 3;
		size -= 3;
		n = n % 2048 < size ? n % 2048 : size;
		one_event(x, s, kind, data, n);
		data += n;
		size -= n;
	}
	stacks_put(s, 0, true, &r);
	write_record(sinks, &r);
	exceptions_finish(x);
	exceptions_summary(x, false);
	exceptions_table(x, null);
	exceptions_free(x);
	stacks_free(s);
	return 0;
}
