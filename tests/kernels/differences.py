"""Which cases of docs/kernel.md differ under which kernel: differences.py RELEASE FAILED.

FAILED has a line for each that failed, "FILE TEST". Passes when each is listed here for this kernel with its reason.
What decides is the kernel's behaviour, not its number: a fix is taken back into older ones.
"""
import re
import sys

# The kernel -> (a pattern of the case's name, what differs there).
DIFFERENCES = {
    "6.12": [
        (r"time_wait.*(paws|older|timestamp)", "PAWSTimewait is younger"),
        (r"paws|echo|tsecr", "TSEcrRejected is younger"),
    ],
    "6.1": [
        (r"time_wait.*(paws|older|timestamp)", "PAWSTimewait is younger"),
        (r"paws|echo|tsecr", "TSEcrRejected is younger"),
        (r"proven", "tcp_peer_is_proven() asks tcp_metrics, which keep less"),
    ],
    "5.10": [
        (r"time_wait.*(paws|older|timestamp)", "PAWSTimewait is younger"),
        (r"paws|echo|tsecr", "TSEcrRejected is younger"),
        (r"proven", "tcp_peer_is_proven() asks tcp_metrics, which keep less"),
        (r"migrate|sibling", "no tcp_migrate_req before 5.14"),
        (r"syn_queue|cookie|reserve|requests|both_full", "the SYN queue is full at limit, not above it (inet_csk_reqsk_queue_is_full)"),
        (r"rst_.*not_exact|in_window|challenge", "a RST in SYN_RECV need not be exact"),
        (r"data_with_fin|fin_with_data|data_and_fin", "data with FIN"),
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
