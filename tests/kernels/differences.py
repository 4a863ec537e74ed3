"""Which cases of docs/kernel.md differ under which kernel: differences.py RELEASE FAILED.

FAILED has a line for each that failed, "FILE TEST". Passes when each is listed here for this kernel with its reason.
What decides is the kernel's behaviour, not its number: a fix is taken back into older ones.
"""
import re
import sys

# Scenes that fill the SYN queue: under 5.10 it is full at limit, not above it, and holds one less.
FILLS_THE_SYN_QUEUE = (
    r"abort_on_overflow|accept_queue_full_for_good|both_full_with_cookies|both_full_without_cookies|"
    r"client_resets_half_open|cookie_ack_dropped|cookie_bad|cookie_client_resets|"
    r"cookie_client_that_speaks|cookie_client_tries_again_while_full|cookie_good|"
    r"cookie_skips_defer_accept|cookie_timestamp|defer_accept_on_full|dual_stack|"
    r"expired_request_looks_like_a_bad_cookie|final_ack_dropped|final_ack_dropped_then_expiry|"
    r"final_ack_dropped_then_resent_synack|final_ack_with_data_dropped|final_ack_with_fin_dropped|"
    r"no_route_on_full|socket_filter_on_full|syn_again_on_full|syn_queue_full_with_cookies|"
    r"syn_queue_full_without_cookies|zombie_that_speaks_is_reset"
)

# The kernel -> (a pattern of the case's name, what differs there).
SINCE_6_18 = [
    (r"time_wait_with", "PAWSTimewait, and what a TIME_WAIT answers, are younger"),
    (r"paws_in_syn_recv", "TSEcrRejected is younger"),
]
DIFFERENCES = {
    "6.12": SINCE_6_18,
    "6.1": [*SINCE_6_18, (r"proven", "tcp_peer_is_proven() finds less in tcp_metrics")],
    "5.10": [
        *SINCE_6_18,
        (r"proven", "tcp_peer_is_proven() finds less in tcp_metrics"),
        (r"reuseport", "no tcp_migrate_req before 5.14"),
        (r"packet_filter", "two scenes of nft: not looked into yet"),
        (FILLS_THE_SYN_QUEUE + "|time_wait_on_full", "the SYN queue holds one less (inet_csk_reqsk_queue_is_full)"),
    ],
}


def main():
    release, path = sys.argv[1:]
    listed = DIFFERENCES.get(".".join(release.split(".")[:2]), [])
    try:
        with open(path, encoding="utf-8") as lines:
            failed = sorted({line.strip() for line in lines if line.strip()})
    except FileNotFoundError:
        failed = []
    unknown = []
    for name in failed:
        reason = next((text for pattern, text in listed if re.search(pattern, name)), None)
        print(f"{name}: {reason or 'not known to differ'}")
        if reason is None:
            unknown.append(name)
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
