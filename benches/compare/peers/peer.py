"""What the comparison has to know of a peer: how it is set up, started, and asked what it remembers."""

import socket
from collections.abc import Callable
from pathlib import Path

import install
from jobs import Job


class Peer:
    """One supervisor. Its class says what it is, `prepare` writes its configuration."""

    # As on the command line and in the tables.
    name: str
    # Where it is fetched from, and the name of its package there.
    source: str
    package: str
    # Whether it knows seconds; if not, its jobs are due each minute.
    seconds = False
    # What of a run it still knows after a restart; empty: nothing.
    history = ""
    # A bare limit is measured like a peer, and is none.
    is_limit = False

    def version(self) -> str:
        """The version that is measured."""
        return install.versions().get(self.package, "")

    def missing(self) -> str:
        """Why it cannot be measured on this machine; empty when it can."""
        raise NotImplementedError

    def prepare(self, directory: Path, jobs: list[Job], env: dict[str, str]) -> list[str]:
        """Writes its configuration into `directory`, completes `env`, and returns the command of the daemon."""
        raise NotImplementedError

    def recorded(self, directory: Path) -> Callable[[int], int] | None:
        """A question to its history: how many runs due at a second (since 1970) are recorded as ended.

        Asked again and again beside the daemon, so it has to be cheap. None where nothing is remembered.
        """
        return None

    def clean(self, directory: Path) -> None:
        """Undoes what ending its processes does not."""


def absent(*programs: Path) -> str:
    """Says which of these files is not there."""
    missing = [str(program) for program in programs if not program.exists()]
    return f"no {', '.join(missing)}" if missing else ""


def free_port() -> int:
    """A port of the loopback interface on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def write(file: Path, text: str, mode: int = 0o644) -> None:
    """Writes a file with its directory."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(mode)
