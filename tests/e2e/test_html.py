"""The HTML report in a browser: what it says, what it does, and what nobody can make it do."""
import base64
import contextlib
import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading

import pytest

import browser as browsers

RECORDINGS = pathlib.Path(__file__).resolve().parent.parent / "golden" / "recordings"

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;\u2028\ufffd"


@pytest.fixture(scope="module")
def chromium():
    missing = browsers.missing()
    if missing:
        pytest.skip(f"{missing} is not installed")
    with browsers.started() as browser:
        yield browser


@pytest.fixture(autouse=True)
def quiet(request):
    """Whatever a test does, the page must not complain."""
    yield
    if "chromium" in request.fixturenames:
        assert request.getfixturevalue("chromium").messages() == []


@pytest.fixture(scope="module")
def pages(tmp_path_factory, synthetic):
    """A function that makes a page of the synthetic load and gives its path."""
    folder = tmp_path_factory.mktemp("pages")

    def make(*arguments):
        path = folder / ("-".join(map(str, arguments)) + ".html")
        if not path.exists():
            path.write_bytes(synthetic("html", *arguments))
        return path

    return make


@pytest.fixture
def page(chromium, pages):
    """The small report, open and at rest."""
    chromium.open(pages(60))
    chromium.settle()
    return chromium


@pytest.fixture(scope="module")
def demo(tmp_path_factory, synscope):
    """A real recording, its page and its JSON report."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run([synscope, "demo", "-o", folder / "recording", "--clients", "40"], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("html", "json"):
        subprocess.run([synscope, "report", folder / "recording", "--format", name, "-o", folder / f"report.{name}"],
                       check=True, timeout=60)
    return folder / "report.html", json.loads((folder / "report.json").read_text())


def values(page, selector):
    """data-value of each cell, as numbers."""
    return [None if value is None else int(value) for value in page.attributes(selector, "data-value")]


def window(page):
    return page.run("return [synscope.view.from, synscope.view.to, synscope.view.span]")


def chart_windows(page):
    return page.run("return synscope.charts.list.map(c => [c.u.scales.x.min, c.u.scales.x.max])")


def clients(page):
    """The clients in the table of attempts."""
    return page.texts("#attempts tbody th button")


def middle(page, selector, share_x=0.5, share_y=0.5):
    left, top, width, height = page.box(selector)
    return left + width * share_x, top + height * share_y


def show(page, selector):
    page.run("document.querySelector(arguments[0]).scrollIntoView({block: 'start'}); scrollBy(0, -70)", selector)
    page.settle()


def lane(page, row):
    """A point on the lane of this row, in the window."""
    return page.run("""const w = synscope.waterfall, r = w.host.getBoundingClientRect(), b = w.box();
        return [r.left + b.left + b.width / 2, r.top + (arguments[0] + 0.5) * w.laneHeight() - w.top]""", row)


# What it says


def agree(page, report):
    """Every number of the page's tables is the JSON report's."""
    summary = report["summary"]
    assert page.attributes("#outcomes tr[data-outcome]", "data-outcome") == [
        name for name, _ in sorted(((n, c) for n, c in summary["outcomes"].items() if c), key=lambda item: -item[1])]
    for name, count in summary["outcomes"].items():
        assert values(page, f'#outcomes tr[data-outcome="{name}"] td:nth-child(2)') == ([count] if count else [])
    for name, count in summary["causes"].items():
        assert values(page, f'#outcomes tr[data-cause="{name}"] td:nth-child(2)') == ([count] if count else [])
        assert values(page, f'#outcomes tr[data-cause="{name}"] td:nth-child(3)') == ([summary["cause_packets"][name]] if count else [])
    for name, latency in summary["latency_ns"].items():
        found = values(page, f'#latency tr[data-latency="{name}"] td')
        assert found == ([latency[key] for key in ("count", "min", "p50", "p90", "p99", "p999", "max")] if latency["count"] else [])
    for at, listener in enumerate(report["listeners"]):
        found = values(page, f"#listeners tbody tr:nth-child({at + 1}) td")
        assert found[1:12] == [listener["backlog"], listener["limit"], listener["capacity"], listener["queue_peak"], listener["sampled_peak"],
                               listener["samples"], len(listener["full_episodes"]) + listener["full_episodes_lost"], listener["full_ns"],
                               listener["drops"], listener["sk_drops"], listener["attempts"]]
    assert page.attributes("#ledger tr[data-counter]", "data-counter") == [row["counter"] for row in report["ledger"]]
    for at, row in enumerate(report["ledger"]):
        found = values(page, f"#ledger tbody tr:nth-child({at + 1}) td")
        assert found[:3] == [row["observed"], row["explained"], row["unexplained"]]
    assert page.attributes("#answer li[data-rule]", "data-rule") == [advice["rule"] for advice in report["advice"]]
    losses = dict(zip(page.texts("#losses tbody th"), values(page, "#losses tbody td")))
    named = page.run("return synscope.report.names.words")
    for name, count in report["losses"].items():
        assert losses.get(named[name], 0) == count
    for note in report["notes"]:
        assert note in page.texts("#losses li")
    assert page.run("return synscope.attempts.count") == len(report["attempts"]) == summary["attempts"]


# The members of attempts[] as the page has them, times as nanoseconds after the start.
ATTEMPTS = """
const a = synscope.attempts, names = a.report.names, out = [];
const known = (x) => Number.isNaN(x) ? null : x;
for (let i = 0; i < a.count; i++) {
    const one = {client: a.clientText(i), server: a.serverText(i), isn: a.isn[i], syns: a.syns[i], synacks: a.synacks[i],
        child_pid: a.childPid[i] || null, accept_pid: a.acceptPid[i] || null, number: a.number[i], outcome: a.outcomeName(i),
        causes: a.causesOf(i), ghost: a.ghost(i), evicted: a.evicted(i), packets_lost: a.marksLost[i], packets: []};
    for (const name of Object.keys(a.time)) one[name + "_ns"] = known(a.time[name][i]);
    for (const name of Object.keys(a.latency)) one["of_" + name] = known(a.latency[name][i]);
    for (let m = a.markStart[i]; m < a.markStart[i + 1]; m++)
        one.packets.push({time_ns: a.markTime[m], kind: names.marks[a.markCode[m] & 15], frame: a.markFrame[m] || undefined, dropped: (a.markCode[m] & 16) !== 0,
            cause: a.markCode[m] & 32 ? names.causes[a.markCause[m]] : undefined, confidence: a.markCode[m] & 32 ? names.confidences[a.markConfidence[m]] : undefined,
            depth: a.markCode[m] & 64 ? a.markDepth[m] : undefined, limit: a.markCode[m] & 64 ? a.markLimit[m] : undefined,
            among: a.markCode[m] & 128 ? a.markAmong.get(m) : undefined});
    out.push(one);
}
return out;"""


def agree_on_attempts(page, report):
    """Every attempt of the page is the JSON report's, to the nanosecond."""
    start = report["source"]["start_ns"]
    found = {one["number"]: one for one in page.run(ATTEMPTS)}
    assert len(found) == len(report["attempts"]) > 0
    for expected in report["attempts"]:
        one = found[expected["number"]]
        for name in ("client", "server", "isn", "syns", "synacks", "child_pid", "accept_pid", "outcome", "causes", "ghost", "evicted", "packets_lost"):
            assert one[name] == expected[name], (expected["number"], name)
        for name in ("syn", "synack", "ack", "entered", "accept", "accept_after", "accept_before", "fork", "first_byte", "reply", "close", "exit", "end"):
            time = expected[name + "_ns"]
            assert one[name + "_ns"] == (None if time is None else time - start), (expected["number"], name)
        for name in ("syn_to_synack", "synack_to_ack", "connect", "accept_wait", "queue_wait", "accept_to_fork"):
            assert one["of_" + name] == expected[name + "_ns"], (expected["number"], name)
        assert len(one["packets"]) == len(expected["packets"])
        for packet, wanted in zip(one["packets"], expected["packets"]):
            assert packet["time_ns"] == wanted["time_ns"] - start
            assert {key: value for key, value in packet.items() if key not in ("time_ns", "dropped") and value is not None} == {
                key: value for key, value in wanted.items() if key not in ("time_ns", "dropped")}, expected["number"]
            assert packet["dropped"] == wanted.get("dropped", False)


