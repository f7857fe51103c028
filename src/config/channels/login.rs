//! Who asks: `username` with `password`, or a `token`.

use super::Context;
use crate::config::reader::Table;
use crate::config::secrets::secret;
use crate::model::{Login, Secret};

/// Reads `username` and `password`, one of which needs the other.
pub(super) fn basic(context: &Context<'_>, table: &Table<'_>) -> Option<(String, Secret)> {
    let username = table.text("username");
    let password = table.get("password");
    let given = password.is_some();
    let password = password.and_then(|value| secret(context, value));
    if username.is_some() != given {
        let (has, lacks) = if given {
            ("password", "username")
        } else {
            ("username", "password")
        };
        context.report.error(
            table.key_spot(has).unwrap_or(table.spot),
            format!("`{has}` needs `{lacks}` beside it"),
            if given {
                "add username = \"...\", or take the password out".to_owned()
            } else {
                "add password = { file = \"...\" }, or take the username out".to_owned()
            },
        );
    }
    username.map(|text| text.text.to_owned()).zip(password)
}

/// Reads either way to say who asks; neither is fine.
pub(super) fn either(context: &Context<'_>, table: &Table<'_>) -> Option<Login> {
    let token = table.get("token").and_then(|value| secret(context, value));
    let basic = basic(context, table);
    if let (Some(spot), true) = (table.key_spot("token"), table.has("username") || table.has("password")) {
        context.report.error(
            spot,
            "`token` stands beside `username` and `password`",
            "keep the one that the other side asks for",
        );
    }
    token
        .map(Login::Bearer)
        .or(basic.map(|(username, password)| Login::Basic { username, password }))
}
