//! powerpc64, either endianness and either ELF ABI: `sc`.
//!
//! | what      | register                                                             |
//! |-----------|----------------------------------------------------------------------|
//! | number    | r0                                                                   |
//! | arguments | r3, r4, r5, r6, r7, r8                                               |
//! | result    | r3; a positive errno if the bit cr0.SO is set                        |
//! | clobbered | r0, r4 to r12, cr0, ctr, xer                                         |
//! | kept      | r1, r2, r13 to r31, cr1 to cr7, lr, floating-point and vector state  |
//!
//! Reference: syscall(2); the kernel's `Documentation/arch/powerpc/syscall64-abi.rst`.
//!
//! Why the asm block says what it says:
//! - Only here does the kernel report an error beside the result, in cr0.SO. The block negates r3
//!   then, so that its callers see the one convention: `bns` skips the negation if SO is clear.
//! - r0 and r4 to r12, ctr and xer are clobbered, as by a function call. The inputs among them are
//!   outputs without a name for that reason. lr and the other condition fields are kept, unlike by
//!   a function call.
//! - cr0 is clobbered: SO is in it. It has to be named, because the condition register and xer are
//!   not among what Rust counts as flags on this architecture.
//! - `preserves_flags`: that is about fpscr and vscr, and both are kept.
//! - `nostack`: nothing is pushed, and the ABI's protected zone below r1 stays untouched, since a
//!   signal frame is placed below it.

use core::arch::asm;

use super::Word;

/// Makes system call `number` with six arguments; returns the kernel's word unchanged.
///
/// # Safety
/// - The call is one that the caller may make with these arguments: the conditions in
///   [`arch`](super), "What a caller owes", hold.
#[inline(always)]
pub(crate) unsafe fn syscall6(number: usize, a1: Word, a2: Word, a3: Word, a4: Word, a5: Word, a6: Word) -> isize {
    // kernel: Documentation/arch/powerpc/syscall64-abi.rst (6.12.117): with `sc` the number is in r0 and the arguments
    // in r3 to r8; cr0.SO says that r3 is a positive errno. r0, r3 to r8 and cr0 are volatile, lr and cr1, cr5 to cr7
    // are kept, and floating-point and vector state is kept.
    let ret: isize;
    // SAFETY: the registers read, written and kept are those of the table above, which is the
    // kernel's contract for this instruction; the branch leads to the end of the asm block; what
    // the call itself does is the caller's condition.
    unsafe {
        asm!(
            "sc",
            "bns 2f",
            "neg 3, 3",
            "2:",
            inlateout("r0") number => _,
            inlateout("r3") a1 => ret,
            inlateout("r4") a2 => _,
            inlateout("r5") a3 => _,
            inlateout("r6") a4 => _,
            inlateout("r7") a5 => _,
            inlateout("r8") a6 => _,
            lateout("r9") _,
            lateout("r10") _,
            lateout("r11") _,
            lateout("r12") _,
            lateout("cr0") _,
            lateout("ctr") _,
            lateout("xer") _,
            options(nostack, preserves_flags),
        );
    }
    ret
}
