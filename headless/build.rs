//! Links the program at a fixed address: then nobody has to correct its tables of addresses when
//! it starts, and all shims share them instead of having 200 KiB of their own each.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Other C libraries bring start files of their own, which have to fit.
    if std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|library| library == "gnu") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
