"""The floor of start lateness, measured like a peer: it starts programs at a time, and does nothing else."""

import os
from pathlib import Path

from jobs import Job
from peers.peer import Peer, absent
from places import FLOOR

# Longer than any measurement.
NEVER_S = 10**9


class Floor(Peer):
    """limits/floor.c with as many threads as there are cores."""

    name = "floor"
    source = "limits/floor.c"
    seconds = True
    is_limit = True

    def version(self) -> str:
        return ""

    def missing(self) -> str:
        return absent(FLOOR)

    def prepare(self, directory: Path, jobs: list[Job], env: dict[str, str]) -> list[str]:
        period_s = NEVER_S if not jobs or jobs[0].when.period_s is None else jobs[0].when.period_s
        tick, stamps = jobs[0].argv[:2] if jobs else ("none", "none")
        return [str(FLOOR), str(period_s), str(len(jobs)), tick, stamps, str(os.cpu_count())]
