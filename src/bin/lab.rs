//! The command line's entry.

use std::process::ExitCode;

fn main() -> ExitCode {
    match tunelab::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}
