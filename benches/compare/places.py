"""Where things lie: everything that the comparison makes is below target/compare."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
MADE = REPOSITORY / "target" / "compare"

# Programs of the bare limits and of the jobs, compiled from limits/ and from benches/tick.c.
PROGRAMS = MADE / "programs"
# What came from registries: one directory for each of them.
DEBIAN = MADE / "peers" / "debian"
CRATES = MADE / "peers" / "crates"
PYPI = MADE / "peers" / "pypi"
NPM = MADE / "peers" / "npm"
# One directory for each daemon while it is measured.
WORK = MADE / "work"

TICK = PROGRAMS / "tick"
FLOOD = PROGRAMS / "flood"
FLOOR = PROGRAMS / "floor"
SPAWN = PROGRAMS / "spawn"
SUPERVISOR = PROGRAMS / "supervisor"
DRIVERS = HERE / "peers" / "drivers"
