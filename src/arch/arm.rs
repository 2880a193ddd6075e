//! arm, EABI, in ARM and in Thumb-2 code: `svc 0`.
//!
//! | what      | register                               |
//! |-----------|----------------------------------------|
//! | number    | r7                                     |
//! | arguments | r0, r1, r2, r3, r4, r5                 |
//! | result    | r0                                     |
//! | clobbered | none                                   |
//! | kept      | all other registers, sp and the flags  |
//!
//! An argument of 64 bits takes a pair of registers that starts with an even one; the caller has to
//! leave a gap where needed.
//!
//! Reference: syscall(2); `vector_swi` in the kernel's `arch/arm/kernel/entry-common.S`.
//!
//! Why the asm block says what it says:
//! - r7 is the frame pointer of Thumb code, so it cannot be an operand. The block parks it in
//!   `saved` and puts it back after the call. `saved` is an early output, so that it shares no
//!   register with an input: it is written while all of them are still needed. ARM code may get r7
//!   for `number` or `saved`; the four instructions are right then too.
//! - `number` and r1 to r5 are plain inputs: the kernel restores them, and the VFP registers.
//! - `preserves_flags`: the trap saves the status register and the return restores it; `mov`
//!   without the suffix `s` sets no flags.
//! - `nostack`: r7 is parked in a register, not pushed, and the ABI has no red zone.

use core::arch::asm;

use super::Word;

/// Makes system call `number` with six arguments; returns the kernel's word unchanged.
///
/// # Safety
/// - The call is one that the caller may make with these arguments: the conditions in
///   [`arch`](super), "What a caller owes", hold.
#[inline(always)]
pub(crate) unsafe fn syscall6(number: usize, a1: Word, a2: Word, a3: Word, a4: Word, a5: Word, a6: Word) -> isize {
    // kernel: arch/arm/kernel/entry-common.S vector_swi (6.12.117): r0 to r12, sp, lr and the status register are saved
    // on entry; an EABI program has the number in r7.
    let ret: isize;
    // SAFETY: the registers read, written and kept are those of the table above, which is the
    // kernel's contract for this instruction, and r7 is put back from `saved`; what the call itself
    // does is the caller's condition.
    unsafe {
        asm!(
            "mov {saved}, r7",
            "mov r7, {number}",
            "svc #0",
            "mov r7, {saved}",
            number = in(reg) number,
            saved = out(reg) _,
            inlateout("r0") a1 => ret,
            in("r1") a2,
            in("r2") a3,
            in("r3") a4,
            in("r4") a5,
            in("r5") a6,
            options(nostack, preserves_flags),
        );
    }
    ret
}
