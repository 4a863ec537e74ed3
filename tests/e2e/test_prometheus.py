"""A real Prometheus that scrapes while a queue overflows; the rules and the dashboard of contrib/ against it."""
import json
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import urllib.parse
import urllib.request

import pytest

from listening import Listener
from running import until
from scraping import Scrape, promtool

CONTRIB = pathlib.Path(__file__).resolve().parents[2] / "contrib"
RULES = CONTRIB / "prometheus" / "synscope.rules.yml"
RULES_TEST = CONTRIB / "prometheus" / "synscope.rules.test.yml"
DASHBOARD = CONTRIB / "grafana" / "synscope.json"
# Each has to be in some expression of the rules, or of the dashboard.
LEFT_OUT = {"synscope_build_info", "synscope_observation_start_time_seconds", "synscope_attempts_total",
            "synscope_listener_accept_queue_depth", "synscope_listeners_sharing_total"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Prometheus:
    """Scrapes targets each second, and evaluates the rules each second."""

    def __init__(self, folder, **targets):
        self.address = f"127.0.0.1:{free_port()}"
        jobs = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()]
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                  "scrape_configs": jobs, "rule_files": [str(RULES)]}
        (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
        assert not promtool("check", "config", folder / "prometheus.yml")
        self.log = open(folder / "prometheus.log", "wb")
        self.process = subprocess.Popen(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
                                         f"--web.listen-address={self.address}", "--log.level=warn"],
                                        stdout=self.log, stderr=subprocess.STDOUT)

    def ask(self, path, **parameters):
        with urllib.request.urlopen(f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as response:
            return json.load(response)["data"]

    def ready(self):
        try:
            return bool(self.ask("query", query="vector(1)")["result"])
        except OSError:
            assert self.process.poll() is None, "Prometheus ended"
            return False

    def query(self, expression):
        """[(labels, value)]."""
        return [(one["metric"], float(one["value"][1])) for one in self.ask("query", query=expression)["result"]]

    def value(self, expression):
        """Of an expression with one result; None while there is none."""
        found = self.query(expression)
        assert len(found) < 2, found
        return found[0][1] if found else None

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.log.close()


@pytest.fixture
def prometheus(namespace, tmp_path):
    started = []

    def start(**targets):
        started.append(Prometheus(tmp_path, **targets))
        until(started[-1].ready, "Prometheus")
        return started[-1]

    yield start
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


def dashboard_expressions():
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


def test_a_queue_overflows_under_prometheus(synscope, prometheus, sysctl, tmp_path):
    """Alerts fire, each expression of the dashboard has data, and what it has stored is what the report says."""
    tmp_path.chmod(0o777)
    address = f"127.0.0.1:{free_port()}"
    # A cookie's ACK that is dropped would be the last that is heard of its client.
    sysctl("net.ipv4.tcp_syncookies", 0)
    listener = Listener(8)
    listener.socket.settimeout(60)
    label = f"127.0.0.1:{listener.port}"
    process = subprocess.Popen([synscope, "record", "-f", "json", "-o", tmp_path / "r", "-i", "lo", "--metrics", tmp_path / "s.prom",
                                "--metrics-listen", address, label], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        server = prometheus(synscope=address)
        until(lambda: server.value("synscope_listener_sockets") == 1, "the listener")
        # Nine find room; the SYNs of the others are dropped, and come again after 1 s, 3 s, 7 s.
        listener.clients += [socket.create_connection(("127.0.0.1", listener.port), timeout=30) for _ in range(9)]
        listener.connect(5)
        until(lambda: (server.value("sum(synscope_listener_socket_drops_total)") or 0) > 0, "drops")
        until(lambda: {one["labels"]["alertname"] for one in server.ask("alerts")["alerts"] if one["state"] == "firing"}
              >= {"SynscopeListenerDrops"}, "the alert")
        (alert,) = [one for one in server.ask("alerts")["alerts"] if one["labels"]["alertname"] == "SynscopeListenerDrops"]
        assert alert["labels"]["listener"] == label and alert["labels"]["cause"] == "accept-queue-full-syn"
        # Of the kernel's own counter nothing is said where the cause is known.
        assert "SynscopeSocketDrops" not in {one["labels"]["alertname"] for one in server.ask("alerts")["alerts"]}
        listener.accept(14)
        for one in [*listener.clients, *listener.served]:
            one.close()
        until(lambda: server.value("synscope_open_attempts") == 0, "the end of all attempts")
        assert server.value('synscope_listener_attempts_total{outcome="accepted"}') == 14
        variables = {"job": ".*", "instance": ".*", "listener": ".*", "__rate_interval": "1m", "__range": "5m"}
        for title, expression in dashboard_expressions():
            asked = re.sub(r"\$(\w+)", lambda found: variables[found[1]], expression)
            found = server.query(asked)
            assert found, f"{title}: no data: {asked}"
            assert all(value >= 0 for _, value in found if value == value), (title, found)
        # What it would have if it had scraped once more at the end is what the report says.
        until(lambda: server.value("sum(synscope_listener_drops_total)") == server.value("sum(synscope_listener_socket_drops_total)"),
              "all verdicts")
        stored = {(labels.pop("__name__"), tuple(sorted((n, v) for n, v in labels.items() if n not in ("job", "instance")))): value
                  for labels, value in server.query('{__name__=~"synscope_.*(_total|_count|_bucket)"}')}
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
        listener.close()
    report = json.loads(out)
    last = Scrape((tmp_path / "s.prom").read_text(encoding="utf-8"))

    def normal(name, labels):
        return name, tuple((n, "%g" % float(v) if n == "le" and v != "+Inf" else v) for n, v in labels)

    stored = {normal(*key): value for key, value in stored.items()}
    assert stored, "nothing was stored"
    skipped = ("synscope_lost_total", "synscope_unexplained_total")
    assert stored == {normal(*key): value for key, value in last.counters().items()
                      if not key[0].endswith("_sum") and key[0] not in skipped} | {
        key: value for key, value in stored.items() if key[0] in skipped
    } | {key: value for key, value in stored.items() if "full_seconds" in key[0]}
    (one,) = report["listeners"]
    drops = sum(value for (name, _), value in stored.items() if name == "synscope_listener_drops_total")
    assert drops == one["drops"] == one["sk_drops"] > 0
    outcomes = {dict(labels)["outcome"]: value for (name, labels), value in stored.items()
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


assert shutil.which("promtool"), "promtool is in Debian's package prometheus: scripts/packages install test"
