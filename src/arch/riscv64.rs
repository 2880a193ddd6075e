//! riscv64: `ecall`.
//!
//! | what      | register                                                        |
//! |-----------|-----------------------------------------------------------------|
//! | number    | a7                                                              |
//! | arguments | a0, a1, a2, a3, a4, a5                                          |
//! | result    | a0                                                              |
//! | clobbered | v0 to v31, vl, vtype, vxrm, vxsat                               |
//! | kept      | all other general registers, the floating-point registers, sp   |
//!
//! Reference: syscall(2); `do_trap_ecall_u` in the kernel's `arch/riscv/kernel/traps.c`; RISC-V
//! "V" extension 1.0, calling convention; `Documentation/arch/riscv/vector.rst`.
//!
//! Why the asm block says what it says:
//! - a1 to a5 and a7 are plain inputs: the kernel restores them.
//! - v0 to v31: no vector state survives a system call, and the kernel does overwrite it.
//! - No `preserves_flags`: what Rust counts as flags here includes vl, vtype, vxrm and vxsat, which are lost together
//!   with the vector registers. Code without the vector extension pays nothing for either.
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
    // kernel: arch/riscv/kernel/traps.c do_trap_ecall_u (6.12.117): the number is in a7, and the vector state is
    // discarded before the call runs, which overwrites the vector registers and makes vtype invalid.
    let ret: isize;
    // SAFETY: the registers read, written and kept are those of the table above, which is the
    // kernel's contract for this instruction; what the call itself does is the caller's condition.
    unsafe {
        asm!(
            "ecall",
            in("a7") number,
            inlateout("a0") a1 => ret,
            in("a1") a2,
            in("a2") a3,
            in("a3") a4,
            in("a4") a5,
            in("a5") a6,
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
            options(nostack),
        );
    }
    ret
}
