"""A browser for tests: headless Chromium through chromedriver, by the WebDriver protocol (W3C) over http.client."""
import base64
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

_SWITCHES = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-extensions", "--mute-audio",
    "--no-default-browser-check", "--disable-dev-shm-usage", "--force-device-scale-factor=1", "--hide-scrollbars=false",
]
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "ArrowLeft": "\ue012", "ArrowUp": "\ue013", "ArrowRight": "\ue014",
        "ArrowDown": "\ue015", "Tab": "\ue004", "End": "\ue010", "Home": "\ue011", "PageDown": "\ue00f"}


class Browser:
    """One window. Everything that goes wrong in the protocol is a RuntimeError with the driver's words."""

    def __init__(self, port, session):
        self._port = port
        self._session = session

    def _call(self, method, path, body=None):
        return _request(self._port, method, f"/session/{self._session}{path}", body)

    def open(self, page):
        """page: a path, with or without a #fragment."""
        path, _, fragment = str(page).partition("#")
        self._call("POST", "/url", {"url": pathlib.Path(path).resolve().as_uri() + ("#" + fragment if fragment else "")})

    def run(self, script, *arguments):
        """The value of the script's return."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def run_async(self, script, *arguments):
        """The script ends by calling its last argument with a value."""
        return self._call("POST", "/execute/async", {"script": script, "args": list(arguments)})

    def size(self, width, height):
        """Of the page, as far as a headless window has one."""
        self._call("POST", "/window/rect", {"width": width, "height": height})

    def scheme(self, name):
        """What the system prefers: "light" or "dark"."""
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def devtools(self, command, **parameters):
        """A command of the DevTools protocol."""
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def find(self, selector):
        return self._call("POST", "/element", {"using": "css selector", "value": selector})[_ELEMENT]

    def click(self, selector):
        self._call("POST", f"/element/{self.find(selector)}/click", {})

    def type(self, selector, text):
        self._call("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def choose(self, selector, value):
        """Chooses an option of a select, as a person does: with an input event."""
        self.run("const s = document.querySelector(arguments[0]); s.value = arguments[1];"
                 "s.dispatchEvent(new Event('input', {bubbles: true})); s.dispatchEvent(new Event('change', {bubbles: true}));",
                 selector, value)

    def texts(self, selector):
        return self.run("return Array.from(document.querySelectorAll(arguments[0]), n => n.textContent)", selector)

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0]).textContent", selector)

    def attributes(self, selector, name):
        return self.run("return Array.from(document.querySelectorAll(arguments[0]), n => n.getAttribute(arguments[1]))", selector, name)

    def press(self, *keys):
        """Keys one after the other, by name or as characters."""
        actions = []
        for key in keys:
            value = KEYS.get(key, key)
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def pointer(self, *steps):
        """Steps: ("move", x, y), ("down",), ("up",), in pixels of the window."""
        actions = []
        for step in steps:
            if step[0] == "move":
                actions.append({"type": "pointerMove", "duration": 0, "x": round(step[1]), "y": round(step[2])})
            else:
                actions.append({"type": "pointerDown" if step[0] == "down" else "pointerUp", "button": 0})
        self._call("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}]})

    def wheel(self, x, y, delta):
        self._call("POST", "/actions", {"actions": [{"type": "wheel", "id": "wheel", "actions": [
            {"type": "scroll", "x": round(x), "y": round(y), "deltaX": 0, "deltaY": delta, "duration": 0, "origin": "viewport"}]}]})

    def box(self, selector):
        """left, top, width, height in the window."""
        return self.run("const r = document.querySelector(arguments[0]).getBoundingClientRect(); return [r.left, r.top, r.width, r.height]", selector)

    def settle(self):
        """Until two frames have been drawn and the table has followed."""
        self.run_async("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 200)))")

    def messages(self):
        """What the console said since it was last asked, but for the browser's own start page: [(level, text)]."""
        return [(entry["level"], entry["message"]) for entry in self._call("POST", "/se/log", {"type": "browser"})
                if not entry["message"].startswith("chrome:")]

    def screenshot(self, path, whole=False):
        parameters = {"format": "png"}
        if whole:
            width, height = self.run("return [document.documentElement.clientWidth, document.documentElement.scrollHeight]")
            parameters.update(captureBeyondViewport=True, clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1})
        data = self.devtools("Page.captureScreenshot", **parameters)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(data))


def missing():
    """What of a browser is not installed, or None."""
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            return program
    return None


@contextlib.contextmanager
def started(width=1400, height=1000):
    """A browser with a profile of its own; both programs are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="synscope-browser-") as folder:
        port = _free_port()
        with open(os.path.join(folder, "driver.log"), "wb") as log:
            driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=log, stderr=log)
        try:
            _wait(port, driver)
            value = _request(port, "POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome",
                "goog:chromeOptions": {"binary": shutil.which("chromium"), "args": [
                    *_SWITCHES, f"--user-data-dir={folder}/profile", f"--window-size={width},{height}", "about:blank"]},
                "goog:loggingPrefs": {"browser": "ALL"},
                "timeouts": {"script": 60000, "pageLoad": 60000},
            }}})
            browser = Browser(port, value["sessionId"])
            try:
                yield browser
            finally:
                with contextlib.suppress(RuntimeError, OSError):
                    _request(port, "DELETE", f"/session/{value['sessionId']}")
        finally:
            driver.terminate()
            try:
                driver.wait(10)
            except subprocess.TimeoutExpired:
                driver.kill()
                driver.wait()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(port, driver):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if driver.poll() is not None:
            break
        with contextlib.suppress(OSError):
            if _request(port, "GET", "/status")["ready"]:
                return
        time.sleep(0.05)
    raise RuntimeError("chromedriver does not answer")


def _request(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        value = json.loads(response.read())["value"]
    finally:
        connection.close()
    if response.status != 200:
        raise RuntimeError(f"{path}: {value.get('error')}: {value.get('message')}")
    return value
