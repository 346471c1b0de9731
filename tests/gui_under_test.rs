//! The same program as `cappuccino-gui`, built beside the tests so that they always run a fresh one.

fn main() -> std::process::ExitCode {
    cappuccino_gui::main()
}
