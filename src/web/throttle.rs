//! How fast passwords may be tried: by address, by name, and by browser, so that nobody is locked out by others.
//!
//! Guesses come from few addresses, or aim at one name from many. Each address and each name has tries of its own, which
//! come back with time. A browser that has logged in before carries a sign of that (`login.rs`), and its tries count apart:
//! whoever uses up the tries of a name keeps those out who know its password, but not on a browser that it knows.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::net::IpAddr;
use std::time::Duration;

use super::origin::customer;

/// Counters of each kind, so that no flood of made-up names or addresses takes memory. Where one more is needed, the one that
/// has counted least gives way: nobody uses up another's tries, and a flood drives out only what it has counted itself.
const COUNTERS_MAX: usize = 4_096;

/// Tries at once from one address, or from one browser that is known; and how long until another comes back.
const FROM_ONE: Pace = Pace::new(10, Duration::from_secs(30));
/// Tries at once for one name, from wherever.
const FOR_ONE_NAME: Pace = Pace::new(20, Duration::from_mins(1));

/// How many tries there are at once, and how long until another comes back.
#[derive(Clone, Copy, Debug)]
struct Pace {
    at_once: u32,
    every: Duration,
}

impl Pace {
    const fn new(at_once: u32, every: Duration) -> Self {
        Self { at_once, every }
    }
}

/// Who tries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller<'a> {
    /// A browser that has logged in as that name before, by its sign.
    Known(&'a str),
    /// Anybody, from there.
    Address(IpAddr),
}

/// The tries of everybody.
#[derive(Debug)]
pub(super) struct Throttle {
    browsers: Counters,
    addresses: Counters,
    names: Counters,
}

impl Throttle {
    pub(super) fn new() -> Self {
        Self {
            browsers: Counters::new(FROM_ONE),
            addresses: Counters::new(FROM_ONE),
            names: Counters::new(FOR_ONE_NAME),
        }
    }

    /// Takes one try, or says how long to wait. `now` counts from any fixed moment.
    pub(super) fn take(&mut self, from: &Caller<'_>, name: &str, now: Duration) -> Result<(), Duration> {
        match from {
            Caller::Known(sign) => self.browsers.take(&(sign, name), now),
            Caller::Address(address) => {
                let place = customer(*address);
                self.addresses.take(&place, now)?;
                self.names
                    .take(&name, now)
                    .inspect_err(|_| self.addresses.give_back(&place))
            }
        }
    }

    /// The password was right: the try was none.
    pub(super) fn give_back(&mut self, from: &Caller<'_>, name: &str) {
        match from {
            Caller::Known(sign) => self.browsers.give_back(&(sign, name)),
            Caller::Address(address) => {
                self.addresses.give_back(&customer(*address));
                self.names.give_back(&name);
            }
        }
    }
}

/// Counters of one kind: for each key, by a hash that nobody outside can foresee, until when its tries are taken.
#[derive(Debug)]
struct Counters {
    pace: Pace,
    hasher: RandomState,
    taken_until: HashMap<u64, Duration>,
}

impl Counters {
    fn new(pace: Pace) -> Self {
        Self {
            pace,
            hasher: RandomState::new(),
            taken_until: HashMap::new(),
        }
    }

    fn take(&mut self, key: &impl Hash, now: Duration) -> Result<(), Duration> {
        let Pace { at_once, every } = self.pace;
        let key = self.hasher.hash_one(key);
        let taken_until = self.taken_until.get(&key).copied().unwrap_or_default();
        let after = taken_until.max(now) + every;
        let ahead = every * at_once;
        if after > now + ahead {
            return Err(after.saturating_sub(now + ahead));
        }
        self.make_place(key, now);
        self.taken_until.insert(key, after);
        Ok(())
    }

    fn make_place(&mut self, key: u64, now: Duration) {
        if self.taken_until.len() < COUNTERS_MAX || self.taken_until.contains_key(&key) {
            return;
        }
        self.taken_until.retain(|_, until| *until > now);
        let least = self.taken_until.iter().min_by_key(|(_, until)| **until);
        let least = least
            .map(|(key, _)| *key)
            .filter(|_| self.taken_until.len() >= COUNTERS_MAX);
        if let Some(least) = least {
            self.taken_until.remove(&least);
        }
    }

