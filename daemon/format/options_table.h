/* SPDX-License-Identifier: MIT */
/* options_table.h: the shape of the one table of options; only the files options*.c need it. */
#ifndef TPD_OPTIONS_TABLE_H
#define TPD_OPTIONS_TABLE_H

#include "format/options.h"

enum option_type {
	OPT_FLAG,	/* bool */
	OPT_REPEAT,	/* int: how often it was given */
	OPT_COMMAND,	/* sets conf.command to min and ends parsing */
	OPT_TEXT,	/* const char *, not empty */
	OPT_FILE,	/* the same; "-" is refused */
	OPT_STRINGS,	/* struct strings */
	OPT_PIDS,	/* struct pids, comma list */
	OPT_NUMBER,	/* uint64_t */
	OPT_TIME,	/* uint64_t, ns */
	OPT_BYTES,	/* uint64_t, bytes */
	OPT_SIZE,	/* the same, rounded up to a power of two */
	OPT_RATE,	/* double */
	OPT_PER_SECOND, /* uint64_t */
	OPT_CHOICE,	/* int: index into choices */
};

enum option_group { GROUP_WHAT, GROUP_HOW, GROUP_WHICH, GROUP_CARRIED, GROUP_FILES, GROUP_OUTPUT, GROUP_OTHER, GROUP_MAX };

/* What tpd is asked to do; a bit each, so that an option says where it has a meaning. */
#define FOR_TRACE  1u
#define FOR_REPLAY 2u
#define FOR_LIST   4u
#define FOR_DOCTOR 8u
#define FOR_LIVE   (FOR_TRACE | FOR_LIST | FOR_DOCTOR)
#define FOR_ALL	   (FOR_LIVE | FOR_REPLAY)

struct option_row {
	const char *name; /* long name */
	char letter;	  /* short name, or 0 */
	enum option_type type;
	enum option_group group;
	unsigned use;  /* FOR_*; 0: works everywhere and is not shown in --help and the manual */
	size_t offset; /* into struct conf */
	const char *value; /* how --help calls the value; NULL: takes none */
	const char *start; /* what it is when not given, as one would write it; NULL: zero */
	const char *help;
	uint64_t min, max;	    /* of numbers, times and sizes */
	const char *const *choices; /* NULL-terminated */
	const char *bare; /* what it is without a value, which only '=' attaches; NULL: it wants one */
};

extern const struct option_row options_table[];
extern const size_t options_count;
extern const char *const options_groups[GROUP_MAX];

/*
 * Puts the value (NULL: none was given) of a row into *c. 0, -EINVAL, -ERANGE, -ENOMEM; for the
 * first two, *bad is the part that is wrong, not terminated, *len its length.
 */
int option_set(struct conf *c, const struct option_row *row, const char *value, const char **bad,
	       int *len);
/* What a value of this row has to be, as it follows "'x' ...", in at most n bytes. */
void option_complaint(const struct option_row *row, int err, char *text, size_t n);

#endif