def test_the_page_says_what_the_json_report_says(page, synthetic_json):
    report = synthetic_json(60)
    agree(page, report)
    agree_on_attempts(page, report)


def test_a_real_recording_says_what_its_json_report_says(chromium, demo):
    path, report = demo
    chromium.open(path)
    chromium.settle()
    agree(chromium, report)
    agree_on_attempts(chromium, report)
    assert report["summary"]["drops_seen"]
    assert "lost packets because a queue was full" in chromium.text("#answer .verdict")
    assert chromium.text("#problem") == ""


def test_a_packet_that_is_one_of_several_says_so(synscope, chromium, tmp_path):
    folder = RECORDINGS / "second_listen"
    report = json.loads(subprocess.run([synscope, "report", folder, "-f", "json"], capture_output=True, check=True).stdout)
    assert any("among" in packet for attempt in report["attempts"] for packet in attempt["packets"])
    subprocess.run([synscope, "report", folder, "-f", "html", "-o", tmp_path / "page.html"], check=True)
    chromium.open(tmp_path / "page.html")
    chromium.settle()
    agree_on_attempts(chromium, report)


def test_forwarded_attempts_are_not_said_to_have_got_through_here(synscope, chromium, tmp_path):
    """As the recording would be of a host with another address: it has passed these connections on."""
    folder = shutil.copytree(RECORDINGS / "overflow", tmp_path / "r")
    lines = (folder / "events.jsonl").read_text().splitlines()
    lines.insert(0, json.dumps({"time_ns": json.loads(lines[0])["time_ns"], "event": "address", "source": "sampler",
                                "address": "192.0.2.99", "bits": 128, "gone": False}))
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    report = json.loads(subprocess.run([synscope, "report", folder, "-f", "json"], capture_output=True, check=True).stdout)
    count = report["summary"]["roles"]["forwarded"]
    assert count == report["summary"]["attempts"] > 1
    subprocess.run([synscope, "report", folder, "-f", "html", "-o", tmp_path / "page.html"], check=True)
    chromium.open(tmp_path / "page.html")
    chromium.settle()
    assert chromium.text("#answer .verdict") == f"No connection attempt to this host was seen: {count} attempts were forwarded."


