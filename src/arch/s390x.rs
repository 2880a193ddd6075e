//! s390x: `svc 0`.
//!
//! | what      | register                                                      |
//! |-----------|---------------------------------------------------------------|
//! | number    | r1                                                            |
//! | arguments | r2, r3, r4, r5, r6, r7                                        |
//! | result    | r2                                                            |
//! | clobbered | none                                                          |
//! | kept      | all other registers, the condition code                       |
//!
//! mmap is an exception: it takes one argument, the address of six words that hold its usual six arguments.
//!
//! Reference: syscall(2); `__do_syscall` in the kernel's `arch/s390/kernel/syscall.c`.
//!
//! Why the asm block says what it says:
//! - The instruction itself can hold the number, but only up to 255, and those of io_uring are above that. `svc 0`
//!   means that the number is in r1.
//! - r1 and r3 to r7 are plain inputs: the kernel restores them, and the floating-point, vector and
//!   access registers.
//! - `preserves_flags`: the condition code is part of the program status word, which the trap saves
//!   and the return restores.
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
    // kernel: arch/s390/kernel/syscall.c do_syscall (6.12.117): a number of 0 in the instruction means the number in
    // r1; the result goes to r2.
    let ret: isize;
    // SAFETY: the registers read, written and kept are those of the table above, which is the
    // kernel's contract for this instruction; what the call itself does is the caller's condition.
    unsafe {
        asm!(
            "svc 0",
            in("r1") number,
            inlateout("r2") a1 => ret,
            in("r3") a2,
            in("r4") a3,
            in("r5") a4,
            in("r6") a5,
            in("r7") a6,
            options(nostack, preserves_flags),
        );
    }
    ret
}
