"""contrib/rows/duckdb.sql: DuckDB reads a folder of rows, and the sums of the ten questions are the report's.

DuckDB is an npm package, 70 MB installed: it is fetched once, by the versions and sums of the lock file, into the build's folder."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from databases import read_sql
from fleet import OVERFLOW, check_answers

DUCKDB = pathlib.Path(__file__).resolve().parent / "duckdb"


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """The folder with node_modules."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.skip(f"no DuckDB: there is no {program}")
    folder = pathlib.Path(os.environ.get("SYNSCOPE_DUCKDB") or tmp_path_factory.mktemp("duckdb"))
    folder.mkdir(exist_ok=True)
    lock = (DUCKDB / "package-lock.json").read_text(encoding="ascii")
    done = folder / "installed"
    if not done.exists() or done.read_text(encoding="ascii") != lock:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(DUCKDB / name, folder)
        try:
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0"], cwd=folder,
                           capture_output=True, text=True, check=True, timeout=120)
        except subprocess.SubprocessError as error:
            lines = str(getattr(error, "stderr", None) or error).splitlines()
            pytest.skip(f"no DuckDB: npm ci: {lines[0]}")
        done.write_text(lock, encoding="ascii")
    return folder


def test_duckdb(run, modules, tmp_path):
    lines = run("report", "-f", "jsonl", OVERFLOW).stdout.splitlines(keepends=True)
    for name, part in (("a.jsonl", lines[:3]), ("b.jsonl", lines[3:])):
        (tmp_path / name).write_text("".join(part), encoding="utf-8")
    setup = read_sql("duckdb.sql")[0]
    assert setup.count("/srv/rows") == 1
    questions = read_sql("questions.sql")[1]
    scripts = [setup.replace("/srv/rows", str(tmp_path)), *questions.values()]
    done = subprocess.run(["node", DUCKDB / "ask.mjs", modules], input=json.dumps(scripts), capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
    check_answers(run, dict(zip(questions, json.loads(done.stdout)[1:])))
