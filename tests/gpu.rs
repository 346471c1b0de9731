//! A graphics card that warms up, falls off the bus and comes back, as NVIDIA's library would
//! tell it; and the alerts that a person hears of it.

use cappuccino_core::api::Status;
use cappuccino_core::words::Note;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::daemon::Site;
use support::wait::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cappuccino-under-test");
const PATIENCE: Duration = Duration::from_secs(60);

/// Builds the card's library with the system's C compiler.
fn library(folder: &Path) -> std::path::PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("nvml/fake.c");
    let library = folder.join("libfake-nvml.so");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-w", "-o"])
        .arg(&library)
        .arg(source)
        .status()
        .unwrap();
    assert!(compiled.success());
    library
}

fn alerts(site: &Site) -> Vec<String> {
    let told = |note: Note| match note {
        Note::AlertFired(key, trouble, 1) if key.starts_with("gpu/") => {
            Some(format!("{key}: {} ({})", trouble.text, trouble.severity))
        }
        Note::AlertResolved(key, ..) if key.starts_with("gpu/") => Some(format!("{key} over")),
        _ => None,
    };
    site.history().into_iter().filter_map(|entry| told(entry.note)).collect()
}

fn temperature(status: &Status) -> Option<f64> {
    status.machine.as_ref()?.gpus.first()?.temperature_celsius
}

#[test]
fn a_card_that_warms_up_and_falls_off_the_bus_is_told_once_each_way() {
    let folder = tempfile::tempdir().unwrap();
    let (library, state) = (library(folder.path()), folder.path().join("state"));
    let set = |text: &str| {
        let next = folder.path().join("next");
        std::fs::write(&next, text).unwrap();
        std::fs::rename(next, &state).unwrap();
    };
    set("70 95 0");
    let machine = format!(
        "[machine]\nevery = \"1s\"\ngpu_idle_for = \"1h\"\nnvml_library = {:?}\n",
        library.display().to_string()
    );
    let mut site = Site::new(PROGRAM, &machine);
    site.set("FAKE_NVML_STATE", state.to_str().unwrap());
    site.start_and_wait();
    let show = |celsius: f64| {
        until("the reading is shown", PATIENCE, || {
            (temperature(&site.status().unwrap()) == Some(celsius)).then_some(())
        });
    };
    show(70.0);
    let gpu = site.status().unwrap().machine.unwrap().gpus.remove(0);
    assert_eq!((gpu.name.as_str(), gpu.utilisation_percent), ("Fake card", Some(95.0)));
    assert_eq!(gpu.power_watts, None, "what the card does not tell is absent");
    assert_eq!(gpu.memory_used_bytes, None);
    for celsius in [79, 82, 79, 81, 90, 84, 78] {
        set(&format!("{celsius} 95 0"));
        show(f64::from(celsius));
    }
    set("70 95 0");
    show(70.0);
    let warm = "gpu/0/temperature: GPU 0 is at 80 °C or above (warning)";
    let hot = "gpu/0/temperature: GPU 0 is at 85 °C or above (critical)";
    until("it is over", PATIENCE, || (alerts(&site).len() == 4).then_some(()));
    assert_eq!(alerts(&site), [warm, hot, warm, "gpu/0/temperature over"]);
    set("70 95 15");
    until("the loss is told", PATIENCE, || (alerts(&site).len() == 5).then_some(()));
    set("70 95 0");
    until("the return is told", PATIENCE, || (alerts(&site).len() == 6).then_some(()));
    let told = alerts(&site);
    assert!(told[4].starts_with("gpu/lost: GPU 0 is lost"), "{told:?}");
    assert_eq!(told[5], "gpu/lost over");
}

#[test]
fn an_amd_card_that_warms_up_is_told_once_each_way_and_one_taken_out_is_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let device = folder.path().join("class/drm/card1/device");
    let sensors = device.join("hwmon/hwmon3");
    std::fs::create_dir_all(&sensors).unwrap();
    // A field that the firmware does not support cannot be read; a folder cannot either.
    std::fs::create_dir(device.join("gpu_busy_percent")).unwrap();
    std::fs::write(device.join("vendor"), "0x1002\n").unwrap();
    let set = |celsius: i32| {
        let next = folder.path().join("next");
        std::fs::write(&next, format!("{}\n", celsius * 1000)).unwrap();
        std::fs::rename(next, sensors.join("temp1_input")).unwrap();
    };
    set(70);
    let machine = format!(
        "[machine]\nevery = \"1s\"\nnvml_library = \"/nowhere/libnvidia-ml.so.1\"\nsysfs = {:?}\n",
        folder.path().display().to_string()
    );
    let mut site = Site::new(PROGRAM, &machine);
    site.start_and_wait();
    for celsius in [70, 79, 82, 79, 81, 78, 70, 82] {
        set(celsius);
        until("the reading is shown", PATIENCE, || {
            let status = site.status().unwrap();
            (temperature(&status) == Some(f64::from(celsius))).then_some(())
        });
    }
    let gpu = site.status().unwrap().machine.unwrap().gpus.remove(0);
    assert_eq!((gpu.index, gpu.utilisation_percent, gpu.power_watts), (0, None, None));
    let (warm, over) =
        ("gpu/0/temperature: GPU 0 is at 80 °C or above (warning)", "gpu/0/temperature over");
    until("it is warm again", PATIENCE, || (alerts(&site).len() == 3).then_some(()));
    assert_eq!(alerts(&site), [warm, over, warm]);
    std::fs::remove_dir_all(folder.path().join("class/drm/card1")).unwrap();
    until("a card that is gone is not warm", PATIENCE, || (alerts(&site).len() == 4).then_some(()));
    assert_eq!(alerts(&site)[3], over);
    let absent = site.status().unwrap().machine.unwrap().gpu_absent.unwrap();
    assert!(absent.contains("no NVIDIA driver"), "{absent}");
}
