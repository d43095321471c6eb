/* SPDX-License-Identifier: MIT */
/* inlined.h: functions that debug information knows and that have no code of their own, so that they cannot be traced. */
#ifndef TPD_INLINED_H
#define TPD_INLINED_H

#include "app/session.h"
#include "base/log.h"
#include "format/json.h"

/* The pattern matched nothing that has code: is this why? True: it was said. */
bool inlined_say(struct session *s, const struct pattern *p, enum log_level level);
/* Rows of tpd list for what its pattern matches; j: as JSON, NULL: as text. 0 or -EIO. */
int inlined_list(struct session *s, struct jbuf *j, size_t *rows);

#endif
