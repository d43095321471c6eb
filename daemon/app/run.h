/* SPDX-License-Identifier: MIT */
/* run.h: what happens while a session runs: events, timers, signals, processes that come and go. */
#ifndef TPD_RUN_H
#define TPD_RUN_H

#include "app/session.h"

/* Makes the loop with its timers and signals. 0 or negative errno. */
int run_prepare(struct session *s);
/* After detach: reads what is left and writes losses, summary and end. */
void run_finish(struct session *s);
/* Watches a target's pidfd. */
int run_watch(struct session *s, struct target *t);

#endif
