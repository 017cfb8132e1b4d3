"""Runs `gattest` against lamp.py on a virtual radio, and looks at what comes: check.py GATTEST

Each case says what it shows. Ends with 1 at the first that does not come as it should.
"""

import contextlib
import os
import pathlib
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
GATTEST = os.path.abspath(sys.argv[1])
# Longest time for anything to begin or end, on a slow machine.
PATIENCE_S = 120
ADDRESS = "C2:22:33:44:55:66"

WAITS = """\
name: a notification that nobody causes
covers: [LAMP-2]
device:
  external: {name: Lamp}
  services:
    - {name: lamp, uuid: 0xA000, characteristics: [{name: state, uuid: 0xA001, properties: [read, notify]}]}
steps:
  - connect
  - read: state
  - subscribe: state
  - expect_notification: state
  - disconnect
"""


def must(holds, what, said):
    if not holds:
        sys.exit(f"{what}\n\n{said}")


class Program:
    """A program that goes on beside this one, and what it says, line by line."""

    def __init__(self, command):
        out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        self.process = subprocess.Popen(command, cwd=TOP, **out)
        self.lines = queue.Queue()
        self.said = ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def wait_for(self, start):
        """The next line that begins so."""
        while True:
            try:
                line = self.lines.get(timeout=PATIENCE_S)
            except queue.Empty:
                line = None
            must(line is not None, f"`{start}` did not come from {self.process.args}", self.said)
            self.said += line
            if line.startswith(start):
                return line.strip()

    def outcome(self):
        """Waits until it ends; its exit code and what else it said."""
        code = self.process.wait(PATIENCE_S)
        return code, "".join(iter(self.lines.get, None))

    def end(self):
        """Asks it to end, and waits for it."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(PATIENCE_S)


class Bench:
    """A radio with three sockets, in a folder of its own."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.sockets = [str(self.folder / f"{name}.sock") for name in ("lamp", "other", "central")]
        self.central = ["--central", f"att:unix:{self.sockets[2]}"]

    def radio(self):
        sockets = [argument for socket in self.sockets for argument in ("--socket", socket)]
        radio = Program([GATTEST, "radio", *sockets])
        radio.wait_for("ready: ")
        return radio

    def lamp(self, *arguments, socket=0):
        lamp = Program([sys.executable, str(HERE / "lamp.py"), f"unix:{self.sockets[socket]}", *arguments])
        lamp.wait_for("advertising")
        return lamp

    def start(self, *arguments):
        return Program([GATTEST, "run", *arguments, *self.central])

    def run(self, *arguments):
        """Exit code and output of a run of scenarios."""
        command = [GATTEST, "run", *arguments, *self.central]
        done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=3 * PATIENCE_S)
        return done.returncode, done.stdout + done.stderr

    def waits(self):
        """A scenario that waits for what does not come."""
        path = self.folder / "waits.yaml"
        path.write_text(WAITS)
        return str(path)


def right(bench):
    with bench.radio() as radio:
        with bench.lamp() as lamp:
            code, said = bench.run("scenarios/external")
            must(code == 0 and "8 passed, 0 failed, 1 known to fail, 0 inconclusive, 0 skipped" in said, code, said)
            must(lamp.process.poll() is None, "the lamp has ended", said)
        must(radio.end() == 0, "the radio did not end well", "")
    left = [path for path in bench.sockets if os.path.exists(path)]
    must(not left, "the radio left its sockets behind", left)


def wrong_value(bench):
    with bench.radio(), bench.lamp(ADDRESS, "wrong-value"):
        code, said = bench.run("scenarios/external/long-values.yaml")
    must(code == 1 and "FAIL  external/long-values" in said and "step 2: read_long label" in said, code, said)


def missing_characteristic(bench):
    with bench.radio(), bench.lamp(ADDRESS, "no-alarm"):
        code, said = bench.run("scenarios/external/discovery.yaml", "scenarios/external/indications.yaml")
    must(code == 1 and "0 passed, 2 failed, 0 inconclusive" in said, code, said)
    must("lacks `characteristic 0xA002 read indicate`" in said, code, said)
    must("missing alarm" in said, code, said)


def killed_device(bench):
    with bench.radio(), bench.lamp() as lamp:
        with bench.start(bench.waits()) as run:
            lamp.wait_for("connected")
            lamp.process.kill()
            began = time.monotonic()
            code, said = run.outcome()
            took = time.monotonic() - began
        must(code == 3 and "0 passed, 0 failed, 1 inconclusive" in said, code, said)
        must("the radio lost the connection (supervision timeout)" in said, code, said)
        must("what to do: see that the device still runs and is in reach, then run again" in said, code, said)
        # The supervision timeout is 4 s.
        must(took < 10, f"it took {took} s", said)
        code, said = bench.run(bench.waits())
    must(code == 3 and "was not seen advertising in 5 s; nothing else was heard either" in said, code, said)


def killed_radio(bench):
    with bench.radio() as radio, bench.lamp() as lamp:
        with bench.start(bench.waits()) as run:
            lamp.wait_for("connected")
            radio.process.kill()
            code, said = run.outcome()
    must(code == 3 and "the Bluetooth adapter cannot be read: the other end closed the stream" in said, code, said)
    # A killed program cannot tidy up.
    for path in bench.sockets:
        os.remove(path)


def two_of_one_name(bench):
    other = "C3:22:33:44:55:66"
    with bench.radio(), bench.lamp(), bench.lamp(other, socket=1):
        code, said = bench.run("scenarios/external/discovery.yaml")
    must(code == 3 and 'the device named "Lamp" is more than one device: C' in said, code, said)
    must(f'{ADDRESS} "Lamp"' in said and f'{other} "Lamp"' in said, code, said)
    must("say in the scenario which one it is with `address:`" in said, code, said)


def without_times(text):
    return re.sub(r" +[0-9]+\.[0-9]+ m?s\b", " <time>", text.rstrip())


def readme(bench):
    text = (TOP / "README.md").read_text()
    section = text.split("\n## Your own server\n")[1]
    (bench.folder / "lamp.yaml").write_text(section.split("```yaml\n")[1].split("```\n")[0])
    transcript = section.split("```console radio\n$ ")[1].split("```\n")[0]
    with contextlib.ExitStack() as running:
        for block in transcript.split("\n$ "):
            command, expected = block.split("\n", 1)
            words = [word for word in command.split() if word != "&"]
            program = [GATTEST] if words[0] == "cargo" else [sys.executable, str(TOP / words[1])]
            words = program + words[words.index("--") + 1 if "--" in words else 2 :]
            out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
            if command.endswith(" &"):
                process = subprocess.Popen(words, cwd=bench.folder, **out)
                running.callback(process.wait)
                running.callback(process.kill)
                came = process.stdout.readline()
            else:
                came = subprocess.run(words, cwd=bench.folder, timeout=PATIENCE_S, **out).stdout
            must(without_times(came) == without_times(expected), f"`{command}` gave something else", came)


def main():
    for case in (right, wrong_value, missing_characteristic, killed_device, killed_radio, two_of_one_name, readme):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            case(Bench(folder))
        print(f"bumble: {case.__name__.replace('_', ' ')} ok, {time.monotonic() - began:.1f} s", flush=True)


main()
