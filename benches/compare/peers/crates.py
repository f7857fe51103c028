"""Job schedulers from crates. Both run what a crontab would; what they know of a run is gone with their process."""

import json
from pathlib import Path

from jobs import Job
from peers.peer import Peer, absent, write
from places import CRATES


class Flashcron(Peer):
    """flashcron: cron lines in TOML."""

    name = "flashcron"
    source = "crates"
    package = "flashcron"

    def missing(self) -> str:
        return absent(CRATES / "bin/flashcron")

    def prepare(self, directory: Path, jobs: list[Job], env: dict[str, str]) -> list[str]:
        # Its 0, documented as without limit, ends it at its start; a large number does not.
        text = '[settings]\nlog_level = "info"\nmax_concurrent_jobs = 100000\n[jobs]\n'
        for job in jobs:
            text += f'[jobs.{job.name}]\nschedule = "{job.when.cron5()}"\ncommand = {json.dumps(job.shell())}\n'
        write(directory / "flashcron.toml", text)
        return [f"{CRATES}/bin/flashcron", "run", "-c", f"{directory}/flashcron.toml", "--foreground"]


class Koku(Peer):
    """koku: looks once a second what is due."""

    name = "koku"
    source = "crates"
    package = "koku"

    def missing(self) -> str:
        return absent(CRATES / "bin/koku")

    def prepare(self, directory: Path, jobs: list[Job], env: dict[str, str]) -> list[str]:
        text = "".join(
            f'[[job]]\nname = "{job.name}"\ncron = "{job.when.cron5()}"\ncommand = {json.dumps(job.shell())}\n'
            for job in jobs
        )
        write(directory / "config" / "koku" / "config.toml", text or "job = []\n")
        for kind in ("CONFIG_HOME", "STATE_HOME", "DATA_HOME", "RUNTIME_DIR"):
            place = directory / kind.split("_")[0].lower()
            place.mkdir(exist_ok=True)
            env[f"XDG_{kind}"] = str(place)
        return [f"{CRATES}/bin/koku", "daemon", "run"]
