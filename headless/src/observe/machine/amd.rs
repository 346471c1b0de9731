//! AMD cards by what the kernel's driver writes below `/sys/class/drm` (the amdgpu documentation:
//! `gpu_busy_percent`, `mem_info_vram_*`, and the hwmon files in milli- and microunits).

use cappuccino_core::api::GpuView;
use std::fs;
use std::path::{Path, PathBuf};

/// The maker's number on the PCI bus.
const MAKER: &str = "0x1002";

/// The AMD cards below this root of sysfs; the first has the given index.
pub fn look(sysfs: &Path, first: u32) -> Vec<GpuView> {
    let entries = fs::read_dir(sysfs.join("class/drm")).into_iter().flatten().flatten();
    let mut devices: Vec<PathBuf> = entries
        .filter(|entry| is_card(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path().join("device"))
        .filter(|device| text(&device.join("vendor")).as_deref() == Some(MAKER))
        .collect();
    // Cards are numbered anew at each start; where they sit on the bus stays.
    devices.sort_by_key(|device| fs::canonicalize(device).unwrap_or_else(|_| device.clone()));
    devices.iter().zip(first..).map(|(device, index)| card(index, device)).collect()
}

/// `card0`, but not its connectors `card0-DP-1`.
fn is_card(name: &str) -> bool {
    name.strip_prefix("card").is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn card(index: u32, device: &Path) -> GpuView {
    let sensors = sensors(device);
    let sensor = |name: &str| number(&sensors.as_ref()?.join(name));
    GpuView {
        index,
        name: text(&device.join("product_name")).unwrap_or_else(|| format!("AMD card {index}")),
        temperature_celsius: sensor("temp1_input").map(|milli| milli / 1e3),
        utilisation_percent: number(&device.join("gpu_busy_percent")),
        memory_used_bytes: bytes(&device.join("mem_info_vram_used")),
        memory_total_bytes: bytes(&device.join("mem_info_vram_total")),
        power_watts: sensor("power1_average")
            .or_else(|| sensor("power1_input"))
            .map(|micro| micro / 1e6),
        power_limit_watts: sensor("power1_cap").map(|micro| micro / 1e6),
    }
}

fn sensors(device: &Path) -> Option<PathBuf> {
    fs::read_dir(device.join("hwmon")).ok()?.flatten().map(|entry| entry.path()).min()
}

/// A field that this card does not have, or that cannot be read now, is absent.
fn text(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn number(path: &Path) -> Option<f64> {
    text(path)?.parse().ok()
}

fn bytes(path: &Path) -> Option<u64> {
    text(path)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join("class/drm").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn a_card_is_read_with_what_it_has_and_others_are_left_alone() {
        let root = tree(&[
            ("card0/device/vendor", "0x10de\n"),
            ("card1/device/vendor", "0x1002\n"),
            ("card1/device/gpu_busy_percent", "97\n"),
            ("card1/device/mem_info_vram_used", "1048576\n"),
            ("card1/device/hwmon/hwmon3/temp1_input", "64000\n"),
            ("card1/device/hwmon/hwmon3/power1_average", "213000000\n"),
            ("card1-DP-1/device/vendor", "0x1002\n"),
        ]);
        let cards = look(root.path(), 2);
        assert_eq!(cards.len(), 1);
        let card = &cards[0];
        assert_eq!((card.index, card.name.as_str()), (2, "AMD card 2"));
        assert_eq!(card.temperature_celsius, Some(64.0));
        assert_eq!(card.utilisation_percent, Some(97.0));
        assert_eq!(card.memory_used_bytes, Some(1 << 20));
        assert_eq!(card.power_watts, Some(213.0));
        assert_eq!((card.memory_total_bytes, card.power_limit_watts), (None, None));
    }

    #[test]
    fn garbage_and_absence_are_absence_and_keep_nothing_else_from_being_read() {
        let root = tree(&[
            ("card0/device/vendor", "0x1002"),
            ("card0/device/gpu_busy_percent", "many"),
            ("card0/device/hwmon/hwmon0/temp1_input", ""),
            // Reading a folder fails as a field does that the card's firmware does not support.
            ("card0/device/mem_info_vram_used/x", ""),
            ("card0/device/mem_info_vram_total", "17163091968"),
            ("card0/device/hwmon/hwmon0/power1_average/x", ""),
            ("card0/device/hwmon/hwmon0/power1_input", "31000000"),
        ]);
        let card = &look(root.path(), 0)[0];
        assert_eq!((card.utilisation_percent, card.temperature_celsius), (None, None));
        assert_eq!((card.memory_used_bytes, card.memory_total_bytes), (None, Some(17_163_091_968)));
        assert_eq!(card.power_watts, Some(31.0));
        assert_eq!(look(Path::new("/nowhere"), 0), Vec::new());
    }

    #[test]
    fn a_card_keeps_its_place_when_the_kernel_numbers_it_anew() {
        let slots = ["0000:03:00.0", "0000:0b:00.0"];
        let indices = |numbers: [u32; 2]| {
            let root = tempfile::tempdir().unwrap();
            for (slot, number) in slots.into_iter().zip(numbers) {
                let device = root.path().join("devices").join(slot);
                fs::create_dir_all(&device).unwrap();
                fs::write(device.join("vendor"), "0x1002").unwrap();
                fs::write(device.join("product_name"), slot).unwrap();
                let card = root.path().join(format!("class/drm/card{number}"));
                fs::create_dir_all(&card).unwrap();
                std::os::unix::fs::symlink(device, card.join("device")).unwrap();
            }
            let cards = look(root.path(), 0).into_iter();
            cards.map(|card| (card.index, card.name)).collect::<Vec<_>>()
        };
        let expected = [(0, slots[0].to_owned()), (1, slots[1].to_owned())];
        assert_eq!(indices([0, 1]), expected);
        assert_eq!(indices([10, 2]), expected);
    }
}