    fn give_back(&mut self, key: &impl Hash) {
        let every = self.pace.every;
        if let Some(taken_until) = self.taken_until.get_mut(&self.hasher.hash_one(key)) {
            *taken_until = taken_until.saturating_sub(every);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn from(text: &str) -> Caller<'static> {
        Caller::Address(text.parse().unwrap())
    }

    #[test]
    fn an_address_has_ten_tries_and_one_more_each_half_minute() {
        let mut throttle = Throttle::new();
        for name in 0..10 {
            assert_eq!(throttle.take(&from("10.0.0.1"), &name.to_string(), at(100)), Ok(()));
        }
        assert_eq!(throttle.take(&from("10.0.0.1"), "kari", at(100)), Err(at(30)));
        assert_eq!(throttle.take(&from("10.0.0.1"), "kari", at(129)), Err(at(1)));
        assert_eq!(throttle.take(&from("10.0.0.1"), "kari", at(130)), Ok(()));
        assert_eq!(throttle.take(&from("10.0.0.2"), "kari", at(130)), Ok(()));
    }

    #[test]
    fn one_customer_with_many_addresses_of_ipv6_is_one() {
        let mut throttle = Throttle::new();
        for host in 1..=10 {
            assert_eq!(
                throttle.take(&from(&format!("2001:db8:1:2::{host}")), &host.to_string(), at(0)),
                Ok(())
            );
        }
        assert!(throttle.take(&from("2001:db8:1:2:ffff::1"), "kari", at(0)).is_err());
        assert!(throttle.take(&from("2001:db8:1:3::1"), "kari", at(0)).is_ok());
    }

    #[test]
    fn whoever_uses_up_the_tries_of_a_name_does_not_lock_out_the_browser_that_it_knows() {
        let mut throttle = Throttle::new();
        let tries = (0..=255).filter(|host| throttle.take(&from(&format!("10.0.1.{host}")), "kari", at(0)).is_ok());
        assert_eq!(tries.count(), 20);
        assert!(throttle.take(&from("10.0.9.9"), "kari", at(0)).is_err());
        // Another name has tries of its own, and a refused one cost the address nothing.
        assert!(throttle.take(&from("10.0.9.9"), "olav", at(0)).is_ok());
        assert!(throttle.take(&Caller::Known("a sign"), "kari", at(0)).is_ok());
        // A sign that was stolen has no more tries than an address.
        let tries = (0..99).filter(|_| throttle.take(&Caller::Known("a sign"), "kari", at(0)).is_ok());
        assert_eq!(tries.count(), 9);
    }

    #[test]
    fn a_right_password_costs_no_try() {
        let mut throttle = Throttle::new();
        for _ in 0..100 {
            assert!(throttle.take(&from("10.0.0.1"), "kari", at(5)).is_ok());
            throttle.give_back(&from("10.0.0.1"), "kari");
        }
    }

    #[test]
    fn a_crowd_with_made_up_names_from_everywhere_uses_up_nobodys_tries_and_frees_no_name_from_its_count() {
        let mut throttle = Throttle::new();
        for host in 0..20 {
            assert!(throttle.take(&from(&format!("10.0.1.{host}")), "kari", at(0)).is_ok());
        }
        for number in 0..40_960_u32 {
            let address = Caller::Address(std::net::Ipv4Addr::from_bits(0x0b00_0000 + number).into());
            assert!(
                throttle.take(&address, &format!("made-up-{number}"), at(1)).is_ok(),
                "{number}"
            );
        }
        assert!(throttle.take(&from("10.0.9.9"), "olav", at(2)).is_ok());
        assert!(
            throttle.take(&from("10.0.9.9"), "kari", at(2)).is_err(),
            "its guesses are forgotten"
        );
        assert!(throttle.names.taken_until.len() <= COUNTERS_MAX);
    }
}
