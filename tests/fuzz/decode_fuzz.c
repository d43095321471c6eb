/* SPDX-License-Identifier: MIT */
/* decode_fuzz.c: a recorded stream of any bytes, read, decoded and written by each sink. */
#include <stdlib.h>
#include "pipeline/accounting.h"
#include "pipeline/stream.h"
#include "sink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct sink *open_sink(const struct sink_ops *ops)
{
	struct sink_conf conf = { .path = "/dev/null", .colour = true };
	struct sink *s;

	if (ops->open(&s, &conf))
		abort();
	return s;
}

static void one_event(struct stream_reader *r, struct accounting *a, const void *bytes, size_t len,
		      struct sink **sinks)
{
	struct record rec = { .type = NULL };
	struct ev_hdr h;
	int err = decode_event(stream_decoder(r), bytes, len, &rec);

	if (err != 0 && err != -EBADMSG && err != -ENOTSUP)
		abort();
	if (decode_header(bytes, len, &h))
		abort();
	accounting_event(a, h.cpu, h.seq);
	if (err)
		return;
	if (!rec.type || !record_find(&rec, K_TS))
		abort();
	for (size_t i = 0; i < 2; i++)
		if (sinks[i]->ops->write(sinks[i], &rec))
			abort();
}

/* A head in front of the input, so that not every input has to find the magic number. */
static FILE *open_input(const uint8_t *data, size_t size, char **copy)
{
	struct stream_head head = { .magic = STREAM_MAGIC, .abi = EV_ABI };
	bool whole = size && data[0] & 1;

	*copy = malloc(sizeof(head) + size);
	if (!*copy)
		abort();
	memcpy(*copy, &head, sizeof(head));
	memcpy(*copy + (whole ? 0 : sizeof(head)), data, size);
	return fmemopen(*copy, size + (whole ? 0 : sizeof(head)), "r");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sink *sinks[2];
	struct accounting a = { 0 };
	struct stream_reader *r;
	const void *bytes;
	char *copy;
	size_t len;
	FILE *f = open_input(data, size, &copy);

	if (!sinks[0]) {
		sinks[0] = open_sink(&sink_ndjson);
		sinks[1] = open_sink(&sink_console);
	}
	if (f && !stream_reader_new(&r, f)) {
		while (stream_next(r, &bytes, &len) == 1)
			one_event(r, &a, bytes, len, sinks);
		stream_reader_close(r);
	}
	accounting_free(&a);
	free(copy);
	return 0;
}
