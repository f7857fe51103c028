//! What a job prints to stdout and to stderr is told apart, whoever holds its pipes.

use super::house::*;
use std::io::Write;

use freshd::model::{AttemptState, ExitStatus};
use freshd::runner::{LineKind, Stream, read_log};

/// The lines of one stream.
fn printed_to(house: &House, run: u64, stream: Stream) -> Vec<String> {
    let mut reader = read_log(&house.dir.join(format!("logs/{run}.1.log"))).unwrap();
    let mut lines: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
    lines.extend(reader.finish());
    lines
        .into_iter()
        .filter(|line| line.stream == stream && line.kind != LineKind::Gap)
        .map(|line| String::from_utf8(line.text).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_stream_is_kept_in_the_order_in_which_it_was_written() {
    let mut house = House::new().await;
    let text =
        "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done; printf 'no newline'; echo rows=3 >> $FRESHD_REPORT";
    let exit = house.run(house.shell(1, text)).await;
    let of = |word: &str| (1..=5).map(|i| format!("{word} {i}")).collect::<Vec<_>>();
    assert_eq!(printed_to(&house, 1, Stream::Stderr), of("err"));
    let stdout = printed_to(&house, 1, Stream::Stdout);
    assert_eq!(stdout, [of("out"), vec!["no newline".to_owned()]].concat());
    assert_eq!(exit.output.bytes, 70);
    assert_eq!(exit.output.dropped_bytes, 0);
    assert_eq!(exit.report, "rows=3\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_both_streams_stand_in_the_order_in_which_they_were_read() {
    let mut house = House::new().await;
    let (said, mut go) = (both_ends(&house.fifo("said")), both_ends(&house.fifo("go")));
    let step = "echo > said; read x < go";
    let text = format!("echo 1 >&2; {step}; echo 2; {step}; printf 3; {step}; echo 4 >&2; {step}; echo 5");
    house.keepers().start(house.shell(1, &text));
    for round in 0..4 {
        hear(&said);
        house.pid(1).await;
        // What was printed before is in the log: the keeper has seen a whole other attempt since.
        house.run(house.shell(90 + round, "true")).await;
        writeln!(go).unwrap();
    }
    let exit = house.exit().await;
    assert_eq!(house.printed(1), ["1", "2", "3", "4", "5"]);
    assert_eq!(printed_to(&house, 1, Stream::Stderr), ["1", "4"]);
    // A line that the other stream breaks into is still one.
    assert_eq!(printed_to(&house, 1, Stream::Stdout).concat(), "235");
    assert_eq!(exit.output.bytes, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_sends_one_stream_into_the_other_keeps_the_true_order_of_both() {
    let mut house = House::new().await;
    let exit = house
        .run(house.shell(1, "exec 2>&1; for i in 1 2 3; do echo out $i; echo err $i >&2; done"))
        .await;
    let expected: Vec<_> = (1..=3).flat_map(|i| [format!("out {i}"), format!("err {i}")]).collect();
    assert_eq!(printed_to(&house, 1, Stream::Stdout), expected);
    assert_eq!(exit.output.tail, expected.join("\n") + "\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_a_grandchild_holds_does_not_keep_the_run_from_ending() {
    let mut house = House::new().await;
    let mut spec = house.shell(1, "sleep 1000 >/dev/null & echo first; echo second >&2; exit 3");
    spec.keep_leftovers = true;
    let exit = house.run(spec).await;
    assert_eq!(exit.status, ExitStatus::Code(3));
    assert_eq!(printed_to(&house, 1, Stream::Stderr), ["second"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_streams_are_taken_up_when_the_keeper_is_killed() {
    let mut house = House::new().await;
    let (said, mut go) = (both_ends(&house.fifo("said")), both_ends(&house.fifo("go")));
    let text = "echo a; echo b >&2; printf c; echo > said; read x < go; echo d; echo e >&2; echo > said; read x < go; \
        echo f >&2; exit 7";
    house.keepers().start(house.shell(1, text));
    hear(&said);
    house.pid(1).await;
    house.run(house.shell(99, "true")).await;
    house.drop_daemon();
    house.kill_keepers();
    writeln!(go).unwrap();
    hear(&said);
    house.open(&[stored(1, AttemptState::Started)]).await;
    writeln!(go).unwrap();
    let exit = house.exit().await;
    assert_eq!(exit.status, ExitStatus::Code(7));
    assert_eq!(printed_to(&house, 1, Stream::Stdout).concat(), "acd");
    assert_eq!(printed_to(&house, 1, Stream::Stderr), ["b", "e", "f"]);
    assert_eq!((exit.output.bytes, exit.output.dropped_bytes), (11, 0));
}
