/* SPDX-License-Identifier: MIT */
/*
 * options_fuzz.c: arguments parted by newlines. Each line either parses into something that makes
 * sense, or is refused with exactly one line on stderr. This file has a log_at of its own to count
 * them.
 */
#include <limits.h>
#include <stdarg.h>
#include "base/log.h"
#include "format/options.h"

#define ARGS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned complaints;

void log_at(enum log_level level, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	if (level != LOG_ERROR || vsnprintf(text, sizeof(text), fmt, ap) <= 0)
		abort();
	va_end(ap);
	complaints++;
}

static void fuzz_values(const char *s)
{
	double rate;
	uint64_t v;

	if (!option_rate(s, &rate) && !(rate > 0 && rate <= 1))
		abort();
	option_time(s, &v);
	option_size(s, &v);
	option_per_second(s, &v);
}

static void check(const struct conf *c)
{
	if (c->command == CMD_TRACE && !c->replay &&
	    (!c->functions.n || !!c->pids.n + !!c->exe + !!c->comm + !!c->argv != 1))
		abort();
	if (c->command == CMD_LIST && c->pids.n != 1)
		abort();
	if (!(c->sample > 0 && c->sample <= 1) || !c->max_probes || c->ring_bytes < 4096 ||
	    c->ring_bytes & (c->ring_bytes - 1) || c->ring_bytes > 1u << 30)
		abort();
	if (c->duration_ns > INT64_MAX || c->interval_ns > INT64_MAX ||
	    c->min_duration_ns > INT64_MAX)
		abort();
	for (size_t i = 0; i < c->pids.n; i++)
		if (c->pids.v[i] <= 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "tpd";
	char *text = malloc(size + 1), *argv[ARGS_MAX + 1] = { name }, *rest = text, *word;
	struct conf c;
	int argc = 1, err;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	while (argc < ARGS_MAX && (word = strsep(&rest, "\n")))
		argv[argc++] = word;
	for (int i = 1; i < argc; i++)
		fuzz_values(argv[i]);
	complaints = 0;
	err = options_parse(&c, argc, argv);
	if (err ? complaints != 1 : complaints)
		abort();
	if (!err && (c.command == CMD_TRACE || c.command == CMD_LIST || c.command == CMD_DOCTOR))
		check(&c);
	options_free(&c);
	free(text);
	return 0;
}
