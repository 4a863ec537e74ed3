"""contrib/rows: databases load the rows, and the sums of the ten questions are the report's."""
import re
import subprocess

import pytest

from databases import ROWS, ClickHouse, PostgreSQL, read_sql
from fleet import OVERFLOW, check_answers
from running import until


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A PostgreSQL, whose user can reach its folder."""
    folder = tmp_path_factory.mktemp("postgresql")
    folder.parent.chmod(0o755)
    folder.chmod(0o755)
    started = PostgreSQL(folder)
    yield started
    started.stop()


@pytest.fixture
def postgresql(server):
    """The same with an empty table."""
    server.query("drop table if exists row cascade")
    server.query(read_sql("postgresql.sql")[0])
    return server


@pytest.fixture
def clickhouse(tmp_path):
    started = ClickHouse(tmp_path)
    yield started
    started.stop()


def rows_of(run):
    return run("report", "-f", "jsonl", OVERFLOW).stdout


def check(run, database):
    check_answers(run, {name: database.query(question) for name, question in read_sql("questions.sql")[1].items()})


def test_postgresql(run, postgresql):
    postgresql.query("copy row (line) from stdin with (format csv, quote E'\\x01', delimiter E'\\x02')", stdin=rows_of(run))
    check(run, postgresql)
    # Text has all digits; a double has not.
    times = postgresql.query("select line->>'syn_ns', extract(epoch from (line->'times'->>'syn')::timestamptz)::text from row limit 1")
    assert times[0][0][:16] == times[0][1].replace(".", "")[:16]


def test_clickhouse(run, clickhouse):
    setup, questions = read_sql("clickhouse.sql")
    for statement in re.sub(r"^--.*$", "", setup, flags=re.MULTILINE).split(";"):
        if statement.strip():
            clickhouse.query(statement)
    clickhouse.query("insert into row format CSV", stdin=rows_of(run), format_csv_allow_double_quotes=0,
                     format_csv_allow_single_quotes=0, format_csv_delimiter="\1")
    check_answers(run, {name: clickhouse.query(question.strip().removesuffix(";")) for name, question in questions.items()})


def test_rsyslog(run, postgresql, tmp_path):
    """It follows the file, so that rows that come later are in the database, too."""
    config = (ROWS / "rsyslog.conf").read_text(encoding="ascii")
    rows = tmp_path / "rows.jsonl"
    for theirs, ours in (("/var/log/synscope/rows.jsonl", str(rows)), ("database.example", str(postgresql.data)),
                         ('db="synscope"', 'db="postgres"'), ('uid="synscope"', 'uid="tester"')):
        assert config.count(theirs) == 1
        config = config.replace(theirs, ours)
    (tmp_path / "rsyslog.conf").write_text(f'global(workDirectory="{tmp_path}")\n{config}', encoding="ascii")
    checked = subprocess.run(["rsyslogd", "-N1", "-f", tmp_path / "rsyslog.conf"], capture_output=True, text=True, check=False, timeout=60)
    assert checked.returncode == 0, checked.stderr
    lines = rows_of(run).splitlines(keepends=True)
    rows.write_text(lines[0], encoding="utf-8")
    with open(tmp_path / "rsyslog.log", "wb") as log:
        process = subprocess.Popen(["rsyslogd", "-n", "-i", tmp_path / "rsyslog.pid", "-f", tmp_path / "rsyslog.conf"],
                                   stdout=log, stderr=subprocess.STDOUT)
    try:
        until(lambda: postgresql.query("select count(*) from row") == [["1"]], "the first row")
        with open(rows, "a", encoding="utf-8") as file:
            file.writelines(lines[1:])
        until(lambda: postgresql.query("select count(*) from row") == [[str(len(lines))]], "all rows")
    finally:
        process.terminate()
        process.wait(60)
    check(run, postgresql)
