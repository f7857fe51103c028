//! Places for those who are told of changes: many, and nobody keeps them all from others.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Browsers that are told of changes at the same time. Each costs a descriptor and some 20 KiB.
pub(super) const STREAMS_MAX: usize = 256;

/// Who holds places: a user, a token, or else an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    /// A user or a token.
    Known(String),
    /// Nobody in particular, from there.
    From(IpAddr),
}

/// The places that are taken.
#[derive(Clone, Default)]
pub(super) struct Streams(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    next: u64,
    /// By number, so the oldest first.
    places: BTreeMap<u64, (Holder, oneshot::Sender<()>)>,
}

/// One place; free again when it is dropped.
pub(super) struct StreamPlace {
    number: u64,
    streams: Streams,
    ended: oneshot::Receiver<()>,
}

impl Streams {
    /// A place for one more. Where all are taken, whoever holds the most gives up the oldest of theirs to somebody who would
    /// still hold fewer; nothing for whoever would not.
    pub(super) fn take(&self, holder: Holder) -> Option<StreamPlace> {
        let mut taken = self.taken();
        if taken.places.len() >= STREAMS_MAX {
            let oldest = taken.to_give_up(&holder)?;
            taken.places.remove(&oldest);
        }
        let (end, ended) = oneshot::channel();
        let number = taken.next;
        taken.next += 1;
        taken.places.insert(number, (holder, end));
        drop(taken);
        Some(StreamPlace {
            number,
            streams: self.clone(),
            ended,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// The oldest place of whoever holds the most, if that is more than `holder` would hold.
    fn to_give_up(&self, holder: &Holder) -> Option<u64> {
        let mut held: BTreeMap<&Holder, (usize, u64)> = BTreeMap::new();
        for (number, (by, _)) in &self.places {
            held.entry(by).or_insert((0, *number)).0 += 1;
        }
        let would_hold = held.get(holder).map_or(0, |(count, _)| *count) + 1;
        let (count, oldest) = held.values().max_by_key(|(count, _)| *count)?;
        (*count > would_hold).then_some(*oldest)
    }
}

impl StreamPlace {
    /// Ends when the place goes to somebody else.
    pub(super) async fn given_up(&mut self) {
        let _ = (&mut self.ended).await;
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.streams.taken().places.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> Holder {
        Holder::From(IpAddr::from([192, 0, 2, last]))
    }

    #[tokio::test]
    async fn whoever_holds_all_places_gives_the_oldest_to_somebody_else_and_gets_no_more() {
        let streams = Streams::default();
        let mut held: Vec<StreamPlace> = (0..STREAMS_MAX).filter_map(|_| streams.take(from(1))).collect();
        assert_eq!(held.len(), STREAMS_MAX);
        assert!(streams.take(from(1)).is_none(), "no more than all");
        let other = streams.take(from(2));
        assert!(other.is_some(), "a place for somebody else");
        held[0].given_up().await;
        assert!(held[1].ended.try_recv().is_err(), "the oldest and no other");
        drop(held);
        assert!(streams.take(from(1)).is_some(), "what is left is free again");
    }

    #[test]
    fn where_everybody_holds_as_few_nobody_loses_a_place() {
        let streams = Streams::default();
        let known = |number: usize| Holder::Known(number.to_string());
        let held: Vec<StreamPlace> = (0..STREAMS_MAX)
            .filter_map(|number| streams.take(known(number)))
            .collect();
        assert_eq!(held.len(), STREAMS_MAX);
        assert!(streams.take(known(STREAMS_MAX)).is_none());
    }
}
