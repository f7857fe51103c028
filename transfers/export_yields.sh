#!/bin/sh
# What became of the raw fish, batch by batch, from production to the data platform.
set -eu
. "${0%/*}/company.sh"

query production "
    SELECT batch, sku, line, raw_kg, output_kg,
           round(100 * output_kg / raw_kg, 1) AS yield_percent, finished_at
    FROM batches
    ORDER BY batch" > "$FRESHD_OUTPUT"
