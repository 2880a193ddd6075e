//! Tells the linker that these programs bring everything along: no C start files, no C library, no dynamic linker.

use std::env;
use std::path::Path;

/// What follows holds for the linker itself; a compiler driver in front of it gets each with `-Wl,`.
const LINKER: &[&str] = &[
    // The programs are loaded where they are linked to: nobody is there to relocate them, and no header need tell how.
    "-z,norelro",
    "--build-id=none",
    // Nothing unwinds: the index over `.eh_frame` is of no use.
    "--no-eh-frame-hdr",
    // Code and constants share pages, instead of being padded apart.
    "-z,noseparate-code",
];

/// The table of sections is for linkers and debuggers: a program is loaded without. A linker that does not know the
/// option leaves the table there.
const WITHOUT_SECTIONS: &str = "-z,nosectionheader";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=small.ld");
    // cc by default. Cross builds without a C compiler name an ld, as the `rust-lld` that comes with the toolchain.
    let linker = env::var("RUSTC_LINKER").unwrap_or_default();
    let linker = Path::new(&linker).file_name().and_then(|name| name.to_str()).unwrap_or("cc");
    let is_ld = linker == "ld" || linker.starts_with("ld.") || linker.ends_with("lld");

    let driver: &[&str] = if is_ld { &[] } else { &["-nostartfiles", "-nostdlib"] };
    // `-no-pie` comes after rustc's own `-pie`, and wins.
    for argument in driver.iter().chain(&["-static", "-no-pie"]) {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    let script = format!("-T,{}", Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap()).join("small.ld").display());
    // A debugger looks debug information up in the table.
    let without_sections = env::var("DEBUG").is_ok_and(|debug| debug == "false").then_some(WITHOUT_SECTIONS);
    for argument in LINKER.iter().copied().chain(without_sections).chain([&*script]) {
        if is_ld {
            for part in argument.split(',') {
                println!("cargo::rustc-link-arg-bins={part}");
            }
        } else {
            println!("cargo::rustc-link-arg-bins=-Wl,{argument}");
        }
    }
}
