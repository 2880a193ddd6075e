//! aarch64, 64-bit ABI: `svc 0`.
//!
//! | what      | register                                                             |
//! |-----------|----------------------------------------------------------------------|
//! | number    | x8                                                                   |
//! | arguments | x0, x1, x2, x3, x4, x5                                               |
//! | result    | x0                                                                   |
//! | clobbered | z0 to z31 above their lowest 128 bits, p0 to p15, ffr                |
//! | kept      | all other general registers, v0 to v31, sp and the flags             |
//!
//! Reference: syscall(2); `el0_svc` in the kernel's `arch/arm64/kernel/entry-common.c`;
//! `Documentation/arch/arm64/sve.rst`, section "System call behaviour".
//!
//! Why the asm block says what it says:
//! - x1 to x5 and x8 are plain inputs: the kernel restores them.
//! - p0 to p15, ffr, v0 to v31: after a system call the kernel leaves every bit of the SVE state undefined that is not
//!   also part of a NEON register, and in practice it zeroes them. A compiler that may use SVE can keep a predicate or
//!   a whole vector in such a register across a call that was inlined into a loop. The upper part of a vector register
//!   has no name of its own, so the whole register is given up, as in a function call.
//! - `preserves_flags`: the trap saves the flags and the return restores them; fpsr too.
//! - `nostack`: nothing is pushed, and the ABI has no red zone.

use core::arch::asm;

use super::Word;

/// Makes system call `number` with six arguments; returns the kernel's word unchanged.
///
/// # Safety
/// - The call is one that the caller may make with these arguments: the conditions in
///   [`arch`](super), "What a caller owes", hold.
#[inline(always)]
pub(crate) unsafe fn syscall6(number: usize, a1: Word, a2: Word, a3: Word, a4: Word, a5: Word, a6: Word) -> isize {
    // kernel: Documentation/arch/arm64/sve.rst (6.12.117): a system call preserves the lowest 128 bits of z0 to z31;
    // all their other bits, p0 to p15 and ffr become zero.
    let ret: isize;
    // SAFETY: the registers read, written and kept are those of the table above, which is the
    // kernel's contract for this instruction; what the call itself does is the caller's condition.
    unsafe {
        asm!(
            "svc #0",
            in("x8") number,
            inlateout("x0") a1 => ret,
            in("x1") a2,
            in("x2") a3,
            in("x3") a4,
            in("x4") a5,
            in("x5") a6,
            lateout("p0") _,
            lateout("p1") _,
            lateout("p2") _,
            lateout("p3") _,
            lateout("p4") _,
            lateout("p5") _,
            lateout("p6") _,
            lateout("p7") _,
            lateout("p8") _,
            lateout("p9") _,
            lateout("p10") _,
            lateout("p11") _,
            lateout("p12") _,
            lateout("p13") _,
            lateout("p14") _,
            lateout("p15") _,
            lateout("ffr") _,
            lateout("v0") _,
            lateout("v1") _,
            lateout("v2") _,
            lateout("v3") _,
            lateout("v4") _,
            lateout("v5") _,
            lateout("v6") _,
            lateout("v7") _,
            lateout("v8") _,
            lateout("v9") _,
            lateout("v10") _,
            lateout("v11") _,
            lateout("v12") _,
            lateout("v13") _,
            lateout("v14") _,
            lateout("v15") _,
            lateout("v16") _,
            lateout("v17") _,
            lateout("v18") _,
            lateout("v19") _,
            lateout("v20") _,
            lateout("v21") _,
            lateout("v22") _,
            lateout("v23") _,
            lateout("v24") _,
            lateout("v25") _,
            lateout("v26") _,
            lateout("v27") _,
            lateout("v28") _,
            lateout("v29") _,
            lateout("v30") _,
            lateout("v31") _,
            options(nostack, preserves_flags),
        );
    }
    ret
}
