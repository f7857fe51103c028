//! Whatever a cause is in, those who answer for what it has an effect on hear of that once, and of its end.

use std::time::Duration;

use freshd::model::{Purpose, Request};

use super::ends::sent_to;
use super::ends_that_wait::makes;
use super::virtual_world::{Play, World};
use super::{NO_PROOFS, PEOPLE};

const MAKERS: &str = "mail:a@sea.example";
const READERS: &str = "mail:b@sea.example";

/// In what a cause is when something happens to its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Waits,
    Told,
    SilencedUntold,
    Silenced,
    Acknowledged,
    Flaps,
    FlapsAndIsWell,
    IsOverButForItsEnd,
    IsOver,
}

/// What happens to the effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Happens {
    Begins,
    GetsWorse,
    IsMended,
    ItsJobFails,
    ItsJobFailsWhileItIsBad,
}

const FRESH: &str = "max_age = \"30h\"";
const STALE: &str = "max_age = \"1h\"";
const STALE_AS_A_WARNING: &str = "max_age = \"1h\"\nseverity = \"warning\"";

/// `j` of `ops` makes `d`, from which `k` of `a` makes `e` of `b`, and `n` of `ops` makes `f` of `c`.
fn text(e: &str, f: &str) -> String {
    format!(
        "{PEOPLE}{NO_PROOFS}[jobs.j]\nowner = \"ops\"\ncommand = \"true\"\nproduces = \"d\"\n\
         [datasets.d]\nowner = \"ops\"\nfile = \"d\"\n\
         [jobs.k]\nowner = \"a\"\ncommand = \"true\"\nneeds = [\"d\"]\non_stale = \"run\"\nproduces = \"e\"\n\
         [datasets.e]\nowner = \"b\"\nfile = \"e\"\n{e}\n\
         [jobs.n]\nowner = \"ops\"\ncommand = \"true\"\nneeds = [\"d\"]\non_stale = \"run\"\nproduces = \"f\"\n\
         [datasets.f]\nowner = \"c\"\nfile = \"f\"\n{f}\n"
    )
}

struct Story {
    world: World,
    f: &'static str,
}

impl Story {
    /// All is made at ten.
    fn begin() -> Self {
        let mut world = World::start(&text(FRESH, FRESH), "2026-11-26T10:00");
        for job in ["j", "k", "n"] {
            makes(&mut world, job);
            world.run_until_instant(world.now.wall + jiff::SignedDuration::from_secs(5));
        }
        world.run_until("2026-11-26T12:00");
        Self { world, f: FRESH }
    }

    fn passes(&mut self, seconds: i64) {
        let until = self.world.now.wall + jiff::SignedDuration::from_secs(seconds);
        self.world.run_until_instant(until);
    }

    fn e_is(&mut self, e: &str) {
        self.world.reload(&text(e, self.f));
        self.passes(1);
    }

    fn fails(&mut self, job: &str) {
        self.world.script(job, |_, _| Play::fails(1, "no route to host"));
        self.world.run(job);
        self.passes(10);
    }

    fn works(&mut self, job: &str) {
        makes(&mut self.world, job);
        self.passes(10);
    }

    /// `j` fails, `e` is as it is then, and the cause is as it is to be.
    fn reach(&mut self, cause: Cause, e: &str) {
        self.fails("j");
        self.e_is(e);
        if !matches!(cause, Cause::Waits | Cause::SilencedUntold) {
            self.passes(90);
        }
        match cause {
            Cause::Waits | Cause::Told => {}
            Cause::SilencedUntold | Cause::Silenced => {
                self.world.done(Request::Silence {
                    name: "j".into(),
                    because: "we know".to_owned(),
                    for_s: 24 * 3_600,
                });
                self.passes(90);
            }
            Cause::Acknowledged => {
                let of_j = self.world.open_incidents()[0].id;
                self.world.done(Request::Ack {
                    incident: of_j,
                    note: None,
                    link: None,
                });
            }
            Cause::Flaps | Cause::FlapsAndIsWell => {
                for _ in 0..2 {
                    self.works("j");
                    self.passes(90);
                    self.fails("j");
                    self.passes(90);
                }
                if cause == Cause::FlapsAndIsWell {
                    self.works("j");
                    self.passes(90);
                }
            }
            Cause::IsOverButForItsEnd => {
                self.f = STALE;
                self.e_is(e);
                self.passes(30);
                self.world.script("n", |_, now| {
                    Play::writes(&now.to_string(), now).taking(Duration::from_mins(20))
                });
                self.world.run("n");
                self.works("j");
                self.passes(90);
            }
            Cause::IsOver => {
                self.works("j");
                self.passes(90);
            }
        }
    }

