"""Start-up: from exec until a daemon has read all its jobs and waits, none of them being due."""

from collections.abc import Iterator

import jobs
from account import Background
from daemon import Daemon, Failed
from jobs import FAR
from parts.settings import Settings
from peers.peer import Peer
from places import WORK
from results import Row


def start(peers: list[Peer], count: int, _: Settings) -> Iterator[Row]:
    """Starts each peer on `count` jobs."""
    for peer in peers:
        if peer.is_limit:
            continue
        try:
            with Daemon(peer, jobs.ticks(count, FAR, WORK / "none.stamps"), "start") as daemon:
                background = Background(daemon.account)
                ready = daemon.wait_ready()
                figures = {
                    "ready_s": ready.after_s,
                    "cpu_ms": ready.cpu_ms,
                    "resident_mib": daemon.account.resident_mib("tick"),
                    "proportional_mib": daemon.account.proportional_mib(),
                    "background_percent": background.percent(),
                }
            yield Row("start", count, peer.name, figures)
        except (Failed, OSError) as failure:
            yield Row("start", count, peer.name, failure=str(failure))