def test_the_answer_comes_first(page, synthetic_json):
    report = synthetic_json(60)
    hurt = [attempt for attempt in report["attempts"] if any(
        cause["name"] in ("accept-queue-full-syn", "accept-queue-full-ack", "syn-queue-full", "max-syn-backlog-reserve", "cookie-ack-dropped")
        for cause in attempt["causes"])]
    assert page.text("#answer .verdict").startswith(f"{len(hurt)} of {len(report['attempts'])} connection attempts lost packets")
    assert page.run("return document.querySelector('main section').id") == "answer"
    tiles = values(page, "#answer .tiles b")
    assert tiles[0] == report["summary"]["attempts"]
    assert tiles[4] == report["listeners"][0]["queue_peak"]
    assert page.texts("#answer .advice li")[0].startswith(report["advice"][0]["text"])


@pytest.mark.parametrize("fixture", ["recording", "capture", "empty", "hostile"])
def test_reports_made_by_hand(chromium, tmp_path, fixture):
    path = tmp_path / "report.html"
    render = os.environ["SYNSCOPE_RENDER"]
    path.write_bytes(subprocess.run([render, fixture, "html"], capture_output=True, check=True).stdout)
    report = json.loads(subprocess.run([render, fixture, "json"], capture_output=True, check=True).stdout)
    chromium.open(path)
    chromium.settle()
    assert chromium.text("#problem") == ""
    agree(chromium, report)
    if fixture == "empty":
        assert chromium.text("#answer .verdict") == "No connection attempt was seen."
    else:
        agree_on_attempts(chromium, report)
    if report["summary"]["drops_seen"] is None:
        assert "dropped nothing" not in chromium.text("#answer")
        assert chromium.run("return document.getElementById('answer').classList.contains('unknown')")
    if fixture == "recording":
        # Not sampled from 2.7 s to 3.9 s: no curve has a value there.
        x, *curves = chromium.run("return synscope.charts.list[0].columns.map(c => Array.from(c))")
        inside = [i for i, ns in enumerate(x) if 2_700_000_000 <= ns < 3_900_000_000]
        assert inside and all(curve[i] is None for curve in curves for i in inside)
        assert all(curve[i] is not None for curve in curves for i, ns in enumerate(x) if 10_000_000 < ns < 2_600_000_000 or ns >= 3_900_000_000)
        assert "not sampled" in chromium.text("#charts")
    if fixture == "capture":
        assert chromium.text("#answer .verdict").startswith(
            "All 2 connection attempts got through, 1 of them only after retransmitted SYNs; whether a queue dropped")


# What it does


def test_dragging_across_a_chart_zooms_all_of_them(page):
    show(page, "#charts")
    (left, top), (right, _) = middle(page, ".chart .u-over", 0.25), middle(page, ".chart .u-over", 0.5)
    page.pointer(("move", left, top), ("down",), ("move", left + 20, top), ("move", right, top), ("up",))
    page.settle()
    start, end, span = window(page)
    assert start == pytest.approx(0.25 * span, rel=0.02)
    assert end == pytest.approx(0.5 * span, rel=0.02)
    assert len(chart_windows(page)) == 4
    assert all(seen == [start, end] for seen in chart_windows(page))
    assert page.text("#range").endswith("s)")
    shown = page.run("return synscope.rows.length")
    assert 0 < shown < 73
    assert "time range" in page.text("#shown")
    page.click("#zoom-reset")
    page.settle()
    assert window(page)[:2] == [0, span]
    assert page.run("return synscope.rows.length") == 73


def test_dragging_across_the_waterfall_zooms(page):
    show(page, "#lanes")
    x, y = lane(page, 5)
    page.pointer(("move", x, y), ("down",), ("move", x + 30, y), ("move", x + 200, y), ("up",))
    page.settle()
    start, end, span = window(page)
    assert 0.4 * span < start < end < span
    assert all(seen == [start, end] for seen in chart_windows(page))
    assert page.run("return location.hash") == "", "a drag is no click"
    page.run("document.querySelector('#lanes-scroll').dispatchEvent(new MouseEvent('dblclick', {bubbles: true}))")
    page.settle()
    assert window(page)[:2] == [0, span]


