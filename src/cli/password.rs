//! `freshd password` and `freshd token`: what `[web.auth]` knows people and programs by. Neither asks a daemon.

use std::io::{self, BufRead as _, IsTerminal as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::out::Out;
use crate::model::{TOKEN_BYTES, TOKEN_PREFIX, TokenHash};
use crate::web;

/// Reads a password, which is never an argument: those are seen by every user of the machine.
pub(super) fn password(out: &mut Out) -> Result<Exit, Failure> {
    let password = if io::stdin().is_terminal() { typed()? } else { piped()? };
    let hash = web::hash_password(&password).map_err(Failure::usage)?;
    if out.json {
        out.document(&json!({ "hash": hash }))?;
    } else {
        out.line(hash)?;
    }
    Ok(Exit::Fine)
}

/// Without an echo, and twice, since nobody sees what is typed.
fn typed() -> Result<String, Failure> {
    let ask = |prompt: &str| {
        rpassword::prompt_password(prompt)
            .map_err(|error| Failure::not_fine(format!("the password could not be read: {error}")))
    };
    let first = ask("Password: ")?;
    if first != ask("Once more: ")? {
        return Err(Failure::usage("the two differ; nothing was hashed"));
    }
    Ok(first)
}

/// One line.
fn piped() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::not_fine(format!("the password could not be read: {error}")))?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// Draws a token.
pub(super) fn token(out: &mut Out) -> Result<Exit, Failure> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| Failure::not_fine(format!("no random numbers: {error}")))?;
    let token = format!("{TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    let hash = TokenHash::of(&token);
    if out.json {
        out.document(&json!({ "token": token, "hash": hash.to_string() }))?;
        return Ok(Exit::Fine);
    }
    out.line(format!("token  {token}"))?;
    out.line(format!("hash   {hash}"))?;
    out.line("The token is for the program and is shown this once; the hash is for the file that [web.auth.tokens.NAME] names.")?;
    Ok(Exit::Fine)
}
