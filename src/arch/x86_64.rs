//! x86_64, 64-bit ABI: `syscall`.
//!
//! | what      | register                               |
//! |-----------|----------------------------------------|
//! | number    | rax                                    |
//! | arguments | rdi, rsi, rdx, r10, r8, r9             |
//! | result    | rax                                    |
//! | clobbered | rcx, r11                               |
//! | kept      | all other registers, rsp and the flags |
//!
//! Reference: syscall(2); the comment on `entry_SYSCALL_64` in the kernel's
//! `arch/x86/entry/entry_64.S`; System V AMD64 psABI, appendix "Linux Conventions".
//!
//! Why the asm block says what it says:
//! - rcx and r11 are clobbered by the processor, not by the kernel: `syscall` saves the address to
//!   return to in one and the flags in the other. It is also why the fourth argument is in r10 and
//!   not in rcx, as it would be for a function.
//! - The argument registers are plain inputs: the kernel restores them, whatever it did meanwhile,
//!   and the vector and x87 state too.
//! - `preserves_flags`: the flags go into r11 on entry and come back from there.
//! - `nostack`: nothing is pushed, and the 128-byte red zone below rsp stays untouched, since
//!   `syscall` pushes nothing and a signal frame is placed below the zone.

use core::arch::asm;

use super::Word;

/// Makes system call `number` with six arguments; returns the kernel's word unchanged.
///
/// # Safety
/// - The call is one that the caller may make with these arguments: the conditions in
///   [`arch`](super), "What a caller owes", hold.
#[inline(always)]
pub(crate) unsafe fn syscall6(number: usize, a1: Word, a2: Word, a3: Word, a4: Word, a5: Word, a6: Word) -> isize {
    // kernel: arch/x86/entry/entry_64.S entry_SYSCALL_64 (6.12.117): the instruction saves the return address in rcx
    // and the flags in r11, writes nothing to the stack and keeps rsp; the number is in rax, the arguments in rdi, rsi,
    // rdx, r10, r8 and r9.
    let ret: isize;
    // SAFETY: the registers read, written and kept are those of the table above, which is the
    // kernel's contract for this instruction; what the call itself does is the caller's condition.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => ret,
            in("rdi") a1,
            in("rsi") a2,
            in("rdx") a3,
            in("r10") a4,
            in("r8") a5,
            in("r9") a6,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack, preserves_flags),
        );
    }
    ret
}
