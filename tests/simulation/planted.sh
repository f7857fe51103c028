#!/usr/bin/env bash
# Plants faults in a copy of freshd, and fails unless the suite that has to see each of them names what it breaks.
#
#     tests/simulation/planted.sh            all of them
#     tests/simulation/planted.sh overlap    those whose name holds this word
#
# All of them are planted at once, each behind a switch, so that freshd is built once for them. The switch is a file: some
# suites start processes with an environment of their own. Needs root and strace for the suites that cut the power and kill
# at system calls. A fault whose place has changed is an error: it has to be planted anew.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly WORLDS='--release --test simulation whatever'
readonly POINTS='--release --test simulation wherever'
readonly POWER='--test machine power::'
readonly CALLS='--test machine a_daemon_killed_at_any'
# Far more than any of them takes.
readonly SECONDS_MAX=600

word=${1:-}
root=$PWD/target/planted
copy=$root/tree
readonly switch=$root/switch
export CARGO_TARGET_DIR=$root/target
export RUST_BACKTRACE=0
# A few times what a plain `cargo test` plays.
export FRESHD_SIMULATION_YEARS=60
# One death sees what is planted, nearly always.
export FRESHD_SECOND_DEATHS_EVERY=50
unseen=0
declare -A quiet=()

rm -rf "$copy" "$switch"
mkdir -p "$copy"
# What it is built from is the same, and has been built before: only freshd itself lies elsewhere.
for profile in debug release; do
    if [ ! -d "$root/target/$profile" ] && [ -d "target/$profile" ]; then
        mkdir -p "$root/target"
        cp -al "target/$profile" "$root/target"
        rm -f "$root/target/$profile/.cargo-lock"
    fi
done
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

# Builds a suite on the copy.
build() { # suite
    local suite
    read -ra suite <<< "$1"
    if ! (cd "$copy" && cargo test --quiet "${suite[@]}" --no-run > "$root/log" 2>&1); then
        cat "$root/log" >&2
        echo 'it does not compile' >&2
        exit 1
    fi
}

# Runs a suite on the copy, into the log. Its exit code, or 124 when it does not come to an end.
run() { # suite
    local suite
    build "$1"
    read -ra suite <<< "$1"
    (cd "$copy" && timeout --kill-after=5 "$SECONDS_MAX" cargo test --quiet "${suite[@]}" -- --nocapture) > "$root/log" 2>&1
}

# Without a fault the suite has nothing to say: else it would seem to see every one.
sees_nothing() { # suite
    [ -z "${quiet[$1]:-}" ] || return 0
    # A few years do: thousands are played without a fault elsewhere.
    if ! FRESHD_SIMULATION_YEARS=6 run "$1"; then
        cat "$root/log" >&2
        echo "this suite complains without a fault: $1" >&2
        exit 1
    fi
    quiet[$1]=1
}

# Fails unless the suite complains of just what a fault breaks.
seen() { # name, suite, what it is seen as (a pattern)
    local begun=$SECONDS complaint suite
    if run "$2"; then
        complaint='NOT SEEN'
    elif ! complaint=$(grep -m1 -E "$3" "$root/log"); then
        complaint="NOT SEEN as \`$3\`; see target/planted/unseen-$unseen"
        cp "$root/log" "$root/unseen-$unseen"
    fi
    case $complaint in 'NOT SEEN'*) unseen=$((unseen + 1)) ;; esac
    suite=${2#*--test }
    printf '| %s | %s | %s s | %s |\n' "$1" "${suite%% *}" "$((SECONDS - begun))" "${complaint:0:150}"
}

names=()
suites=()
patterns=()

# Plants a fault: IS_ON in its text is true while it is on.
planted() { # name, suite, what it is seen as, file, from, to
    replace "$4" "$5" "${6/IS_ON/"crate::is_planted(\"$1\")"}"
    names+=("$1")
    suites+=("$2")
    patterns+=("$3")
}

cat >> "$copy/src/lib.rs" << END

/// Whether this fault is to be seen.
pub fn is_planted(name: &str) -> bool {
    static PLANTED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    PLANTED.get_or_init(|| std::fs::read_to_string("$switch").ok()).as_deref() == Some(name)
}
END

printf '| planted | suite | seen within | as |\n|---|---|---|---|\n'

planted 'a job begins before its start is on disk' "$POWER" 'is taken for AttemptNeverStarted' \
    src/runner/keeper/record.rs \
    'let saved = self.journal.save();' 'let saved = if IS_ON { self.journal.write() } else { self.journal.save() };'

planted 'actions come before the commit' "$CALLS" 'started 2 times' \
    src/daemon/shell.rs \
    '        if self.stop != Stop::Dropped
            && !facts.is_empty()' \
    '        if IS_ON {
            self.perform(std::mem::take(&mut actions), taken_on.take());
        }
        if self.stop != Stop::Dropped
            && !facts.is_empty()'

planted 'the cursor moves after the spawn, not with the claim' "$WORLDS" 'breaks .contradiction' \
    src/engine/jobs.rs \
    '            self.fact(Fact::Job(record));
        }
        lost.into_iter()' \
    '            if !IS_ON || decided.is_empty() {
                self.fact(Fact::Job(record));
            }
        }
        lost.into_iter()'

