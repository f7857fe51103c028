#!/bin/sh
# Takes a published file into the system that was waiting for it: load.sh SYSTEM TABLE FILE
# Loading the same file twice changes nothing, so a retry after a crash is harmless.
set -eu
. "${0%/*}/company.sh"

loaded=$(load "$1" "$2" "$3")
report "message=$loaded"
