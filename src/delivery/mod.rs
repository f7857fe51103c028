//! Notifications to people: email, Slack, webhook, file; one file each.
