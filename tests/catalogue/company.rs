//! The seafood company's exports of 52 ordinary weeks: growth, a season, holidays, a new price list, new articles.

use freshd::model::{SPREAD_STEP, spread};
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

/// Numbers that look like chance and are the same each time.
pub(crate) struct Dice(u64);

impl Dice {
    /// One for each purpose.
    pub(crate) fn new(seed: u64) -> Self {
        Self(spread(seed.wrapping_add(SPREAD_STEP)))
    }

    /// From 0 to `below`, that not included.
    pub(crate) fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(SPREAD_STEP);
        let below = u64::try_from(below.max(1)).expect("a number");
        usize::try_from(spread(self.0) % below).expect("below a number that was one")
    }

    /// Between two numbers.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        let part = f64::from(u32::try_from(self.below(1_000_000)).expect("small")) / 1e6;
        low + (high - low) * part
    }
}

/// One export as a table.
#[derive(Clone)]
pub(crate) struct Export {
    /// Between two values.
    pub(crate) delimiter: char,
    /// The names of the columns.
    pub(crate) header: Vec<String>,
    /// The values.
    pub(crate) rows: Vec<Vec<String>>,
}

impl Export {
    fn new(delimiter: char, header: &str) -> Self {
        Self {
            delimiter,
            header: header.split(' ').map(str::to_owned).collect(),
            rows: Vec::new(),
        }
    }

    /// As the file has it.
    pub(crate) fn text(&self) -> String {
        let delimiter = self.delimiter.to_string();
        let lines = std::iter::once(&self.header).chain(&self.rows);
        lines.map(|row| row.join(&delimiter) + "\n").collect()
    }

    /// Where a column is.
    pub(crate) fn place(&self, column: &str) -> usize {
        let place = self.header.iter().position(|name| name == column);
        place.unwrap_or_else(|| panic!("no column {column}"))
    }

    /// Changes every value of a column.
    pub(crate) fn change(mut self, column: &str, change: impl Fn(&str) -> String) -> Self {
        let place = self.place(column);
        for row in &mut self.rows {
            row[place] = change(&row[place]);
        }
        self
    }
}

/// The exports there are.
pub(crate) const DATASETS: [&str; 5] = ["stock", "prices", "orders", "deliveries", "lab"];

/// Weeks of a year.
pub(crate) const WEEKS: u32 = 52;

const SITES: [&str; 3] = ["alesund", "bodo", "tromso"];
const COUNTRIES: [&str; 5] = ["NO", "SE", "DK", "FR", "JP"];
const CARRIERS: [&str; 4] = ["Nordfrakt", "Kystlinje", "Polarbil", "Fjordtog"];
const SPECIES: [&str; 6] = ["cod", "haddock", "saithe", "salmon", "halibut", "king crab"];
const TEAM: [&str; 4] = ["Bjørn", "Åse", "Kåre", "Liv"];

/// The Friday of a week.
pub(crate) fn friday(week: u32) -> Date {
    let first = date(2026, 1, 2);
    first + Span::new().days(7 * (i64::from(week) - 1))
}

/// When the exports of a week are written, in the company's zone.
pub(crate) fn written_at(week: u32) -> Timestamp {
    local(friday(week).at(22, 10, 0, 0))
}

fn local(at: DateTime) -> Timestamp {
    let zone = TimeZone::get("Europe/Oslo").expect("the zone is known");
    zone.to_timestamp(at).expect("no clock changes on a Friday night")
}

/// How much there is in a week, around 1: it grows through the year, with a season before Christmas and quiet weeks at
/// Easter, in July and at the turn of the year.
fn volume(week: u32, dice: &mut Dice) -> f64 {
    let growth = 1.0 + 0.004 * f64::from(week);
    let season = match week {
        44..=50 => 1.25,
        14 | 28..=30 | 52 => 0.75,
        _ => 1.0,
    };
    growth * season * dice.between(0.94, 1.06)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few hundred rows"
)]
fn rows(usual: f64, week: u32, dice: &mut Dice) -> usize {
    (usual * volume(week, dice)) as usize
}

/// Articles: two new ones each quarter.
fn articles(week: u32) -> usize {
    60 + 2 * usize::try_from(week / 13).expect("a small number")
}

fn sku(article: usize) -> String {
    format!("S{:04}", 1_001 + article)
}

/// What a box of an article weighs, always the same.
fn box_kg(article: usize) -> f64 {
    5.0 + f64::from(u32::try_from(article % 9).expect("small")) * 2.5
}

/// The export of a dataset of a week.
pub(crate) fn export(dataset: &str, week: u32) -> Export {
    let number = DATASETS.iter().position(|name| *name == dataset).expect("a dataset");
    let mut dice = Dice::new(u64::try_from(number).expect("small") * 1_000 + u64::from(week));
    match dataset {
        "stock" => stock(week, &mut dice),
        "prices" => prices(week, &mut dice),
        "orders" => orders(week, &mut dice),
        "deliveries" => deliveries(week, &mut dice),
        _ => lab(week, &mut dice),
    }
}

