//! The freshd binary.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["keeper", "--state", state_dir, "--number", number] => match number.parse() {
            Ok(number) => match freshd::runner::keeper_main(Path::new(state_dir), number) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("freshd keeper {number}: {error:#}");
                    ExitCode::FAILURE
                }
            },
            Err(error) => {
                eprintln!("freshd keeper: `{number}` is not a keeper's number: {error}");
                ExitCode::FAILURE
            }
        },
        _ => ExitCode::SUCCESS,
    }
}
