//! The build script of the programs without C library: no start files, no libraries, nothing to relocate, and nothing
//! in the file that only tools would read. The same for all of them.

fn main() {
    println!("cargo::rerun-if-changed=../linking.rs");
    let arguments = [
        "-nostartfiles",
        "-nostdlib",
        "-static",
        "-no-pie",
        "-Wl,-z,norelro",
        "-Wl,--build-id=none",
        "-Wl,--no-eh-frame-hdr",
        "-Wl,-z,noseparate-code",
    ];
    for argument in arguments {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
}
