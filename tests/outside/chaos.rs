//! What goes wrong, and when: everything that can happen to freshd while it works.

use std::time::Duration;

use rustix::process::{Signal, pidfd_send_signal};

use super::chance::Chance;
use super::fleet::Configuration;
use super::freshd_process::process;
use super::world::{World, waits_for};

/// Longest life of a daemon that is not ready yet.
const START_MS_MAX: u64 = 80;
/// Longest time between being told to reload or to end, and being killed.
const TOLD_MS_MAX: u64 = 30;
/// Longest time for which a process is stopped.
const STOPPED_MS_MAX: u64 = 1_200;
/// How soon a daemon is expected to be ready while the disk is full, before there is space again.
const FULL_WAIT: Duration = Duration::from_millis(300);

/// How much may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Only the daemon dies: nothing may be lost.
    Daemon,
    /// Keepers die too.
    Keepers,
}

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    DaemonDies,
    DaemonDiesAtStart,
    DaemonDiesWhileItReloads,
    DaemonDiesWhileItStops,
    DaemonIsStopped,
    Restart,
    Reload,
    ReloadIsRefused,
    RunByHand,
    KeeperDies,
    BothDie,
    KeeperIsStopped,
    DiskIsFull,
}

impl Fault {
    /// By their weights.
    fn draw(chance: &mut Chance, reach: Reach, has_disk: bool) -> Self {
        let keepers = u64::from(reach == Reach::Keepers);
        let disk = u64::from(has_disk);
        let weights = [
            (Self::DaemonDies, 40),
            (Self::DaemonDiesAtStart, 14),
            (Self::DaemonDiesWhileItReloads, 8),
            (Self::DaemonDiesWhileItStops, 4),
            (Self::DaemonIsStopped, 2),
            (Self::Restart, 4),
            (Self::Reload, 3),
            (Self::ReloadIsRefused, 2),
            (Self::RunByHand, 8),
            (Self::KeeperDies, 12 * keepers),
            (Self::BothDie, 12 * keepers),
            (Self::KeeperIsStopped, 2),
            (Self::DiskIsFull, 3 * disk),
        ];
        let mut drawn = chance.below(weights.iter().map(|(_, weight)| weight).sum());
        for (fault, weight) in weights {
            if drawn < weight {
                return fault;
            }
            drawn -= weight;
        }
        Self::DaemonDies
    }
}

/// Lets freshd live for a while: mostly so short that it is disturbed in what it does, sometimes long enough to finish.
fn life(chance: &mut Chance) -> Duration {
    match chance.below(10) {
        0..6 => chance.milliseconds(90),
        6..9 => chance.milliseconds(300),
        _ => chance.milliseconds(1_500),
    }
}

/// Things go wrong until so many processes were killed.
pub(crate) fn rage(world: &mut World, kills: usize, reach: Reach) {
    let mut chance = world.chance.split();
    let until = world.tally.kills + kills;
    while world.tally.kills < until {
        let time = life(&mut chance);
        world.lives_for(time);
        if world.disk_is_full() && chance.below(3) == 0 {
            world.free_disk();
        }
        let fault = Fault::draw(&mut chance, reach, world.disk.is_some());
        strike(world, fault, &mut chance);
    }
}

fn strike(world: &mut World, fault: Fault, chance: &mut Chance) {
    match fault {
        Fault::DaemonDies => world.kill_daemon(),
        Fault::DaemonDiesAtStart => {
            world.kill_daemon();
            world.spawn_daemon();
            waits_for(chance.milliseconds(START_MS_MAX));
            world.kill_daemon();
        }
        Fault::DaemonDiesWhileItReloads => {
            let other = world.other_configuration();
            world.configure(other);
            world.signal_daemon(Signal::HUP);
            waits_for(chance.milliseconds(TOLD_MS_MAX));
            world.kill_daemon();
        }
        Fault::DaemonDiesWhileItStops => {
            world.signal_daemon(Signal::TERM);
            waits_for(chance.milliseconds(TOLD_MS_MAX));
            world.kill_daemon();
        }
        Fault::DaemonIsStopped => {
            world.signal_daemon(Signal::STOP);
            waits_for(chance.milliseconds(STOPPED_MS_MAX));
            world.signal_daemon(Signal::CONT);
        }
        Fault::Restart => {
            world.free_disk();
            world.restart();
        }
        Fault::Reload => {
            world.free_disk();
            let other = world.other_configuration();
            world.reload(other);
        }
        Fault::ReloadIsRefused => {
            world.free_disk();
            let good = world.configuration;
            world.reload(Configuration::Broken);
            world.configure(good);
        }
        Fault::RunByHand => world.run_by_hand(chance.below(2)),
        Fault::KeeperDies => world.kill_keepers(),
        Fault::BothDie => {
            world.kill_daemon();
            world.kill_keepers();
        }
        Fault::KeeperIsStopped => {
            let keepers: Vec<_> = world.keepers().into_iter().filter_map(process::open).collect();
            let tell = |signal| {
                for keeper in &keepers {
                    let _ = pidfd_send_signal(keeper, signal);
                }
            };
            tell(Signal::STOP);
            waits_for(chance.milliseconds(STOPPED_MS_MAX));
            tell(Signal::CONT);
        }
        Fault::DiskIsFull => world.fill_disk(),
    }
    world.ensure_daemon(FULL_WAIT);
}
