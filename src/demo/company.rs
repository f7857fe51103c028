//! The company's directory: a database for each system, and the ERP's drop folder.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OpenFlags};

use super::life;

/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Grows when a table changes: a company founded by another freshd is not touched.
const FOUNDED_AS: i32 = 1;

/// How many moments of life a new company has behind it.
const MOMENTS_BEFORE: i64 = 12;

/// How far these moments lie apart.
const MOMENT: SignedDuration = SignedDuration::from_secs(15);

/// The systems by name, with the tables of each.
const SYSTEMS: [(&str, &str); 7] = [
    ("erp", include_str!("systems/erp.sql")),
    ("wms", include_str!("systems/wms.sql")),
    ("production", include_str!("systems/production.sql")),
    ("quality", include_str!("systems/quality.sql")),
    ("transport", include_str!("systems/transport.sql")),
    ("finance", include_str!("systems/finance.sql")),
    ("platform", include_str!("systems/platform.sql")),
];

/// Who buys, and where they are.
const CUSTOMERS: [(&str, &str, &str); 8] = [
    ("K1001", "Bergen Fiskehandel", "Bergen"),
    ("K1002", "Nordsjømat AS", "Oslo"),
    ("K1003", "Pescados del Norte", "Madrid"),
    ("K1004", "Hanse Feinkost", "Hamburg"),
    ("K1005", "Maison Marée", "Boulogne-sur-Mer"),
    ("K1006", "Baltic Deli", "Gdańsk"),
    ("K1007", "Fjord & Table", "London"),
    ("K1008", "Trøndelag Storkjøkken", "Trondheim"),
];

/// What is sold: sku, name, species, kilograms in a box, kroner a kilogram.
const ITEMS: [(&str, &str, &str, f64, f64); 12] = [
    ("SAL-WHL", "Salmon, whole gutted", "salmon", 22.0, 89.0),
    ("SAL-FIL", "Salmon fillet, trim D", "salmon", 10.0, 148.0),
    ("SAL-POR", "Salmon portions 125 g", "salmon", 5.0, 179.0),
    ("SAL-SMK", "Salmon, cold smoked", "salmon", 5.0, 265.0),
    ("COD-WHL", "Cod, headed and gutted", "cod", 20.0, 61.0),
    ("COD-FIL", "Cod fillet, skinless", "cod", 10.0, 119.0),
    ("COD-LOI", "Cod loins", "cod", 5.0, 172.0),
    ("SAI-FIL", "Saithe fillet", "saithe", 10.0, 68.0),
    ("HAD-FIL", "Haddock fillet", "haddock", 10.0, 97.0),
    ("HAL-STK", "Halibut steaks", "halibut", 8.0, 231.0),
    ("MAC-WHL", "Mackerel, whole", "mackerel", 20.0, 34.0),
    ("PRA-CKD", "Prawns, cooked", "prawns", 6.0, 156.0),
];

/// A company on disk.
pub(super) struct Company {
    dir: PathBuf,
    /// `PRAGMA synchronous`: a company that is just being founded has nothing to lose yet.
    synchronous: &'static str,
}

impl Company {
    /// The company in `dir`, founded with some minutes of history behind it when `dir` does not exist.
    pub(super) fn open_or_found(dir: &Path, now: Timestamp, seed: u64) -> anyhow::Result<Self> {
        if !dir.exists() {
            Self::found(dir, now, seed).with_context(|| format!("cannot found the company in {}", dir.display()))?;
        }
        Ok(Self {
            dir: dir.to_owned(),
            synchronous: "NORMAL",
        })
    }

    /// Opens one system for reading and writing.
    pub(super) fn system(&self, name: &str) -> anyhow::Result<Connection> {
        if !SYSTEMS.iter().any(|(system, _)| *system == name) {
            let names = SYSTEMS.map(|(system, _)| system).join(", ");
            bail!("there is no system `{name}`; the company has {names}");
        }
        let file = self.file(name);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database =
            Connection::open_with_flags(&file, flags).with_context(|| format!("cannot open {}", file.display()))?;
        self.prepare(&database)?;
        let founded_as: i32 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if founded_as != FOUNDED_AS {
            bail!(
                "{} was made by another version of freshd; remove {} to found the company anew",
                file.display(),
                self.dir.display()
            );
        }
        Ok(database)
    }

