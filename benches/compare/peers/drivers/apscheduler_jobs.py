"""apscheduler_jobs.py JOBS DATABASE: starts each job of a list when APScheduler says so; its jobs lie in SQLite.

A line of the list is a cron line of six fields, the program and its arguments, parted by tabs.
"""

import subprocess
import sys

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger

THREADS = 20
# Its own limit, one second, would drop most of what is due at once.
MISFIRE_GRACE_S = 50


def start(argv: list[str]) -> None:
    """Runs a job to its end and takes its output."""
    subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def main(jobs: str, database: str) -> None:
    """Schedules everything, and stays."""
    scheduler = BlockingScheduler(
        jobstores={"default": SQLAlchemyJobStore(url=f"sqlite:///{database}")},
        executors={"default": ThreadPoolExecutor(THREADS)},
        job_defaults={"misfire_grace_time": MISFIRE_GRACE_S, "coalesce": True},
        timezone="UTC",
    )
    with open(jobs, encoding="utf-8") as lines:
        for line in lines:
            schedule, *argv = line.rstrip("\n").split("\t")
            second, minute, hour, day, month, _ = schedule.split()
            trigger = CronTrigger(second=second, minute=minute, hour=hour, day=day, month=month, timezone="UTC")
            scheduler.add_job(start, trigger, [argv], id=argv[-1])
    scheduler.start()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
