//! freshd: a scheduled-job supervisor and freshness watchdog, in the order in which data flows through it.

pub mod model;

pub mod schedule;

pub mod lineage;

pub mod config;

pub mod planner;

pub mod freshness;

pub mod alerting;

pub mod engine;

pub mod runner;

pub mod probe;

pub mod checks;

pub mod store;

pub mod delivery;

pub mod daemon;

pub mod simulation;

pub mod demo;

pub mod web;

pub mod cli;
