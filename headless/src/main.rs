//! The program `cappuccino`: everything lives in the library, so that tests can call it.

fn main() -> std::process::ExitCode {
    cappuccino_headless::main()
}
