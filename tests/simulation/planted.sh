#!/usr/bin/env bash
# Plants faults in a copy of freshd, one at a time, and fails unless the suite that has to see each of them does.
#
#     tests/simulation/planted.sh            all of them
#     tests/simulation/planted.sh overlap    those whose name holds this word
#
# Needs root and strace for the suites that cut the power and kill at system calls. A fault whose place has changed is
# an error: it has to be planted anew.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly WORLDS='--test simulation whatever'
readonly POINTS='--test simulation wherever'
readonly POWER='--test machine power::'
readonly CALLS='--test machine a_daemon_killed_at_any'
# Far more than any of them takes.
readonly SECONDS_MAX=300

word=${1:-}
root=$PWD/target/planted
copy=$root/tree
export CARGO_TARGET_DIR=$root/target
export RUST_BACKTRACE=0
# A few times what a plain `cargo test` plays.
export FRESHD_SIMULATION_YEARS=60
unseen=0

rm -rf "$copy"
mkdir -p "$copy"
cp -r Cargo.toml Cargo.lock src tests benches docs jobs.toml systemd transfers README.md "$copy"

# Replaces a text that stands in a file once.
replace() { # file, from, to
    local text
    text=$(<"$copy/$1")
    local rest=${text#*"$2"}
    if [ "$rest" = "$text" ] || [[ "$rest" == *"$2"* ]]; then
        echo "$1 no longer holds this once: $2" >&2
        exit 1
    fi
    printf '%s\n' "${text/"$2"/"$3"}" > "$copy/$1"
}

# Runs a suite on the copy. Says who complained first, and after how long.
try() { # name, suite
    local log=$root/log begun suite complaint
    read -ra suite <<< "$2"
    if ! (cd "$copy" && cargo test --quiet "${suite[@]}" --no-run > "$log" 2>&1); then
        cat "$log" >&2
        echo "the planted fault does not compile: $1" >&2
        exit 1
    fi
    begun=$SECONDS
    if (cd "$copy" && timeout --kill-after=5 "$SECONDS_MAX" cargo test --quiet "${suite[@]}" -- --nocapture) > "$log" 2>&1; then
        complaint='NOT SEEN'
        unseen=1
    else
        complaint=$(grep -m1 -E '^(seed [0-9]+ )?breaks ' "$log" || grep -m1 -A1 -E 'panicked at' "$log" | tail -1)
    fi
    printf '| %s | %s | %s s | %s |\n' "$1" "${suite[1]}" "$((SECONDS - begun))" "${complaint:0:150}"
}

planted() { # name, suite, file, from, to
    [[ "$1" == *"$word"* ]] || return 0
    cp "$copy/$3" "$root/before"
    replace "$3" "$4" "$5"
    try "$1" "$2"
    cp "$root/before" "$copy/$3"
}

printf '| planted | suite | seen within | as |\n|---|---|---|---|\n'

planted 'a job begins before its start is on disk' "$POWER" src/runner/keeper/record.rs \
    'let saved = self.journal.save();' 'let saved = self.journal.write();'

planted 'actions come before the commit' "$CALLS" src/daemon/shell.rs \
    '        if self.stop != Stop::Dropped
            && !facts.is_empty()' \
    '        self.perform(std::mem::take(&mut actions), taken_on.take());
        if self.stop != Stop::Dropped
            && !facts.is_empty()'

planted 'the cursor moves after the spawn, not with the claim' "$WORLDS" src/engine/jobs.rs \
    '            self.fact(Fact::Job(record));
        }
        lost.into_iter()' \
    '            if decided.is_empty() {
                self.fact(Fact::Job(record));
            }
        }
        lost.into_iter()'

planted 'a lost end is called a success' "$WORLDS" src/planner/ending.rs \
    'end(Outcome::Lost, Some(known.clone()))' 'end(Outcome::Succeeded, Some(known.clone()))'

planted 'a message is sent again under a new id' "$WORLDS" src/engine/outbox.rs \
    'notification.last_error = Some(error.clone());
                let asked' \
    'notification.last_error = Some(error.clone());
                Arc::make_mut(&mut notification.message).id.push('"'x'"');
                let asked'

planted 'a retry forgets overlap' "$POINTS" src/planner/admit.rs \
    '        return Admission::Start { give_up };
    };' \
    '        return Admission::Start { give_up: Vec::new() };
    };'

planted 'slots are never closed' "$WORLDS" src/engine/promises.rs \
    'for index in 0..state.slots.len() {' 'for index in 0..0 {'

planted 'an incident is resolved without a word' "$WORLDS" src/engine/incidents.rs \
    'for (team, address) in incident.told.clone() {' 'for (team, address) in incident.told.clone().into_iter().skip(1) {'

planted 'catch-up forgets its limit' "$WORLDS" src/planner/due.rs \
    '.take((job.catch_up.limit as usize).saturating_sub(known.making_up))' '.take(known.making_up + 1_000)'

planted 'an occurrence that is missed leaves no record' "$WORLDS" src/engine/jobs.rs \
    '            run.occurrences = occurrences;
        }
        self.record_without_process(run, outcome, reason);' \
    '            run.occurrences = occurrences;
        }
        if outcome != Outcome::Missed {
            self.record_without_process(run, outcome, reason);
        }'

planted 'a clock that was set back is not held' "$WORLDS" src/engine/clock.rs \
    '        if by_ms < 0 {
            self.hold_by_clock();' \
    '        if by_ms < 0 {'

planted 'a clock that is behind at the start is not held' "$WORLDS" src/engine/restart.rs \
    '        engine.hold_by_clock();
' ''

planted 'a held clock lets runs start' "$WORLDS" src/engine/runs.rs \
    'if let Some(hold) = &self.clock_hold {
            let reason' \
    'if let Some(hold) = self.clock_hold.as_ref().filter(|_| self.life.number % 2 == 0) {
            let reason'

planted 'a restart forgets what is still to be sent' "$WORLDS" src/engine/restart.rs \
    '            .notifications
' '            .notifications
            .into_iter()
            .take(0)
'

planted 'a run that goes on is forgotten' "$WORLDS" src/engine/history.rs \
    'runs: aged.runs.iter().map(|run| run.id).collect(),' \
    'runs: aged.runs.iter().map(|run| run.id).chain(self.runs.keys().copied()).collect(),'

planted 'what is not too old is forgotten' "$WORLDS" src/planner/history.rs \
    'earlier(now, keep.age)' 'earlier(now, keep.age / 8)'

if [ "$unseen" -ne 0 ]; then
    echo 'a planted fault was not seen' >&2
    exit 1
fi
