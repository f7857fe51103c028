"""Flood: memory of a daemon while a job prints a great deal, and what it keeps of that on the disk."""

import time
from collections.abc import Iterator
from pathlib import Path

import jobs
from account import Background
from daemon import Daemon, Failed
from jobs import MINUTE_S, When
from parts.settings import Settings
from peers.peer import Peer
from places import WORK
from results import Figures, Row

PERIOD_S = 5
LOOK_S = 0.02
# Longest wait for the end of the job, from its due second on.
WAIT_MAX_S = 180
# What is read and stored after the job has ended belongs to it.
AFTER_S = 3


def flood(peers: list[Peer], size: int, _: Settings) -> Iterator[Row]:
    """Lets one job of each peer print `size` bytes."""
    for peer in peers:
        if peer.is_limit:
            continue
        try:
            yield Row("flood", size, peer.name, one(peer, size))
        except (Failed, OSError) as failure:
            yield Row("flood", size, peer.name, failure=str(failure))
        finally:
            for file in WORK.glob("flood.*"):
                file.unlink()


def one(peer: Peer, size: int) -> Figures:
    """Measures one peer."""
    # Beside the directory of the daemon, so that they are not taken for something kept.
    go, report = WORK / "flood.go", WORK / "flood.report"
    when = When(PERIOD_S if peer.seconds else MINUTE_S)
    with Daemon(peer, jobs.flood(size, when, go, report), "flood") as daemon:
        daemon.wait_ready()
        background = Background(daemon.account)
        resident_before_mib = peak_mib = daemon.account.resident_mib("flood")
        disk_before_mib = disk_mib(daemon.directory)
        cpu_before_s = daemon.account.cpu_s()
        go.touch()
        until_s = when.next_s() + WAIT_MAX_S
        ended_at = None
        while time.time() < until_s and (ended_at is None or time.time() < ended_at + AFTER_S):
            peak_mib = max(peak_mib, daemon.account.resident_mib("flood"))
            if ended_at is None and report.exists() and report.stat().st_size > 0:
                ended_at = time.time()
            time.sleep(LOOK_S)
        if ended_at is None:
            raise Failed(f"the job did not end within {WAIT_MAX_S} s: {daemon.log_end()}")
        printed, took_s = report.read_text().split()
        return {
            "before_mib": resident_before_mib,
            "peak_mib": peak_mib,
            "more_mib": peak_mib - resident_before_mib,
            "printed_percent": 100 * int(printed) / size,
            "job_s": float(took_s),
            "cpu_s": daemon.account.cpu_s() - cpu_before_s,
            "kept_mib": disk_mib(daemon.directory) - disk_before_mib,
            "background_percent": background.percent(),
        }


def disk_mib(directory: Path) -> float:
    """What lies in a directory, holes not counted."""
    files = (file for file in directory.rglob("*") if file.is_file() and not file.is_symlink())
    return sum(file.stat().st_blocks * 512 for file in files) / 2**20
