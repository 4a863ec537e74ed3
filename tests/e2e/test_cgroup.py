"""A server whose cgroup is held back by a CPU quota, or frozen: cgroups of version 1 or 2, as this kernel has them.

What the clients meet once the quota is gone, or the cgroup thawed, shows that it was the cause.
"""
import json

import pytest

from advising import COMPUTING, Clients, depth_of
from following import cgroup, serve  # pylint: disable=unused-import
from netspace import IS_ROOT
from running import until

pytestmark = pytest.mark.skipif(not IS_ROOT, reason="cgroups take root")


@pytest.mark.parametrize("held, rule, words", [
    ("quota", "cpu-quota", "owner held back by the CPU quota of its cgroup"),
    ("frozen", "owner-stopped", "owner's cgroup frozen"),
])
def test_what_holds_the_owner_is_named(cgroup, serve, run, held, rule, words):
    port = serve(*cgroup.wrap("/usr/bin/python3", "@FOLDER@/it.py"), files={"it.py": COMPUTING % 4})
    assert Clients(port, 1, patience_s=60).join().served == 1
    if held == "quota":
        cgroup.quota(1)
    else:
        cgroup.freeze(True)
    clients = Clients(port, 12, patience_s=60)

    def stall():
        assert depth_of(port) and clients.served < 8, "they are served"
        document = json.loads(run("listeners", "-f", "json").stdout)
        found = next(one for one in document["listeners"] if one["port"] == port)["stall"]
        return found if found and found["text"].startswith(words) else None

    found = until(stall, words)
    assert found["rule"] == rule
    assert (cgroup.throttled() > 0) == (held == "quota")
    served = clients.served
    cgroup.quota(None)
    cgroup.freeze(False)
    assert served < clients.join().served == 12
