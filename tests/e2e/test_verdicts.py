"""The same cases under a recording: every attempt's verdict, and a ledger with nothing unexplained."""
import pytest

import cases_cookie
import cases_queue
import cases_request
import cases_syn
import recording
import stage
import wire

assert all((cases_cookie, cases_queue, cases_request, cases_syn))

# Between steps: about three samples. What happens within one sample is the mixed run's business.
PACE_S = 0.004

DROPS = {"accept-queue-full-syn", "accept-queue-full-ack", "syn-queue-full", "max-syn-backlog-reserve",
         "cookie-ack-dropped"}

# Observation ended less than a second after the last packet: these are not final yet.
NOT_FINAL = {"half-open", "unanswered"}


@pytest.fixture(scope="module")
def device(namespace):
    try:
        device = wire.Wire()
    except wire.NoDevice as reason:
        pytest.skip(str(reason))
    yield device
    device.close()


def verdict_of(attempt):
    return attempt["outcome"], {cause["name"]: cause["packets"] for cause in attempt["causes"]}


def differences(truth, attempt):
    """What the report says of an attempt and should not, in words; empty when it is right."""
    if attempt is None:
        return f"{truth.client} {truth.isn}: not in the report"
    outcome, causes = verdict_of(attempt)
    wanted = dict(truth.causes)
    causes.pop("slow-accept", None)  # how long a script takes is no matter
    if truth.outcome in NOT_FINAL and outcome == "open":
        wanted.pop("synack-unacknowledged", None)
        wanted.pop("unanswered-no-counter", None)
        causes.pop("unanswered-no-counter", None)
        outcome = truth.outcome
    if (outcome, causes) == (truth.outcome, wanted):
        return ""
    return f"{truth.client} {truth.isn}: is {truth.outcome} {wanted}; reported {verdict_of(attempt)}"


def check(scene, report):
    attempts = {(a["client"], a["isn"]): a for a in report["attempts"]}
    wrong = [text for text in (differences(t, attempts.get(k)) for k, t in scene.truths.items()) if text]
    for row in report["ledger"]:
        untold = scene.untold if row["counter"].startswith("sk_drops") else 0
        if row["unexplained"] is None or not 0 <= row["unexplained"] <= untold:
            wrong.append(f"ledger: {row['counter']} observed {row['observed']} explained "
                         f"{row['explained']} by {row['parts']}")
        observed = scene.counted.get(row["counter"], 0)
        if not row["counter"].startswith("sk_drops") and row["observed"] != observed:
            wrong.append(f"ledger: {row['counter']} observed {row['observed']}, the script {observed}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("played", stage.CASES, ids=lambda played: played.name)
def test_case(device, sysctl, synscope, played, tmp_path):
    recorder = None

    def start(scene):
        nonlocal recorder
        recorder = recording.Recording(synscope, tmp_path / "recording", wire.DEVICE,
                                       [scene.port, 7], ["--fail-on", "drops"])
        recorder.start()

    scene = stage.Stage(device, played, sysctl, PACE_S, start)
    try:
        played.function(scene)
        report = recorder.stop()
    finally:
        scene.close()
        if recorder:
            recorder.kill()
    check(scene, report)
    dropped = any(DROPS & set(truth.causes) for truth in scene.truths.values())
    assert recorder.status == (3 if dropped else 0)
    replayed = recorder.replay()
    report["source"]["kind"] = replayed["source"]["kind"]
    assert replayed == report
