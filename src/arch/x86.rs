//! x86, 32-bit: `int 0x80`.
//!
//! | what      | register                                   |
//! |-----------|--------------------------------------------|
//! | number    | eax                                        |
//! | arguments | ebx, ecx, edx, esi, edi, ebp               |
//! | result    | eax                                        |
//! | clobbered | none                                       |
//! | kept      | all other registers, esp and the flags     |
//!
//! Reference: syscall(2); the comment on `entry_INT80_32` in the kernel's
//! `arch/x86/entry/entry_32.S`, and `int80_emulation` for 32-bit programs on a 64-bit kernel.
//!
//! Why the asm block says what it says:
//! - Seven registers are needed, and the compiler gives out only four for certain. It keeps esi as
//!   the base pointer of frames with over-aligned locals, ebp as the frame pointer, and code that
//!   is position independent may keep its table's address in ebx. The block therefore saves these
//!   three itself, and finds what goes into them, and the number, in four words that eax points
//!   to. The pushes come first and eax is loaded last, because until then it is the pointer.
//! - ecx, edx and edi are plain inputs: the kernel restores them.
//! - No `nostack`: the block pushes three words. It pops them again, so esp is as it was.
//! - `preserves_flags`: `int` saves the flags and the return from it restores them; `push`, `pop`
//!   and `mov` change none.
//! - `int 0x80` works on every kernel and every processor. The faster entry through the vDSO would
//!   need its address, and the auxiliary vector to find that.

use core::arch::asm;

use super::Word;

/// Makes system call `number` with six arguments; returns the kernel's word unchanged.
///
/// # Safety
/// - The call is one that the caller may make with these arguments: the conditions in
///   [`arch`](super), "What a caller owes", hold.
#[inline(always)]
pub(crate) unsafe fn syscall6(number: usize, a1: Word, a2: Word, a3: Word, a4: Word, a5: Word, a6: Word) -> isize {
    let block: [Word; 4] = [Word::new(number), a1, a4, a6];
    let ret: isize;
    // SAFETY: the registers read, written and kept are those of the table above, which is the
    // kernel's contract for this instruction, and ebx, esi and ebp are put back from the stack;
    // `block` outlives the asm block, which reads its four words and no more; what the call itself
    // does is the caller's condition.
    unsafe {
        asm!(
            "push ebx",
            "push esi",
            "push ebp",
            "mov ebx, [eax + 4]",
            "mov esi, [eax + 8]",
            "mov ebp, [eax + 12]",
            "mov eax, [eax]",
            "int 0x80",
            "pop ebp",
            "pop esi",
            "pop ebx",
            inlateout("eax") &raw const block => ret,
            in("ecx") a2,
            in("edx") a3,
            in("edi") a5,
            options(preserves_flags),
        );
    }
    ret
}
