//! The same program as `cappuccino`, built beside the tests so that they always run a fresh one.
//! It alone can be told to die at a step of the process protocol.

fn main() -> std::process::ExitCode {
    cappuccino_headless::host::failpoint::arm_from_environment();
    cappuccino_headless::main()
}
