"""Fetches the peers from their registries and compiles the bare limits. Nothing is installed outside target/compare.

A source is done once: its stamp holds what was asked for, so that another version in the tables below fetches anew.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from places import CRATES, DEBIAN, HERE, MADE, NPM, PROGRAMS, PYPI, REPOSITORY, WORK

# Debian's are those of the machine's own release, and are not installed: crons refuse to stand beside each other.
DEBIAN_PACKAGES = ["cron", "bcron", "libbg2", "busybox-static"]
CRATES_WANTED = {"flashcron": "0.1.0", "koku": "0.1.0"}
PYPI_WANTED = {
    "cronstable": ["cronstable[speedups]==1.2.72"],
    "apscheduler": ["APScheduler==3.11.3", "SQLAlchemy==2.1.9"],
}
NPM_WANTED = {"croner": "11.0.1", "node-cron": "4.6.0"}

STATIC_PROGRAMS = {"tick": HERE.parent / "tick.c", "flood": HERE / "limits" / "flood.c"}
LINKED_PROGRAMS = {
    "floor": (HERE / "limits" / "floor.c", ["-pthread"]),
    "spawn": (HERE / "limits" / "spawn.c", []),
    "supervisor": (HERE / "limits" / "supervisor.c", ["-lsqlite3"]),
}

VERSIONS = MADE / "versions.json"
LOG = MADE / "install.log"


def everything() -> dict[str, str]:
    """Fetches and compiles what is not there yet. Returns the sources that failed, with the reason of each."""
    MADE.mkdir(parents=True, exist_ok=True)
    LOG.write_bytes(b"")
    failures = {}
    sources = {
        "limits": (limits, {}),
        "debian": (debian, DEBIAN_PACKAGES),
        "crates": (crates, CRATES_WANTED),
        "pypi": (pypi, PYPI_WANTED),
        "npm": (npm, NPM_WANTED),
    }
    for source, (fetch, wanted) in sources.items():
        stamp = MADE / f"{source}.stamp"
        text = json.dumps(wanted)
        if source != "limits" and stamp.exists() and stamp.read_text() == text:
            continue
        print(f"fetching: {source}", file=sys.stderr)
        try:
            fetch()
            stamp.write_text(text)
        except (OSError, subprocess.CalledProcessError) as error:
            failures[source] = f"{error} (see {LOG})"
    return failures


def versions() -> dict[str, str]:
    """The versions that are measured, by the name of the package."""
    return {
        **(json.loads(VERSIONS.read_text()) if VERSIONS.exists() else {}),
        **CRATES_WANTED,
        **NPM_WANTED,
        **{name: wanted[0].split("==")[1] for name, wanted in PYPI_WANTED.items()},
    }


def freshd(program: str | None) -> Path:
    """The freshd to measure: the one named, else the one that this repository builds in release."""
    if program:
        return Path(program).resolve()
    run(["cargo", "build", "--release", "--locked"], REPOSITORY)
    return REPOSITORY / "target" / "release" / "freshd"


def limits() -> None:
    """Compiles the jobs and the bare limits."""
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    WORK.mkdir(mode=0o700, parents=True, exist_ok=True)
    warnings = ["-std=gnu11", "-O2", "-Wall", "-Wextra"]
    for name, source in STATIC_PROGRAMS.items():
        run(["cc", *warnings, "-static", "-o", str(PROGRAMS / name), str(source)])
    for name, (source, libraries) in LINKED_PROGRAMS.items():
        run(["cc", *warnings, "-o", str(PROGRAMS / name), str(source), *libraries])


def debian() -> None:
    """Unpacks Debian's packages, of the version that apt would install."""
    shutil.rmtree(DEBIAN, ignore_errors=True)
    DEBIAN.mkdir(parents=True)
    run(["apt-get", "update", "-qq"])
    run(["apt-get", "download", "-qq", *DEBIAN_PACKAGES], DEBIAN)
    unpacked = {}
    for package in sorted(DEBIAN.glob("*.deb")):
        run(["dpkg-deb", "--extract", str(package), str(DEBIAN)])
        fields = subprocess.run(
            ["dpkg-deb", "--field", str(package), "Package", "Version"], check=True, capture_output=True, text=True
        ).stdout
        name, version = (line.split(": ", 1)[1] for line in fields.splitlines())
        unpacked[name] = version
    VERSIONS.write_text(json.dumps(unpacked))


def crates() -> None:
    """Builds the crates in release, as `cargo install` does by default."""
    for name, version in CRATES_WANTED.items():
        target = {**os.environ, "CARGO_TARGET_DIR": str(MADE / "crates-build")}
        run(["cargo", "install", name, "--version", version, "--locked", "--root", str(CRATES)], env=target)
    shutil.rmtree(MADE / "crates-build", ignore_errors=True)


def pypi() -> None:
    """Makes one virtual environment for each package."""
    for name, wanted in PYPI_WANTED.items():
        run([sys.executable, "-m", "venv", "--clear", str(PYPI / name)])
        run([str(PYPI / name / "bin" / "pip"), "install", "-q", *wanted])


def npm() -> None:
    """Installs the packages of node."""
    NPM.mkdir(parents=True, exist_ok=True)
    (NPM / "package.json").write_text('{ "private": true }\n')
    run(
        ["npm", "install", "--no-audit", "--no-fund", *(f"{name}@{version}" for name, version in NPM_WANTED.items())],
        NPM,
    )


def run(argv: list[str], directory: Path = MADE, env: dict[str, str] | None = None) -> None:
    """Runs a command and keeps what it says in the log. Raises CalledProcessError when it fails."""
    with LOG.open("ab") as log:
        log.write(f"$ {' '.join(argv)}\n".encode())
        log.flush()
        subprocess.run(argv, cwd=directory, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)