def test_the_wheel_zooms_at_the_pointer(page):
    show(page, "#charts")
    x, y = middle(page, ".chart .u-over", 0.75)
    _, _, span = window(page)
    page.pointer(("move", x - 3, y), ("move", x, y))
    page.wheel(x, y, -400)
    page.settle()
    start, end, _ = window(page)
    assert end - start < 0.6 * span
    assert start < 0.75 * span < end
    assert (0.75 * span - start) / (end - start) == pytest.approx(0.75, abs=0.03)
    for _ in range(4):
        page.wheel(x, y, 600)
    page.settle()
    assert window(page)[:2] == [0, span]


def test_the_wheel_of_a_scrolling_page_does_not_zoom(page):
    """Who scrolls the page and comes across a chart goes on scrolling."""
    page.run("scrollTo(0, 0)")
    x, y = middle(page, ".chart .u-over")
    page.pointer(("move", 5, 5))
    page.run("document.querySelector('.chart .u-over').dispatchEvent(new PointerEvent('pointermove')); scrollBy(0, 40)")
    page.settle()
    page.wheel(x, y - 40, -120)
    page.settle()
    assert window(page)[:2] == [0, window(page)[2]]


def test_the_keyboard_does_it_all(page):
    _, _, span = window(page)
    page.run("document.querySelector('#lanes').focus()")
    page.press("+", "+")
    page.settle()
    start, end, _ = window(page)
    assert end - start == pytest.approx(0.36 * span, rel=0.01)
    page.press("ArrowRight")
    page.settle()
    assert window(page)[0] > start
    page.press("ArrowLeft", "ArrowLeft")
    page.settle()
    assert window(page)[0] < start
    page.press("-")
    page.settle()
    assert window(page)[1] - window(page)[0] > end - start
    page.press("0")
    page.settle()
    assert window(page)[:2] == [0, span]

    page.press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp")
    page.settle()
    second = clients(page)[1]
    assert page.run("return !document.querySelector('#card').hidden")
    assert page.text("#card b") == second
    assert page.text("#said").startswith(f"2 of 73: {second} to 10.0.0.80:8080, accepted, connect() took ")
    page.press("Enter")
    page.settle()
    assert page.run("return location.hash") == "#attempt=" + second
    assert page.text("#pinned b") == second
    page.press("Escape")
    page.settle()
    assert page.run("return location.hash") == ""
    assert page.run("return document.querySelector('#pinned').hidden && document.querySelector('#card').hidden")


def test_keys_work_wherever_one_is_on_the_page(page):
    """Without a Tab: only the arrows up and down are left to scrolling."""
    _, _, span = window(page)
    page.run("document.activeElement.blur()")
    page.press("+")
    page.settle()
    assert window(page)[1] - window(page)[0] == pytest.approx(0.6 * span, rel=0.01)
    page.press("0", "ArrowDown")
    page.settle()
    assert window(page)[:2] == [0, span] and page.run("return synscope.waterfall.pointed") == -1
    page.press("j", "j", "k", "j")
    page.settle()
    second = clients(page)[1]
    page.settle()
    assert page.text("#card b") == second and page.run("return !document.querySelector('#card').hidden")
    # The lane is in sight, below the bar.
    top, bar = page.run("""const w = synscope.waterfall; return [w.host.getBoundingClientRect().top + w.laneHeight() - w.top,
        document.querySelector('#toolbar').getBoundingClientRect().bottom]""")
    assert top >= bar
    page.press("Enter")
    page.settle()
    assert page.text("#pinned b") == second


def test_a_linked_attempt_stands_below_the_bar(chromium, pages):
    for width, height in (1280, 800), (500, 800):
        chromium.size(width, height)
        chromium.open("/dev/null")
        chromium.open(str(pages(60)) + "#attempt=17")
        chromium.settle()
        chromium.settle()
        top, bar, window_height = chromium.run("""return [document.querySelector('#pinned').getBoundingClientRect().top,
            document.querySelector('#toolbar').getBoundingClientRect().bottom, innerHeight]""")
        assert bar <= top < window_height / 2
    chromium.size(1400, 1000)


