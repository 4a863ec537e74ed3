"""Metrics of a run, read by Prometheus' own library and checked by its promtool."""
import collections
import subprocess
import urllib.request

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as prometheus

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class Scrape(dict):
    """{(name, ((label, value), ...)): number}, the labels sorted; types: {family: its type}."""

    def __init__(self, text, accept=None):
        super().__init__()
        self.text, self.types = text, {}
        parse = openmetrics if accept == OPENMETRICS else prometheus
        for family in parse.text_string_to_metric_families(text):
            self.types[family.name] = family.type
            for sample in family.samples:
                key = sample.name, tuple(sorted(sample.labels.items()))
                assert key not in self, f"twice: {key}"
                assert sample.timestamp is None, f"a time stamp: {key}"
                self[key] = sample.value

    def of(self, name, **labels):
        """The one number of this name and these labels."""
        return self[f"synscope_{name}", tuple(sorted(labels.items()))]

    def by(self, name, label, **others):
        """{value of the label: the sum} of what has the other labels."""
        sums = collections.Counter()
        for (full, labels), value in self.items():
            labels = dict(labels)
            if full == f"synscope_{name}" and label in labels and others.items() <= labels.items():
                sums[labels[label]] += value
        return dict(sums)

    def counters(self):
        """What may never decrease."""
        endings = ("_total", "_bucket", "_count", "_sum")
        return {key: value for key, value in self.items() if key[0].endswith(endings)}


def get(address, path="/metrics", accept=None, method="GET"):
    """(status, headers, body) of http://address/path."""
    request = urllib.request.Request(f"http://{address}{path}", method=method,
                                     headers={"Accept": accept} if accept else {})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


def scrape(address, accept=None):
    status, headers, text = get(address, accept=accept)
    assert status == 200, text
    wanted = "application/openmetrics-text" if accept == OPENMETRICS else "text/plain"
    assert headers["Content-Type"].startswith(wanted)
    return Scrape(text, accept)


def promtool(*arguments, **options):
    """Prometheus' own judgement: its findings; empty where it has none."""
    done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False,
                          **options)
    return done.stdout + done.stderr if done.returncode or done.stderr else ""


def check(text):
    found = promtool("check", "metrics", input=text)
    assert not found, found
