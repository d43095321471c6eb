/* SPDX-License-Identifier: MIT */
/* schema.h: what NDJSON records look like, for machines: `tpd --schema`. */
#ifndef TPD_SCHEMA_H
#define TPD_SCHEMA_H

/* A JSON Schema (draft 2020-12) of one line, ending in a newline. */
extern const char schema_text[];

#endif
