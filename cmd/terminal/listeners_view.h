/*
 * Interface for showing a snapshot of the listeners: a table for a terminal,
 * JSON (synscope.listeners/1, see docs/) and TSV.
 */
#ifndef CMD_TERMINAL_LISTENERS_VIEW_H
#define CMD_TERMINAL_LISTENERS_VIEW_H

#include <stdbool.h>
#include <stdio.h>

#include "netlink/listener/listeners.h"
#include "report/attempt/stall.h"

struct listeners_style {
	bool colour;
	bool utf8;
	unsigned columns;
	bool as_root; /* what it may not see takes more than sudo */
};

/*
 * stalls: of each listener of the snapshot, in its order. Each returns 0 or -errno of a failed
 * write.
 */
int listeners_view_text(FILE *out, const struct listeners_snapshot *snapshot,
			const struct stall_now *stalls, const struct listeners_style *style)
    __attribute__((warn_unused_result));
int listeners_view_json(FILE *out, const struct listeners_snapshot *snapshot,
			const struct stall_now *stalls) __attribute__((warn_unused_result));
int listeners_view_tsv(FILE *out, const struct listeners_snapshot *snapshot)
    __attribute__((warn_unused_result));

#endif
