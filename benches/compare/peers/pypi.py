"""Schedulers from PyPI: cronstable, which keeps a history, and APScheduler, which keeps its jobs."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from jobs import Job
from peers.peer import Peer, absent, free_port, write
from places import DRIVERS, PYPI


class Cronstable(Peer):
    """cronstable with what comes nearest to freshd: durable state, output captured, and its interface on."""

    name = "cronstable"
    source = "PyPI"
    package = "cronstable"
    seconds = True
    history = "runs (a file each, written after the end)"

    def missing(self) -> str:
        return absent(PYPI / "cronstable/bin/cronstable")

    def prepare(self, directory: Path, jobs: list[Job], env: dict[str, str]) -> list[str]:
        text = f"state:\n  path: {directory}/state\nweb:\n  listen:\n    - http://127.0.0.1:{free_port()}\n"
        if jobs:
            text += "jobs:\n"
        for job in jobs:
            # A list is executed as it is. Of its seven fields the last is the year.
            text += f"  - name: {job.name}\n    command:\n"
            text += "".join(f"      - {json.dumps(word)}\n" for word in job.argv)
            text += f'    schedule: "{job.when.cron6()} *"\n    captureStdout: true\n'
        write(directory / "cronstable.yaml", text)
        return [f"{PYPI}/cronstable/bin/cronstable", "-c", f"{directory}/cronstable.yaml"]

    def recorded(self, directory: Path) -> Callable[[int], int]:
        records = directory / "state" / "default" / "records"

        def count(due_s: int) -> int:
            # A record's name begins with the time at which it was made.
            names = (name for job in records.glob("runs%2F*") for name in os.listdir(job))
            return sum(float(name.split("-")[0]) >= due_s for name in names)

        return count


class Apscheduler(Peer):
    """APScheduler with its jobs in SQLite: due times survive a restart, runs are not recorded."""

    name = "apscheduler"
    source = "PyPI"
    package = "apscheduler"
    seconds = True

    def missing(self) -> str:
        return absent(PYPI / "apscheduler/bin/python")

    def prepare(self, directory: Path, jobs: list[Job], env: dict[str, str]) -> list[str]:
        lines = "".join(f"{job.when.cron6()}\t{chr(9).join(job.argv)}\n" for job in jobs)
        write(directory / "jobs.tsv", lines)
        driver = DRIVERS / "apscheduler_jobs.py"
        return [f"{PYPI}/apscheduler/bin/python", str(driver), f"{directory}/jobs.tsv", f"{directory}/jobs.db"]
