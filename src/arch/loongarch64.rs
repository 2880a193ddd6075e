//! loongarch64: `syscall 0`.
//!
//! | what      | register                                                              |
//! |-----------|-----------------------------------------------------------------------|
//! | number    | $a7                                                                   |
//! | arguments | $a0, $a1, $a2, $a3, $a4, $a5                                          |
//! | result    | $a0                                                                   |
//! | clobbered | $t0 to $t8                                                            |
//! | kept      | $a1 to $a7, $s0 to $s9, $ra, $tp, $sp, $fp, the floating-point state |
//!
//! Reference: syscall(2); `handle_syscall` in the kernel's `arch/loongarch/kernel/entry.S`.
//!
//! Why the asm block says what it says:
//! - $t0 to $t8 are clobbered: the kernel's entry path saves none of them for the way back.
//! - $a1 to $a5 and $a7 are plain inputs: the kernel restores them.
//! - `preserves_flags`: the flags are $fcc0 to $fcc7, a part of the floating-point state, which the
//!   kernel keeps for the program.
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
    // kernel: arch/loongarch/kernel/entry.S handle_syscall (6.12.117): the argument registers, ra, tp, fp, $r21 and the
    // saved registers are stored on entry; t0, t1 and t2 are overwritten at once, and no temporary register is stored.
    let ret: isize;
    // SAFETY: the registers read, written and kept are those of the table above, which is the
    // kernel's contract for this instruction; what the call itself does is the caller's condition.
    unsafe {
        asm!(
            "syscall 0",
            in("$a7") number,
            inlateout("$a0") a1 => ret,
            in("$a1") a2,
            in("$a2") a3,
            in("$a3") a4,
            in("$a4") a5,
            in("$a5") a6,
            lateout("$t0") _,
            lateout("$t1") _,
            lateout("$t2") _,
            lateout("$t3") _,
            lateout("$t4") _,
            lateout("$t5") _,
            lateout("$t6") _,
            lateout("$t7") _,
            lateout("$t8") _,
            options(nostack, preserves_flags),
        );
    }
    ret
}
