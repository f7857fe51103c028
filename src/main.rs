//! The freshd binary.

fn main() -> std::process::ExitCode {
    freshd::cli::main()
}
