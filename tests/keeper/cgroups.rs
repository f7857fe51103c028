//! Attempts in cgroups of their own, where one is delegated: here by the test, which has to be root for that.

use super::delegated::Delegated;
use super::house::*;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use freshd::model::{AttemptState, ExitStatus, StopReason};
use rustix::fs::{XattrFlags, setxattr};

/// A house whose keeper lives in it.
async fn house_in(delegated: &Delegated) -> (House, std::process::Child) {
    let mut house = House::empty();
    let keeper = house.keeper_by_hand(&format!("echo $$ > {}/cgroup.procs", delegated.dir.display()));
    house.open(&[]).await;
    (house, keeper)
}

/// Hides a process from whoever looks for it: it has neither the parent, nor the session, nor the environment of its
/// job. It says that it lives by opening `hidden`.
const HIDE: &str = "setsid env -i /bin/sh -c 'echo > hidden; exec sleep 1000' < /dev/null > /dev/null 2>&1 & ";

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_born_in_a_cgroup_of_its_own_that_is_gone_when_it_has_ended() {
    let Some(delegated) = Delegated::new() else { return };
    let (mut house, mut keeper) = house_in(&delegated).await;
    let text = "sed -n 's/^0:://p' /proc/self/cgroup; ls -m /proc/$$/fd; readlink /proc/$$/fd/0; pwd; \
        grep -E '^Sig(Blk|Ign)' /proc/self/status; ps -o sid= -p $$ | tr -d ' '; echo $$; env | sort | head -1";
    let exit = house.run(house.shell(1, text)).await;
    assert_eq!(exit.status, ExitStatus::Code(0));
    let printed = house.printed(1);
    let name = delegated.dir.file_name().unwrap().to_str().unwrap();
    assert!(printed[0].contains(&format!("/{name}/freshd-")), "{printed:?}");
    assert!(printed[0].ends_with("-1-1.1"), "{printed:?}");
    assert_eq!(printed[1..4], ["0, 1, 2", "/dev/null", house.dir.to_str().unwrap()]);
    assert_eq!(printed[4], "SigBlk:\t0000000000000000");
    let ignored = printed[5].strip_prefix("SigIgn:\t").unwrap();
    assert_eq!(u64::from_str_radix(ignored, 16).unwrap() & 0x7fff_ffff, 0);
    assert_eq!(printed[6], printed[7], "the leader of a session of its own");
    assert_eq!(delegated.leaves(), Vec::<PathBuf>::new());
    // What cannot be started says so here as on the other way, and leaves nothing.
    for (run, (program, sentence)) in (2..).zip([
        ("/no/such/program", "does not exist; correct"),
        ("/bin", "is a directory"),
    ]) {
        let exit = house.run(house.spec(run, &[program])).await;
        let ExitStatus::NotStarted(why) = &exit.status else {
            panic!("{program}: {exit:?}")
        };
        assert!(why.contains(sentence), "{why}");
        assert_eq!(delegated.leaves(), Vec::<PathBuf>::new());
    }
    end(house, &mut keeper);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hides_from_its_parent_its_session_and_its_environment_ends_with_its_cgroup() {
    let Some(delegated) = Delegated::new() else { return };
    let (mut house, mut keeper) = house_in(&delegated).await;
    let hidden = both_ends(&house.fifo("hidden"));
    house.fifo("hold");
    // While an older attempt runs, nobody could say by descent whose the hidden process is.
    house.keepers().start(house.shell(1, "read x < hold"));
    house.pid(1).await;
    house.keepers().start(house.shell(2, &format!("{HIDE} read x < hold")));
    house.pid(2).await;
    hear(&hidden);
    assert_eq!(delegated.leaves().len(), 2);
    house.keepers().stop(id(2), StopReason::Cancelled);
    let exit = house.exit().await;
    assert_eq!((exit.id, exit.stop), (id(2), Some(StopReason::Cancelled)));
    assert_eq!(delegated.leaves().len(), 1, "nothing of it lives");
    let go = both_ends(&house.fifo("go"));
    house.keepers().start(house.shell(3, &format!("{HIDE} read x < go")));
    house.pid(3).await;
    hear(&hidden);
    (&go).write_all(b"\n").unwrap();
    let exit = house.exit().await;
    assert_eq!((exit.id, exit.status), (id(3), ExitStatus::Code(0)));
    assert!(exit.usage.leftovers_killed >= 1);
    assert_eq!(delegated.leaves().len(), 1);
    end(house, &mut keeper);
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_that_are_kept_keep_their_cgroup_until_they_end() {
    let Some(delegated) = Delegated::new() else { return };
    let (mut house, mut keeper) = house_in(&delegated).await;
    let hidden = both_ends(&house.fifo("hidden"));
    house.fifo("hold");
    let text = "setsid env -i /bin/sh -c 'echo > hidden; read x < hold' < /dev/null > /dev/null 2>&1 &";
    let mut spec = house.shell(1, text);
    spec.keep_leftovers = true;
    let exit = house.run(spec).await;
    assert_eq!(exit.usage.leftovers_killed, 0);
    hear(&hidden);
    assert_eq!(delegated.leaves().len(), 1);
    fs::write(house.dir.join("hold"), "go\n").unwrap();
    delegated.until_no_leaf();
    end(house, &mut keeper);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cgroup_of_an_attempt_whose_keeper_was_killed_is_emptied_and_removed_all_the_same() {
    let Some(delegated) = Delegated::new() else { return };
    let (mut house, mut keeper) = house_in(&delegated).await;
    let hidden = both_ends(&house.fifo("hidden"));
    house.fifo("hold");
    house.keepers().start(house.shell(1, &format!("{HIDE} read x < hold")));
    house.pid(1).await;
    hear(&hidden);
    house.drop_daemon();
    keeper.kill().unwrap();
    keeper.wait().unwrap();
    assert_eq!(delegated.leaves().len(), 1);
    house.open(&[stored(1, AttemptState::Started)]).await;
    fs::write(house.dir.join("hold"), "go\n").unwrap();
    let exit = house.exit().await;
    assert_eq!(exit.id, id(1));
    assert!(exit.usage.leftovers_killed >= 1);
    delegated.until_no_leaf();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cgroup_that_nobody_delegated_is_not_divided() {
    let Some(delegated) = Delegated::new() else { return };
    setxattr(&delegated.dir, "user.delegate", b"0", XattrFlags::empty()).unwrap();
    let (mut house, mut keeper) = house_in(&delegated).await;
    house.run(house.shell(1, "sed -n 's/^0:://p' /proc/self/cgroup")).await;
    let name = delegated.dir.file_name().unwrap().to_str().unwrap();
    assert!(house.printed(1)[0].ends_with(name), "{:?}", house.printed(1));
    end(house, &mut keeper);
}

fn end(mut house: House, keeper: &mut std::process::Child) {
    house.drop_daemon();
    keeper.kill().unwrap();
    keeper.wait().unwrap();
}
