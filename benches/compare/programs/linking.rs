//! Build script of the programs without C library: no start files, no libraries, no relocations, and nothing in the
//! file that only tools would read. All these programs are linked like bare-uring's own.

fn main() {
    let script = "/../../../../examples/freestanding/small.ld";
    let script = std::env::var("CARGO_MANIFEST_DIR").expect("cargo runs this") + script;
    println!("cargo::rerun-if-changed=../linking.rs");
    println!("cargo::rerun-if-changed={script}");
    let arguments = [
        "-nostartfiles",
        "-nostdlib",
        "-static",
        "-no-pie",
        "-Wl,-z,norelro",
        "-Wl,--build-id=none",
        "-Wl,--no-eh-frame-hdr",
        "-Wl,-z,noseparate-code",
        "-Wl,-z,nosectionheader",
    ];
    for argument in arguments {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    println!("cargo::rustc-link-arg-bins=-Wl,-T,{script}");
}
