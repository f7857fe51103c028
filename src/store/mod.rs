//! What happened: SQLite, all SQL; one writer with group commit, readers, migrations.
