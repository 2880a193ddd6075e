//! The shortest code with which a program without C library can start and end.

use core::arch::{asm, global_asm};

global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "and rsp, -16",
    "call {main}",
    "mov edi, eax",
    "mov eax, 231",
    "syscall",
    main = sym crate::main,
);

// The compiler may insert calls of these functions.
global_asm!(
    ".weak memcpy",
    "memcpy:",
    "mov rax, rdi",
    "mov rcx, rdx",
    "rep movsb",
    "ret",
    ".weak memset",
    "memset:",
    "mov r8, rdi",
    "mov eax, esi",
    "mov rcx, rdx",
    "rep stosb",
    "mov rax, r8",
    "ret",
);

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: the instruction ends the program.
    unsafe { asm!("ud2", options(noreturn)) }
}
