"""The machine's own limits of runs per second: nothing recorded, and two durable rows for each run."""

import os
import subprocess
from collections.abc import Iterator

from account import Background
from parts.settings import Settings
from peers.peer import Peer
from places import SPAWN, SUPERVISOR, TICK, WORK
from results import Row

# Runs that the one that records keeps going: half of them share a sync, so more of them hardly make it faster.
AT_ONCE = 64
# Its name in the tables: what peers with a history are measured against.
RECORDING = "spawn, capture, record"


def limits(_: list[Peer], runs: int, __: Settings) -> Iterator[Row]:
    """Does `runs` runs by each of the limits."""
    cores = os.cpu_count() or 1
    stamps = WORK / "limit.stamps"
    database = WORK / "limit.db"
    commands = {
        "spawn and wait, one core": [SPAWN, TICK, stamps, runs, 1],
        f"spawn and wait, {cores} cores": [SPAWN, TICK, stamps, runs, cores],
        RECORDING: [SUPERVISOR, TICK, stamps, runs, AT_ONCE, database],
    }
    for name, command in commands.items():
        clear()
        background = Background()
        try:
            said = subprocess.run(
                [str(word) for word in command], check=True, capture_output=True, text=True, start_new_session=True
            ).stdout
            per_s, cpu_ms = (float(word) for word in said.split())
            figures = {
                "runs_per_s": per_s,
                "cpu_ms_per_run": cpu_ms,
                # That of the limit itself is a part of what the machine did.
                "machine_percent": background.percent(),
            }
            yield Row("limits", runs, name, figures)
        except (OSError, subprocess.CalledProcessError) as failure:
            yield Row("limits", runs, name, failure=str(failure))
        finally:
            clear()


def clear() -> None:
    """Removes what a limit wrote."""
    for file in WORK.glob("limit.*"):
        file.unlink()
