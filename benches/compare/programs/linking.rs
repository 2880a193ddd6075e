//! Build script of the programs without C library: no start files, no libraries, no relocations, and nothing in the
//! file that only tools would read. All these programs are linked like bare-uring's own.

#[path = "../../../examples/freestanding/image.rs"]
mod image;

fn main() {
    let script = std::env::var("OUT_DIR").expect("cargo runs this") + "/image.ld";
    println!("cargo::rerun-if-changed=../linking.rs");
    println!("cargo::rerun-if-changed=../../../../examples/freestanding/image.rs");
    std::fs::write(&script, image::script(false)).expect("cargo makes the folder");
    let arguments = [
        "-nostartfiles",
        "-nostdlib",
        "-static",
        "-no-pie",
        "-Wl,-z,norelro",
        "-Wl,--build-id=none",
        "-Wl,--no-eh-frame-hdr",
        "-Wl,-z,noseparate-code",
        "-Wl,--oformat=binary",
    ];
    for argument in arguments {
        println!("cargo::rustc-link-arg-bins={argument}");
    }
    println!("cargo::rustc-link-arg-bins=-Wl,-T,{script}");
}