    /// Where the ERP drops its item list, as it has always done.
    pub(super) fn item_list(&self) -> PathBuf {
        self.dir.join("drop").join("items.csv")
    }

    fn file(&self, system: &str) -> PathBuf {
        self.dir.join(format!("{system}.db"))
    }

    fn prepare(&self, database: &Connection) -> anyhow::Result<()> {
        database.busy_timeout(BUSY_TIMEOUT)?;
        database.pragma_update(None, "foreign_keys", true)?;
        database.pragma_update(None, "synchronous", self.synchronous)?;
        Ok(())
    }

    /// Builds a company beside `dir` and renames it into place; of several that do so at once, one wins.
    fn found(dir: &Path, now: Timestamp, seed: u64) -> anyhow::Result<()> {
        let parent = dir.parent().filter(|parent| *parent != Path::new(""));
        let parent = parent.unwrap_or(Path::new("."));
        // Beside jobs.toml it becomes the state directory, which is its owner's alone.
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        let name = dir.file_name().context("the path has no last part")?;
        let site = parent.join(format!("{}.new-{}", name.to_string_lossy(), std::process::id()));
        if site.exists() {
            fs::remove_dir_all(&site)?;
        }
        fs::create_dir(&site)?;
        let built = Self::build(&site, now, seed).and_then(|()| fs::rename(&site, dir).map_err(anyhow::Error::from));
        if built.is_err() {
            // What is left of a lost race or a full disk; the first error is the one to tell.
            let _ = fs::remove_dir_all(&site);
        }
        match built {
            Err(_) if dir.exists() => Ok(()),
            other => other,
        }
    }

    fn build(site: &Path, now: Timestamp, seed: u64) -> anyhow::Result<()> {
        let company = Self {
            dir: site.to_owned(),
            synchronous: "OFF",
        };
        fs::create_dir(site.join("drop"))?;
        for (system, tables) in SYSTEMS {
            let database = Connection::open(company.file(system))?;
            database.pragma_update(None, "journal_mode", "WAL")?;
            company.prepare(&database)?;
            database.execute_batch(tables)?;
            database.pragma_update(None, "user_version", FOUNDED_AS)?;
        }
        let opened_at = now - MOMENT * i32::try_from(MOMENTS_BEFORE)?;
        let erp = company.system("erp")?;
        for (customer, name, city) in CUSTOMERS {
            erp.execute(
                "INSERT INTO customers (customer, name, city) VALUES (?1, ?2, ?3)",
                (customer, name, city),
            )?;
        }
        for (sku, name, species, kg_per_box, price_nok_kg) in ITEMS {
            erp.execute(
                "INSERT INTO items (sku, name, species, kg_per_box, price_nok_kg, updated_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (sku, name, species, kg_per_box, price_nok_kg, life::text(opened_at)),
            )?;
        }
        drop(erp);
        for moment in 0..MOMENTS_BEFORE {
            life::tick(&company, opened_at + MOMENT * i32::try_from(moment)?, seed)?;
            company.carry_over()?;
        }
        Ok(())
    }

    /// Brings each system what the years before freshd brought it.
    fn carry_over(&self) -> anyhow::Result<()> {
        for (system, brought) in [
            ("wms", include_str!("systems/opening_wms.sql")),
            ("production", include_str!("systems/opening_production.sql")),
            ("quality", include_str!("systems/opening_quality.sql")),
            ("erp", include_str!("systems/opening_erp.sql")),
        ] {
            let database = self.system(system)?;
            for other in ["erp", "wms", "production"] {
                if other != system {
                    let file = self.file(other);
                    database.execute(&format!("ATTACH ?1 AS {other}"), [file.to_string_lossy()])?;
                }
            }
            database.execute_batch(brought)?;
        }
        Ok(())
    }
}
