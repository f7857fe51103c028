-- What freshd remembers.
--
-- Reading guide
--   * `..._at_us`, `..._us`: an instant, in whole microseconds since 1970-01-01T00:00:00Z. Finer parts are cut off.
--   * `..._boot_ms`: CLOCK_BOOTTIME in milliseconds; means something only within the boot named beside it.
--   * A closed set of words is held by a CHECK; the words are the same in JSON and on the command line. It is spelled
--     with OR, because SQLite makes a temporary table for each IN of more than two, with each row that is written.
--   * Lists and nested records are JSON text: they are read whole or not at all, never searched.
--   * A row is a fact as of its last change. Rows are replaced as a whole; nothing here is computed from other rows.
--
-- What may never happen is refused here, not only in the code above it: an occurrence with two runs, an attempt that
-- exists twice, two versions of one number, two unresolved incidents of one problem. Two rules more ("a final run keeps
-- its outcome", "a cursor only moves back to where the clock was confirmed") are conditions of the one statement that writes these tables, because a
-- trigger would make SQLite keep a journal of its own for every single row.

-- One row that belongs to the directory itself.
CREATE TABLE state_directory (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    -- Drawn when the directory was made; all seeds derive from it. Its 64 bits are unsigned, kept as a signed number.
    seed INTEGER NOT NULL,
    -- Latest instant that any row below calls past. A wall clock that is earlier is wrong, or those rows are: when an
    -- operator confirms the clock, this is set back to that instant, and counts on from there.
    newest_record_at_us INTEGER,
    -- Counts the transactions that held more than signs of life and looks of probes. `freshd.seen` beside the database
    -- holds the same number: a database that has come less far is an older one, or has lost its log.
    changes INTEGER NOT NULL DEFAULT 0,
    -- Counts the self-tests that wrote here.
    health_writes INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Long texts that many rows repeat (digests of configurations, boot ids), kept once.
-- Rows point here by number. It is not declared as a foreign key: the check would be repeated with each change of a
-- row, and a text is removed only when no row has its number, after a look at all of them.
CREATE TABLE texts (
    number INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

-- Configurations that were accepted: each distinct text once ...
CREATE TABLE settings (
    digest TEXT PRIMARY KEY,
    -- [[file, text], ...]
    files TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- ... and each time one was accepted, in the order in which it happened.
CREATE TABLE acceptances (
    number INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL,
    digest TEXT NOT NULL REFERENCES settings (digest),
    by TEXT NOT NULL,
    UNIQUE (digest, at_us)
) STRICT;

-- What is remembered of a job between its runs.
CREATE TABLE jobs (
    job TEXT PRIMARY KEY,
    -- Latest occurrence about which something was decided. Never moves back, except to `clock_confirmations.at_us`.
    cursor_us INTEGER NOT NULL,
    -- The definition the cursor belongs to.
    digest TEXT NOT NULL,
    -- Set together while the job is paused.
    paused_by TEXT,
    paused_because TEXT,
    paused_since_us INTEGER,
    CHECK ((paused_by IS NULL) = (paused_since_us IS NULL)),
    CHECK ((paused_by IS NULL) = (paused_because IS NULL))
) STRICT, WITHOUT ROWID;

-- What was done about one occurrence or trigger, also when nothing was started.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    job TEXT NOT NULL,
    trigger TEXT NOT NULL
        CHECK (trigger = 'schedule' OR trigger = 'catch-up' OR trigger = 'retry-by-hand' OR trigger = 'input'
            OR trigger = 'manual'),
    -- The occurrence it is about. Nothing for a run by hand or by input; nothing any more when a wrong clock took it for
    -- a time still to come, which `reason` then names.
    due_at_us INTEGER,
    due_until_us INTEGER,
    occurrences INTEGER NOT NULL,
    nominal TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state = 'waiting' OR state = 'running' OR state = 'backing_off' OR state = 'judging'
            OR state = 'final'),
    outcome TEXT
        CHECK (outcome = 'succeeded' OR outcome = 'failed' OR outcome = 'timed_out' OR outcome = 'killed'
            OR outcome = 'cancelled' OR outcome = 'rejected' OR outcome = 'spawn_failed' OR outcome = 'lost'
            OR outcome = 'missed' OR outcome = 'skipped'),
    reason TEXT,
    attempts INTEGER NOT NULL,
    seed INTEGER NOT NULL,
    created_at_us INTEGER NOT NULL,
    started_at_us INTEGER,
    ended_at_us INTEGER,
    retry_at_us INTEGER,
    retry_boot_ms INTEGER,
    -- Number in `texts`: the boot of `retry_boot_ms`.
    boot INTEGER,
    exit_code INTEGER,
    signal INTEGER,
    version INTEGER,
    by TEXT,
    -- {by, because, at} of whoever published what its last attempt made, although it was kept aside. The outcome stays.
    released TEXT,
    args TEXT NOT NULL,
    inputs TEXT NOT NULL,
    -- Number in `texts`: digest of the configuration it was started under.
    settings INTEGER NOT NULL,
    -- W3C trace id of the chain that it goes on; nothing for a run that begins one, whose id follows from its seed.
    trace TEXT,
    -- {runs, since} of those of its job that failed before it in a row, where it has failed, too.
    failed_before TEXT,
    CHECK ((state = 'final') = (outcome IS NOT NULL))
) STRICT;

-- The guard against double starts: an occurrence has one run.
CREATE UNIQUE INDEX runs_by_occurrence ON runs (job, due_at_us) WHERE due_at_us IS NOT NULL;
-- A job's runs, newest first.
CREATE INDEX runs_by_job ON runs (job, id);
-- A job's last run that really was one, however many occurrences were left out since.
CREATE INDEX runs_done_by_job ON runs (job, id) WHERE outcome NOT IN ('missed', 'skipped');
-- What goes on; always small.
CREATE INDEX runs_unfinished ON runs (id) WHERE state <> 'final';
-- What did not go well, newest first; the job is added so that one job's can be told without its rows.
CREATE INDEX runs_unsuccessful ON runs (outcome, id, job) WHERE outcome <> 'succeeded';

-- One process started for a run.
CREATE TABLE attempts (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    job TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state = 'claimed' OR state = 'started' OR state = 'ended'),
    claimed_at_us INTEGER NOT NULL,
    -- Number in `texts`.
    boot INTEGER NOT NULL,
    started_at_us INTEGER,
    ended_at_us INTEGER,
    pid INTEGER,
    outcome TEXT
        CHECK (outcome = 'succeeded' OR outcome = 'failed' OR outcome = 'timed_out' OR outcome = 'killed'
            OR outcome = 'cancelled' OR outcome = 'rejected' OR outcome = 'spawn_failed' OR outcome = 'lost'
            OR outcome = 'missed' OR outcome = 'skipped'),
    exit_code INTEGER,
    signal INTEGER,
    reason TEXT,
    user_ms INTEGER NOT NULL,
    system_ms INTEGER NOT NULL,
    max_rss_kib INTEGER NOT NULL,
    leftovers_killed INTEGER NOT NULL,
    output_bytes INTEGER NOT NULL,
    output_dropped_bytes INTEGER NOT NULL,
    output_tail TEXT NOT NULL,
    -- [[key, value], ...]
    report TEXT NOT NULL,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

-- States of a dataset, accepted or refused. `run` is no foreign key: a version may outlive the history of its run.
CREATE TABLE versions (
    dataset TEXT NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state = 'publishing' OR state = 'published' OR state = 'quarantined'),
    arrived_at_us INTEGER NOT NULL,
    as_of_us INTEGER NOT NULL,
    effective_as_of_us INTEGER NOT NULL,
    limited_by_dataset TEXT,
    limited_by_number INTEGER,
    run INTEGER,
    attempt_run INTEGER,
    attempt_number INTEGER,
    inputs TEXT NOT NULL,
    rows INTEGER,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    unchanged INTEGER NOT NULL CHECK (unchanged IN (0, 1)),
    checks TEXT NOT NULL,
    reason TEXT,
    -- {bytes, modified_ns, inode} of its file where readers look; nothing while it is not known to be there.
    stamp TEXT,
    -- Where readers find it, or found it: the dataset's file as jobs.toml named it then. Text, or the bytes of a path that
    -- is not UTF-8; nothing for probed data.
    file ANY,
    -- The name of its copy below `versions/` or `quarantine/`, which is not renamed with the dataset's file.
    kept_as TEXT,
    -- {trace, settings, script, by_hand}
    provenance TEXT NOT NULL,
    -- What later versions are compared with, where rules do that. The weekday is that of the day for which it was made, in
    -- the zone of its job: 1 is Monday, 7 is Sunday. Set together.
    weekday INTEGER CHECK (weekday BETWEEN 1 AND 7),
    profile TEXT,
    CHECK ((weekday IS NULL) = (profile IS NULL)),
    UNIQUE (dataset, number),
    CHECK ((limited_by_dataset IS NULL) = (limited_by_number IS NULL)),
    CHECK ((attempt_run IS NULL) = (attempt_number IS NULL))
) STRICT;

-- What a run made, which goes when the run is forgotten.
CREATE INDEX versions_by_run ON versions (run, dataset, number);
-- A dataset's newest versions of each state.
CREATE INDEX versions_by_state ON versions (dataset, state, number);

-- What a candidate is compared with; empty for datasets whose rules do not compare.
CREATE INDEX versions_by_weekday ON versions (dataset, weekday, number)
    WHERE weekday IS NOT NULL AND state = 'published';

-- Promised deliveries; laid down ahead of time.
CREATE TABLE slots (
    dataset TEXT NOT NULL,
    due_at_us INTEGER NOT NULL,
    opens_at_us INTEGER NOT NULL,
    warn_at_us INTEGER NOT NULL,
    deadline_us INTEGER NOT NULL,
    covers_us INTEGER,
    state TEXT NOT NULL
        CHECK (state = 'pending' OR state = 'met' OR state = 'late' OR state = 'missed' OR state = 'recovered'
            OR state = 'excused' OR state = 'withdrawn'),
    version INTEGER,
    decided_at_us INTEGER,
    -- Why it was excused or withdrawn, or that it stands for others too.
    reason TEXT,
    PRIMARY KEY (dataset, due_at_us)
) STRICT, WITHOUT ROWID;

-- Deliveries still waited for; always small.
CREATE INDEX slots_undecided ON slots (dataset, due_at_us) WHERE state IN ('pending', 'late');

-- What the probe of a dataset last saw, or a look at a published file that others had changed; only the last is kept.
CREATE TABLE observations (
    dataset TEXT PRIMARY KEY,
    at_us INTEGER NOT NULL,
    -- `cannot_tell` says why in `reason`.
    found TEXT NOT NULL CHECK (found = 'data' OR found = 'nothing' OR found = 'cannot_tell'),
    bytes INTEGER,
    rows INTEGER,
    sha256 TEXT,
    as_of_us INTEGER,
    reason TEXT,
    -- Text, or the bytes of a path that is not UTF-8.
    path ANY,
    CHECK ((found = 'data') = (bytes IS NOT NULL)),
    CHECK ((found = 'data') = (sha256 IS NOT NULL)),
    CHECK ((found = 'cannot_tell') = (reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- What scripts that run elsewhere have said, in the order in which it was stored: the newest thousand of each dataset.
CREATE TABLE pings (
    number INTEGER PRIMARY KEY,
    dataset TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind = 'start' OR kind = 'success' OR kind = 'fail' OR kind = 'log'),
    exit_status INTEGER,
    -- By what the sender tells its runs apart.
    rid TEXT,
    text TEXT NOT NULL
) STRICT;

CREATE INDEX pings_by_dataset ON pings (dataset, number);

-- Since when a dataset's age is promised; no longer promised, the row is gone.
CREATE TABLE age_promises (
    dataset TEXT PRIMARY KEY,
    since_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a person expects of a dataset that its checks would find odd: the last of each. What it was used for stands with
-- the versions. `used` and `jumps` are JSON: the versions accepted meanwhile, and where checks begin to learn anew.
CREATE TABLE expectations (
    dataset TEXT PRIMARY KEY,
    because TEXT NOT NULL,
    by TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    versions INTEGER NOT NULL,
    used TEXT NOT NULL,
    jumps TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Who silenced a job or dataset, until when and why: the newest thousand of each name. The last of each may stand.
CREATE TABLE silences (
    subject TEXT NOT NULL,
    number INTEGER NOT NULL,
    by TEXT NOT NULL,
    because TEXT NOT NULL,
    from_us INTEGER NOT NULL,
    until_us INTEGER NOT NULL,
    -- Set together when it ended before its time: by whom, or for what.
    ended_at_us INTEGER,
    ended_how TEXT,
    PRIMARY KEY (subject, number),
    CHECK ((ended_at_us IS NULL) = (ended_how IS NULL))
) STRICT, WITHOUT ROWID;

-- The lives of problems. `cause` is no foreign key: a cause and its effects may be told in one step, in any order.
CREATE TABLE incidents (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL
        CHECK (kind = 'stale' OR kind = 'late' OR kind = 'unknown' OR kind = 'failed' OR kind = 'rejected'
            OR kind = 'suspect' OR kind = 'changed' OR kind = 'lost' OR kind = 'stuck' OR kind = 'channel_broken'
            OR kind = 'freshd' OR kind = 'drill'),
    -- What the subject is; a job and a dataset may share a name.
    about TEXT NOT NULL CHECK (about = 'job' OR about = 'dataset' OR about = 'freshd'),
    subject TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state = 'waiting' OR state = 'attached' OR state = 'open' OR state = 'resolved'),
    severity TEXT NOT NULL CHECK (severity IN ('warning', 'critical')),
    since_us INTEGER NOT NULL,
    -- Since when something that is told with it is not as promised, where that began before it.
    broken_since_us INTEGER,
    -- Since when it is of this kind, where something else was wrong before.
    kind_since_us INTEGER,
    -- What was wrong at first, where that is something else by now.
    first_kind TEXT,
    -- When it is told; of an open one that is later than opened_at_us: until when its end may wait for what it broke.
    notify_at_us INTEGER NOT NULL,
    opened_at_us INTEGER,
    -- {to, at} where another team has come to answer for it.
    handed_over TEXT,
    resolved_at_us INTEGER,
    -- What a person did that ended it; nothing where it ended by itself.
    resolution TEXT,
    cause INTEGER,
    reason TEXT NOT NULL,
    -- [[team, {channel, to}], ...]
    told TEXT NOT NULL,
    -- When it was told with what explained it, as [{cause, from, until}], the last at the end.
    told_with TEXT NOT NULL,
    ack_by TEXT,
    ack_at_us INTEGER,
    ack_until_us INTEGER,
    ack_note TEXT,
    -- Who had taken it on before, as [{by, at, until, note}], the oldest first.
    earlier_acks TEXT NOT NULL,
    -- Links in notifications up to this one have done their work; it may be forgotten before the incident is.
    links_used INTEGER,
    reminders INTEGER NOT NULL,
    remind_at_us INTEGER,
    escalations INTEGER NOT NULL,
    -- When it was escalated to whom, as [{at, to: [{channel, to}, ...]}], the first step first.
    escalated TEXT NOT NULL,
    -- How long a silence or planned work has kept it quiet since those who answer for it were told, as {total_ms, since}.
    rested TEXT NOT NULL,
    -- {since, times, well_since, good, good_at, spells} of one that comes and goes.
    flapping TEXT,
    -- {by, until} of a rehearsal, which is about nothing.
    drill TEXT,
    CHECK ((kind = 'drill') = (drill IS NOT NULL)),
    CHECK ((ack_by IS NULL) = (ack_at_us IS NULL)),
    CHECK ((ack_by IS NULL) = (ack_until_us IS NULL)),
    CHECK (ack_note IS NULL OR ack_by IS NOT NULL)
) STRICT;

-- One unresolved incident for a problem.
CREATE UNIQUE INDEX incidents_unresolved ON incidents (kind, about, subject) WHERE state <> 'resolved';
CREATE INDEX incidents_by_cause ON incidents (cause, id) WHERE cause IS NOT NULL;
CREATE INDEX incidents_by_subject ON incidents (subject, about, id);
-- What was there in a week: that which is not over, and that which ended since it began.
CREATE INDEX incidents_by_end ON incidents (resolved_at_us);

-- The outbox: messages stored with the facts that caused them.
CREATE TABLE notifications (
    id INTEGER PRIMARY KEY,
    incident INTEGER REFERENCES incidents (id) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    address TEXT,
    -- The words, rendered once: the first that are stored stay.
    message TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state = 'pending' OR state = 'delivered' OR state = 'dead' OR state = 'collapsed'),
    tries INTEGER NOT NULL,
    next_try_at_us INTEGER NOT NULL,
    created_at_us INTEGER NOT NULL,
    ended_at_us INTEGER,
    last_error TEXT,
    -- What the other side calls it, where others follow it in a thread.
    receipt TEXT,
    -- The notification that tells of this one in its stead. It may be forgotten before this one is.
    digest INTEGER
) STRICT;

CREATE INDEX notifications_by_incident ON notifications (incident, id);
-- What is about no incident, by where it goes.
CREATE INDEX notifications_about_none ON notifications (channel, address, id) WHERE incident IS NULL;
-- What is still to be sent.
CREATE INDEX notifications_pending ON notifications (id) WHERE state = 'pending';
-- What was given up.
CREATE INDEX notifications_dead ON notifications (id) WHERE state = 'dead';

-- Tries at sending.
CREATE TABLE deliveries (
    notification INTEGER NOT NULL REFERENCES notifications (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome = 'accepted' OR outcome = 'temporary' OR outcome = 'unreachable'
            OR outcome = 'permanent' OR outcome = 'unsent'),
    error TEXT,
    retry_after_seconds INTEGER,
    PRIMARY KEY (notification, number),
    CHECK ((outcome = 'accepted') = (error IS NULL))
) STRICT, WITHOUT ROWID;

-- Addresses that take nothing, or get what waits for them in one message after the other.
CREATE TABLE addresses (
    channel TEXT NOT NULL,
    -- Whom to reach through it; empty where the channel says that.
    address TEXT NOT NULL,
    -- Since when it takes nothing, how many tries have failed in a row, and what it last said.
    since_us INTEGER,
    failed INTEGER,
    error TEXT,
    next_try_at_us INTEGER,
    -- The notification that was tried last. It may be forgotten before the address takes one.
    tried_last INTEGER,
    -- Two different notifications have failed in a row.
    is_certain INTEGER,
    -- The last try met no server at all.
    is_unreachable INTEGER,
    -- How many tries had failed when the last one was made at once that its server's answer to another brought.
    at_once_after INTEGER,
    -- When it gets the next message while it is caught up with, and why: {why}.
    pace_at_us INTEGER,
    pace_why TEXT,
    -- Before this, what comes here in the stead of others waits to be told together.
    next_in_stead_us INTEGER,
    -- Before this, the ends of what it knows by digests alone wait to be told together.
    next_end_at_us INTEGER,
    PRIMARY KEY (channel, address),
    CHECK (since_us IS NOT NULL OR pace_at_us IS NOT NULL OR next_in_stead_us IS NOT NULL
        OR next_end_at_us IS NOT NULL),
    CHECK ((since_us IS NULL) = (failed IS NULL)),
    CHECK ((since_us IS NULL) = (error IS NULL)),
    CHECK ((since_us IS NULL) = (next_try_at_us IS NULL)),
    CHECK ((since_us IS NULL) = (tried_last IS NULL)),
    CHECK ((since_us IS NULL) = (is_certain IS NULL)),
    CHECK (since_us IS NOT NULL OR at_once_after IS NULL),
    CHECK ((since_us IS NULL) = (is_unreachable IS NULL)),
    CHECK ((pace_at_us IS NULL) = (pace_why IS NULL))
) STRICT, WITHOUT ROWID;

-- Up to when each team has got its weekly report, whether or not anything was sent.
CREATE TABLE weekly_reports (
    team TEXT PRIMARY KEY,
    until_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The daemon's own lives; what lies between two is its downtime.
CREATE TABLE lives (
    number INTEGER PRIMARY KEY,
    started_at_us INTEGER NOT NULL,
    seen_at_us INTEGER NOT NULL,
    ended_at_us INTEGER,
    boot_id TEXT NOT NULL,
    version TEXT NOT NULL,
    -- The last downtime that is told by one message to each address: from when until when, and until when messages are
    -- gathered for it. A life that is cut short while it gathers leaves it to the next one.
    down_from_us INTEGER,
    down_until_us INTEGER,
    gathers_until_us INTEGER,
    -- Promised deliveries whose deadlines fell into it: missed, late, and those of which nobody can tell.
    down_missed INTEGER,
    down_late INTEGER,
    down_unknown INTEGER,
    CHECK ((down_from_us IS NULL) = (down_until_us IS NULL) AND (down_from_us IS NULL) = (gathers_until_us IS NULL)),
    CHECK ((down_from_us IS NULL) = (down_missed IS NULL) AND (down_from_us IS NULL) = (down_late IS NULL)
        AND (down_from_us IS NULL) = (down_unknown IS NULL))
) STRICT;

-- The wall clock was set; in the order in which it happened.
CREATE TABLE clock_steps (
    number INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL,
    by_ms INTEGER NOT NULL,
    UNIQUE (at_us, by_ms)
) STRICT;

-- An operator said that the clock is right, although it was earlier than the newest record. What was recorded for later
-- than `at_us` before this row was recorded by a wrong clock.
CREATE TABLE clock_confirmations (
    number INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL UNIQUE,
    newest_record_at_us INTEGER NOT NULL,
    by TEXT NOT NULL,
    because TEXT NOT NULL
) STRICT;

-- What [history] has removed of a job, for whoever looks for it.
CREATE TABLE forgotten (
    job TEXT PRIMARY KEY,
    -- When the last run that is gone had ended, and what it was beyond. Set together.
    runs_until_us INTEGER,
    runs_limit TEXT CHECK (runs_limit = 'keep' OR runs_limit = 'runs'),
    -- The last run whose output is gone although the run is not, when that was decided, and why. Set together.
    logs_until_run INTEGER,
    logs_at_us INTEGER,
    logs_limit TEXT CHECK (logs_limit = 'logs' OR logs_limit = 'logs_total'),
    CHECK ((runs_until_us IS NULL) = (runs_limit IS NULL)),
    CHECK ((logs_until_run IS NULL) = (logs_limit IS NULL)),
    CHECK ((logs_until_run IS NULL) = (logs_at_us IS NULL))
) STRICT, WITHOUT ROWID;

-- The records went on from a backup, or began anew, in the order in which it happened. What was recorded between
-- `from_us` and `until_us` is lost.
CREATE TABLE restorations (
    number INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL UNIQUE,
    -- The newest record that was there then; nothing when the records began anew.
    from_us INTEGER,
    until_us INTEGER NOT NULL,
    -- File in `backup/`; nothing when there was none, or when a file was put in place by hand.
    backup TEXT,
    because TEXT NOT NULL,
    -- The file that the database before was renamed to.
    set_aside TEXT,
    -- How far that had come, as JSON; nothing when nobody noted it.
    seen TEXT,
    -- When a start had decided what follows, and everybody was told; nothing while that is to be done.
    taken_up_at_us INTEGER,
    -- The highest run number that may have been used by then, which no run here need have; nothing before that start.
    last_run INTEGER
) STRICT;
