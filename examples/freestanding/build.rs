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
];

/// Code and constants share pages, instead of being padded apart, which only GNU ld does unasked. gold refuses the word.
const TOGETHER: &str = "-z,noseparate-code";

/// The table of sections is for linkers and debuggers: a program is loaded without. A linker that does not know the
/// option leaves the table there.
const WITHOUT_SECTIONS: &str = "-z,nosectionheader";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=small.ld");
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let is_gold = flags.contains("fuse-ld=gold");
    // These two have no scripts that add to their own layout: programs keep what the script leaves out, a KiB or so.
    let takes_script = !is_gold && !flags.contains("fuse-ld=mold");
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
    let is_for_debugger = env::var("DEBUG").is_ok_and(|debug| debug != "false");
    let some = [
        (!is_gold).then_some(TOGETHER),
        (takes_script && !is_for_debugger).then_some(WITHOUT_SECTIONS),
        takes_script.then_some(&*script),
    ];
    for argument in LINKER.iter().copied().chain(some.into_iter().flatten()) {
        if is_ld {
            for part in argument.split(',') {
                println!("cargo::rustc-link-arg-bins={part}");
            }
        } else {
            println!("cargo::rustc-link-arg-bins=-Wl,{argument}");
        }
    }
}
