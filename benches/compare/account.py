"""What one daemon costs: CPU time and memory of everything that it ever started, by a cgroup of its own."""

import os
import signal
import time
from pathlib import Path

PREFIX = "freshd-compare-"


def root() -> Path:
    """Where cgroups that count CPU time are made: version 1's cpuacct, else version 2.

    Raises OSError where there is neither, or they cannot be made.
    """
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    for _, place, kind, options, *_ in mounts:
        if kind == "cgroup" and "cpuacct" in options.split(","):
            return Path(place)
    for _, place, kind, *_ in mounts:
        if kind == "cgroup2":
            return Path(place)
    raise OSError("no cgroups are mounted: CPU time of processes that have ended cannot be counted")


class Account:
    """The cgroup of one daemon. What it starts stays in it, however it detaches itself."""

    def __init__(self, name: str) -> None:
        self.directory = root() / f"{PREFIX}{name}"
        self.end()
        self.directory.mkdir()

    def cpu_s(self) -> float:
        """CPU seconds used so far, those of processes that have ended included."""
        usage = self.directory / "cpuacct.usage"
        if usage.exists():
            return int(usage.read_text()) / 1e9
        fields = dict(line.split() for line in (self.directory / "cpu.stat").read_text().splitlines())
        return int(fields["usage_usec"]) / 1e6

    def pids(self) -> list[int]:
        """Its living processes, those in cgroups that a peer made below it included."""
        found = []
        for file in [*self.directory.rglob("cgroup.procs")]:
            try:
                found += [int(pid) for pid in file.read_text().split()]
            except OSError:
                continue  # A cgroup below it that has just gone.
        return found

    def resident_mib(self, job: str) -> float:
        """Resident memory of the living processes but those of the program `job`. Cheap enough to be asked often."""
        pages = 0
        for process in self.processes(job):
            try:
                pages += int((process / "statm").read_text().split()[1])
            except (OSError, IndexError):
                continue  # It has ended.
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def proportional_mib(self) -> float:
        """The same of all, but what processes share is counted once."""
        kib = 0
        for process in self.processes():
            try:
                lines = (process / "smaps_rollup").read_text().splitlines()
                kib += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            except OSError:
                continue
        return kib / 1024

    def processes(self, but: str = "") -> list[Path]:
        """Where /proc tells of its processes, but of those that run the program `but`."""
        found = []
        for pid in self.pids():
            process = Path(f"/proc/{pid}")
            try:
                if (process / "comm").read_text().strip() != but:
                    found.append(process)
            except OSError:
                continue
        return found

    def end(self, grace_s: float = 5) -> None:
        """Ends every process in it, and removes it."""
        for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 10)):
            until = time.monotonic() + patience_s
            told: set[int] = set()
            while (pids := self.pids()) and time.monotonic() < until:
                for pid in set(pids) - told:
                    try:
                        os.kill(pid, number)
                    except ProcessLookupError:
                        continue
                told = told | set(pids) if number == signal.SIGTERM else set()
                time.sleep(0.05)
        remove(self.directory)


def remove(directory: Path) -> None:
    """Removes a cgroup with those below it, in which nothing lives. One that is not there is fine."""
    if directory.is_dir():
        below = [each for each in directory.rglob("*") if each.is_dir()]
        for each in [*sorted(below, reverse=True), directory]:
            each.rmdir()


def end_all() -> None:
    """Ends what an earlier comparison left, of which not even a `finally` could be run."""
    for directory in root().glob(f"{PREFIX}*"):
        Account(directory.name.removeprefix(PREFIX)).end()


class Background:
    """How busy the machine was with all else: the noise of a measurement."""

    def __init__(self, account: Account | None = None) -> None:
        self.account = account
        self.before = self.look()

    def look(self) -> tuple[float, float]:
        """CPU seconds of all else, and of the whole machine, since it was started."""
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        tick_s = 1 / os.sysconf("SC_CLK_TCK")
        idle = fields[3] + fields[4]
        own_s = self.account.cpu_s() if self.account else 0.0
        return (sum(fields) - idle) * tick_s - own_s, sum(fields) * tick_s

    def percent(self) -> float:
        """Of all cores, since this was made."""
        busy_s, all_s = (now - before for now, before in zip(self.look(), self.before, strict=True))
        return max(0.0, 100 * busy_s / max(all_s, 0.01))
