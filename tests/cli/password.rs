//! `freshd password` and `freshd token`: what they print is what `[web.auth]` takes.

use std::io::Write as _;
use std::process::{Command, Stdio};

use freshd::model::{PasswordHash, TokenHash};

fn freshd(words: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_freshd"))
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("freshd starts");
    let mut stdin = child.stdin.take().expect("its input");
    // It may have ended without reading.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_password_from_standard_input_becomes_a_hash_and_is_never_shown() {
    let (code, hash, _) = freshd(&["password"], "correct horse battery staple\n");
    assert_eq!(code, Some(0));
    assert!(PasswordHash::read(hash.trim_end()).is_ok(), "{hash}");
    assert!(!hash.contains("horse"));
    let (code, said, error) = freshd(&["password"], "short\n");
    assert_eq!((code, said.as_str()), (Some(2), ""));
    assert!(
        error.contains("fewer than 12 characters") && !error.contains("short"),
        "{error}"
    );
    let (code, _, error) = freshd(&["password", "correct horse battery staple"], "");
    assert_eq!(code, Some(2), "{error}");
}

#[test]
fn a_token_is_drawn_anew_each_time_with_the_hash_that_belongs_to_it() {
    let draw = || {
        let (code, said, _) = freshd(&["--json", "token"], "");
        assert_eq!(code, Some(0));
        serde_json::from_str::<serde_json::Value>(&said).expect("JSON")
    };
    let (one, other) = (draw(), draw());
    assert_ne!(one["token"], other["token"]);
    let hash = TokenHash::read(one["hash"].as_str().expect("a hash")).expect("a hash");
    let token = one["token"].as_str().expect("a token");
    assert!(hash.is_of(token) && token.len() == 50, "{token}");
}
