//! `cappuccino-gui`, the desktop app.

use std::process::ExitCode;

fn main() -> ExitCode {
    cappuccino_gui::main()
}
