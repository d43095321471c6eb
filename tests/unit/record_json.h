/* SPDX-License-Identifier: MIT */
/* record_json.h: a record as the NDJSON sink writes it, parsed by another library. */
#ifndef TPD_RECORD_JSON_H
#define TPD_RECORD_JSON_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include "base/util.h"
#include "sink.h"

/* The line of this record; to be freed. */
static inline char *record_line(const struct record *r)
{
	static char path[] = "/dev/shm/record_json.XXXXXX";
	struct sink_conf conf = { .path = path, .truncate = true };
	char *line = NULL;
	struct sink *s;
	size_t n = 0;
	FILE *f;
	int fd;

	strcpy(path, "/dev/shm/record_json.XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(sink_ndjson.open(&s, &conf), 0);
	cr_assert_eq(s->ops->write(s, r), 0);
	s->ops->close(s);
	f = fopen(path, "r");
	unlink(path);
	cr_assert_gt(getline(&line, &n, f), 0);
	fclose(f);
	return line;
}

static inline json_t *record_json(const struct record *r)
{
	AUTO_FREE char *line = record_line(r);
	json_error_t error;
	json_t *j = json_loads(line, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	cr_assert_not_null(j, "%s: %s", error.text, line);
	return j;
}

#endif
