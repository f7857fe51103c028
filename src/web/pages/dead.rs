//! What was given up, on the page of all incidents.

use maud::{Markup, html};

use super::act;
use super::words::{View, owner, text, time_with_seconds};
use crate::model::DeadMessage;

/// Messages that nobody has got: to whom, about what, what the other side said, and the buttons for whoever may act.
pub(super) fn given_up(view: &View, messages: &[DeadMessage]) -> Markup {
    html! {
        @if !messages.is_empty() {
            section aria-labelledby="given-up" {
                h2 id="given-up" { "Given up" }
                p { "Nobody got these, and nobody has sent them again. On this machine " code { "freshd notify resend MESSAGE" } " does, once the address works." }
                @if messages.len() > 1 { (act::on_dead_messages(view)) }
                div.wide { table.cards {
                    thead { tr { th.num scope="col" { "Message" } th scope="col" { "About" } th scope="col" { "To" } th scope="col" { "Given up" } th scope="col" { "Last answer" } } }
                    tbody { @for message in messages { (row(view, message)) } }
                } }
            }
        }
    }
}

fn row(view: &View, message: &DeadMessage) -> Markup {
    let given_up = message.given_up_at.unwrap_or(message.decided_at);
    html! {
        tr {
            td.num { (message.message) }
            td.row {
                @match message.incident {
                    Some(incident) => { a href={ "/incidents/" (incident) "#m" (message.message) } { (text(&message.title)) } }
                    None => (text(&message.title)),
                }
                span.note { (message.purpose.as_str()) ", written " (time_with_seconds(view, message.decided_at)) }
            }
            td data-label="To" { (text(&message.to)) ", for " (owner(view, message.team.as_str())) }
            td data-label="Given up" { (time_with_seconds(view, given_up)) }
            td.remark data-label="Last answer" { (text(message.error.as_deref().unwrap_or("nothing"))) (act::on_dead_message(view, message.message)) }
        }
    }
}
