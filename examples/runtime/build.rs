//! Tells the linker that these programs bring everything along: no C start files, no C library, no dynamic linker. What
//! makes a program smaller still stands in the build script of `freestanding`.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // cc by default. Cross builds without a C compiler name an ld, as the `rust-lld` that comes with the toolchain.
    let linker = env::var("RUSTC_LINKER").unwrap_or_default();
    let linker = Path::new(&linker).file_name().and_then(|name| name.to_str()).unwrap_or("cc");
    let is_ld = linker == "ld" || linker.starts_with("ld.") || linker.ends_with("lld");

    let driver: &[&str] = if is_ld { &[] } else { &["-nostartfiles", "-nostdlib"] };
    // `-no-pie` comes after rustc's own `-pie`, and wins: nobody is there to relocate these programs.
    for argument in driver.iter().chain(&["-static", "-no-pie"]) {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    let norelro = if is_ld { "-znorelro" } else { "-Wl,-z,norelro" };
    println!("cargo::rustc-link-arg-bins={norelro}");
}
