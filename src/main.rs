//! The `nodebook` program: parse, run, exit code. Everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    nodebook::cli::main(std::env::args_os())
}
