//! Which news may overtake what its team has not heard yet, as those hold it who judge what is sent.

use freshd::model::{Notification, NotificationState, Purpose};

/// Whether news tells its team all that an earlier message of the same thread would have. To whoever has taken nothing of the
/// thread, only what is written for them does. `all` is what was ever put in, of any incident and for any address.
pub(crate) fn overtakes<'a>(
    news: &Notification,
    one: &Notification,
    mut all: impl Iterator<Item = &'a Notification>,
) -> bool {
    let tells_how_it_is = |one: &Notification| {
        let purpose = one.message.purpose;
        matches!(purpose, Purpose::Opening | Purpose::Update | Purpose::Impact)
    };
    let is_of_same = |one: &Notification| {
        (one.incident, &one.address) == (news.incident, &news.address)
            && one.message.thread == news.message.thread
            && one.told_for() == news.told_for()
    };
    let is_known = tells_how_it_is(one) || one.message.purpose == Purpose::Reminder;
    let are_by_themselves = one.digest.is_none() && news.digest.is_none();
    let may = one.id < news.id && is_of_same(one) && is_known && tells_how_it_is(news) && are_by_themselves;
    let mut was_heard =
        || all.any(|heard| heard.id < news.id && heard.state == NotificationState::Delivered && is_of_same(heard));
    may && (news.message.purpose != Purpose::Update || was_heard())
}
