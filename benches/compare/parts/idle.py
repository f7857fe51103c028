"""Idle: CPU and memory of daemons none of whose jobs is due. All peers are watched in the same seconds."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import jobs
from daemon import Daemon, Failed
from jobs import FAR
from parts.settings import Settings
from peers.peer import Peer
from places import WORK
from results import Row

# After the last one is ready: some tidy up, or copy what they keep, a little later.
REST_S = 75


def idle(peers: list[Peer], count: int, settings: Settings) -> Iterator[Row]:
    """Starts all peers on `count` jobs, then watches them together."""
    with ExitStack() as stack:
        daemons = []
        for peer in peers:
            if peer.is_limit:
                continue
            try:
                daemon = stack.enter_context(Daemon(peer, jobs.ticks(count, FAR, WORK / "none.stamps"), "idle"))
                daemon.wait_ready()
                daemons.append(daemon)
            except (Failed, OSError) as failure:
                yield Row("idle", count, peer.name, failure=str(failure))
        time.sleep(REST_S)
        before = [(time.monotonic(), daemon.account.cpu_s()) for daemon in daemons]
        time.sleep(settings.idle_s)
        after = [(time.monotonic(), daemon.account.cpu_s()) for daemon in daemons]
        for daemon, (begun, cpu_before_s), (ended, cpu_after_s) in zip(daemons, before, after, strict=True):
            if not daemon.alive():
                yield Row("idle", count, daemon.peer.name, failure=f"it ended: {daemon.log_end()}")
                continue
            figures = {
                "cpu_percent": 100 * (cpu_after_s - cpu_before_s) / (ended - begun),
                "resident_mib": daemon.account.resident_mib("tick"),
                "proportional_mib": daemon.account.proportional_mib(),
                "processes": float(len(daemon.account.pids())),
            }
            yield Row("idle", count, daemon.peer.name, figures)
