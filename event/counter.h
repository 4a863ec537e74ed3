/*
 * Interface for the kernel's counters: those of /proc/net/snmp (Tcp) and
 * /proc/net/netstat (TcpExt) that the ledger and the verdicts read. They
 * belong to a network namespace and count every port in it.
 */
#ifndef EVENT_COUNTER_H
#define EVENT_COUNTER_H

enum counter {
	COUNTER_LISTEN_OVERFLOWS,
	COUNTER_LISTEN_DROPS,
	COUNTER_REQQ_FULL_DROP,
	COUNTER_REQQ_FULL_DO_COOKIES,
	COUNTER_SYNCOOKIES_SENT,
	COUNTER_SYNCOOKIES_RECV,
	COUNTER_SYNCOOKIES_FAILED,
	COUNTER_DEFER_ACCEPT_DROP,
	COUNTER_EMBRYONIC_RSTS,
	COUNTER_SYN_RETRANS,
	COUNTER_BACKLOG_DROP,
	COUNTER_PAWS_ESTAB_REJECTED,
	COUNTER_ACK_SKIPPED_SYN_RECV,
	COUNTER_TIME_WAIT_OVERFLOW,
	COUNTER_FASTOPEN_PASSIVE,
	COUNTER_FASTOPEN_PASSIVE_FAIL,
	COUNTER_FASTOPEN_LISTEN_OVERFLOW,
	COUNTER_FASTOPEN_COOKIE_REQD,
	COUNTER_MIGRATE_REQ_SUCCESS,
	COUNTER_MIGRATE_REQ_FAILURE,
	COUNTER_RP_FILTER,
	COUNTER_MIN_TTL_DROP,
	COUNTER_ACTIVE_OPENS,
	COUNTER_PASSIVE_OPENS,
	COUNTER_ATTEMPT_FAILS,
	COUNTER_ESTAB_RESETS,
	COUNTER_OUT_RSTS,
	COUNTER_RETRANS_SEGS,
	COUNTER_IN_ERRS,
	COUNTER_IN_CSUM_ERRORS,
	COUNTER_COUNT,
};

/* The name as /proc shows it: "ListenOverflows", "OutRsts". */
const char *counter_name(enum counter counter);

/* "TcpExt" or "Tcp": the line of /proc/net/netstat or /proc/net/snmp that has it. */
const char *counter_group(enum counter counter);

#endif
