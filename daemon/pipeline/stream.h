/* SPDX-License-Identifier: MIT */
/*
 * stream.h: events recorded as they came (--record), to be decoded again later without kernel and
 * root (--replay).
 *
 * A file is a head and frames. A frame begins with a struct ev_hdr, whose len gives the step; it
 * is an event of event.h, or one of the kinds below, which carry what the decoder must know
 * besides. Unknown kinds are skipped.
 */
#ifndef TPD_STREAM_H
#define TPD_STREAM_H

#include "pipeline/decode.h"

#define STREAM_MAGIC "TPDREC1" /* with its NUL */

struct stream_head {
	char magic[8];
	uint32_t abi; /* EV_ABI */
	uint32_t reserved;
	uint64_t offset; /* wall clock - monotonic, ns */
	uint64_t salt;
};
_Static_assert(sizeof(struct stream_head) == 32, "file layout");

/* The header, two NUL-terminated strings, NULs up to a multiple of 8. */
#define STREAM_META 0x8000 /* key and value: host, kernel, exe ... */
#define STREAM_FN   0x8001 /* name and module of the next function, from 0, before its events */

/* The header, and struct values (value.h): how captures of the function before it read. */
#define STREAM_VALUES 0x8002

/* The header, whose pid is that of a process; then the address of a type of Go's there, and its name with a NUL. */
#define STREAM_GO_TYPE 0x8003

struct stream_writer;

/* Opens as file_open_output() does, and truncates. */
int stream_writer_open(struct stream_writer **ret, const char *path, const struct clock_map *clock,
		       uint64_t salt);
/*
 * Each returns 0, or the first negative errno that the writer ran into: the recording ends there.
 */
int stream_write_meta(struct stream_writer *w, const char *key, const char *value);
/* With its values, unless they are larger than a frame: then its calls replay without them. */
int stream_write_fn(struct stream_writer *w, const struct fn_name *fn);
int stream_write_event(struct stream_writer *w, const void *bytes, size_t len);
/* The same, of an EV_CALL that the conditions left out: CALL_F_UNWANTED says so. */
int stream_write_unwanted(struct stream_writer *w, const void *bytes, size_t len);
/* Once for each type. */
int stream_write_go_type(struct stream_writer *w, uint32_t pid, uint64_t addr, const char *name);
int stream_writer_flush(struct stream_writer *w);
/* Flushes, closes, frees; NULL is fine. 0 if all that was written is in the file. */
int stream_writer_close(struct stream_writer *w);

struct stream_reader;

/* "-" is stdin. -EBADMSG: no recorded stream; -EPROTO: one of another ABI. */
int stream_reader_open(struct stream_reader **ret, const char *path);
/* The same from an open file, which is taken over, also on failure. */
int stream_reader_new(struct stream_reader **ret, FILE *f);
/*
 * The next event, valid until the next call. 1; 0 at the end; -ENODATA: the file ends in the
 * middle of a frame; -EBADMSG: no stream from here on.
 */
int stream_next(struct stream_reader *r, const void **bytes, size_t *len);
/* Decodes what stream_next() gave: has clock, salt and the names so far. */
const struct decoder *stream_decoder(const struct stream_reader *r);
/* A value of a meta frame read so far, or NULL. */
const char *stream_meta(const struct stream_reader *r, const char *key);
/* The name of a type of Go's that was told so far, or NULL. */
const char *stream_go_type(const struct stream_reader *r, uint32_t pid, uint64_t addr);
void stream_reader_close(struct stream_reader *r);

#endif
