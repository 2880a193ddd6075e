//! Tells the linker that these programs need no C start files, no C library and no dynamic linker.

use std::env;
use std::path::Path;

/// Options for the linker itself. A compiler driver in front of it gets each of them with `-Wl,`.
const LINKER: &[&str] = &[
    // The programs run at the addresses they are linked to: nothing is relocated, so no header for that is needed.
    "-z,norelro",
    "--build-id=none",
    // Nothing unwinds, so the index of `.eh_frame` is of no use.
    "--no-eh-frame-hdr",
];

/// Lets code and constants share pages instead of padding them apart. GNU ld does so by default; gold refuses the
/// option.
const TOGETHER: &str = "-z,noseparate-code";

/// Leaves the section table out, which only linkers and debuggers read. A linker that does not know the option keeps
/// the table.
const WITHOUT_SECTIONS: &str = "-z,nosectionheader";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=small.ld");
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let is_gold = flags.contains("fuse-ld=gold");
    // gold and mold have no scripts that add to their own layout. Their programs are about a KiB larger.
    let takes_script = !is_gold && !flags.contains("fuse-ld=mold");
    // The default is cc. Cross builds without a C compiler name an ld, such as the toolchain's `rust-lld`.
    let linker = env::var("RUSTC_LINKER").unwrap_or_default();
    let linker = Path::new(&linker).file_name().and_then(|name| name.to_str()).unwrap_or("cc");
    let is_ld = linker == "ld" || linker.starts_with("ld.") || linker.ends_with("lld");

    let driver: &[&str] = if is_ld { &[] } else { &["-nostartfiles", "-nostdlib"] };
    // `-no-pie` comes after rustc's own `-pie`, and wins.
    for argument in driver.iter().chain(&["-static", "-no-pie"]) {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    let script = format!("-T,{}", Path::new(&env::var("CARGO_MANIFEST_DIR").unwrap()).join("small.ld").display());
    // A debugger finds debug information through the section table.
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
