//! What a window needs of this machine, and how to get what is missing. The libraries are opened
//! when the window is, so nothing else would tell in time.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A library, what it is for, and the package that holds it on Debian and its kin.
const LIBRARIES: [(&str, &str, &str); 9] = [
    ("libX11.so.6", "X11", "libx11-6"),
    ("libX11-xcb.so.1", "X11", "libx11-xcb1"),
    ("libXcursor.so.1", "X11", "libxcursor1"),
    ("libXi.so.6", "X11", "libxi6"),
    ("libxkbcommon.so.0", "keyboard", "libxkbcommon0"),
    ("libxkbcommon-x11.so.0", "keyboard on X11", "libxkbcommon-x11-0"),
    ("libEGL.so.1", "drawing", "libegl1"),
    ("libGL.so.1", "drawing", "libgl1"),
    ("libwayland-client.so.0", "Wayland", "libwayland-client0"),
];

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is as it should be.
    pub is_well: bool,
    /// One line.
    pub text: String,
}

/// Looks at everything a window needs.
pub fn examine() -> Vec<Finding> {
    let mut findings = vec![display(
        std::env::var_os("WAYLAND_DISPLAY").is_some(),
        std::env::var_os("DISPLAY").is_some(),
    )];
    let known = known_libraries();
    let mut packages = Vec::new();
    for (library, purpose, package) in LIBRARIES {
        let is_well = known.iter().any(|name| name == library);
        let state = if is_well { "found" } else { "missing" };
        findings.push(Finding { is_well, text: format!("{library} ({purpose}): {state}") });
        if !is_well {
            packages.push(package);
        }
    }
    if !packages.is_empty() {
        let text = format!("install what is missing: sudo apt install {}", packages.join(" "));
        findings.push(Finding { is_well: false, text });
    }
    findings
}

/// Whether there is a screen to draw on.
pub fn display(has_wayland: bool, has_x11: bool) -> Finding {
    match (has_wayland, has_x11) {
        (true, _) => Finding { is_well: true, text: "a Wayland display is there".to_owned() },
        (false, true) => Finding { is_well: true, text: "an X11 display is there".to_owned() },
        (false, false) => Finding {
            is_well: false,
            text: "no display: neither WAYLAND_DISPLAY nor DISPLAY is set; start the app in a \
                   desktop session, or use `cappuccino status` in this terminal"
                .to_owned(),
        },
    }
}

/// Names of the shared libraries that the loader would find.
fn known_libraries() -> Vec<String> {
    let mut names = Vec::new();
    for program in ["ldconfig", "/sbin/ldconfig"] {
        if let Ok(output) = Command::new(program).arg("-p").output() {
            let text = String::from_utf8_lossy(&output.stdout);
            let first_word = |line: &str| line.split_whitespace().next().map(str::to_owned);
            names.extend(text.lines().filter_map(first_word));
            break;
        }
    }
    let folders = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    for folder in std::env::split_paths(&folders).chain([PathBuf::from("/usr/lib")]) {
        names.extend(files_in(&folder));
    }
    names
}

fn files_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_display_the_way_out_is_named() {
        let finding = display(false, false);
        assert!(!finding.is_well && finding.text.contains("cappuccino status"));
        assert!(display(true, false).is_well && display(false, true).is_well);
    }
}
