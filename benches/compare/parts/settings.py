"""How long and how large the measurements are."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """The same for all peers and rounds."""

    # How long daemons are watched that have nothing to do: a minute, so that it holds one look of those that look then.
    idle_s: int = 60


FULL = Settings()
QUICK = Settings(idle_s=15)
