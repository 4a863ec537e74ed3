"""The databases that rows are loaded into: each takes statements, and answers with rows as lists of text."""
import os
import pathlib
import pwd
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from daemons import Daemon, free_address
from running import until

ROWS = pathlib.Path(__file__).resolve().parents[2] / "contrib" / "rows"
POSTGRESQL = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))


def read_sql(name):
    """(what comes before the questions, {name: question}) of a file of contrib/rows."""
    before, *questions = re.split(r"^-- question (\w+): .*$", (ROWS / name).read_text(encoding="ascii"), flags=re.MULTILINE)
    return before, dict(zip(questions[0::2], questions[1::2]))


class PostgreSQL:
    """With a socket in a folder, and no port."""

    def __init__(self, folder):
        assert POSTGRESQL, "lacks postgres: scripts/packages install test"
        owner = pwd.getpwnam("postgres")
        self.data = folder / "postgresql"
        self.data.mkdir(mode=0o700)
        self.as_owner = []
        if os.geteuid() == 0:
            os.chown(self.data, owner.pw_uid, owner.pw_gid)
            self.as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        subprocess.run([*self.as_owner, POSTGRESQL[-1] / "initdb", "-D", self.data, "-U", "tester", "-A", "trust", "--no-sync",
                        "--no-locale", "-E", "UTF8"], check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.process = subprocess.Popen([*self.as_owner, POSTGRESQL[-1] / "postgres", "-D", self.data, "-k", self.data,
                                         "-c", "listen_addresses=", "-c", "fsync=off"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        until(lambda: self.run("select 1").returncode == 0, "PostgreSQL")

    def run(self, text, stdin=None):
        return subprocess.run([*self.as_owner, "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.data, "-U", "tester",
                               "-d", "postgres", "-c", text], input=stdin, capture_output=True, text=True, timeout=60, check=False,
                              cwd="/")

    def query(self, text, stdin=None):
        done = self.run(text, stdin)
        assert done.returncode == 0, done.stderr
        return [line.split("|") for line in done.stdout.splitlines()]

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


class ClickHouse(Daemon):
    """A server that is asked over HTTP."""

    CONFIG = """<yandex>
        <logger><level>warning</level><console>1</console></logger>
        <listen_host>127.0.0.1</listen_host><http_port>{port}</http_port>
        <path>{folder}/data/</path><tmp_path>{folder}/data/tmp/</tmp_path><mark_cache_size>1000000</mark_cache_size>
        <users_config>config.xml</users_config><default_profile>default</default_profile><default_database>default</default_database>
        <users><default><password></password><networks><ip>127.0.0.1</ip></networks>
            <profile>default</profile><quota>default</quota></default></users>
        <profiles><default/></profiles><quotas><default/></quotas>
    </yandex>"""

    def __init__(self, folder):
        self.address = free_address()
        folder = folder / "clickhouse"
        (folder / "data" / "tmp").mkdir(parents=True)
        (folder / "config.xml").write_text(self.CONFIG.format(port=self.address.rpartition(":")[2], folder=folder), encoding="ascii")
        super().__init__(folder, "clickhouse-server", "--config-file=config.xml")
        self.wait_for("/ping")

    def query(self, text, stdin=None, **settings):
        """With stdin, text is an INSERT of it."""
        options = urllib.parse.urlencode({**settings, **({} if stdin is None else {"query": text})})
        body = text if stdin is None else stdin
        try:
            with urllib.request.urlopen(f"http://{self.address}/?{options}", data=body.encode(), timeout=60) as response:
                return [line.split("\t") for line in response.read().decode().splitlines()]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from error
