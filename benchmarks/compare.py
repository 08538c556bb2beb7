"""Compare two engines side by side through the stock docker command, turn about.

    python -m benchmarks.compare --a unix:///run/wherry/wherry.sock --b unix:///run/docker.sock

A is the one to judge, B the one to compare with. Both do each task in turns on the same machine,
so that what the machine does meanwhile falls on both. The ratio is of the medians.
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import memory
from benchmarks.engine import Engine
from benchmarks.tasks import TASKS, Task, discard_archives

IDLE_S = 0.15  # between two measurements: an engine that only shines when busy gains nothing
ENGINE_GOAL_BYTES = 90 * 1024 * 1024
CONTAINER_GOAL_BYTES = 3 * 1024 * 1024
MEMORY_TASKS = ("memory-at-rest", "memory-per-container")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the result; numbers in seconds or bytes."""

    name: str
    a: tuple[float, ...]
    b: tuple[float, ...]
    ratio: float
    goal: str
    met: bool


def main() -> int:
    options = parse_options()
    a = Engine("A", options.a, options.a_pid)
    b = Engine("B", options.b, options.b_pid)
    for engine in (a, b):
        print(f"{engine.label}: {engine.address}: {describe(engine)}")
        engine.make_image()
    only = set(options.only.split(",")) if options.only else None
    lines: list[Line] = []
    print(f"\n{'task':22} {'A median':>10} {'min':>8}   {'B median':>10} {'min':>8}   A/B  goal")
    try:
        # Memory first: an engine that has just been busy has not given everything back yet.
        for name in MEMORY_TASKS:
            if only is None or name in only:
                lines += compare_memory(name, a, b)
        for task in TASKS:
            if only is None or task.name in only:
                line = compare_task(task, a, b, options.rounds or task.rounds)
                print(format_times(line), flush=True)
                lines.append(line)
    finally:
        discard_archives()
        a.close()
        b.close()
    if options.json:
        options.json.write_text(json.dumps([as_json(line) for line in lines], indent=1) + "\n")
    missed = [line.name for line in lines if not line.met]
    print(
        f"\n{len(lines) - len(missed)} of {len(lines)} goals met"
        + "".join(f", not {name}" for name in missed)
    )
    return 1 if missed and options.strict else 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.compare", description=__doc__)
    parser.add_argument("--a", required=True, metavar="SOCKET", help="the engine to judge")
    parser.add_argument("--b", required=True, metavar="SOCKET", help="the one to compare with")
    parser.add_argument("--a-pid", type=int, help="its process, if systemd holds the socket")
    parser.add_argument("--b-pid", type=int)
    names = ",".join([*MEMORY_TASKS, *(task.name for task in TASKS)])
    parser.add_argument("--only", metavar="NAMES", help=f"some of {names}")
    parser.add_argument("--rounds", type=int, help="how often each does each task")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a goal is missed")
    return parser.parse_args()


def describe(engine: Engine) -> str:
    template = "{{.Server.Version}} (API {{.Server.APIVersion}})"
    return engine.run("version", "--format", template)


def compare_task(task: Task, a: Engine, b: Engine, rounds: int) -> Line:
    """Measure in turns; who begins changes from round to round. The first round is not counted."""
    times: dict[str, list[float]] = {"A": [], "B": []}
    for number in range(rounds + 1):
        for engine in (a, b) if number % 2 else (b, a):
            time.sleep(IDLE_S)
            seconds = task.measure(engine)
            if number:
                times[engine.label].append(seconds)
    ratio = statistics.median(times["A"]) / statistics.median(times["B"])
    return Line(
        name=task.name,
        a=tuple(times["A"]),
        b=tuple(times["B"]),
        ratio=ratio,
        goal=f"<= {task.goal}",
        met=ratio <= task.goal,
    )


def compare_memory(name: str, a: Engine, b: Engine) -> list[Line]:
    """Resident and proportional size; the goal is for the resident one, of A alone."""
    measure = memory.at_rest if name == "memory-at-rest" else memory.per_container
    goal_bytes = ENGINE_GOAL_BYTES if name == "memory-at-rest" else CONTAINER_GOAL_BYTES
    of_a, of_b = measure(a), measure(b)
    line = Line(
        name=name,
        a=(of_a.rss_bytes,),
        b=(of_b.rss_bytes,),
        ratio=of_a.rss_bytes / max(1, of_b.rss_bytes),
        goal=f"< {goal_bytes >> 20} MiB",
        met=of_a.rss_bytes < goal_bytes,
    )
    print(
        f"{name:22} {_mib(of_a.rss_bytes):>10} {_mib(of_a.pss_bytes):>8}   "
        f"{_mib(of_b.rss_bytes):>10} {_mib(of_b.pss_bytes):>8}  {line.ratio:5.2f}  "
        f"{line.goal} {_verdict(line)} (RSS, PSS)",
        flush=True,
    )
    return [line]


def format_times(line: Line) -> str:
    def cells(times: tuple[float, ...]) -> str:
        return f"{_ms(statistics.median(times)):>10} {_ms(min(times)):>8}"

    times = f"{line.name:22} {cells(line.a)}   {cells(line.b)}"
    return f"{times}  {line.ratio:5.2f}  {line.goal} {_verdict(line)}"


def as_json(line: Line) -> dict[str, object]:
    return {
        "name": line.name,
        "a": line.a,
        "b": line.b,
        "ratio": line.ratio,
        "goal": line.goal,
        "met": line.met,
    }


def _verdict(line: Line) -> str:
    return "met" if line.met else "MISSED"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _mib(size_bytes: float) -> str:
    return f"{size_bytes / (1 << 20):.1f} MiB"


if __name__ == "__main__":
    sys.exit(main())
