/*
 * Interface for the contract's names in plain words: the same for the text
 * report, the page and the live view, so that one thing has one name everywhere.
 * All strings are constant and in English, without a final full stop.
 */
#ifndef REPORT_ATTEMPT_WORDS_H
#define REPORT_ATTEMPT_WORDS_H

#include <stdint.h>

#include "event/skip.h"
#include "report/attempt/attempt.h"
#include "report/attempt/report.h"

/* What the outcome means, to stand behind its name: "an ICMP error answered the SYN". */
const char *outcome_words(enum outcome outcome);

/*
 * What happened and why, as an entry of a list: "SYN dropped (accept queue full)".
 * tcp_syncookies: the host's setting, -1 when it is not known; it decides why a
 * SYN cookie was sent (tcp_conn_request()).
 */
const char *cause_words(enum cause cause, int64_t tcp_syncookies);

/* What a confidence means: "it happened within a measured interval". */
const char *confidence_words(enum confidence confidence);

/* From what to what a latency is measured, short: "SYN to SYN-ACK". */
const char *latency_words(enum latency latency);

/* What was lost, behind its number: "socket lookups skipped: too many pending". */
const char *loss_words(enum loss_kind kind);

/* Why frames have no usable TCP segment: "not IP". */
const char *skip_words(enum skip_reason reason);

#endif
