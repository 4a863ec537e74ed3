"""What reads metrics where people have them: Prometheus, Alertmanager, node_exporter, VictoriaMetrics, each Debian's."""
import json

from daemons import Daemon, free_address
from scraping import promtool


def normal(name, labels):
    """A sample's name and labels as all of them write them: le is a number."""
    return name, tuple(sorted((n, "%g" % float(v) if n == "le" and v != "+Inf" else v) for n, v in labels))


class Queried(Daemon):
    """One that answers PromQL."""

    def ask(self, path, **parameters):
        return json.loads(self.get(f"/api/v1/{path}", **parameters))["data"]

    def query(self, expression):
        """[(labels, value)]."""
        return [(one["metric"], float(one["value"][1])) for one in self.ask("query", query=expression, nocache=1)["result"]]

    def value(self, expression):
        """Of an expression with one result; None while there is none."""
        found = self.query(expression)
        assert len(found) < 2, found
        return found[0][1] if found else None

    def counters(self, job):
        """What it has stored of synscope's counters now: {(name, ((label, value), ...)): number}, without those of the scrape."""
        selector = f'{{__name__=~"synscope_.*(_total|_count|_bucket)",job="{job}"}}'
        return {normal(labels.pop("__name__"), [pair for pair in labels.items() if pair[0] not in ("job", "instance")]): value
                for labels, value in self.query(selector)}


def scrape_config(targets):
    """{job: address} -> what both Prometheus and VictoriaMetrics read; JSON is YAML."""
    return {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()]}


class Prometheus(Queried):
    """Scrapes targets and evaluates the rules each second, and sends what fires to an Alertmanager."""

    def __init__(self, folder, targets, rules, alertmanager):
        self.address = free_address()
        folder.mkdir()
        config = scrape_config(targets)
        config["global"]["evaluation_interval"] = "1s"
        config["rule_files"] = [str(rules)]
        config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [alertmanager.address]}]}]}
        (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
        assert not promtool("check", "config", folder / "prometheus.yml")
        super().__init__(folder, "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=tsdb",
                         f"--web.listen-address={self.address}", "--log.level=warn")
        self.wait_for("/-/ready")


class VictoriaMetrics(Queried):
    """Scrapes targets each second, and answers with what it scraped last."""

    def __init__(self, folder, targets):
        self.address = free_address()
        folder.mkdir()
        (folder / "scrape.yml").write_text(json.dumps(scrape_config(targets)), encoding="utf-8")
        super().__init__(folder, "victoria-metrics", "-promscrape.config=scrape.yml", "-storageDataPath=data",
                         f"-httpListenAddr={self.address}", "-search.latencyOffset=0s", "-memory.allowedBytes=64MB",
                         "-loggerLevel=WARN")
        self.wait_for("/health")


class Alertmanager(Daemon):
    """Takes alerts, and has nobody to tell."""

    def __init__(self, folder):
        self.address = free_address()
        folder.mkdir()
        config = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
        (folder / "alertmanager.yml").write_text(json.dumps(config), encoding="utf-8")
        super().__init__(folder, "prometheus-alertmanager", "--config.file=alertmanager.yml", "--storage.path=data",
                         f"--web.listen-address={self.address}", "--cluster.listen-address=", "--log.level=warn")
        self.wait_for("/-/ready")

    def active(self):
        """[labels] of the alerts that it would tell of."""
        return [one["labels"] for one in json.loads(self.get("/api/v2/alerts", active="true"))]


class NodeExporter(Daemon):
    """The textfile collector alone, over the files of a folder."""

    def __init__(self, folder, textfiles):
        self.address = free_address()
        super().__init__(folder, "prometheus-node-exporter", "--collector.disable-defaults", "--collector.textfile",
                         f"--collector.textfile.directory={textfiles}", f"--web.listen-address={self.address}", "--log.level=warn")
        self.wait_for("/metrics")
