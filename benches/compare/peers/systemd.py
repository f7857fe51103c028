"""systemd's timers, by a manager of its own that sees neither the machine's units nor its manager."""

import shutil
import subprocess
from pathlib import Path

import account
from jobs import FAR, MINUTE_S, Job, When
from peers.peer import Peer, absent, write

MANAGER = Path("/usr/lib/systemd/systemd")
UNITS = Path("/usr/lib/systemd/user")
TARGETS = ["default", "timers", "basic", "shutdown", "exit"]
# Where a manager looks for its own cgroup, beside the one that counts.
TREES = [Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified")]


class Systemd(Peer):
    """One timer and one service for each job, as exact as timers can be."""

    name = "systemd"
    source = "the machine"
    seconds = True

    def version(self) -> str:
        said = subprocess.run([MANAGER, "--version"], check=True, capture_output=True, text=True).stdout
        return said.split("(")[1].split(")")[0]

    def missing(self) -> str:
        return absent(MANAGER)

    def prepare(self, directory: Path, jobs: list[Job], env: dict[str, str]) -> list[str]:
        units = directory / "units"
        wanted = units / "timers.target.wants"
        wanted.mkdir(parents=True)
        for target in TARGETS:
            shutil.copy(UNITS / f"{target}.target", units)
        for job in jobs:
            service = f"[Service]\nType=oneshot\nExecStart={job.shell()}\n"
            timer = f"[Timer]\nOnCalendar={calendar(job.when)}\nAccuracySec=1us\n"
            write(units / f"{job.name}.service", service + "StandardOutput=null\nStandardError=null\n")
            write(units / f"{job.name}.timer", timer)
            (wanted / f"{job.name}.timer").symlink_to(f"../{job.name}.timer")
        (directory / "runtime").mkdir(mode=0o700)
        env["XDG_RUNTIME_DIR"] = str(directory / "runtime")
        env["SYSTEMD_UNIT_PATH"] = str(units)
        env["SYSTEMD_LOG_TARGET"] = "console"
        env["SYSTEMD_LOG_LEVEL"] = "warning"
        enter = "".join(f"mkdir -p {tree} && echo $$ > {tree}/cgroup.procs; " for tree in self.trees())
        hide = "mount -t tmpfs none /run && mkdir -p /run/systemd/system"
        script = f"{enter}{hide} && exec {MANAGER} --user --unit=timers.target"
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]

    def clean(self, directory: Path) -> None:
        for tree in self.trees():
            account.remove(tree)

    def trees(self) -> list[Path]:
        """Its cgroups in the trees of version 1; with version 2 alone it has that which counts."""
        return [tree / f"{account.PREFIX}systemd-manager" for tree in TREES if tree.is_dir()]


def calendar(when: When) -> str:
    """A schedule as OnCalendar= is written."""
    if when == FAR:
        return f"*-{when.cron5().split()[3]}-01 00:00:00"
    return "*-*-* *:*:00" if when.period_s == MINUTE_S else f"*-*-* *:*:00/{when.period_s}"
