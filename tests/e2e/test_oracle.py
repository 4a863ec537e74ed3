"""The report of real captures, against what tshark says of every connection attempt in them.

The captures are not part of the project: SYNSCOPE_CASES, or ../shared/cases beside the
repository, names a folder with INDEX.tsv (the files) and ORACLE.tsv (a row an attempt).
Without them the test is skipped.
"""
import collections
import csv
import json
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CASES = pathlib.Path(os.environ.get("SYNSCOPE_CASES", ROOT.parent / "shared" / "cases"))

pytestmark = pytest.mark.skipif(not (CASES / "ORACLE.tsv").is_file(),
                                reason=f"no captures in {CASES}")

# Their word for an outcome, and ours for the same packets.
OUTCOMES = {
    "complete": {"established"},
    "refused": {"refused"},
    "rst_after_synack": {"reset"},
    "client_rst": {"aborted"},
    "icmp_err": {"unreachable"},
    "synack_only": {"half-open", "open"},
    "no_answer": {"unanswered", "open"},
}

# Where the oracle is wrong, and why: (file, frame of the SYN).
ORACLE_WRONG = {
    # Frame 14, the SYN-ACK, has 1,653,292 in the field for microseconds (a fuzzer's file). That is 1.653292 s,
    # which tshark prints as ".1653292000", and the oracle took for 0.1653292 s.
    ("OISF_suricata-verify/tests__transform-base64-7296__input.pcap", "13"),
}

# Packets that were captured twice or more within 100 ms, to the byte: the oracle counts them all, here all but the
# first are copies. (file, frame of the SYN): captured as SYN and as SYN-ACK.
COPIES = {
    ("ITI_ICS-Security-Tools/pcaps__s7__S7-1511-opc-request-all-types.pcap", "1"): (2, 1),
    ("OISF_suricata-verify/tests__bug-5867-fp-drop-01__input.pcap", "1"): (1, 2),
    ("OISF_suricata-verify/tests__detect-ipopts__input.pcap", "1"): (6, 0),
    ("arkime_arkime/tests__pcap__http-post-upload.pcap", "1"): (2, 2),
    ("the-tcpdump-group_tcpdump/tests__pptp.pcap", "1"): (1, 2),
    ("zeek_zeek/testing__btest__Traces__http__m57-long-49600-80.pcap", "1"): (2, 2),
    ("zeek_zeek/testing__btest__Traces__http__vnd.ms-cab-compressed-multi-conn.pcap", "1"): (2, 2),
    ("zeek_zeek/testing__btest__Traces__http__vnd.ms-cab-compressed-multi-conn.pcap", "26"): (2, 2),
    ("zeek_zeek/testing__btest__Traces__http__vnd.ms-cab-compressed-multi-conn.pcap", "56"): (2, 2),
    ("zeek_zeek/testing__btest__Traces__http__vnd.ms-cab-compressed-multi-conn.pcap", "85"): (2, 2),
    ("zeek_zeek/testing__btest__Traces__http__vnd.ms-cab-compressed-multi-conn.pcap", "127"): (2, 2),
    ("zeek_zeek/testing__btest__Traces__mysql__mysql8-navicat-login-failed.pcap", "1"): (2, 1),
    ("zeek_zeek/testing__btest__Traces__nflog-http.pcap", "1"): (3, 1),
    ("zeek_zeek/testing__btest__Traces__rdp__rdp-no-cookie-mstshash.pcap", "1"): (2, 2),
}

SECONDS = 2  # for the largest of the files; and each megabyte more may take that again


