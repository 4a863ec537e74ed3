#!/usr/bin/python3
"""How a report of 100,000 attempts does in headless Chromium: its size, how long it takes to open, and its frames.

Usage: bench_html.py SYNTHETIC [ATTEMPTS]. Prints numbers and judges nothing: other work on the machine shows in them.
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import browser as browsers  # noqa: E402 (tests/e2e is where it lives)

FRAMES = 60

# One action a frame; a frame lasts until the next one begins.
MEASURE = """
const [what, frames, done] = arguments, s = window.synscope, times = [];
const area = document.getElementById('lanes-scroll');
const input = (id, value) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event('input', {bubbles: true})); };
const acts = {
    zoom: (n) => s.view.zoom(n % 30 < 15 ? 0.8 : 1.25, s.view.span * 0.4),
    pan: (n) => n === 0 ? s.view.set(s.view.span * 0.3, s.view.span * 0.5) : s.view.pan(0.05),
    hover: (n) => { const r = area.getBoundingClientRect(); area.dispatchEvent(new PointerEvent('pointermove', {clientX: r.left + 400 + n * 5, clientY: r.top + 100 + n * 5})); },
    sort: (n) => input('sort', ['wait', 'cost', 'start'][n % 3]),
    filter: (n) => input('address', ['10.1', '10.1.2', ''][n % 3]),
    scroll: (n) => { if (n === 0) input('mode', 'lanes'); area.scrollTop += 3000; },
};
let last = 0, n = 0;
requestAnimationFrame(function step(now) {
    if (n > 1) times.push(now - last);
    last = now;
    if (n > frames) { times.sort((a, b) => a - b); done([times[times.length >> 1], times[Math.floor(times.length * 0.95)], times[times.length - 1]]); return; }
    acts[what](n++);
    requestAnimationFrame(step);
});
"""


def busy(browser):
    """Seconds of CPU time that the page's main thread has worked: what other programs do does not count."""
    metrics = browser.devtools("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


def main():
    synthetic, attempts = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "100000"
    missing = browsers.missing()
    if missing:
        print(f"{missing} is not installed")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder) / "report.html"
        started = time.monotonic()
        with open(page, "wb") as out:
            subprocess.run([synthetic, "html", attempts], stdout=out, check=True)
        print(f"attempts                {attempts}")
        print(f"load of the machine     {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
        print(f"file                    {page.stat().st_size / 1e6:.1f} MB, simulated and written in {time.monotonic() - started:.2f} s")
        with browsers.started() as browser:
            browser.devtools("Performance.enable", timeDomain="threadTicks")
            opened = []
            for _ in range(3):
                started = time.monotonic()
                browser.open(page)
                browser.run_async("const d = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(d))")
                opened.append(time.monotonic() - started)
            print("open until drawn        " + ", ".join(f"{seconds:.2f} s" for seconds in opened))
            browser.settle()
            for what in ("zoom", "pan", "hover", "sort", "filter", "scroll"):
                before = busy(browser)
                median, most, longest = browser.run_async(MEASURE, what, FRAMES)
                cpu = (busy(browser) - before) / FRAMES * 1e3
                print(f"frames of {what:<13} median {median:.0f} ms, 95 % {most:.0f} ms, longest {longest:.0f} ms; main thread {cpu:.0f} ms of CPU each")
                browser.run("synscope.view.reset()")
                browser.settle()
    return 0


if __name__ == "__main__":
    sys.exit(main())
