/* SPDX-License-Identifier: MIT */
/* library_table.h: the tables behind libc_prototype(), one for each library. */
#ifndef TPD_LIBRARY_TABLE_H
#define TPD_LIBRARY_TABLE_H

#include <stddef.h>

struct library {
	const char *const *modules; /* how base names begin: "libc.so" for libc.so.6; NULL at the end */
	const char *const *rows;    /* prototypes, as proto_text_parse() takes them */
	size_t n;
};

extern const struct library library_libc;
/* Not the C library: zlib, SQLite ... */
extern const struct library libraries[];
extern const size_t libraries_count;

#endif
