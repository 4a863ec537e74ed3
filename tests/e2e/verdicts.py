"""Compares a report with what a script did on the wire."""
import exactness

DROPS = {"accept-queue-full-syn", "accept-queue-full-ack", "syn-queue-full", "max-syn-backlog-reserve",
         "cookie-ack-dropped"}

# Observation may end less than a second after their last packet: then they are not final.
NOT_FINAL = {"half-open", "unanswered"}


def verdict_of(attempt):
    return attempt["outcome"], {cause["name"]: cause["packets"] for cause in attempt["causes"]}


def difference(truth, attempt, entries=False):
    """What the report says of an attempt and should not, in words; empty when it is right."""
    if attempt is None:
        return f"{truth.client} {truth.isn}: not in the report"
    outcome, causes = verdict_of(attempt)
    # accept() returned it after its client's RST: that shows where each entry is told.
    if truth.outcome == "ghost" and outcome == ("accepted" if entries else "reset") and attempt["ghost"] == entries:
        outcome = truth.outcome
    wanted = dict(truth.causes)
    causes.pop("slow-accept", None)  # how long a script takes is no matter
    for cause in ("client-left", "closed-unserved"):  # nor who closes first when it is done: test_proofs.py has those
        if cause not in wanted:
            causes.pop(cause, None)
        elif not wanted[cause]:  # it is known not to be so
            wanted.pop(cause)
    if "synack-unacknowledged" not in wanted:
        causes.pop("synack-unacknowledged", None)
    if truth.outcome in NOT_FINAL and outcome == "open":
        wanted.pop("synack-unacknowledged", None)
        wanted.pop("unanswered-no-counter", None)
        causes.pop("unanswered-no-counter", None)
        outcome = truth.outcome
    if (outcome, causes) == (truth.outcome, wanted):
        return ""
    return f"{truth.client} {truth.isn}: is {truth.outcome} {wanted}; reported {verdict_of(attempt)}"


def attempts_differ(truths, report):
    attempts = {(a["client"], a["isn"]): a for a in report["attempts"]}
    entries = bool(report["recording"] and report["recording"]["bpf"]["entries"])
    wrong = [text for text in (difference(t, attempts.get(k), entries) for k, t in truths.items()) if text]
    for key, truth in truths.items():
        if key in attempts:
            wrong += exactness.of_truth(attempts[key], truth.causes)
    return wrong


def ledger_differs(counted, report, untold=0):
    """counted: what the counters moved, or None. untold: sk_drops that nothing tells the reason of."""
    wrong = []
    for row in report["ledger"]:
        sk_drops = row["counter"].startswith("sk_drops")
        if row["unexplained"] is None or not 0 <= row["unexplained"] <= (untold if sk_drops else 0):
            wrong.append(f"ledger: {row['counter']} observed {row['observed']} explained "
                         f"{row['explained']} by {row['parts']}")
        if counted is not None and not sk_drops and row["observed"] != counted.get(row["counter"], 0):
            wrong.append(f"ledger: {row['counter']} observed {row['observed']}, the script "
                         f"{counted.get(row['counter'], 0)}")
    return wrong


def dropped(truths):
    """Whether --fail-on drops is to say so."""
    return any(DROPS & set(truth.causes) for truth in truths.values())
