/*
 * The kernel's names of the counters.
 */
#include "event/counter.h"

#include <stddef.h>

static const struct {
	const char *group;
	const char *name;
} counters[COUNTER_COUNT] = {
    [COUNTER_LISTEN_OVERFLOWS] = {"TcpExt", "ListenOverflows"},
    [COUNTER_LISTEN_DROPS] = {"TcpExt", "ListenDrops"},
    [COUNTER_REQQ_FULL_DROP] = {"TcpExt", "TCPReqQFullDrop"},
    [COUNTER_REQQ_FULL_DO_COOKIES] = {"TcpExt", "TCPReqQFullDoCookies"},
    [COUNTER_SYNCOOKIES_SENT] = {"TcpExt", "SyncookiesSent"},
    [COUNTER_SYNCOOKIES_RECV] = {"TcpExt", "SyncookiesRecv"},
    [COUNTER_SYNCOOKIES_FAILED] = {"TcpExt", "SyncookiesFailed"},
    [COUNTER_DEFER_ACCEPT_DROP] = {"TcpExt", "TCPDeferAcceptDrop"},
    [COUNTER_EMBRYONIC_RSTS] = {"TcpExt", "EmbryonicRsts"},
    [COUNTER_SYN_RETRANS] = {"TcpExt", "TCPSynRetrans"},
    [COUNTER_BACKLOG_DROP] = {"TcpExt", "TCPBacklogDrop"},
    [COUNTER_PAWS_ESTAB_REJECTED] = {"TcpExt", "PAWSEstab"},
    [COUNTER_ACK_SKIPPED_SYN_RECV] = {"TcpExt", "TCPACKSkippedSynRecv"},
    [COUNTER_TIME_WAIT_OVERFLOW] = {"TcpExt", "TCPTimeWaitOverflow"},
    [COUNTER_FASTOPEN_PASSIVE] = {"TcpExt", "TCPFastOpenPassive"},
    [COUNTER_FASTOPEN_PASSIVE_FAIL] = {"TcpExt", "TCPFastOpenPassiveFail"},
    [COUNTER_FASTOPEN_LISTEN_OVERFLOW] = {"TcpExt", "TCPFastOpenListenOverflow"},
    [COUNTER_FASTOPEN_COOKIE_REQD] = {"TcpExt", "TCPFastOpenCookieReqd"},
    [COUNTER_MIGRATE_REQ_SUCCESS] = {"TcpExt", "TCPMigrateReqSuccess"},
    [COUNTER_MIGRATE_REQ_FAILURE] = {"TcpExt", "TCPMigrateReqFailure"},
    [COUNTER_RP_FILTER] = {"TcpExt", "IPReversePathFilter"},
    [COUNTER_MIN_TTL_DROP] = {"TcpExt", "TCPMinTTLDrop"},
    [COUNTER_CHALLENGE_ACK] = {"TcpExt", "TCPChallengeACK"},
    [COUNTER_SYN_CHALLENGE] = {"TcpExt", "TCPSYNChallenge"},
    [COUNTER_PAWS_TIME_WAIT] = {"TcpExt", "PAWSTimewait"},
    [COUNTER_TSECR_REJECTED] = {"TcpExt", "TSEcrRejected"},
    [COUNTER_ACK_SKIPPED_TIME_WAIT] = {"TcpExt", "TCPACKSkippedTimeWait"},
    [COUNTER_ACK_SKIPPED_CHALLENGE] = {"TcpExt", "TCPACKSkippedChallenge"},
    [COUNTER_MD5_NOT_FOUND] = {"TcpExt", "TCPMD5NotFound"},
    [COUNTER_MD5_UNEXPECTED] = {"TcpExt", "TCPMD5Unexpected"},
    [COUNTER_MD5_FAILURE] = {"TcpExt", "TCPMD5Failure"},
    [COUNTER_AO_REQUIRED] = {"TcpExt", "TCPAORequired"},
    [COUNTER_AO_BAD] = {"TcpExt", "TCPAOBad"},
    [COUNTER_AO_KEY_NOT_FOUND] = {"TcpExt", "TCPAOKeyNotFound"},
    [COUNTER_OUT_OF_WINDOW_ICMPS] = {"TcpExt", "OutOfWindowIcmps"},
    [COUNTER_LOCK_DROPPED_ICMPS] = {"TcpExt", "LockDroppedIcmps"},
    [COUNTER_PFMEMALLOC_DROP] = {"TcpExt", "PFMemallocDrop"},
    [COUNTER_IN_NO_ROUTES] = {"IpExt", "InNoRoutes"},
    [COUNTER_IN_ADDR_ERRORS] = {"Ip", "InAddrErrors"},
    [COUNTER_IN_DISCARDS] = {"Ip", "InDiscards"},
    [COUNTER_OUT_DISCARDS] = {"Ip", "OutDiscards"},
    [COUNTER_OUT_NO_ROUTES] = {"Ip", "OutNoRoutes"},
    [COUNTER_IP6_IN_NO_ROUTES] = {"", "Ip6InNoRoutes"},
    [COUNTER_IP6_IN_ADDR_ERRORS] = {"", "Ip6InAddrErrors"},
    [COUNTER_IP6_IN_DISCARDS] = {"", "Ip6InDiscards"},
    [COUNTER_IP6_OUT_DISCARDS] = {"", "Ip6OutDiscards"},
    [COUNTER_IP6_OUT_NO_ROUTES] = {"", "Ip6OutNoRoutes"},
    [COUNTER_XFRM_IN_NO_POLICIES] = {"", "XfrmInNoPols"},
    [COUNTER_XFRM_IN_POLICY_BLOCK] = {"", "XfrmInPolBlock"},
    [COUNTER_XFRM_IN_TEMPLATE_MISMATCH] = {"", "XfrmInTmplMismatch"},
    [COUNTER_XFRM_OUT_POLICY_BLOCK] = {"", "XfrmOutPolBlock"},
    [COUNTER_XFRM_OUT_NO_STATES] = {"", "XfrmOutNoStates"},
    [COUNTER_ACTIVE_OPENS] = {"Tcp", "ActiveOpens"},
    [COUNTER_PASSIVE_OPENS] = {"Tcp", "PassiveOpens"},
    [COUNTER_ATTEMPT_FAILS] = {"Tcp", "AttemptFails"},
    [COUNTER_ABORT_ON_CLOSE] = {"TcpExt", "TCPAbortOnClose"},
    [COUNTER_ABORT_ON_DATA] = {"TcpExt", "TCPAbortOnData"},
    [COUNTER_ESTAB_RESETS] = {"Tcp", "EstabResets"},
    [COUNTER_OUT_RSTS] = {"Tcp", "OutRsts"},
    [COUNTER_RETRANS_SEGS] = {"Tcp", "RetransSegs"},
    [COUNTER_IN_ERRS] = {"Tcp", "InErrs"},
    [COUNTER_IN_CSUM_ERRORS] = {"Tcp", "InCsumErrors"},
};

const char *counter_name(enum counter counter)
{
	return counter < COUNTER_COUNT ? counters[counter].name : NULL;
}

const char *counter_group(enum counter counter)
{
	return counter < COUNTER_COUNT ? counters[counter].group : NULL;
}
