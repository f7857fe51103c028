//! CSV out of a system and into a system.

use std::fmt;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail, ensure};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, TransactionBehavior, params_from_iter};

/// What loading a file did to its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loaded {
    rows: usize,
    new: usize,
    changed: usize,
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, new, changed } = self;
        write!(f, "{rows} rows read, {new} new, {changed} changed")
    }
}

/// Writes the answer to one SELECT as CSV.
pub(super) fn query(database: &Connection, sql: &str, header: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    database.pragma_update(None, "query_only", true)?;
    // SQLite's own words; the code below them would tell an author nothing.
    let mut statement = database.prepare(sql).map_err(|error| anyhow!("{error}"))?;
    ensure!(
        statement.column_count() > 0,
        "the statement answers nothing; write a SELECT"
    );
    let mut csv = csv::Writer::from_writer(out);
    if header {
        csv.write_record(statement.column_names())?;
    }
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for column in 0..columns {
            match row.get_ref(column)? {
                ValueRef::Null => csv.write_field("")?,
                ValueRef::Integer(value) => csv.write_field(value.to_string())?,
                ValueRef::Real(value) => csv.write_field(value.to_string())?,
                ValueRef::Text(value) | ValueRef::Blob(value) => csv.write_field(value)?,
            }
        }
        csv.write_record(None::<&[u8]>)?;
    }
    csv.flush()?;
    Ok(())
}

/// Loads a whole CSV file or nothing of it; a row whose key is known updates the columns that the file has.
pub(super) fn load(database: &mut Connection, table: &str, file: &Path) -> anyhow::Result<Loaded> {
    let mut csv = csv::Reader::from_path(file)?;
    let header: Vec<String> = csv.headers()?.iter().map(str::to_owned).collect();
    let keys = keys_of(database, table, &header)?;
    let sql = upsert(table, &header, &keys);
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let count = format!("SELECT count(*) FROM \"{table}\"");
    let count = || transaction.query_row(&count, [], |row| row.get::<_, i64>(0));
    let before = count()?;
    let (mut rows, mut touched) = (0, 0);
    {
        let mut statement = transaction.prepare(&sql)?;
        for record in csv.records() {
            let record = record?;
            rows += 1;
            let line = record.position().map_or(0, csv::Position::line);
            let values = record.iter().map(|field| match field {
                "" => Value::Null,
                text => Value::Text(text.to_owned()),
            });
            touched += statement
                .execute(params_from_iter(values))
                .with_context(|| format!("line {line} does not fit {table}"))?;
        }
    }
    let new = usize::try_from(count()? - before).context("the table shrank while it was loaded")?;
    transaction.commit()?;
    Ok(Loaded {
        rows,
        new,
        changed: touched - new,
    })
}

/// The table's key columns, once it is known that the table has every column of the header and the header every key.
fn keys_of(database: &Connection, table: &str, header: &[String]) -> anyhow::Result<Vec<String>> {
    let mut statement = database.prepare("SELECT name, pk FROM pragma_table_info(?1)")?;
    let columns: Vec<(String, bool)> = statement
        .query_map([table], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? > 0)))?
        .collect::<Result<_, _>>()?;
    if columns.is_empty() {
        bail!("there is no table `{table}`");
    }
    for name in header {
        ensure!(
            columns.iter().any(|(column, _)| column == name),
            "{table} has no column `{name}`"
        );
    }
    let keys: Vec<String> = columns
        .into_iter()
        .filter_map(|(column, key)| key.then_some(column))
        .collect();
    for key in &keys {
        ensure!(header.contains(key), "the file lacks `{key}`, a key of {table}");
    }
    Ok(keys)
}

fn upsert(table: &str, header: &[String], keys: &[String]) -> String {
    let list = |columns: &[String]| {
        let quoted: Vec<String> = columns.iter().map(|name| format!("\"{name}\"")).collect();
        quoted.join(", ")
    };
    let others: Vec<&String> = header.iter().filter(|name| !keys.contains(name)).collect();
    let join = |pattern: &dyn Fn(&str) -> String, between: &str| {
        let parts: Vec<String> = others.iter().map(|name| pattern(name)).collect();
        parts.join(between)
    };
    let update = if others.is_empty() {
        "NOTHING".to_owned()
    } else {
        format!(
            "UPDATE SET {} WHERE {}",
            join(&|name| format!("\"{name}\" = excluded.\"{name}\""), ", "),
            join(
                &|name| format!("\"{table}\".\"{name}\" IS NOT excluded.\"{name}\""),
                " OR "
            ),
        )
    };
    format!(
        "INSERT INTO \"{table}\" ({}) VALUES ({}) ON CONFLICT ({}) DO {update}",
        list(header),
        vec!["?"; header.len()].join(", "),
        list(keys),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders() -> Connection {
        let database = Connection::open_in_memory().unwrap();
        database
            .execute_batch(
                "CREATE TABLE orders (no TEXT PRIMARY KEY, kg REAL NOT NULL, note TEXT,
                                      state TEXT NOT NULL DEFAULT 'open') STRICT",
            )
            .unwrap();
        database
    }

    fn load_text(database: &mut Connection, text: &str) -> anyhow::Result<Loaded> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        load(database, "orders", file.path())
    }

    fn dump(database: &Connection) -> String {
        let mut out = Vec::new();
        query(database, "SELECT * FROM orders ORDER BY no", true, &mut out).unwrap();
        database.pragma_update(None, "query_only", false).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_file_loaded_again_changes_nothing_and_leaves_the_receiver_its_own_columns() {
        let mut database = orders();
        let file = "no,kg,note\nA1,12.5,\"fresh, on ice\"\nA2,3,\n";
        let loaded = load_text(&mut database, file).unwrap();
        assert_eq!(loaded.to_string(), "2 rows read, 2 new, 0 changed");
        database
            .execute("UPDATE orders SET state = 'sent' WHERE no = 'A1'", [])
            .unwrap();

        let again = load_text(&mut database, file).unwrap();
        assert_eq!(again.to_string(), "2 rows read, 0 new, 0 changed");
        let changed = load_text(&mut database, "no,kg,note\nA1,13,\nA3,1,x\n").unwrap();
        assert_eq!(changed.to_string(), "2 rows read, 1 new, 1 changed");
        assert_eq!(
            dump(&database),
            "no,kg,note,state\nA1,13,,sent\nA2,3,,open\nA3,1,x,open\n"
        );
    }

    #[test]
    fn a_file_with_one_bad_line_loads_nothing_and_the_line_is_named() {
        let mut database = orders();
        let error = load_text(&mut database, "no,kg\nA1,1\nA2,much\n").unwrap_err();
        assert!(format!("{error:#}").contains("line 3"), "{error:#}");
        assert_eq!(dump(&database), "no,kg,note,state\n");
        for (text, named) in [("no,weight\nA1,1\n", "no column `weight`"), ("kg\n1\n", "lacks `no`")] {
            let error = load_text(&mut database, text).unwrap_err();
            assert!(error.to_string().contains(named), "{error:#}");
        }
    }

    #[test]
    fn a_question_cannot_change_the_system_it_is_put_to() {
        let database = orders();
        let mut out = Vec::new();
        for sql in ["DELETE FROM orders RETURNING no", "DELETE FROM orders"] {
            assert!(query(&database, sql, true, &mut out).is_err(), "{sql}");
        }
    }
}
