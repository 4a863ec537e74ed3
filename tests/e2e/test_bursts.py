"""Random bursts at servers that know nothing of it, against the truth from elsewhere (bursts.py): nothing exact is
false, and where BPF programs tell each entry, no entry is.

SYNSCOPE_BURSTS=FIRST:COUNT plays so many mixes, with and without BPF programs, and prints what else is wrong in each.
"""
import os
import pathlib

import pytest

import bursts
import tracer

FIRST, COUNT = map(int, os.environ.get("SYNSCOPE_BURSTS", "200:2").split(":"))


@pytest.fixture
def traced(namespace):
    try:
        tracer.Tracer(1).kill()
    except OSError as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("option", [(), ("--no-bpf",)], ids=["bpf", "no-bpf"])
@pytest.mark.parametrize("seed", range(FIRST, FIRST + COUNT))
def test_nothing_exact_is_false(traced, synscope, sysctl, tmp_path, seed, option):
    mix = bursts.Mix(seed)
    for name, value in mix.sysctls.items():
        if pathlib.Path("/proc/sys", name.replace(".", "/")).exists():
            sysctl(name, value)
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o755)
    run = bursts.Run(mix, synscope, tmp_path, option)
    run.play()
    judge = bursts.Judge(run)
    print(judge.summary())
    assert not judge.false, f"{mix}\n" + "\n".join(judge.false)
    if judge.bpf and not run.closed and mix.model != "reuseport":
        assert not judge.wrong["entry"], f"{mix}\n" + "\n".join(judge.wrong["entry"])
