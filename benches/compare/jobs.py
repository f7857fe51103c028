"""The jobs that every peer is given, when they are due, and the stamps that they leave."""

import shlex
import time
from dataclasses import dataclass
from pathlib import Path

from places import FLOOD, TICK

MINUTE_S = 60


@dataclass(frozen=True)
class When:
    """A schedule: each multiple of a period, or on one day half a year away."""

    # Seconds; None is far away. A minute is 60, all else needs a peer that knows seconds.
    period_s: int | None

    def cron5(self) -> str:
        """The line of five fields that every cron reads."""
        if self.period_s is None:
            return f"0 0 1 {(time.gmtime().tm_mon + 5) % 12 + 1} *"
        assert self.period_s == MINUTE_S, "five fields know no seconds"
        return "* * * * *"

    def cron6(self) -> str:
        """The line of six fields, the second first."""
        if self.period_s is None or self.period_s == MINUTE_S:
            return f"0 {self.cron5()}"
        return f"*/{self.period_s} * * * * *"

    def next_s(self) -> int:
        """The next due second, in seconds since 1970, of which at least one whole second is left to get ready."""
        assert self.period_s is not None
        due_s = (int(time.time()) // self.period_s + 1) * self.period_s
        return due_s if due_s - time.time() >= 1 else due_s + self.period_s


FAR = When(None)


@dataclass(frozen=True)
class Job:
    """A named command with its schedule."""

    name: str
    when: When
    argv: tuple[str, ...]

    def shell(self) -> str:
        """The command as one line, for peers that pass it to a shell."""
        return shlex.join(self.argv)


def ticks(count: int, when: When, stamps: Path) -> list[Job]:
    """Jobs that write down when they were started, and end."""
    names = [f"j{number:05d}" for number in range(count)]
    return [Job(name, when, (str(TICK), str(stamps), name)) for name in names]


def flood(size: int, when: When, go: Path, report: Path) -> list[Job]:
    """One job, of which the first run that finds `go` prints `size` bytes, and says in `report` what became of it."""
    return [Job("flood", when, (str(FLOOD), str(size), str(go), str(report)))]


@dataclass(frozen=True)
class Stamp:
    """When a job was started, by its own clock."""

    name: str
    at_s: float


def stamps(file: Path, from_s: float, until_s: float) -> list[Stamp]:
    """What was started from `from_s` until before `until_s`, in order."""
    if not file.exists():
        return []
    found = []
    text = file.read_text()
    # The last line may be on its way.
    for line in text[: text.rfind("\n") + 1].splitlines():
        name, at_ns = line.split()
        if from_s <= int(at_ns) / 1e9 < until_s:
            found.append(Stamp(name, int(at_ns) / 1e9))
    return sorted(found, key=lambda stamp: stamp.at_s)
