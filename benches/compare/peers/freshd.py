"""freshd itself, as it is installed: history on, state on a real disk."""

import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

from jobs import Job
from peers.peer import Peer, absent, write

# A file of a configuration may have 1 MiB.
JOBS_PER_FILE = 2_000

ROOT = """timezone = "UTC"
run_as_root = true
include = ["jobs.d/*.toml"]

[fallback]
notify = ["outbox"]

[channels.outbox]
type = "file"
dir = "outbox"

[teams.compare]
notify = ["outbox"]
"""


class Freshd(Peer):
    """The subject of the comparison."""

    name = "freshd"
    source = "this repository"
    seconds = True
    history = "runs, output, decisions (SQLite, synced before each start)"
    # Set before anything is measured.
    program = Path()

    def version(self) -> str:
        said = subprocess.run([self.program, "--version"], check=True, capture_output=True, text=True).stdout
        return said.split()[-1]

    def missing(self) -> str:
        return absent(self.program)

    def prepare(self, directory: Path, jobs: list[Job], env: dict[str, str]) -> list[str]:
        write(directory / "jobs.toml", ROOT, 0o600)
        # A pattern that matches nothing is a warning.
        write(directory / "jobs.d" / "none.toml", "", 0o600)
        for first in range(0, len(jobs), JOBS_PER_FILE):
            text = "".join(map(section, jobs[first : first + JOBS_PER_FILE]))
            write(directory / "jobs.d" / f"{first:05d}.toml", text, 0o600)
        return self.serve(directory)

    def serve(self, directory: Path) -> list[str]:
        """The command of a daemon on the jobs.toml in `directory`."""
        return [str(self.program), "--config", f"{directory}/jobs.toml", "--state", f"{directory}/state", "serve"]

    def recorded(self, directory: Path) -> Callable[[int], int]:
        database = sqlite3.connect(f"file:{directory}/state/freshd.db?mode=ro", uri=True, isolation_level=None)
        # The first is cheap by an index, and no run is recorded as ended while it is not zero.
        unfinished = "SELECT count(*) FROM runs WHERE state <> 'final'"
        ended = "SELECT count(*) FROM runs WHERE due_at_us = ? AND state = 'final' AND outcome = 'succeeded'"

        def count(due_s: int) -> int:
            if database.execute(unfinished).fetchone()[0] > 0:
                return 0
            return int(database.execute(ended, (due_s * 1_000_000,)).fetchone()[0])

        return count


def section(job: Job) -> str:
    """A job as it stands in jobs.toml."""
    # A list of texts is written in TOML as in JSON.
    command = json.dumps(job.argv)
    schedule = job.when.cron6()
    return f'[jobs.{job.name}]\nowner = "compare"\ncommand = {command}\nschedule = "{schedule}"\nseconds = true\n'
