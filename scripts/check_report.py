#!/usr/bin/env python3
"""Looks at a page of `fptq report` in headless Chromium, on a desktop and a phone, light and dark.

  scripts/check_report.py report.html [--shots DIR]    --shots: keep a picture of each in DIR

Fails when a chart has no marks, when anything is written to the console, when the page loads anything but itself, when
an element is wider than the window (regions that scroll by themselves may be), when text in a chart is set smaller than
10 pixels or leaves its picture, when an id is used twice, or when a table is not sorted by a click. Needs Chromium
(Debian: chromium) and exits with 77 where there is none. Nothing but Python's standard library is used: it speaks the
DevTools protocol over the browser's pipe.
"""
import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NO_BROWSER = 77
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}

# Returns a list of complaints.
CHECK = r"""(() => {
  const complaints = [];
  const shown = (e) => e.getClientRects().length > 0;
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width)
    complaints.push(`the page is ${document.documentElement.scrollWidth} wide in a window of ${width}`);
  for (const e of document.querySelectorAll("body *")) {
    if (!shown(e) || e.closest(".scroll, .skip")) continue;
    const box = e.getBoundingClientRect();
    if (box.right > width + 1 || box.left < -1)
      complaints.push(`<${e.tagName}> ${e.textContent.slice(0, 40)} reaches from ${box.left} to ${box.right}`);
  }
  const charts = [...document.querySelectorAll("svg")].filter(shown);
  for (const svg of charts) {
    const name = svg.querySelector("title").textContent;
    if (!svg.querySelector("circle, rect, polyline")) complaints.push(`${name}: no marks`);
    if (!svg.querySelector("desc").textContent) complaints.push(`${name}: no description`);
    const around = svg.getBoundingClientRect();
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBoundingClientRect();
      if (parseFloat(getComputedStyle(text).fontSize) * around.width / svg.viewBox.baseVal.width < 10)
        complaints.push(`${name}: small text ${text.textContent}`);
      if (box.left < around.left - 2 || box.right > around.right + 2 || box.bottom > around.bottom + 2)
        complaints.push(`${name}: '${text.textContent}' leaves the picture`);
    }
  }
  const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
  for (const id of ids.filter((id, i) => ids.indexOf(id) !== i)) complaints.push(`id ${id} is there twice`);
  const table = document.querySelector("#runs table"), heading = table.querySelector("thead th.number button");
  const column = heading.parentElement.cellIndex;
  const values = () => [...table.tBodies[0].rows].map((r) => r.cells[column].dataset.v).filter((v) => v !== undefined);
  const before = [...table.tBodies[0].rows];
  heading.click();
  const sorted = values().map(Number);
  if (sorted.some((v, i) => i > 0 && v < sorted[i - 1])) complaints.push(`not sorted: ${sorted}`);
  heading.parentElement.removeAttribute("aria-sort");
  table.tBodies[0].append(...before);
  return JSON.stringify({ complaints, charts: charts.length });
})()"""


class Browser:
    def __init__(self, program, profile):
        to_browser, self.out = os.pipe()
        self.inp, from_browser = os.pipe()

        def connect():  # the browser reads 3 and writes 4
            os.dup2(to_browser, 100)
            os.dup2(from_browser, 101)
            os.dup2(100, 3)
            os.dup2(101, 4)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
             "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=connect, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.buffer, self.next_id, self.events, self.session = b"", 0, [], None

    def read(self):
        while b"\0" not in self.buffer:
            data = os.read(self.inp, 1 << 20)
            if not data:
                sys.exit("check_report: the browser has ended")
            self.buffer += data
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.next_id += 1
        message = {"id": self.next_id, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.next_id:
                if "error" in answer:
                    sys.exit(f"check_report: {method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method):
        while not any(e.get("method") == method for e in self.events):
            self.events.append(self.read())

    def open_page(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")


def look(browser, url, size, scheme, shot):
    width, height = SIZES[size]
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                 mobile=size == "phone")
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.events.clear()
    browser.call("Page.navigate", url=url)
    browser.wait_for("Page.loadEventFired")
    result = json.loads(browser.call("Runtime.evaluate", expression=CHECK)["result"]["value"])
    complaints = result["complaints"]
    if result["charts"] == 0:
        complaints.append("no charts")
    for event in browser.events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Runtime.consoleAPICalled":
            complaints.append("console: " + json.dumps(params["args"]))
        elif method == "Runtime.exceptionThrown":
            complaints.append("exception: " + json.dumps(params["exceptionDetails"].get("text")))
        elif method == "Log.entryAdded":
            complaints.append("console: " + params["entry"]["text"])
        elif method == "Network.requestWillBeSent" and params["request"]["url"].split("#")[0] != url:
            complaints.append("loads " + params["request"]["url"][:200])
    if shot:
        picture = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        shot.write_bytes(base64.b64decode(picture["data"]))
    return result["charts"], complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--shots", type=Path)
    args = parser.parse_args()
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        print("check_report: no Chromium here (Debian: apt-get install chromium)", file=sys.stderr)
        return NO_BROWSER
    if args.shots:
        args.shots.mkdir(parents=True, exist_ok=True)
    failed = False
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            browser.open_page()
            for size in SIZES:
                for scheme in ("light", "dark"):
                    shot = args.shots / f"{size}-{scheme}.png" if args.shots else None
                    charts, complaints = look(browser, args.page.resolve().as_uri(), size, scheme, shot)
                    for complaint in complaints[:20]:
                        print(f"{size}, {scheme}: {complaint}")
                    print(f"{size}, {scheme}: {charts} charts, {len(complaints)} complaints")
                    failed |= bool(complaints)
        finally:
            browser.process.kill()
            browser.process.wait()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
