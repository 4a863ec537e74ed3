"""The ground that the other tests stand on: a namespace of their own, and a program that starts."""
import pathlib

import pytest


def test_network_is_private(namespace):
    routes = pathlib.Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]
    devices = [line.split(":")[0].strip()
               for line in pathlib.Path("/proc/net/dev").read_text(encoding="ascii").splitlines()[2:]]
    assert devices == ["lo"]
    assert routes == []


def test_sysctl_is_set(sysctl):
    path = pathlib.Path("/proc/sys/net/core/somaxconn")
    assert path.read_text(encoding="ascii") != "7\n"
    sysctl("net.core.somaxconn", 7)
    assert path.read_text(encoding="ascii") == "7\n"


def test_sysctl_came_back(namespace):
    assert pathlib.Path("/proc/sys/net/core/somaxconn").read_text(encoding="ascii") != "7\n"


def test_help_names_the_program(run):
    done = run("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("synscope: ")
    assert done.stderr == ""


@pytest.mark.parametrize("arguments", [[], ["no-such-command"]])
def test_wrong_usage_is_status_2(run, arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr != ""
