#!/bin/sh
# Grades of batches, from quality to the data platform.
set -eu
. "${0%/*}/company.sh"

query quality "
    SELECT batch, sku, grade, core_celsius, inspector, graded_at
    FROM grades
    ORDER BY batch" > "$FRESHD_OUTPUT"
