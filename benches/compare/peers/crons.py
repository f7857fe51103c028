"""The crons of Debian. Each has the minute as its smallest unit, and none remembers a run."""

import shutil
from pathlib import Path

from jobs import Job
from peers.peer import Peer, absent, write
from places import DEBIAN

LINES_PER_FILE = 500
# Output is read and dropped: what a mail server costs is not theirs.
NO_MAIL = 'MAILTO=""\n'


def private_etc(directory: Path) -> None:
    """Makes an /etc and a spool for a cron that shall not see the machine's own jobs."""
    etc = directory / "etc"
    shutil.copytree("/etc", etc, symlinks=True, ignore_dangling_symlinks=True)
    shutil.rmtree(etc / "cron.d", ignore_errors=True)
    (etc / "cron.d").mkdir()
    (etc / "pam.d").mkdir(exist_ok=True)
    shutil.copy(DEBIAN / "etc" / "pam.d" / "cron", etc / "pam.d" / "cron")
    write(etc / "crontab", "")
    (directory / "spool" / "crontabs").mkdir(parents=True, mode=0o1730)
    (directory / "spool" / "tmp").mkdir()


def within_private_etc(directory: Path, command: str) -> list[str]:
    """Runs a command in a mount namespace in which those are /etc and /var/spool/cron."""
    script = (
        "mkdir -p /var/spool && mount -t tmpfs none /var/spool && mkdir /var/spool/cron && "
        f"mount --bind {directory}/etc /etc && mount --bind {directory}/spool /var/spool/cron && exec {command}"
    )
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]


class Cron(Peer):
    """Debian's cron (Vixie)."""

    name = "cron"
    source = "Debian"
    package = "cron"

    def missing(self) -> str:
        return absent(DEBIAN / "usr/sbin/cron")

    def prepare(self, directory: Path, jobs: list[Job], env: dict[str, str]) -> list[str]:
        private_etc(directory)
        for first in range(0, len(jobs), LINES_PER_FILE):
            lines = [f"{job.when.cron5()} root {job.shell()}\n" for job in jobs[first : first + LINES_PER_FILE]]
            write(directory / "etc" / "cron.d" / f"jobs-{first:05d}", NO_MAIL + "".join(lines))
        return within_private_etc(directory, f"{DEBIAN}/usr/sbin/cron -f")


class Bcron(Peer):
    """bcron, made for safety: a process for each duty."""

    name = "bcron"
    source = "Debian"
    package = "bcron"

    def missing(self) -> str:
        return absent(DEBIAN / "usr/sbin/bcron-start")

    def prepare(self, directory: Path, jobs: list[Job], env: dict[str, str]) -> list[str]:
        private_etc(directory)
        table = NO_MAIL + "".join(f"{job.when.cron5()} {job.shell()}\n" for job in jobs)
        write(directory / "spool" / "crontabs" / "root", table, 0o600)
        env["LD_LIBRARY_PATH"] = f"{DEBIAN}/usr/lib/bglibs:{DEBIAN}/usr/lib/x86_64-linux-gnu:{DEBIAN}/usr/lib"
        env["PATH"] = f"{DEBIAN}/usr/sbin:{env['PATH']}"
        env["BCRON_USER"] = "root"
        return within_private_etc(directory, f"{DEBIAN}/usr/sbin/bcron-start")


class Busybox(Peer):
    """The crond of busybox."""

    name = "busybox"
    source = "Debian"
    package = "busybox-static"

    def missing(self) -> str:
        return absent(DEBIAN / "bin/busybox")

    def prepare(self, directory: Path, jobs: list[Job], env: dict[str, str]) -> list[str]:
        table = "".join(f"{job.when.cron5()} {job.shell()}\n" for job in jobs)
        write(directory / "tables" / "root", table, 0o600)
        log = directory / "crond.log"
        return [f"{DEBIAN}/bin/busybox", "crond", "-f", "-c", f"{directory}/tables", "-L", str(log)]
