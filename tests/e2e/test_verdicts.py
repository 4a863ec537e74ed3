"""The same cases under a recording: every attempt's verdict, and a ledger with nothing unexplained."""
import os

import pytest

import cases_cookie
import cases_path
import cases_queue
import cases_request
import cases_syn
import recording
import stage
import verdicts
import wire

assert all((cases_cookie, cases_path, cases_queue, cases_request, cases_syn))

# With sanitizers everything is slower, and IPv6 goes the same ways as IPv4 by then.
PLAYED = [c for c in stage.CASES if c.family == 4 or not os.environ.get("SYNSCOPE_TEST_SHORT")]

# Between steps: about three samples. What happens within one sample is the crowd's business.
PACE_S = 0.004


@pytest.fixture(scope="module")
def device(namespace):
    try:
        device = wire.Wire()
    except wire.NoDevice as reason:
        pytest.skip(str(reason))
    yield device
    device.close()


def play(scene, played, recorders):
    scene.play(played.function)
    recorder, = recorders
    report = recorder.stop()
    wrong = verdicts.attempts_differ(scene.truths, report) + \
        verdicts.ledger_differs(scene.counted, report, scene.untold)
    assert not wrong, "\n".join(wrong)
    assert recorder.status == (3 if verdicts.dropped(scene.truths) else 0)
    replayed = recorder.replay()
    report["source"]["kind"] = replayed["source"]["kind"]
    assert replayed == report


@pytest.mark.parametrize("played", PLAYED, ids=lambda played: played.name)
def test_case(device, sysctl, synscope, played, tmp_path):
    for tries_left in reversed(range(stage.TRIES)):
        recorders = []

        def start(scene):
            recorders.append(recording.Recording(synscope, tmp_path / f"recording{tries_left}", wire.DEVICE,
                                                 [scene.port, 7], ["--fail-on", "drops"]))
            recorders[0].start()

        scene = stage.Stage(device, played, sysctl, PACE_S, start)
        try:
            play(scene, played, recorders)
            return
        except AssertionError:
            # Then a timer of the kernel may have come between the steps: another case than this one. And
            # what came too late for the live report is in its place when it is replayed.
            if not (tries_left and (scene.too_slow() or any(r.was_late() for r in recorders))):
                raise
        finally:
            scene.close()
            for recorder in recorders:
                recorder.kill()
