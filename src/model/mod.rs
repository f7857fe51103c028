//! The words every room speaks in: plain data, no behaviour beyond reading and printing itself.

mod ack;
mod action;
mod alert;
mod attempt;
mod channel;
mod checks;
mod conditions;
mod data;
mod dead;
mod delivery;
mod digest;
mod downtime;
mod drill;
mod escalated;
mod event;
mod expected;
mod fact;
mod first_run;
mod flapping;
mod heard;
mod history;
mod instant;
mod job;
mod keepers;
mod maintenance;
mod message;
mod missed;
mod moment;
mod name;
mod natural;
mod outage;
mod ping;
mod places;
mod plan;
mod profile;
mod provenance;
mod published;
mod purpose;
mod reading;
mod redactor;
mod refusal;
mod report;
mod rested;
mod restored;
mod run;
#[cfg(test)]
mod samples;
mod schedule;
mod secret;
mod secret_texts;
mod settings;
mod severity;
mod silence;
mod space;
mod span;
mod spread;
mod status;
mod text;
mod told_with;
mod trouble;
mod weekly;
mod web;

pub use ack::{ACK_LINK_LIFE, Ack, AckOffer, EARLIER_ACKS_MAX, NOTE_CHARS_MAX, ack_command};
pub use action::{Action, Judging, Publishing, Reply};
pub use alert::{
    About, HandedOver, Incident, IncidentState, Notification, NotificationState, ProblemKind, end_words, incident_line,
};
pub use attempt::{Attempt, AttemptSpec, AttemptState, Exit, ExitStatus, Output, StopReason, Usage};
pub use channel::{
    ALERT_LABELS, Address, Channel, ChannelKind, ChannelOff, CommandChannel, DIGEST_CHARS_USUAL, ENDS_LOOKED_AT, Login,
    MailSecurity, MailServer, REPEAT_ENDS_FOR, REPEAT_EVERY, Server,
};
pub use checks::{
    Among, Balance, BalanceRows, Band, Canary, CheckLevel, Checks, ColumnKind, ColumnRule, Doubt, Level, Pattern,
    Range, Ratio, Share, Trailer,
};
pub use conditions::{Conditions, DiskPriority, Limits, RunAs};
pub use data::{
    AgePromise, CheckResult, Judgement, Measurement, Observation, Setback, Slot, SlotState, Verdict, Version,
    VersionRef, VersionState, left_behind,
};
pub use dead::{DeadMessage, Said, is_proof, newest_of_each, proof_words, unused_words};
pub use delivery::{Delivery, DeliveryOutcome};
pub use digest::{DIGEST_EVERY_MAX, DigestLine, WhyGathered};
pub use downtime::{Comeback, DUE_COUNTED_MAX, DownDeliveries, OwnDowntime};
pub use drill::{DRILL_MARK, DRILL_MAX, DRILL_MIN, Drill, drill_end_words, drill_words};
pub use escalated::Escalated;
pub use event::{Decision, Event, Request};
pub use expected::{CheckOf, EXPECTED_VERSIONS_MAX, Expectation, Expected, ExpectedState, Jump};
pub use fact::{
    AcceptedSettings, Ahead, CLOCK_LEAP, ClockConfirmation, ClockStep, DOWNTIME_LONG, Fact, JobRecord, Life, Pause,
    Snapshot, newest_record,
};
pub use first_run::FirstRun;
pub use flapping::{FLAPPING_WITHIN, Flapping, OPENINGS_LOOKED_AT, Opened, Shown, Spell};
pub use heard::{AddressState, Heard, HeardOne, IN_STEAD_OF, Reach, ThreadRoot, Threaded, Told};
pub use history::{
    ACCEPTANCES_KEPT_MAX, Aged, AgedRun, Forgotten, Gone, HistoryLimit, HistoryLimits, HistoryRules,
    INCIDENTS_KEPT_MAX, Keep, LIVES_KEPT_MAX, Leftovers, Limit, LogsForgotten, PIECE_ROWS_MAX, Pruned,
    REFUSED_KEPT_MIN, RunsForgotten, SearchFrom, TEXTS_LEFT_MAX, first_by_halving,
};
pub use instant::Instant;
pub use job::{AlertWhen, CatchUp, CatchUpMode, Command, Job, OnStale, Overlap, Retry, RetryOn, RunPolicy};
pub use keepers::{KEEPER_JOURNAL, KEEPER_PREFIX};
pub use maintenance::{Maintenance, OpenWindow, Window, Windows};
pub use message::{
    ACKNOWLEDGED, AND_MORE, ANSWER, BY_NOW, CLOSED_BY, ESCALATED, IMPACT_THREAD, Message, MessageFact, RESENT_MARK,
    RESENT_SUBJECT_MARK, RUNBOOK, SENT_AGAIN, STILL_BROKEN, SUBJECT_MARK, TAKEN_ON, WHAT, WHY, WRONG_AGAIN,
};
pub use missed::{due_since_one_came, first_missed};
pub use moment::{hint, moment, moment_and_hint, moment_or_hint, moment_with_seconds, rounded, took};
pub use name::{AttemptId, IncidentId, Name, NotificationId, RunId, VersionNumber};
pub use natural::natural;
pub use outage::{AddressRecord, Outage, Pace};
pub use ping::{LineageWord, PING_RUN_MAX, PING_TEXT_MAX, PINGED, Ping, PingKind, PingWord, is_ping_run};
pub use places::{
    REASONS_FILE, SIDECAR_SUFFIX, hidden_name, kept_name, log_path, output_dir, quarantine_path, report_path, run_dir,
    sidecar_path, staged_path, version_path,
};
pub use plan::{Change, ChangeKind, ChangedKey, InForce, Kept, NextDue, Plan, PlannedChange, PlannedPromise};
pub use profile::{
    CODE_BYTES_MAX, CODES_MAX, COMPARED_MAX, COMPARED_MIN, ColumnProfile, Comparison, Finite, Lesson, Numbers,
    PROFILE_CODES_BYTES_MAX, PROFILE_COLUMNS_MAX, Past, Profile, WEEKDAYS, of_days,
};
pub use provenance::{ByHand, HandKind, Provenance, Script, trace_id, trace_parent};
pub use published::{Lying, Placed, Sighting, Stamp};
pub use purpose::Purpose;
pub use reading::{Compression, Encoding, FixedColumn, Format, Reading};
pub use redactor::{HIDDEN, Redactor, SECRET_BYTES_MIN};
pub use report::{REPORT_LINE_BYTES_MAX, REPORT_MALFORMED_MAX, REPORT_PAIRS_MAX, Report, parse_report, report_value};
pub use rested::Rested;
pub use restored::{Found, FoundAttempt, Restoration, Seen, Trace};
pub use run::{FailedBefore, Outcome, Released, Run, RunState, Trigger, run_document, run_line};
#[cfg(test)]
pub(crate) use samples::{
    plain_attempt, plain_dataset, plain_incident, plain_job, plain_message, plain_policy, plain_run, plain_settings,
    plain_version, under, well_for_now,
};
pub use schedule::{
    Calendar, CronFields, DayOfMonth, DayOfWeek, Occurrence, OnHoliday, OpenDays, Rule, Schedule, Skip, occurrence_line,
};
pub use secret::Secret;
pub use secret_texts::SecretTexts;
pub use settings::{
    AlertRules, AsOf, Dataset, Due, Escalation, Heartbeat, Host, Owner, Probe, ProbeTarget, Settings, System, Team,
};
pub use severity::Severity;
pub use silence::{Quiet, SILENCE_MAX, SILENCE_MIN, Silence, SilenceEnd};
pub use space::{DISK, Lack, Shortage};
pub use span::{
    Now, earlier, elapsed, format_age, format_bytes, format_duration, format_time, holds_time, later, parse_duration,
    parse_size, whole_microseconds, zone_words,
};
pub use spread::{SPREAD_STEP, spread};
pub use status::{
    DaemonState, DatasetState, GoingRun, HeartbeatState, JobState, LastRun, OpenIncident, Reads, Status, Undelivered,
};
pub use text::{both_ends, has_power, is_invisible, one_line};
pub use told_with::{HeardWith, ToldWith, reached};
pub use web::{Auth, PasswordHash, PublicUrl, Scope, TOKEN_BYTES, TOKEN_PREFIX, Token, TokenHash, User, Web};
pub use weekly::{WEEK_INCIDENTS_MAX, Week, WeeklyReport, share_of_range, time_without_life};
