"""What every end-to-end test has: the program, and the certainty of being in a namespace of its own."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import zlib

import pytest

import exactness
import hosts
import recording
from listening import Listener
from traffic import Traffic


# The programs that the tests start are to end by it, also where the run itself was started by nohup.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    """A folder of its own for each run: pytest's common one is closed to other users by the next run that starts,
    and servers under test are other users."""
    if config.option.basetemp is None:
        folder = tempfile.mkdtemp(prefix="synscope-e2e-")
        os.chmod(folder, 0o755)
        config.option.basetemp = os.path.join(folder, "run")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


FAMILIES = {4: 0, 6: 1, "127.0.0.1": 0, "::1": 1}


def pytest_collection_modifyitems(config, items):
    """Of a case that is played by IPv4 and by IPv6 the sanitized build plays one, IPv6 in half of the cases."""
    if "SYNSCOPE_TEST_SHORT" not in os.environ:
        return
    cases = {}
    for item in items:
        params = dict(item.callspec.params) if hasattr(item, "callspec") else {}
        family = FAMILIES.get(params.pop("family", params.pop("address", None)))
        if family is not None:
            cases.setdefault(f"{item.location[2].split('[')[0]} {sorted(params.items())}", {})[family] = item
    left = {case[zlib.crc32(name.encode()) % 2] for name, case in cases.items() if len(case) == 2}
    if left:
        config.hook.pytest_deselected(items=list(left))
        items[:] = [item for item in items if item not in left]


def pytest_terminal_summary(terminalreporter):
    if exactness.summary():
        terminalreporter.write_line(exactness.summary())


def in_own_namespace():
    outside = os.environ.get("SYNSCOPE_TEST_OUTSIDE")
    return bool(outside) and os.readlink("/proc/self/ns/net") != outside


@pytest.fixture(scope="session")
def synscope():
    """Path of the program under test."""
    path = os.environ.get("SYNSCOPE")
    if not path:
        pytest.fail("SYNSCOPE does not name the program: run the test by meson")
    return path


@pytest.fixture(scope="session")
def namespace():
    """For tests that change sysctls or interfaces: fails outside of tests/e2e/netns."""
    if not in_own_namespace():
        pytest.fail("not in a network namespace of its own: run the test by meson, or by tests/e2e/netns")


@pytest.fixture
def sysctl(namespace):
    """A function that sets a sysctl of this namespace; the old values come back after the test."""
    before = {}

    def set_value(name, value):
        path = pathlib.Path("/proc/sys") / name.replace(".", "/")
        if path not in before:
            before[path] = path.read_text(encoding="ascii")
        path.write_text(f"{value}\n", encoding="ascii")

    yield set_value
    for path, value in before.items():
        path.write_text(value, encoding="ascii")


@pytest.fixture
def run(synscope):
    """Runs the program to its end: run("report", folder) -> CompletedProcess with text output."""

    def run_program(*arguments, timeout=60, **options):
        return subprocess.run([synscope, *map(str, arguments)], capture_output=True, text=True,
                              timeout=timeout, check=False, **options)

    return run_program


@pytest.fixture(scope="session")
def synthetic_program():
    """Path of tests/fixture/synthetic: reports of a simulated load."""
    path = os.environ.get("SYNSCOPE_SYNTHETIC")
    if not path:
        pytest.fail("SYNSCOPE_SYNTHETIC does not name the program: run the test by meson")
    return path


@pytest.fixture(scope="session")
def synthetic(synthetic_program):
    """The bytes of such a report: synthetic("html", 60), synthetic("html", 60, "hostile")."""

    def print_report(*arguments):
        return subprocess.run([synthetic_program, *map(str, arguments)], capture_output=True, check=True, timeout=120).stdout

    return print_report


@pytest.fixture(scope="session")
def synthetic_json(synthetic):
    """The same as JSON, parsed."""

    def parse(*arguments):
        return json.loads(synthetic("json", *arguments))

    return parse


@pytest.fixture
def listen(namespace):
    listeners = []

    def start(*arguments, **options):
        listeners.append(Listener(*arguments, **options))
        return listeners[-1]

    yield start
    for listener in listeners:
        listener.close()


@pytest.fixture
def traffic(namespace):
    """Clients that come one after the other, until the test ends."""
    made = Traffic()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def folder(tmp_path):
    """Where a recording is to be; whom the recorder becomes can get there."""
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o755)
    return tmp_path / "recording"


@pytest.fixture
def overflow(namespace):
    """A listener of two places that nobody accepts from: overflow() brings six clients."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1)
    clients = []

    def connect():
        for _ in range(6):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
            clients.append(client)

    connect.port = listener.getsockname()[1]
    yield connect
    for client in clients:
        client.close()
    listener.close()


@pytest.fixture
def host(namespace):
    the_host = hosts.Host()
    yield the_host
    the_host.close()


@pytest.fixture
def record(synscope, host, tmp_path):
    """record(ports, options...) -> a recording that runs."""
    made = []

    def start(*ports, interface="any", options=()):
        begun = recording.Recording(synscope, tmp_path / f"recording{len(made)}", interface, ports, options)
        begun.witness = hosts.witness
        made.append(begun)
        begun.start()
        return begun

    yield start
    for begun in made:
        begun.kill()
