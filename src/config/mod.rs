//! jobs.toml to model: every mistake with its line, secrets, includes, static findings.