    fn happens(&mut self, what: Happens) {
        match what {
            Happens::Begins | Happens::GetsWorse => self.e_is(STALE),
            Happens::IsMended => self.e_is(FRESH),
            Happens::ItsJobFails | Happens::ItsJobFailsWhileItIsBad => self.fails("k"),
        }
        self.passes(1_500);
    }

    /// Everything works again, and nothing is silenced.
    fn ends(&mut self) {
        self.f = FRESH;
        self.e_is(FRESH);
        for job in ["j", "k", "n"] {
            self.works(job);
        }
        // What comes and goes is over when it was found to be well twice within an hour.
        self.passes(4_000);
        self.works("j");
        self.passes(600);
    }

    fn told(&self, to: &str) -> String {
        let letter = |purpose: Purpose| match purpose {
            Purpose::Opening => 'O',
            Purpose::Update => 'U',
            Purpose::Impact => 'I',
            Purpose::Recovery => 'R',
            Purpose::Reminder => 'r',
            _ => '?',
        };
        sent_to(&self.world, to).into_iter().map(letter).collect()
    }
}

/// What the makers of the effect and those who answer for it are told until all is well again: of each thing once, and of its
/// end in each thread in which it was told. What is over while others are still to be mended opens anew where it stays bad.
const TOLD: [(Cause, [(&str, &str); 5]); 9] = {
    use Cause::{
        Acknowledged, Flaps, FlapsAndIsWell, IsOver, IsOverButForItsEnd, Silenced, SilencedUntold, Told, Waits,
    };
    // It begins; gets worse; is mended; its job fails; its job fails while it is bad.
    [
        (Waits, [("", "IR"), ("", "IR"), ("", ""), ("IR", ""), ("IR", "IR")]),
        (Told, [("", "IR"), ("", "IR"), ("", "IR"), ("IR", ""), ("IR", "IR")]),
        (
            SilencedUntold,
            [("", "OR"), ("", "OUR"), ("", "OR"), ("OR", ""), ("IR", "OR")],
        ),
        (
            Silenced,
            [("", "OR"), ("", "OUR"), ("", "IR"), ("OR", ""), ("OR", "IR")],
        ),
        (
            Acknowledged,
            [("", "IR"), ("", "IR"), ("", "IR"), ("IR", ""), ("IR", "IR")],
        ),
        (
            Flaps,
            [("", "IR"), ("", "OUR"), ("", "IROR"), ("IR", ""), ("IR", "IROR")],
        ),
        (
            FlapsAndIsWell,
            [("", "OR"), ("", "OUR"), ("", "IROR"), ("OR", ""), ("IR", "IROR")],
        ),
        (
            IsOverButForItsEnd,
            [("", "OR"), ("", "OR"), ("", "IR"), ("OR", ""), ("OR", "IIRR")],
        ),
        (
            IsOver,
            [("", "OR"), ("", "OUR"), ("", "IROR"), ("OR", ""), ("IR", "IROR")],
        ),
    ]
};

#[test]
fn whatever_a_cause_is_in_those_who_answer_for_its_effect_hear_of_that_once_and_of_its_end() {
    use Happens::{Begins, GetsWorse, IsMended, ItsJobFails, ItsJobFailsWhileItIsBad};
    for (cause, told) in TOLD {
        let all = [Begins, GetsWorse, IsMended, ItsJobFails, ItsJobFailsWhileItIsBad];
        for (what, (makers, readers)) in all.into_iter().zip(told) {
            for crash in [false, true] {
                let mut story = Story::begin();
                let before = match what {
                    Begins | ItsJobFails => FRESH,
                    GetsWorse => STALE_AS_A_WARNING,
                    IsMended | ItsJobFailsWhileItIsBad => STALE,
                };
                story.reach(cause, before);
                if crash {
                    story.world.crash();
                    story.world.restart();
                }
                story.happens(what);
                story.ends();
                let found = [MAKERS, READERS].map(|to| story.told(to));
                assert_eq!(found, [makers, readers], "{what:?}, {cause:?}, crash: {crash}");
            }
        }
    }
}