def table(name):
    with open(CASES / name, encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def nanoseconds(seconds):
    """"0.011972000" as the integer that the report has; nothing where there is nothing."""
    if not seconds:
        return ""
    sign, whole, fraction = re.fullmatch(r"(-?)(\d+)\.(\d{9})", seconds).groups()
    return str(int(f"{sign}{whole}{fraction}"))


def expected():
    """file -> {(client, server, isn): the oracle's row}, for the rows in which its two methods agree."""
    files = collections.defaultdict(dict)
    for row in table("ORACLE.tsv"):
        if row["kind"] == "attempt" and row["agree"] == "1":
            key = (endpoint(row["src"], row["sport"]), endpoint(row["dst"], row["dport"]), row["isn"])
            files[row["file"]][key] = row
    return files


def differences(row, attempt):
    if attempt is None:
        return ["it is not reported"]
    pairs = {
        "syns": ({row["n_syn"]}, attempt["syns"]),
        "synacks": ({row["n_synack"]}, attempt["synacks"]),
        "outcome": (OUTCOMES[row["outcome"]], attempt["outcome"]),
        "syn_to_synack_ns": ({nanoseconds(row["d_syn_synack"])}, attempt["syn_to_synack_ns"]),
        "synack_to_ack_ns": ({nanoseconds(row["d_lastsynack_ack"])}, attempt["synack_to_ack_ns"]),
    }
    return [f"{name} is {got or 'empty'}, not {' or '.join(sorted(want)) or 'empty'}"
            for name, (want, got) in pairs.items() if got not in want]


def attempts_of(run, name):
    result = run("report", "--format", "tsv", CASES / name)
    attempts = {(row["client"], row["server"], row["isn"]): row
                for row in csv.DictReader(result.stdout.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)}
    return result, attempts


def test_every_attempt_agrees(run):
    wrong, total, excused, copied = [], 0, set(), set()
    for name, rows in expected().items():
        result, attempts = attempts_of(run, name)
        if result.returncode != 0:
            wrong.append(f"{name}: exit {result.returncode}: {result.stderr.strip()}")
        for key, row in rows.items():
            total += 1
            found = differences(row, attempts.get(key))
            if found and (name, row["frame_syn"]) in COPIES:
                copied.add((name, row["frame_syn"]))
            elif found and (name, row["frame_syn"]) in ORACLE_WRONG:
                excused.add((name, row["frame_syn"]))
            elif found:
                wrong.append(f"{name}: frame {row['frame_syn']}: {' > '.join(key[:2])}: {'; '.join(found)}")
    print(f"{total} attempts in {len(expected())} files, {len(wrong)} differ, {len(excused)} where the oracle is wrong")
    assert total > 1000, "the oracle has fewer attempts than it should"
    assert not wrong, "\n".join(wrong)
    assert excused == ORACLE_WRONG, "an excuse is not needed any more"
    assert copied == set(COPIES), "an excuse is not needed any more"


def test_copies_are_counted(run):
    """With its copies each packet counts as often as the oracle has it."""
    rows = expected()
    for (name, frame), captured in COPIES.items():
        row = next(row for row in rows[name].values() if row["frame_syn"] == frame)
        report = json.loads(run("report", "--format", "json", CASES / name).stdout)
        attempt = next(a for a in report["attempts"] if str(a["isn"]) == row["isn"])
        assert (attempt["syns"] + attempt["syn_copies"], attempt["synacks"] + attempt["synack_copies"]) == captured
        assert captured == (int(row["n_syn"]), int(row["n_synack"])), (name, frame)
        assert attempt["syns"] == 1, (name, frame)


def test_every_file_is_read_or_refused_in_one_line(run):
    """Corrupt ones too: no crash, no hang, and no silence where something is missing."""
    for row in table("INDEX.tsv"):
        path = CASES / row["file"]
        result = run("report", "--format", "json", path, timeout=SECONDS + path.stat().st_size / 1e6 * SECONDS)
        assert result.returncode in (0, 1), f"{path}: exit {result.returncode}: {result.stderr}"
        if result.returncode == 1:
            assert str(path) in result.stderr and result.stderr.count("\n") == 1, result.stderr
            assert row["libpcap_rc"] != "0", f"libpcap opens it: {result.stderr}"


@pytest.mark.parametrize("form", ["text", "tsv", "html", "perfetto"])
def test_a_sample_of_the_files_in_every_format(synscope, form):
    """One in twenty; JSON reads them all. The sanitized build of the program runs this too."""
    count = 0
    for row in list(table("INDEX.tsv"))[::20]:
        path = CASES / row["file"]
        result = subprocess.run([synscope, "report", "--format", form, path], capture_output=True,
                                timeout=20 + path.stat().st_size / 1e6 * SECONDS, check=False)
        assert result.returncode in (0, 1), f"{path}: exit {result.returncode}: {result.stderr}"
        assert (result.stdout != b"") == (result.returncode == 0), path
        count += 1
    assert count > 40
