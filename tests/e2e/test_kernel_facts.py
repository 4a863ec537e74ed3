"""What the running kernel does, one case at a time, against docs/kernel.md. Does not touch the program.

A difference here is a fact about the kernel: the document and the weights of
the ledger follow the kernel, never the other way round.
"""
import pytest

import cases_cookie
import cases_path
import cases_queue
import cases_request
import cases_syn
import stage
import wire

assert all((cases_cookie, cases_path, cases_queue, cases_request, cases_syn))


@pytest.fixture(scope="module")
def device(namespace):
    try:
        device = wire.Wire()
    except wire.NoDevice as reason:
        pytest.skip(str(reason))
    yield device
    device.close()


@pytest.mark.parametrize("played", stage.CASES, ids=lambda played: played.name)
def test_case(device, sysctl, played):
    for tries_left in reversed(range(stage.TRIES)):
        scene = stage.Stage(device, played, sysctl)
        try:
            scene.play(played.function)
            return
        except AssertionError:
            if not (tries_left and scene.too_slow()):
                raise
        finally:
            scene.close()
