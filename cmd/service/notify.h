/*
 * Interface for the service manager: that the program is ready, reloads, is alive
 * or ends, as sd_notify(3) has it. Without a service manager all of it does nothing.
 */
#ifndef CMD_SERVICE_NOTIFY_H
#define CMD_SERVICE_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct notify {
	int fd;		   /* -1: nobody is to be told */
	int64_t period_ns; /* between signs of life; 0: none are asked for */
	int64_t next_ns;   /* the next one is due, CLOCK_MONOTONIC; INT64_MAX: never */
};

/*
 * Takes $NOTIFY_SOCKET and $WATCHDOG_USEC, and removes them, so that a COMMAND does not speak for
 * the program. While the program can still reach the socket.
 */
void notify_open(struct notify *notify);

void notify_ready(struct notify *notify);
void notify_reloading(struct notify *notify); /* notify_ready() follows */
void notify_stopping(struct notify *notify);

/* What it does, in a few words, for systemctl status. */
void notify_status(struct notify *notify, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Says that the program is alive, if that is due. True when it was. */
bool notify_alive(struct notify *notify);

void notify_close(struct notify *notify);

#endif
