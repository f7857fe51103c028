"""Start lateness, starts and recorded runs per second, and CPU per run: jobs due in the same second."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jobs
from account import Background
from daemon import Daemon, Failed
from jobs import MINUTE_S, When
from parts.settings import Settings
from peers.peer import Peer
from places import WORK
from results import Figures, Row, percentile

# Seconds between two storms of a peer that knows seconds, by the number of jobs due at once.
PERIOD_S = {1: 5, 100: 10, 1_000: 30}
# How many storms such a peer is given in a round; the others get one, which takes a minute.
STORMS = {1: 6, 100: 2, 1_000: 1}
# CPU is counted from shortly before the due second until nothing has happened for so long, or the next one is near.
BEFORE_S = 0.2
QUIET_S = 0.6
NEXT_IS_NEAR_S = 0.8
LOOK_S = 0.01
# Its history is asked more often, since the answer is a figure, but for at most a quarter of the time.
ASK_S = 0.002
REST_PER_ASK = 3
# CPU time between two looks of a daemon that only waits.
QUIET_CPU_S = 0.0005


@dataclass(frozen=True)
class Storm:
    """What one due second showed."""

    late_ms: list[float]
    # How many different jobs were started; the others were lost, or came after the next storm began.
    started: int
    # Seconds from the due second until all were recorded as ended, by the peer's own history.
    recorded_after_s: float | None
    cpu_ms: float
    background_percent: float


def late(peers: list[Peer], due: int, _: Settings) -> Iterator[Row]:
    """Measures storms of `due` jobs, one peer after the other."""
    for peer in peers:
        when = When(PERIOD_S[due] if peer.seconds else MINUTE_S)
        stamps = WORK / f"{peer.name}.stamps"
        stamps.unlink(missing_ok=True)
        try:
            with Daemon(peer, jobs.ticks(due, when, stamps), "late") as daemon:
                daemon.wait_ready()
                recorded = peer.recorded(daemon.directory)
                count = STORMS[due] if peer.seconds else 1
                storms = [storm(daemon, due, when, stamps, recorded) for _ in range(count)]
                if not any(storm.started for storm in storms):
                    raise Failed(f"it started nothing: {daemon.log_end()}")
            yield Row("late", due, peer.name, together(storms, due))
        except (Failed, OSError, sqlite3.Error) as failure:
            yield Row("late", due, peer.name, failure=str(failure))
        finally:
            stamps.unlink(missing_ok=True)


def storm(daemon: Daemon, due: int, when: When, file: Path, recorded: Callable[[int], int] | None) -> Storm:
    """Waits for a due second, and for the end of what it begins."""
    assert when.period_s is not None
    due_s = when.next_s()
    time.sleep(max(0.0, due_s - BEFORE_S - time.time()))
    background = Background(daemon.account)
    cpu_before_s = daemon.account.cpu_s()
    until_s = due_s + when.period_s - NEXT_IS_NEAR_S
    recorded_after_s = None
    # Until everything ran, was recorded and cleared away.
    quiet_since = time.monotonic()
    seen: tuple[int, float] = (0, 0.0)
    while time.time() < until_s:
        started = len(jobs.stamps(file, due_s - BEFORE_S, until_s))
        if recorded and recorded_after_s is None and started >= due:
            asked_at = time.time()
            if recorded(due_s) < due:
                time.sleep(max(ASK_S, REST_PER_ASK * (time.time() - asked_at)))
                continue
            recorded_after_s = asked_at - due_s
        cpu_s = daemon.account.cpu_s()
        if started > seen[0] or cpu_s > seen[1] + QUIET_CPU_S:
            quiet_since = time.monotonic()
        seen = (started, cpu_s)
        if started >= due and time.monotonic() - quiet_since > QUIET_S:
            break
        time.sleep(LOOK_S)
    cpu_ms = (daemon.account.cpu_s() - cpu_before_s) * 1e3
    background_percent = background.percent()
    # What starts until the next due second is late, not lost.
    starts = jobs.stamps(file, due_s - BEFORE_S, until_s)
    return Storm(
        late_ms=[(start.at_s - due_s) * 1e3 for start in starts],
        started=len({start.name for start in starts}),
        recorded_after_s=recorded_after_s,
        cpu_ms=cpu_ms,
        background_percent=background_percent,
    )


def together(storms: list[Storm], due: int) -> Figures:
    """The figures of a round, of all its storms."""
    late_ms = [late for storm in storms for late in storm.late_ms]
    runs = len(late_ms)
    figures = {
        "p50_ms": percentile(late_ms, 50),
        "p99_ms": percentile(late_ms, 99),
        "max_ms": max(late_ms),
        "cpu_ms_per_run": sum(storm.cpu_ms for storm in storms) / runs,
        "lost": float(sum(due - storm.started for storm in storms)),
        "twice": float(sum(len(storm.late_ms) - storm.started for storm in storms)),
        "background_percent": sum(storm.background_percent for storm in storms) / len(storms),
    }
    spans_s = [(storm.late_ms[-1] - storm.late_ms[0]) / 1e3 for storm in storms if len(storm.late_ms) > 1]
    if spans_s:
        figures["starts_per_s"] = sum(runs_between(storm) for storm in storms) / sum(spans_s)
    recorded_s = [storm.recorded_after_s for storm in storms if storm.recorded_after_s is not None]
    if due > 1 and len(recorded_s) == len(storms):
        figures["recorded_per_s"] = due * len(storms) / sum(recorded_s)
    return figures


def runs_between(storm: Storm) -> int:
    """Runs that followed the first one."""
    return max(0, len(storm.late_ms) - 1)
