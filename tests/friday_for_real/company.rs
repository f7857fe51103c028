//! The company of the story: who exports what, for whom, and who is told how.

/// The script that exports the stock; it fails while the file `wms-is-down` is there.
pub(crate) const EXPORT: &str = r#"
echo "$FRESHD_RUN_ID $FRESHD_ATTEMPT" >> HOUSE/attempts
echo "connecting to wms-db.seafood.example"
if [ -e HOUSE/wms-is-down ]; then
    echo "ORA-12541: TNS:no listener (attempt $FRESHD_ATTEMPT)" >&2
    exit 3
fi
printf 'lot,qty_kg\nL100001,%s\nL100002,80\n' "$FRESHD_RUN_ID" > "$FRESHD_OUTPUT"
"#;

/// jobs.toml; `MAIL_PORT`, `SLACK_URL`, `EXPORTS` and `DELIVERY` stand for what only the story knows.
pub(crate) const COMPANY: &str = r#"
timezone = "UTC"
run_as_root = true
[alerts]
group_wait = "1s"

[fallback]
notify = ["mail:it@seafood.example"]

[channels.mail]
type = "email"
server = "smtp+starttls://localhost:MAIL_PORT"
from = "freshd@seafood.example"
username = "freshd"
password = { file = "secrets/smtp" }
ca = "ca.pem"

[channels.slack-ops]
type = "slack"
url = "SLACK_URL"

[teams.warehouse]
notify = ["mail:warehouse@seafood.example", "slack-ops"]
[teams.sales]
notify = ["mail:sales@seafood.example"]
[teams.logistics]
notify = ["mail:logistics@seafood.example"]
[teams.finance]
notify = ["mail:finance@seafood.example"]
[teams.planning]
notify = ["mail:planning@seafood.example"]

[systems.wms]
title = "Warehouse system"
owner = "warehouse"
[systems.sales]
title = "Sales desk"
owner = "sales"
reads_at = "0 7 * * MON-FRI"
[systems.transport]
title = "Transport portal"
owner = "logistics"
reads_at = "30 7 * * MON-FRI"
[systems.finance]
title = "Finance"
owner = "finance"
reads_at = "0 9 * * MON"
[systems.forecast]
title = "Forecast"
owner = "planning"
reads_at = "0 10 * * MON"

[datasets.stock]
title = "Stock per lot"
owner = "warehouse"
file = "exports/stock.csv"
consumers = ["sales", "transport", "finance", "forecast"]
due = { at = "DELIVERY", seconds = true, grace = "2s", early = "6s" }

[datasets.stock.checks]
format = "csv"
rows = { min = 1 }

[jobs.stock-export]
title = "Friday stock export"
owner = "warehouse"
from = "wms"
command = "transfers/export_stock.sh"
schedule = "EXPORTS"
seconds = true
produces = "stock"
timeout = "10s"
retry = { attempts = 4, delay = "300ms", factor = 2, max_delay = "1s" }
"#;