planted 'a lost end is called a success' "$WORLDS" 'breaks .true or lost' \
    src/planner/ending.rs \
    'end(Outcome::Lost, Some(known.clone()))' 'end(if IS_ON { Outcome::Succeeded } else { Outcome::Lost }, Some(known.clone()))'

planted 'a message is sent again under a new id' "$WORLDS" 'breaks .the same message' \
    src/engine/delivered.rs \
    'notification.last_error = Some(error.clone());
                if is_test' \
    'notification.last_error = Some(error.clone());
                if IS_ON {
                    std::sync::Arc::make_mut(&mut notification.message).id.push('"'x'"');
                }
                if is_test'

planted 'a retry forgets overlap' "$POINTS" 'breaks .no overlap' \
    src/planner/admit.rs \
    '        return Admission::Start { give_up };
    };' \
    '        return Admission::Start { give_up: if IS_ON { Vec::new() } else { give_up } };
    };'

planted 'slots are never closed' "$WORLDS" 'breaks .(no false alarm|breaches are noticed)' \
    src/engine/promises.rs \
    'for index in 0..slots.len() {' 'for index in 0..slots.len() * usize::from(!IS_ON) {'

planted 'an incident is resolved without a word' "$WORLDS" 'breaks .whoever was told hears of the end' \
    src/engine/threads.rs \
    'for (team, address) in &incident.told {' 'for (team, address) in incident.told.iter().skip(usize::from(IS_ON)) {'

planted 'catch-up forgets its limit' "$WORLDS" 'breaks .catch-up limit' \
    src/planner/due.rs \
    '.take((job.policy.catch_up.limit as usize).saturating_sub(known.making_up))' '.take(if IS_ON { known.making_up + 1_000 } else { (job.policy.catch_up.limit as usize).saturating_sub(known.making_up) })'

planted 'an occurrence that is missed leaves no record' "$WORLDS" 'breaks .due is decided' \
    src/engine/jobs.rs \
    '            run.occurrences = occurrences;
        }
        self.record_without_process(run, outcome, reason);' \
    '            run.occurrences = occurrences;
        }
        if !IS_ON || outcome != Outcome::Missed {
            self.record_without_process(run, outcome, reason);
        }'

planted 'a clock that was set back is not held' "$WORLDS" 'breaks .held clock' \
    src/engine/clock.rs \
    '        if by_ms < 0 {
            self.hold_by_clock();' \
    '        if by_ms < 0 {
            if !IS_ON {
                self.hold_by_clock();
            }'

planted 'a clock that is behind at the start is not held' "$WORLDS" 'breaks .held clock' \
    src/engine/restart.rs \
    '        engine.hold_by_clock();
' '        if !IS_ON {
            engine.hold_by_clock();
        }
'

planted 'a held clock lets runs start' "$WORLDS" 'breaks .held clock' \
    src/engine/runs.rs \
    'if let Some(hold) = &self.clock_hold {
            let reason' \
    'if let Some(hold) = self.clock_hold.as_ref().filter(|_| !IS_ON || self.life.number % 2 == 0) {
            let reason'

planted 'a restart forgets what is still to be sent' "$WORLDS" 'breaks .(in order|told at least once)' \
    src/engine/restart.rs \
    '            .notifications
' '            .notifications
            .into_iter()
            .take(if IS_ON { 0 } else { usize::MAX })
'

planted 'what could have been started is told as missed' "$WORLDS" 'breaks .missed for a reason' \
    src/planner/due.rs \
    'is_ordinary(job, occurrence.at, now) && !is_in_the_way(occurrence.at)' \
    'is_ordinary(job, occurrence.at, now)
            && !is_in_the_way(occurrence.at)
            && (!IS_ON || job.policy.catch_up.mode != CatchUpMode::None || occurrence.at.as_second() % 7 != 0)'

planted 'what could not be put in place is told as published' "$WORLDS" 'breaks .published means in place' \
    src/engine/output.rs \
    '            Ok(stamp) => stamp,
            Err(Setback' \
    '            Ok(stamp) => stamp,
            Err(_) if IS_ON && version.number.0 % 2 == 1 => None,
            Err(Setback'

planted 'a run that goes on is forgotten' "$WORLDS" 'breaks .forgets only what is over' \
    src/engine/history.rs \
    'runs: aged.runs.iter().map(|run| run.id).collect(),' \
    'runs: aged.runs.iter().map(|run| run.id).chain(self.runs.keys().copied().filter(|_| IS_ON)).collect(),'

planted 'what is not too old is forgotten' "$WORLDS" 'breaks .keeps what is to be kept' \
    src/planner/history.rs \
    'earlier(now, keep.age)' 'earlier(now, keep.age / if IS_ON { 8 } else { 1 })'

for index in "${!names[@]}"; do
    [[ "${names[$index]}" == *"$word"* ]] || continue
    sees_nothing "${suites[$index]}"
    printf '%s' "${names[$index]}" > "$switch"
    seen "${names[$index]}" "${suites[$index]}" "${patterns[$index]}"
    rm "$switch"
done

if [ "$unseen" -ne 0 ]; then
    echo 'a planted fault was not seen' >&2
    exit 1
fi
