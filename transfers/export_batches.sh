#!/bin/sh
# Finished batches, from production to quality, which grades them.
set -eu
. "${0%/*}/company.sh"

query production "
    SELECT batch, sku, line, output_kg, finished_at
    FROM batches
    ORDER BY batch" > "$FRESHD_OUTPUT"
