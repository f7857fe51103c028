//! Secrets: where a value that must not stand in the configuration is found. Values never reach a message.

use std::path::Path;

use super::context::Context;
use super::files;
use super::reader::Value;
use super::trust;
use crate::model::Secret;

/// Largest secret, in bytes.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// Reads `{ file }`, `{ env }` or `{ credential }`; anything else, a plain text above all, is an error.
pub(super) fn secret(context: &Context<'_>, value: Value<'_>) -> Option<Secret> {
    let key = value.key;
    let how =
        format!("write {key} = {{ file = \"secrets/{key}\" }}, {{ env = \"NAME\" }} or {{ credential = \"NAME\" }}");
    if value.as_text().is_some() {
        value.error(format!("`{key}` is a secret and must not stand in the file"), how);
        return None;
    }
    if !value.is_table() {
        value.expected("a secret from elsewhere", &how);
        return None;
    }
    let table = value.table(key.to_owned())?;
    let sources = ["file", "env", "credential"].map(|source| table.has(source));
    let count = sources.iter().filter(|has| **has).count();
    let found = if count > 1 {
        value.error(format!("`{key}` names more than one source"), how);
        for source in ["file", "env", "credential"] {
            table.get(source);
        }
        None
    } else if let Some(file) = table.text("file") {
        let path = context.path(&file);
        from_file(context, file.value, file.text, &path)
    } else if let Some(variable) = table.text("env") {
        from_variable(context, variable.value, variable.text)
    } else if let Some(credential) = table.text("credential") {
        from_credential(context, credential.value, credential.text)
    } else if count == 0 {
        table.missing("file", format!("`{key}` does not say where it is found"), how);
        None
    } else {
        None
    };
    table.finish();
    if let Some(secret) = &found {
        context.secrets.borrow_mut().add(secret.reveal());
    }
    found
}

fn from_file(context: &Context<'_>, value: Value<'_>, name: &str, path: &Path) -> Option<Secret> {
    let text = match files::read_text(path, SECRET_BYTES_MAX) {
        Ok(text) => text,
        Err(error) => {
            value.error(format!("the secret's file `{name}` {}", error.message), error.help);
            return None;
        }
    };
    if files::readable_by_others(path) {
        value.report.warning(
            value.spot(),
            format!("the secret's file `{name}` can be read by everybody"),
            format!("chmod o-r {}", path.display()),
        );
    }
    if context.environment.root
        && let Some(error) = trust::changeable_by_others(path, None)
    {
        value.error(format!("the secret's file `{name}` {}", error.message), error.help);
        return None;
    }
    usable(value, &text, &format!("the secret's file `{name}`"))
}

fn from_variable(context: &Context<'_>, value: Value<'_>, name: &str) -> Option<Secret> {
    let Some(text) = context.environment.variables.get(name) else {
        value.error(
            format!("the environment variable `{name}` is not set"),
            "set it where freshd is started, or write { file = \"...\" }",
        );
        return None;
    };
    usable(value, text, &format!("the environment variable `{name}`"))
}

fn from_credential(context: &Context<'_>, value: Value<'_>, name: &str) -> Option<Secret> {
    let Some(dir) = &context.environment.credentials_dir else {
        value.error(
            format!("there is no credential `{name}`: CREDENTIALS_DIRECTORY is not set"),
            format!("run under systemd with LoadCredential={name}:/path/to/file"),
        );
        return None;
    };
    if name.contains('/') || name.starts_with('.') {
        value.error(
            format!("`{name}` is not the name of a credential"),
            "write the name as in LoadCredential=NAME:PATH",
        );
        return None;
    }
    match files::read_text(&dir.join(name), SECRET_BYTES_MAX) {
        Ok(text) => usable(value, &text, &format!("the credential `{name}`")),
        Err(error) => {
            value.error(
                format!("the credential `{name}` {}", error.message),
                format!("add LoadCredential={name}:/path/to/file to the unit"),
            );
            None
        }
    }
}

/// Cuts the newline that editors add, and refuses what cannot be meant.
fn usable(value: Value<'_>, text: &str, place: &str) -> Option<Secret> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        value.error(format!("{place} is empty"), "put the secret into it");
        return None;
    }
    if text.contains(['\n', '\r', '\0']) {
        value.error(format!("{place} has more than one line"), "leave only the secret in it");
        return None;
    }
    Some(Secret::new(text))
}
