//! The statements by which facts become rows.

use rusqlite::{Connection, Statement};

use super::rows::{addresses, alerts, data, expected, life, pings, restored, runs, silences, weekly};

/// Every statement of the writer, prepared once.
pub(super) struct Statements<'connection> {
    pub(super) begin: Statement<'connection>,
    pub(super) commit: Statement<'connection>,
    pub(super) newest: Statement<'connection>,
    pub(super) newest_back: Statement<'connection>,
    pub(super) runs_ahead: Statement<'connection>,
    pub(super) slots_ahead: Statement<'connection>,
    pub(super) text_insert: Statement<'connection>,
    pub(super) text_number: Statement<'connection>,
    pub(super) job: Statement<'connection>,
    pub(super) run: Statement<'connection>,
    pub(super) run_release: Statement<'connection>,
    pub(super) attempt: Statement<'connection>,
    pub(super) version: Statement<'connection>,
    pub(super) slot: Statement<'connection>,
    pub(super) observation: Statement<'connection>,
    pub(super) ping: Statement<'connection>,
    pub(super) pings_forget: Statement<'connection>,
    pub(super) age_promise: Statement<'connection>,
    pub(super) age_promise_end: Statement<'connection>,
    pub(super) expectation: Statement<'connection>,
    pub(super) silence: Statement<'connection>,
    pub(super) silences_forget: Statement<'connection>,
    pub(super) incident: Statement<'connection>,
    pub(super) notification: Statement<'connection>,
    pub(super) delivery: Statement<'connection>,
    pub(super) address: Statement<'connection>,
    pub(super) address_end: Statement<'connection>,
    pub(super) life: Statement<'connection>,
    pub(super) clock_step: Statement<'connection>,
    pub(super) clock_confirmation: Statement<'connection>,
    pub(super) settings: Statement<'connection>,
    pub(super) acceptance: Statement<'connection>,
    pub(super) restoration: Statement<'connection>,
    pub(super) weekly: Statement<'connection>,
}

impl<'connection> Statements<'connection> {
    pub(super) fn prepare(connection: &'connection Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            newest: connection.prepare(
                "UPDATE state_directory SET
                     changes = changes + ?2,
                     newest_record_at_us = CASE
                         WHEN ?1 IS NULL OR newest_record_at_us >= ?1 THEN newest_record_at_us ELSE ?1 END",
            )?,
            newest_back: connection.prepare("UPDATE state_directory SET newest_record_at_us = ?1")?,
            runs_ahead: connection.prepare(runs::RUNS_AHEAD_DISOWN)?,
            slots_ahead: connection.prepare(data::SLOTS_AHEAD_WITHDRAW)?,
            text_insert: connection.prepare("INSERT INTO texts (text) VALUES (?1) ON CONFLICT (text) DO NOTHING")?,
            text_number: connection.prepare("SELECT number FROM texts WHERE text = ?1")?,
            job: connection.prepare(runs::JOB_UPSERT)?,
            run: connection.prepare(runs::RUN_UPSERT)?,
            run_release: connection.prepare(runs::RUN_RELEASE)?,
            attempt: connection.prepare(runs::ATTEMPT_UPSERT)?,
            version: connection.prepare(data::VERSION_UPSERT)?,
            slot: connection.prepare(data::SLOT_UPSERT)?,
            observation: connection.prepare(data::OBSERVATION_UPSERT)?,
            ping: connection.prepare(pings::PING_INSERT)?,
            pings_forget: connection.prepare(pings::PINGS_FORGET)?,
            age_promise: connection.prepare(data::AGE_PROMISE_UPSERT)?,
            age_promise_end: connection.prepare(data::AGE_PROMISE_DELETE)?,
            expectation: connection.prepare(expected::EXPECTATION_UPSERT)?,
            silence: connection.prepare(silences::SILENCE_UPSERT)?,
            silences_forget: connection.prepare(silences::SILENCES_FORGET)?,
            incident: connection.prepare(alerts::INCIDENT_UPSERT)?,
            notification: connection.prepare(alerts::NOTIFICATION_UPSERT)?,
            delivery: connection.prepare(alerts::DELIVERY_UPSERT)?,
            address: connection.prepare(addresses::ADDRESS_UPSERT)?,
            address_end: connection.prepare(addresses::ADDRESS_DELETE)?,
            life: connection.prepare(life::LIFE_UPSERT)?,
            clock_step: connection.prepare(life::CLOCK_STEP_INSERT)?,
            clock_confirmation: connection.prepare(life::CLOCK_CONFIRMATION_INSERT)?,
            settings: connection.prepare(life::SETTINGS_INSERT)?,
            acceptance: connection.prepare(life::ACCEPTANCE_UPSERT)?,
            restoration: connection.prepare(restored::RESTORATION_UPSERT)?,
            weekly: connection.prepare(weekly::WEEKLY_UPSERT)?,
        })
    }
}
