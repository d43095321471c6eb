/* SPDX-License-Identifier: MIT */
/* log.h: diagnostics, always on stderr, one line each, in plain words with the way out. */
#ifndef TPD_LOG_H
#define TPD_LOG_H

#include "base/util.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above this level are not printed; the start value is LOG_INFO. */
void log_set_level(enum log_level level);
enum log_level log_level(void);

/* Prints "tpd: " or "tpd: warning: " and the message; control bytes are escaped; errno is kept. */
void log_at(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

/*
 * Called before each line and after it, so that a status line on the terminal can get out of the way.
 * NULL takes it away.
 */
void log_set_hook(void (*hook)(void *arg, bool before), void *arg);

#endif
