"""scripts/tally: what counts as a failure of the run."""
import importlib.machinery
import importlib.util
import json
import pathlib
import subprocess

import pytest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "tally"
loader = importlib.machinery.SourceFileLoader("tally", str(SCRIPT))
tally = importlib.util.module_from_spec(importlib.util.spec_from_loader("tally", loader))
loader.exec_module(tally)


def sums(tmp_path, stdout):
    result = {"name": "suite", "result": "OK", "returncode": 0, "stdout": stdout, "stderr": "", "env": {}, "starttime": 0}
    (tmp_path / "build.json").write_text(json.dumps(result) + "\n")
    return subprocess.run([SCRIPT, "--all-here", tmp_path], capture_output=True, text=True, check=False)


def test_a_pass_is_a_pass(tmp_path):
    done = sums(tmp_path, "ok 1 - one\nok 2 - two\n")
    assert done.returncode == 0 and done.stdout.endswith("2 passed, 0 failed\n")


@pytest.mark.skipif(not tally.nothing_is_missing(), reason="only Debian 12 as root has all that tests take")
def test_a_test_that_is_skipped_fails_the_run(tmp_path):
    done = sums(tmp_path, "ok 1 - one\nok 2 - two # SKIP no such program\n")
    assert done.returncode == 1
    assert "1 passed, 1 failed" in done.stdout and "no such program" in done.stdout


def test_unless_it_is_listed(tmp_path):
    done = sums(tmp_path, "ok 1 - one\nok 2 - findings::leak # SKIP test was skipped\n")
    assert done.returncode == 0 and done.stdout.endswith("1 passed, 0 failed, 1 skipped\n")


def test_every_line_of_the_list_has_a_reason():
    for line in (SCRIPT.parent / "skips").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern, condition, reason = line.split(" | ")
            assert pattern and reason
            tally.holds(condition)
