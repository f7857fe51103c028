# shellcheck shell=sh
# Read by every transfer: how the company's systems are asked and filled.
#
# At home these would be psql, sqlcmd, sqlite3 or curl. Here the freshd binary brings what it takes,
# so that nothing has to be installed; the daemon gives its own path to every job as FRESHD_BIN.

COMPANY_DIR=${COMPANY_DIR:-${0%/*}/../.freshd/company}
export COMPANY_DIR

# query SYSTEM SQL: the answer as CSV, with a header line.
query() { "$FRESHD_BIN" demo-db query "$1" "$2"; }

# value SYSTEM SQL: a single value, without a header.
value() { "$FRESHD_BIN" demo-db query --no-header "$1" "$2"; }

# load SYSTEM TABLE FILE: new keys are inserted, known keys updated, all of the file or nothing.
load() { "$FRESHD_BIN" demo-db load "$1" "$2" "$3"; }

# report KEY=VALUE: what freshd shows with the run (message, rows) or relies on (as_of).
report() { printf '%s\n' "$1" >> "$FRESHD_REPORT"; }
