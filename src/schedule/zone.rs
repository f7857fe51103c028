//! Stretches of constant offset between two changes of a time zone.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// The time between two changes of a zone's offset. Inside it local and real time advance together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// Its first instant; `None` when it reaches back to the beginning of time.
    pub(super) start: Option<Timestamp>,
    /// The first instant of the next one; `None` when it never ends.
    pub(super) end: Option<Timestamp>,
    offset: Offset,
    before: Offset,
    after: Offset,
}

/// Local times, from the first up to but not including the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalSpan {
    pub(super) start: DateTime,
    pub(super) end: DateTime,
}

impl Stretch {
    /// The stretch that holds an instant.
    pub(super) fn holding(zone: &TimeZone, instant: Timestamp) -> Stretch {
        let offset = zone.to_offset(instant);
        // A zone also has entries that rename it and change no offset: passed over.
        let end = zone
            .following(instant)
            .find(|change| change.offset() != offset)
            .map(|change| (change.timestamp(), change.offset()));
        let mut start = None;
        if let Some(just_after) = tick_after(instant) {
            for change in zone.preceding(just_after) {
                let before = tick_before(change.timestamp()).map_or(offset, |instant| zone.to_offset(instant));
                if before != offset {
                    start = Some((change.timestamp(), before));
                    break;
                }
            }
        }
        Stretch {
            start: start.map(|(instant, _)| instant),
            end: end.map(|(instant, _)| instant),
            offset,
            before: start.map_or(offset, |(_, before)| before),
            after: end.map_or(offset, |(_, after)| after),
        }
    }

    /// The next stretch.
    pub(super) fn following(&self, zone: &TimeZone) -> Option<Stretch> {
        self.end.map(|end| Stretch::holding(zone, end))
    }

    /// The stretch before.
    pub(super) fn preceding(&self, zone: &TimeZone) -> Option<Stretch> {
        Some(Stretch::holding(zone, tick_before(self.start?)?))
    }

    /// The local time of an instant of this stretch.
    pub(super) fn local(&self, instant: Timestamp) -> DateTime {
        self.offset.to_datetime(instant)
    }

    /// The instant of a local time of this stretch.
    pub(super) fn instant(&self, local: DateTime) -> Option<Timestamp> {
        self.offset.to_timestamp(local).ok()
    }

    /// The local time at which it begins.
    pub(super) fn local_start(&self) -> DateTime {
        self.start.map_or(DateTime::MIN, |start| self.local(start))
    }

    /// The local time at which it ends, excluded.
    pub(super) fn local_end(&self) -> DateTime {
        self.end.map_or(DateTime::MAX, |end| self.local(end))
    }

    /// The local times that the change at its start left out.
    pub(super) fn gap(&self) -> Option<LocalSpan> {
        let start = self.start.filter(|_| self.offset > self.before)?;
        Some(LocalSpan {
            start: self.before.to_datetime(start),
            end: self.local(start),
        })
    }

    /// The local times at its start that the stretch before had already.
    pub(super) fn repeated(&self) -> Option<LocalSpan> {
        let start = self.start.filter(|_| self.offset < self.before)?;
        Some(LocalSpan {
            start: self.local(start),
            end: self.before.to_datetime(start),
        })
    }

    /// The local times at its end that the next stretch will have again.
    pub(super) fn repeated_later(&self) -> Option<LocalSpan> {
        let end = self.end.filter(|_| self.after < self.offset)?;
        Some(LocalSpan {
            start: self.after.to_datetime(end),
            end: self.local(end),
        })
    }
}

impl LocalSpan {
    pub(super) fn holds(&self, local: DateTime) -> bool {
        self.start <= local && local < self.end
    }

    pub(super) fn length(&self) -> SignedDuration {
        self.end.duration_since(self.start)
    }
}

/// The last whole second that is not later than an instant.
pub(super) fn whole_second(instant: Timestamp) -> Timestamp {
    let nanosecond = i64::from(instant.subsec_nanosecond());
    let second = instant.as_second() - i64::from(nanosecond < 0);
    Timestamp::from_second(second).unwrap_or(Timestamp::MIN)
}

/// The instant a nanosecond later.
pub(super) fn tick_after(instant: Timestamp) -> Option<Timestamp> {
    instant.checked_add(SignedDuration::from_nanos(1)).ok()
}

/// The instant a nanosecond earlier.
pub(super) fn tick_before(instant: Timestamp) -> Option<Timestamp> {
    instant.checked_sub(SignedDuration::from_nanos(1)).ok()
}
