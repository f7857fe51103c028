"""One daemon of a peer: started in a cgroup and a directory of its own, awaited, and ended with all that it started."""

import os
import shutil
import subprocess
import time
from collections import deque
from dataclasses import dataclass

from account import Account
from jobs import Job
from peers.peer import Peer
from places import WORK

# It is ready when it has used less than one in a hundred of a core for so long.
QUIET_S = 0.4
QUIET_SHARE = 0.01
LOOK_S = 0.02
# Longest wait for that.
READY_WAIT_MAX_S = 240

# What a daemon inherits: enough to find programs, and nothing by which the machine's own settings reach it.
ENVIRONMENT = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


class Failed(Exception):
    """A peer that could not be measured, with the reason."""


@dataclass(frozen=True)
class Ready:
    """From exec until everything was read and the daemon waits."""

    after_s: float
    cpu_ms: float


class Daemon:
    """A running daemon. Use it with `with`, so that nothing is left behind."""

    def __init__(self, peer: Peer, jobs: list[Job], part: str) -> None:
        name = f"{peer.name}-{part}"
        self.peer = peer
        self.jobs = jobs
        self.directory = WORK / name
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.account = Account(name)
        self.process: subprocess.Popen[bytes] | None = None
        self.begun = 0.0

    def __enter__(self) -> "Daemon":
        try:
            env = {**ENVIRONMENT, "HOME": str(self.directory)}
            argv = self.peer.prepare(self.directory, self.jobs, env)
            # The shell enters the cgroup and becomes the daemon, so that not even its exec is counted elsewhere.
            enter = f'echo $$ > "{self.account.directory}/cgroup.procs" && exec "$@"'
            with (self.directory / "daemon.log").open("wb") as log:
                self.begun = time.monotonic()
                self.process = subprocess.Popen(
                    ["sh", "-c", enter, "sh", *argv],
                    cwd=self.directory,
                    env=env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.account.end()
        self.peer.clean(self.directory)
        if self.process:
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def alive(self) -> bool:
        """Whether it, or anything that it put into the background, lives."""
        return self.process is not None and (self.process.poll() is None or bool(self.account.pids()))

    def wait_ready(self) -> Ready:
        """Waits until it is quiet. Raises Failed when it ends before, or does not become quiet."""
        seen: deque[tuple[float, float]] = deque()
        while (now := time.monotonic()) - self.begun < READY_WAIT_MAX_S:
            if not self.alive():
                raise Failed(f"it ended: {self.log_end()}")
            cpu_s = self.account.cpu_s()
            seen.append((now, cpu_s))
            while now - seen[0][0] > QUIET_S:
                quiet_since, cpu_then_s = seen.popleft()
                if cpu_s - cpu_then_s < QUIET_SHARE * QUIET_S:
                    return Ready(quiet_since - self.begun, cpu_s * 1e3)
            time.sleep(LOOK_S)
        raise Failed(f"it was not quiet within {READY_WAIT_MAX_S} s: {self.log_end()}")

    def log_end(self) -> str:
        """The last that it said."""
        text = (self.directory / "daemon.log").read_text(errors="replace").strip()
        return " ".join(text[-300:].split()) or "it said nothing"
