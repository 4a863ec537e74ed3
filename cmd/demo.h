/*
 * Interface for the run of a demo, within its own network namespace.
 */
#ifndef CMD_DEMO_H
#define CMD_DEMO_H

#include <stdbool.h>

#include "cmd/options/rendering.h"
#include "server/load/load.h"
#include "server/server.h"
#include "server/signals.h"

#define DEMO_NAME "demo"
/* What the clients saw, in the folder of the recording. */
#define DEMO_CLIENTS "clients.jsonl"

struct demo {
	struct server_options server;
	struct load_options load;
	const char *path; /* NULL: nothing is kept */
	bool force;
	bool all_models;
	struct rendering rendering;
};

/* One model, and its report. Returns the exit status, after the complaint. */
int demo_run_one(struct demo *demo, struct signals *signals);

/* The three, one after the other, each recorded in a folder of its own; prints their comparison. */
int demo_run_all(struct demo *demo, struct signals *signals);

#endif
