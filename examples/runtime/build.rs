//! Tells the linker that these programs are complete: no C start files, no C library, no dynamic linker. The build
//! script of `freestanding` has more, which makes its programs smaller.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The default is cc. Cross builds without a C compiler name an ld, like the `rust-lld` that comes with the
    // toolchain.
    let linker = env::var("RUSTC_LINKER").unwrap_or_default();
    let linker = Path::new(&linker).file_name().and_then(|name| name.to_str()).unwrap_or("cc");
    let is_ld = linker == "ld" || linker.starts_with("ld.") || linker.ends_with("lld");

    let driver: &[&str] = if is_ld { &[] } else { &["-nostartfiles", "-nostdlib"] };
    // `-no-pie` comes after rustc's own `-pie`, and wins. Nothing would relocate these programs.
    for argument in driver.iter().chain(&["-static", "-no-pie"]) {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    let norelro = if is_ld { "-znorelro" } else { "-Wl,-z,norelro" };
    println!("cargo::rustc-link-arg-bins={norelro}");
}