fn stock(week: u32, dice: &mut Dice) -> Export {
    let mut export = Export::new(',', "lot sku site unit qty_kg boxes counted_by counted_at");
    let count = rows(420.0, week, dice);
    for row in 0..count {
        let article = dice.below(articles(week));
        let boxes = 1 + dice.below(40);
        let kg = box_kg(article) * f64::from(u32::try_from(boxes).expect("small")) * dice.between(0.97, 1.03);
        let minute = 125 * row / count;
        export.rows.push(vec![
            format!("L{:06}", 100_000 + week * 2_000 + u32::try_from(row).expect("small")),
            sku(article),
            SITES[dice.below(SITES.len())].to_owned(),
            "kg".to_owned(),
            format!("{kg:.1}"),
            boxes.to_string(),
            TEAM[dice.below(TEAM.len())].to_owned(),
            format!("{} {:02}:{:02}", friday(week), 20 + minute / 60, minute % 60),
        ]);
    }
    export
}

fn prices(week: u32, dice: &mut Dice) -> Export {
    let mut export = Export::new(',', "sku ean currency price_per_kg valid_from");
    // The price list of the second half of the year is 6 % above the first.
    let (list, valid_from) = if week < 27 {
        (1.0, date(2026, 1, 1))
    } else {
        (1.06, date(2026, 7, 1))
    };
    for article in 0..articles(week) {
        let price = (40.0 + f64::from(u32::try_from(article * 37 % 260).expect("small"))) * list;
        export.rows.push(vec![
            sku(article),
            format!("704{:010}", 1_000_000 + article * 7_919),
            "NOK".to_owned(),
            format!("{:.2}", price * dice.between(0.99, 1.01)),
            valid_from.to_string(),
        ]);
    }
    export
}

fn orders(week: u32, dice: &mut Dice) -> Export {
    let mut export = Export::new(';', "order_no customer country sku kg amount_nok ordered_on remark");
    for row in 0..rows(650.0, week, dice) {
        let article = dice.below(articles(week));
        let kg = 20 + dice.below(400);
        let amount = f64::from(u32::try_from(kg).expect("small")) * dice.between(60.0, 180.0);
        let day = friday(week) - Span::new().days(i64::try_from(dice.below(7)).expect("small"));
        let remark = if dice.below(10) < 2 { "Kjøres før kl. 7" } else { "" };
        export.rows.push(vec![
            format!("O{:07}", 1_000_000 + week * 2_000 + u32::try_from(row).expect("small")),
            format!("C{:04}", 2_000 + dice.below(90)),
            COUNTRIES[dice.below(COUNTRIES.len())].to_owned(),
            sku(article),
            kg.to_string(),
            format!("{amount:.2}").replace('.', ","),
            day.to_string(),
            remark.to_owned(),
        ]);
    }
    export
}

fn deliveries(week: u32, dice: &mut Dice) -> Export {
    let mut export = Export::new(
        ',',
        "shipment carrier from_site to_zip gross_kg pallets temperature_c departed_at",
    );
    let count = rows(240.0, week, dice);
    for row in 0..count {
        let pallets = 1 + dice.below(20);
        let gross = f64::from(u32::try_from(pallets).expect("small")) * dice.between(380.0, 620.0);
        let minute = 300 * row / count;
        let zip = [150, 250, 4_005, 5_003, 7_010, 9_008, 3_015, 1_605][dice.below(8)] + dice.below(10);
        export.rows.push(vec![
            format!("F{:05}", week * 500 + u32::try_from(row).expect("small")),
            CARRIERS[dice.below(CARRIERS.len())].to_owned(),
            SITES[dice.below(SITES.len())].to_owned(),
            format!("{zip:04}"),
            format!("{gross:.0}"),
            pallets.to_string(),
            format!("{:.1}", dice.between(-24.0, -18.0)),
            format!("{} {:02}:{:02}", friday(week), 16 + minute / 60, minute % 60),
        ]);
    }
    export
}

fn lab(week: u32, dice: &mut Dice) -> Export {
    let mut export = Export::new('\t', "sample lot species fat_pct ph approved comment sampled_on");
    for row in 0..rows(160.0, week, dice) {
        let day = friday(week) - Span::new().days(i64::try_from(dice.below(5)).expect("small"));
        let comment = if dice.below(10) < 4 {
            "measured again by a second person"
        } else {
            ""
        };
        export.rows.push(vec![
            format!("P{:05}", week * 400 + u32::try_from(row).expect("small")),
            format!(
                "L{:06}",
                100_000 + week * 2_000 + u32::try_from(dice.below(400)).expect("small")
            ),
            SPECIES[dice.below(SPECIES.len())].to_owned(),
            format!("{:.2}", dice.between(2.0, 18.0)),
            format!("{:.2}", dice.between(6.2, 6.9)),
            if dice.below(50) == 0 { "false" } else { "true" }.to_owned(),
            comment.to_owned(),
            day.to_string(),
        ]);
    }
    export
}
