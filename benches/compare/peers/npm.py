"""Schedulers of node. They are libraries: a driver starts each job as a process, and nothing is remembered."""

import shutil
import subprocess
from pathlib import Path

from jobs import Job
from peers.peer import Peer, absent, write
from places import DRIVERS, NPM


class NodeLibrary(Peer):
    """What both have in common."""

    source = "npm"
    seconds = True
    driver: str

    def version(self) -> str:
        node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()
        return f"{super().version()}, node {node}"

    def missing(self) -> str:
        return absent(NPM / "node_modules" / self.package) if shutil.which("node") else "no node"

    def prepare(self, directory: Path, jobs: list[Job], env: dict[str, str]) -> list[str]:
        lines = "".join(f"{job.when.cron6()}\t{chr(9).join(job.argv)}\n" for job in jobs)
        write(directory / "jobs.tsv", lines)
        env["NODE_PATH"] = str(NPM / "node_modules")
        return ["node", str(DRIVERS / self.driver), str(directory / "jobs.tsv")]


class Croner(NodeLibrary):
    """croner."""

    name = package = "croner"
    driver = "croner.cjs"


class NodeCron(NodeLibrary):
    """node-cron."""

    name = package = "node-cron"
    driver = "node-cron.cjs"
