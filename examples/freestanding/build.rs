//! Tells the linker that these programs need no C start files, no C library and no dynamic linker.

use std::path::Path;
use std::{env, fs};

mod image;

/// Programs that have no static data, and so no segment for it.
const WITHOUT_DATA: &[&str] = &["nop"];

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

/// Makes the file an image of the program's memory, as `image.rs` lays it out.
const IMAGE: &str = "--oformat=binary";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=image.rs");
    println!("cargo::rerun-if-changed=small.ld");
    println!("cargo::rerun-if-changed=src/bin");
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let is_gold = flags.contains("fuse-ld=gold");
    // gold and mold have no scripts that add to their own layout. Their programs are about a KiB larger.
    let takes_script = !is_gold && !flags.contains("fuse-ld=mold");
    // The default is cc. Cross builds without a C compiler name an ld, such as the toolchain's `rust-lld`.
    let linker = env::var("RUSTC_LINKER").unwrap_or_default();
    let linker = Path::new(&linker).file_name().and_then(|name| name.to_str()).unwrap_or("cc");
    let is_ld = linker == "ld" || linker.starts_with("ld.") || linker.ends_with("lld");

    // A debugger finds debug information through the section table.
    let is_for_debugger = env::var("DEBUG").is_ok_and(|debug| debug != "false");
    let is_x86_64 = env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    let is_image = takes_script && is_x86_64 && !is_for_debugger;
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap();

    let driver: &[&str] = if is_ld { &[] } else { &["-nostartfiles", "-nostdlib"] };
    // `-no-pie` comes after rustc's own `-pie`, and wins.
    for argument in driver.iter().chain(&["-static", "-no-pie"]) {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    let small = format!("-T,{folder}/small.ld");
    let some = [
        (!is_gold).then_some(TOGETHER),
        (takes_script && !is_image && !is_for_debugger).then_some(WITHOUT_SECTIONS),
        (takes_script && !is_image).then_some(&*small),
        is_image.then_some(IMAGE),
    ];
    for argument in LINKER.iter().copied().chain(some.into_iter().flatten()) {
        to_linker(is_ld, "bins", argument);
    }
    if is_image {
        for entry in fs::read_dir(format!("{folder}/src/bin")).unwrap() {
            let path = entry.unwrap().path();
            let program = path.file_stem().unwrap().to_str().unwrap();
            let script = format!("{}/{program}.ld", env::var("OUT_DIR").unwrap());
            fs::write(&script, image::script(!WITHOUT_DATA.contains(&program))).unwrap();
            to_linker(is_ld, &format!("bin={program}"), &format!("-T,{script}"));
        }
    }
}

/// Passes an option to the linker itself, for the given programs.
fn to_linker(is_ld: bool, programs: &str, option: &str) {
    if is_ld {
        for part in option.split(',') {
            println!("cargo::rustc-link-arg-{programs}={part}");
        }
    } else {
        println!("cargo::rustc-link-arg-{programs}=-Wl,{option}");
    }
}