def test_evidence_is_readable_on_a_phone(chromium, pages):
    chromium.devtools("Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=True)
    try:
        chromium.open("/dev/null")
        chromium.open(str(pages(60)) + "#attempt=17")
        chromium.settle()
        assert chromium.run("return document.documentElement.scrollWidth") <= 390
        assert "[object" not in chromium.run("return document.body.textContent")
        widths = chromium.run("return Array.from(document.querySelectorAll('#pinned tbody td:last-child'), (cell) => cell.clientWidth)")
        assert min(widths) > 250
        tallest = chromium.run("return Math.max(...Array.from(document.querySelectorAll('#pinned tbody tr'), (row) => row.clientHeight))")
        assert tallest < 150
        assert not re.search(r"[0-9]\.[0-9]{7,} s", chromium.run("return document.body.innerText")), "a time to the nanosecond"
        # Each lane has its client's name, inside where there is no room beside it.
        drawn, lanes = chromium.run("""const drawn = [], before = CanvasRenderingContext2D.prototype.fillText, w = synscope.waterfall;
            CanvasRenderingContext2D.prototype.fillText = function (text, x, y) { drawn.push(text); return before.call(this, text, x, y); };
            w.mode = "lanes";
            w.draw();
            CanvasRenderingContext2D.prototype.fillText = before;
            const first = Math.floor(w.top / w.laneHeight()), shown = Math.floor(w.space / w.laneHeight());
            return [drawn, Array.from(w.rows.list.slice(first, first + shown), i => synscope.attempts.clientText(i))]""")
        assert lanes and set(lanes) <= set(drawn)
    finally:
        chromium.devtools("Emulation.clearDeviceMetricsOverride")
        chromium.size(1400, 1000)


def test_paper_has_the_evidence_and_every_lane(chromium, pages):
    chromium.open(pages(60))
    chromium.choose("#mode", "lanes")
    chromium.settle()
    scrolled = chromium.run("return synscope.waterfall.host.clientHeight < synscope.rows.length * synscope.waterfall.laneHeight()")
    assert scrolled and chromium.run("return document.querySelectorAll('details:not([open])').length") > 0
    chromium.run("dispatchEvent(new Event('beforeprint'))")
    assert chromium.run("return document.querySelectorAll('details:not([open])').length") == 0
    assert chromium.run("return synscope.waterfall.space >= Math.floor(synscope.rows.length * synscope.waterfall.laneHeight())")
    chromium.run("dispatchEvent(new Event('afterprint'))")
    assert chromium.run("return document.querySelectorAll('details:not([open])').length") > 0
    assert chromium.run("return synscope.waterfall.mode") == "lanes"


def test_times_of_day_stand_beside_offsets(chromium, pages, synthetic_json):
    chromium.open(str(pages(60)) + "#attempt=17")
    chromium.settle()
    report = synthetic_json(60)
    attempt = next(one for one in report["attempts"] if one["number"] == 17)
    begun = datetime.datetime.fromtimestamp(report["source"]["start_ns"] // 10**9).astimezone()
    here = datetime.datetime.fromtimestamp(attempt["syn_ns"] // 10**9).astimezone(begun.tzinfo)
    assert f"{here:%H:%M:%S}." in chromium.text("#pinned tbody tr:first-child td:nth-child(2)")
    assert f"{begun:%F %T} UTC" in chromium.text("#source")
    assert chromium.run("return synscope.charts.list[0].u.axes[0]._values[0]").split("\n")[1].startswith(f"{begun:%H:%M:%S}")


def test_keys_in_a_field_are_for_the_field(page):
    page.click("#address")
    page.press("0", "+")
    page.settle()
    assert page.run("return document.querySelector('#address').value") == "0+"
    assert window(page)[:2] == [0, window(page)[2]]


def test_everything_is_reached_by_the_tab_key(page):
    page.run("document.querySelector('h1').setAttribute('tabindex', '-1'); document.querySelector('h1').focus()")
    seen = []
    for _ in range(45):
        page.press("Tab")
        seen.append(page.run("const e = document.activeElement; return e.id || e.getAttribute('data-attempt') || e.tagName"))
    for name in ("theme", "zoom-in", "zoom-out", "pan-left", "pan-right", "zoom-reset", "listener", "sort", "outcome", "cause", "address", "mode",
                 "lanes", "1"):
        assert name in seen, name


def test_filters(page, synthetic_json):
    attempts = synthetic_json(60)["attempts"]
    outcomes = page.run("return Object.fromEntries(Array.from(document.querySelectorAll('#outcome option'), o => [o.textContent.split(' (')[0], o.value]))")
    page.choose("#outcome", outcomes["zombie"])
    page.settle()
    zombies = [attempt["client"] for attempt in attempts if attempt["outcome"] == "zombie"]
    assert sorted(clients(page)) == sorted(zombies)
    assert page.text("#shown").startswith(f"{len(zombies)} of 73 attempts")
    page.choose("#outcome", "")

    causes = page.run("return Object.fromEntries(Array.from(document.querySelectorAll('#cause option'), o => [o.textContent.split(' (')[0], o.value]))")
    page.choose("#cause", causes["slow-accept"])
    page.settle()
    slow = [attempt["client"] for attempt in attempts if any(cause["name"] == "slow-accept" for cause in attempt["causes"])]
    assert sorted(clients(page)) == sorted(slow)
    page.choose("#cause", "")

    page.type("#address", "2001:db8::c]")
    page.settle()
    assert clients(page) == ["[2001:db8::c]:40011"]
    page.type("#address", "nothing is like this")
    page.settle()
    assert clients(page) == []
    assert page.run("return synscope.rows.length") == 0


def test_sorting(page, synthetic_json):
    attempts = synthetic_json(60)["attempts"]
    waited = {attempt["client"]: attempt["accept_wait_ns"] or -1 for attempt in attempts}
    starts = [attempt["client"] for attempt in sorted(attempts, key=lambda attempt: attempt["syn_ns"])]
    assert clients(page) == starts[:25]
    page.choose("#sort", "wait")
    page.settle()
    found = [waited[client] for client in clients(page)]
    assert found == sorted(waited.values(), reverse=True)[:25]
    page.choose("#sort", "cost")
    page.settle()
    assert page.texts("#attempts tbody td:nth-child(5)")[0] == "zombie"
    assert set(page.texts("#attempts tbody td:nth-child(5)")[1:3]) == {"unanswered", "reset"}


def test_the_table_has_pages(page):
    assert page.text("#attempts .pager span") == "Attempts 1 to 25 of 73, page 1 of 3"
    first = clients(page)
    page.run("Array.from(document.querySelectorAll('#attempts .pager button')).find(b => b.textContent === 'Next').click()")
    assert page.text("#attempts .pager span") == "Attempts 26 to 50 of 73, page 2 of 3"
    assert not set(first) & set(clients(page))
    page.run("Array.from(document.querySelectorAll('#attempts .pager button')).find(b => b.textContent === 'Last').click()")
    assert len(clients(page)) == 23


def test_hovering_shows_every_time_and_the_evidence(page, synthetic_json):
    attempts = synthetic_json(60)["attempts"]
    show(page, "#lanes")
    row = next(at for at, client in enumerate(page.run("return Array.from(synscope.rows.list, i => synscope.attempts.clientText(i))"))
               if any(attempt["client"] == client and attempt["syns"] == 3 for attempt in attempts))
    page.pointer(("move", *lane(page, row)))
    page.settle()
    shown = page.text("#card b")
    attempt = next(one for one in attempts if one["client"] == shown)
    assert attempt["syns"] == 3
    what = page.texts("#card tbody td:nth-child(3)")
    assert [what.count(text) for text in ("SYN", "SYN retransmitted (2)", "SYN retransmitted (3)", "SYN-ACK", "ACK", "accept() returned it")] == [1] * 6
    evidence = page.texts("#card tbody td:nth-child(4)")
    assert evidence[0] == f"DROPPED, accept queue at 6 of 6, frame {attempt['packets'][0]['frame']}"
    assert f"process {attempt['child_pid']}" in evidence
    assert "accept-queue-full-syn; 2 packets; exact: " in page.text("#card .says")
    page.pointer(("move", 5, 5))
    page.settle()
    assert page.run("return document.querySelector('#card').hidden")


def test_a_click_pins_and_links(page, pages, chromium, synthetic_json):
    show(page, "#lanes")
    page.pointer(("move", *lane(page, 20)), ("down",), ("up",))
    page.settle()
    client = clients(page)[20]
    assert page.run("return location.hash") == "#attempt=" + client
    assert page.text("#pinned b") == client
    attempt = next(one for one in synthetic_json(60)["attempts"] if one["client"] == client)
    start = synthetic_json(60)["source"]["start_ns"]
    times = values(page, "#pinned tbody th")
    for name in ("syn_ns", "synack_ns", "ack_ns", "accept_ns", "fork_ns", "reply_ns", "close_ns", "exit_ns"):
        assert attempt[name] - start in times, name

    chromium.open(str(pages(60)) + "#attempt=" + client)
    chromium.settle()
    assert chromium.text("#pinned b") == client
    chromium.run("Array.from(document.querySelectorAll('#pinned button')).find(b => b.textContent === 'Zoom to it').click()")
    chromium.settle()
    begin, end, span = window(chromium)
    assert begin <= attempt["syn_ns"] - start <= end < span
    chromium.run("Array.from(document.querySelectorAll('#pinned button')).find(b => b.textContent === 'Unpin').click()")
    assert chromium.run("return location.hash") == ""


def test_links_name_a_client_or_a_number(chromium, pages):
    chromium.open(str(pages(60)) + "#attempt=17")
    chromium.settle()
    assert "attempt 17," in chromium.text("#pinned")
    chromium.run("location.hash = '#attempt=%5B2001:db8::c%5D:40011'")
    chromium.settle()
    assert chromium.text("#pinned b") == "[2001:db8::c]:40011"
    # Of two attempts of one client the first is meant, and each one's own link is its number.
    chromium.run("location.hash = '#attempt=[2001:db8::2]:40001'")
    chromium.settle()
    assert "attempt 62," in chromium.text("#pinned")
    chromium.run("synscope.look.pin(synscope.attempts.find('73'))")
    assert chromium.run("return location.hash") == "#attempt=73"
    chromium.run("location.hash = '#attempt=192.0.2.1:1%3Cb%3E'")
    chromium.settle()
    assert "192.0.2.1:1<b>" in chromium.text("#problem")
    assert chromium.run("return document.querySelector('#problem b')") is None


def test_more_attempts_than_pixels_are_drawn_as_density(chromium, pages):
    chromium.open(pages(3000))
    chromium.settle()
    said = chromium.text("#shown")
    assert said.startswith("3,013 attempts. Too many to draw one by one: each row shows the density of about 4 attempts")
    # One lost packet shows, wherever it is: its place has the colour of what is lost.
    assert chromium.run("""
        const d = synscope.waterfall.density, pixels = new Uint32Array(d.image.data.buffer), seen = new Set(pixels);
        const [r, g, b] = synscope.waterfall.context.theme.rgb('lost');
        return seen.has((0xff000000 | b << 16 | g << 8 | r) >>> 0) && seen.size > 50""")
    chromium.run("synscope.view.set(synscope.view.span * 0.01, synscope.view.span * 0.012)")
    chromium.settle()
    assert "density" not in chromium.text("#shown")
    chromium.run("synscope.view.reset()")
    chromium.choose("#mode", "lanes")
    chromium.settle()
    assert chromium.text("#shown") == "3,013 attempts"
    area = "document.querySelector('#lanes-scroll')"
    assert chromium.run(f"return {area}.scrollHeight > 40 * {area}.clientHeight")
    chromium.run(f"{area}.scrollTop = {area}.scrollHeight")
    chromium.settle()
    chromium.run("document.querySelector('#lanes').scrollIntoView(false)")
    chromium.settle()
    chromium.pointer(("move", *chromium.run(
        "const r = synscope.waterfall.host.getBoundingClientRect(); return [r.left + 400, r.top + synscope.waterfall.space - 4]")))
    chromium.settle()
    last = chromium.run("const r = synscope.rows; return synscope.attempts.clientText(r.list[r.length - 1])")
    assert chromium.text("#card b") == last


def test_both_themes(chromium, pages):
    colours = {}
    for scheme in ("light", "dark"):
        chromium.scheme(scheme)
        chromium.open(pages(60))
        chromium.settle()
        colours[scheme] = chromium.run("""const c = document.querySelector('#lanes-canvas'), p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
            let sum = 0; for (let i = 0; i < p.length; i += 4) if (p[i + 3]) sum += p[i] + p[i + 1] + p[i + 2];
            return [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color, sum]""")
        assert chromium.text("#theme") == ("Dark" if scheme == "light" else "Light")
        chromium.click("#theme")
        chromium.settle()
        toggled = chromium.run("return getComputedStyle(document.body).backgroundColor")
        assert toggled != colours[scheme][0]
    assert colours["light"][0] == "rgb(255, 255, 255)"
    assert all(light != dark for light, dark in zip(colours["light"], colours["dark"]))
    chromium.scheme("light")


def test_paper_is_white(chromium, pages):
    chromium.scheme("dark")
    try:
        chromium.open(pages(60))
        chromium.settle()
        brightest = """const c = document.querySelector('#lanes-canvas'), x = Math.round(synscope.waterfall.box().left) - 30;
            const o = new OffscreenCanvas(x, 60).getContext('2d', {willReadFrequently: true}); o.drawImage(c, 0, 0);
            const p = o.getImageData(0, 0, x, 60).data; let most = 0;
            for (let i = 0; i < p.length; i += 4) if (p[i + 3] === 255) most = Math.max(most, p[i]); return most"""
        labels = chromium.run(brightest)
        chromium.run("dispatchEvent(new Event('beforeprint'))")
        assert chromium.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert chromium.run(brightest) < labels, "dark labels on white paper"
        chromium.run("dispatchEvent(new Event('afterprint'))")
        assert chromium.run("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        assert chromium.run(brightest) == labels
        assert chromium.text("#theme") == "Light"
    finally:
        chromium.scheme("light")


def test_it_prints(page):
    printed = page.devtools("Page.printToPDF", printBackground=True)["data"]
    assert len(base64.b64decode(printed)) > 20000


def test_a_screen_reader_has_words_for_all_of_it(page):
    nodes = page.devtools("Accessibility.getFullAXTree")["nodes"]
    named = {(node.get("role", {}).get("value"), node.get("name", {}).get("value")) for node in nodes if not node.get("ignored")}
    for wanted in (("heading", "Timeline"), ("region", "Attempts in view"), ("combobox", "Sort by"), ("combobox", "Outcome"), ("combobox", "Cause"),
                   ("searchbox", "Address"), ("button", "Zoom in"), ("button", "Reset"), ("list", "Advice"), ("group", "Accept queue")):
        assert wanted in named, wanted
    for role, name in named:
        if role in ("button", "combobox", "searchbox", "image", "link"):
            assert name, role
    assert page.run("return Array.from(document.querySelectorAll('table')).every(t => t.querySelector('thead th[scope=col]'))")
    assert page.run("return Array.from(document.querySelectorAll('tbody tr')).every(r => r.querySelector('th[scope=row]'))")


def test_it_works_in_a_narrow_window(chromium, pages):
    chromium.size(480, 900)
    chromium.open(pages(60))
    chromium.settle()
    try:
        assert chromium.run("return document.documentElement.scrollWidth <= innerWidth")
        assert chromium.run("return synscope.waterfall.box().width") > 200
    finally:
        chromium.size(1400, 1000)


# What nobody can make it do


def policy(text):
    return re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text).group(1)


def digest(text):
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def test_the_policy_names_style_and_script_by_hash_and_allows_nothing_else(pages):
    text = pages(60).read_text(encoding="utf-8")
    rules = dict(rule.strip().split(" ", 1) for rule in policy(text).split(";"))
    script = re.search(r"<script>(.*?)</script>", text, re.S).group(1)
    style = re.search(r"<style>(.*?)</style>", text, re.S).group(1)
    assert rules == {"default-src": "'none'", "script-src": digest(script), "style-src": digest(style), "base-uri": "'none'",
                     "form-action": "'none'", "require-trusted-types-for": "'script'", "trusted-types": "'none'"}
    assert text.index("Content-Security-Policy") < text.index("<style>")
    assert "unsafe" not in policy(text)


@contextlib.contextmanager
def listening():
    """A port, and the list of the first bytes of every connection to it."""
    arrived = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def serve():
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _ = server.accept()
                    with client:
                        client.settimeout(1)
                        try:
                            arrived.append(client.recv(200))
                        except TimeoutError:
                            arrived.append(b"")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1], arrived
        finally:
            over.set()
            thread.join()


def test_nothing_is_fetched(page):
    """Requests of every kind are refused by the policy, and none arrives."""
    with listening() as (port, arrived):
        base = f"http://127.0.0.1:{port}/"
        refused = page.run_async("""
            const [base, done] = arguments, refused = new Set();
            addEventListener('securitypolicyviolation', (e) => refused.add(e.effectiveDirective));
            const add = (tag, set) => { const e = document.createElement(tag); Object.assign(e, set); document.body.append(e); };
            fetch(base + 'fetch').catch(() => 0);
            add('img', {src: base + 'img'});
            add('link', {rel: 'stylesheet', href: base + 'css'});
            add('iframe', {src: base + 'frame'});
            add('video', {src: base + 'video'});
            try { add('script', {textContent: 'document.title = "ran"'}); } catch {}
            try { document.body.innerHTML = '<b>markup</b>'; } catch {}
            const styled = document.createElement('p'); styled.setAttribute('style', 'color: red'); document.body.append(styled);
            setTimeout(() => done(Array.from(refused).sort()), 500);""", base)
    # A frame's connection is opened before the policy is asked; nothing is sent on it.
    assert [sent for sent in arrived if sent] == []
    for directive in ("connect-src", "img-src", "style-src-elem", "frame-src", "media-src", "style-src-attr", "require-trusted-types-for"):
        assert directive in refused, directive
    assert page.run("return document.title") != "ran"
    assert page.run("return document.querySelector('body > b')") is None
    assert len(page.messages()) >= len(refused), "and the console says so"


def test_hostile_strings_stay_text(chromium, pages, synthetic_json):
    text = pages(60, "hostile").read_text(encoding="utf-8")
    body = text[text.index("<body>"):]
    assert body.count("</script>") == 3, "the report, the attempts, the script"
    assert "<img" not in body
    assert "\u2028" not in body
    chromium.open(pages(60, "hostile"))
    chromium.settle()
    # A dialog would make every one of these calls fail.
    assert chromium.run("return document.querySelectorAll('img, iframe, script:not(:last-of-type)').length") == 0
    agree(chromium, synthetic_json(60, "hostile"))
    assert HOSTILE in chromium.text("#source")
    assert HOSTILE in chromium.text("#host")
    assert HOSTILE in chromium.text("#ledger")
    assert HOSTILE in chromium.text("#losses")
    assert HOSTILE in chromium.text("#listeners")
    assert HOSTILE in chromium.text("#answer")
    assert HOSTILE in chromium.run("return document.title")


def test_it_needs_nothing_beside_it(pages):
    text = pages(60).read_text(encoding="utf-8")
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!#)[^"']*""", text[:text.index("<body>")]) == []
    assert not re.search(r"@import|url\(", text)
    vendored = pathlib.Path(__file__).parents[2] / "report" / "html" / "page" / "vendor"
    assert (vendored / "uPlot.iife.min.js").read_text(encoding="utf-8") in text
    assert (vendored / "LICENSE.uPlot").exists()


def test_a_hundred_thousand_attempts_fit(chromium, pages):
    path = pages(100000)
    assert path.stat().st_size < 30e6
    chromium.open(path)
    chromium.settle()
    assert chromium.run("return synscope.attempts.count") == 100013
    assert "density" in chromium.text("#shown")
    chromium.press("0")
    assert chromium.text("#problem") == ""
