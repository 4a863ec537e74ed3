"""Monitoring systems that read the metrics while a queue overflows; the rules and the dashboard of contrib/ against them."""
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

from daemons import free_address
from listening import Listener
from monitoring import Alertmanager, NodeExporter, Prometheus, VictoriaMetrics, normal
from running import until
from scraping import Scrape, promtool

CONTRIB = pathlib.Path(__file__).resolve().parents[2] / "contrib"
RULES = CONTRIB / "prometheus" / "synscope.rules.yml"
RULES_TEST = CONTRIB / "prometheus" / "synscope.rules.test.yml"
DASHBOARD = CONTRIB / "grafana" / "synscope.json"
# Each has to be in some expression of the rules, or of the dashboard.
LEFT_OUT = {"synscope_build_info", "synscope_observation_start_time_seconds", "synscope_attempts_total",
            "synscope_listener_accept_queue_depth", "synscope_listeners_sharing_total"}


@pytest.fixture
def start(namespace, tmp_path):
    """start(Class, argument...) -> a daemon in a folder of its own."""
    started = []

    def start_one(kind, *arguments):
        started.append(kind(tmp_path / kind.__name__.lower(), *arguments))
        return started[-1]

    yield start_one
    for one in started:
        one.stop()


def test_rules():
    # promtool says what it checks also where it finds nothing wrong: its exit status counts.
    assert not promtool("check", "rules", RULES)
    assert not promtool("test", "rules", RULES_TEST, cwd=RULES.parent)
    assert not promtool("check", "config", "--syntax-only", CONTRIB / "prometheus" / "scrape.yml")
    # Each rule is in a test that sees it fire.
    names = re.findall(r"alert: (\w+)", RULES.read_text(encoding="utf-8"))
    fired = re.findall(r"alertname: (\w+)\n\s+exp_alerts:", RULES_TEST.read_text(encoding="utf-8"))
    assert sorted(names) == sorted(set(fired))


def settled(counters):
    """Those that stand still once every attempt is over."""
    return {key: value for key, value in counters.items()
            if key[0] not in ("synscope_lost_total", "synscope_unexplained_total", "synscope_listener_accept_queue_full_seconds_total")}


def dashboard_expressions():
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_a_queue_overflows_under_prometheus(synscope, start, sysctl, tmp_path):
    """The alert reaches Alertmanager, each expression of the dashboard has data, and what Prometheus, VictoriaMetrics and
    node_exporter have is what the report says."""
    tmp_path.chmod(0o777)
    address = free_address()
    # A cookie's ACK that is dropped would be the last that is heard of its client.
    sysctl("net.ipv4.tcp_syncookies", 0)
    listener = Listener(8)
    listener.socket.settimeout(60)
    label = f"127.0.0.1:{listener.port}"
    textfiles = tmp_path / "textfiles"
    textfiles.mkdir()
    textfiles.chmod(0o777)
    process = subprocess.Popen([synscope, "record", "-f", "json", "-o", tmp_path / "r", "-i", "lo", "--metrics",
                                textfiles / "synscope.prom", "--metrics-listen", address, label],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        alertmanager = start(Alertmanager)
        server = start(Prometheus, {"synscope": address}, RULES, alertmanager)
        node = start(NodeExporter, textfiles)
        victoria = start(VictoriaMetrics, {"synscope": address, "node": node.address})
        until(lambda: server.value("synscope_listener_sockets") == 1, "the listener")
        # Nine find room; the SYNs of the others are dropped, and come again after 1 s, 3 s, 7 s.
        listener.clients += [socket.create_connection(("127.0.0.1", listener.port), timeout=30) for _ in range(9)]
        listener.connect(5)
        until(lambda: (server.value("sum(synscope_listener_socket_drops_total)") or 0) > 0, "drops")
        (alert,) = until(lambda: [one for one in alertmanager.active() if one["alertname"] == "SynscopeListenerDrops"], "the alert")
        assert alert["listener"] == label and alert["cause"] == "accept-queue-full-syn"
        # Of the kernel's own counter nothing is said where the cause is known.
        assert "SynscopeSocketDrops" not in {one["labels"]["alertname"] for one in server.ask("alerts")["alerts"]}
        listener.accept(14)
        for one in [*listener.clients, *listener.served]:
            one.close()
        for one in (server, victoria):
            until(lambda: one.value('synscope_open_attempts{job="synscope"}') == 0, "the end of all attempts")
            assert one.value('synscope_listener_attempts_total{job="synscope",outcome="accepted"}') == 14
        variables = {"job": ".*", "instance": ".*", "listener": ".*", "__rate_interval": "1m", "__range": "5m"}
        for title, expression in dashboard_expressions():
            asked = re.sub(r"\$(\w+)", lambda found: variables[found[1]], expression)
            for one in (server, victoria):
                found = one.query(asked)
                assert found, f"{title}: no data: {asked}"
                assert all(value >= 0 for _, value in found if value == value), (title, found)
        # What they would have if they had scraped once more at the end is what the report says.
        until(lambda: server.value("sum(synscope_listener_drops_total)") == server.value("sum(synscope_listener_socket_drops_total)"),
              "all verdicts")
        until(lambda: settled(victoria.counters("synscope")) == settled(server.counters("synscope")), "VictoriaMetrics has the same")
        stored = server.counters("synscope")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        last = Scrape((textfiles / "synscope.prom").read_text(encoding="utf-8"))
        counted = {normal(*key): value for key, value in last.counters().items() if not key[0].endswith("_sum")}
        assert stored and settled(stored) == settled(counted)
        # The file stays, so that its totals are there for ever: each of them.
        until(lambda: victoria.counters("node") == counted, "VictoriaMetrics has what node_exporter reads")
        assert victoria.value('node_textfile_scrape_error{job="node"}') == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
        listener.close()
    (one,) = json.loads(out)["listeners"]
    drops = sum(value for (name, _), value in counted.items() if name == "synscope_listener_drops_total")
    assert drops == one["drops"] == one["sk_drops"] > 0
    outcomes = {dict(labels)["outcome"]: value for (name, labels), value in counted.items()
                if name == "synscope_listener_attempts_total"}
    assert outcomes == one["outcomes"] and outcomes["accepted"] == 14


def test_no_metric_is_left_out():
    """What nobody alerts on or draws has a reason."""
    used = " ".join(expression for _, expression in dashboard_expressions()) + RULES.read_text(encoding="utf-8")
    document = (CONTRIB.parent / "docs" / "metrics.md").read_text(encoding="utf-8")
    names = set(re.findall(r"^\| `(synscope_\w+)`", document, re.MULTILINE))
    assert names, "no names"
    assert {name for name in names if not re.search(rf"\b{name}(_bucket)?\b", used)} == LEFT_OUT
    mentioned = set(re.findall(r"\bsynscope_[a-z_]+", used))
    assert {name.removesuffix("_bucket") for name in mentioned} <= names


for program in ("promtool", "prometheus", "prometheus-alertmanager", "prometheus-node-exporter", "victoria-metrics"):
    assert shutil.which(program), f"lacks {program}: scripts/packages install test"
