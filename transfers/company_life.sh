#!/bin/sh
# No transfer: fifteen seconds of the company's life, so that there is something to transfer.
set -eu
. "${0%/*}/company.sh"

"$FRESHD_BIN" demo-db live
