//! Processes that SIGKILL does not end, as those that wait for a dead file server: here frozen by the kernel's freezer of
//! version 1, which holds SIGKILL back. For a test that is root, where that freezer is mounted.

use super::house::*;
use std::fs;
use std::path::{Path, PathBuf};

use freshd::model::{AttemptState, ExitStatus, StopReason};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// A process that nothing ends until this is dropped.
struct Frozen {
    dir: PathBuf,
    process: std::os::fd::OwnedFd,
}

impl Frozen {
    fn freezer() -> Option<PathBuf> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let mount = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let mut mount = mount.filter(|mount| mount[2] == "cgroup" && mount[3].split(',').any(|one| one == "freezer"));
        mount
            .next()
            .filter(|_| rustix::process::geteuid().is_root())
            .map(|mount| mount[1].into())
    }

    fn new(freezer: &Path, pid: u32) -> Self {
        let dir = freezer.join(format!("freshd-test-{pid}"));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("cgroup.procs"), pid.to_string()).unwrap();
        let state = dir.join("freezer.state");
        fs::write(&state, "FROZEN").unwrap();
        // It is so at the next system call at the latest.
        until(|| fs::read_to_string(&state).unwrap() == "FROZEN\n");
        let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        Self {
            dir,
            process: pidfd_open(pid, PidfdFlags::empty()).unwrap(),
        }
    }

    fn thaw(&self) {
        fs::write(self.dir.join("freezer.state"), "THAWED").unwrap();
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.thaw();
        wait_for(&self.process);
        until(|| fs::remove_dir(&self.dir).is_ok());
    }
}

fn assert_unkillable(status: &ExitStatus, pid: u32) {
    let ExitStatus::Unknown(why) = status else {
        panic!("{status:?}")
    };
    let words = format!("unkillable: process {pid} still lives 2 s after SIGKILL");
    assert!(why.contains(&words), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_sigkill_does_not_end_is_told_so_holds_nobody_up_and_is_gone_once_it_can_go() {
    let Some(freezer) = Frozen::freezer() else { return };
    let mut house = House::new().await;
    house.fifo("hold");
    let mut spec = house.shell(1, "read x < hold");
    spec.kill_after = std::time::Duration::from_millis(50);
    house.keepers().start(spec);
    let pid = house.pid(1).await;
    let frozen = Frozen::new(&freezer, pid);
    house.keepers().stop(id(1), StopReason::Cancelled);
    let exit = house.exit().await;
    assert_eq!((exit.id, exit.stop), (id(1), Some(StopReason::Cancelled)));
    assert_unkillable(&exit.status, pid);
    house.keepers().acknowledge(id(1));
    let exit = house.run(house.shell(2, "exit 3")).await;
    assert_eq!(exit.status, ExitStatus::Code(3));
    frozen.thaw();
    wait_for(&frozen.process);
    // Nor does it stay as a zombie: the keeper still asks how it ended.
    until(|| !Path::new(&format!("/proc/{pid}")).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stands_in_for_a_dead_keeper_says_the_same_of_it() {
    let Some(freezer) = Frozen::freezer() else { return };
    let mut house = House::new().await;
    house.fifo("hold");
    let mut spec = house.shell(1, "read x < hold");
    spec.kill_after = std::time::Duration::from_millis(50);
    house.keepers().start(spec);
    let pid = house.pid(1).await;
    let _frozen = Frozen::new(&freezer, pid);
    house.kill_keepers();
    house.drop_daemon();
    house.open(&[stored(1, AttemptState::Started)]).await;
    house.keepers().stop(id(1), StopReason::Cancelled);
    let exit = house.exit().await;
    assert_unkillable(&exit.status, pid);
}
