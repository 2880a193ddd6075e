//! From the kernel's jump to a program's own function.
//!
//! The kernel starts a program at `_start`, on a stack that holds the number of arguments, their addresses, a null, and
//! then the environment. There is no return address: whoever returns from there runs into nothing. So `_start` can't
//! be a function of an ordinary kind; it is one without prologue, which hands the stack pointer on as first argument.
//!
//! What each architecture has to do before a compiled function may run:
//!
//! | architecture | besides passing the stack pointer |
//! |--|--|
//! | x86_64, x86 | aligns the stack to 16 bytes before the call |
//! | aarch64, arm, loongarch64 | nothing: the stack comes aligned |
//! | riscv64 | sets gp, through which code relaxed by the linker reaches its data |
//! | powerpc64 (ELFv2) | sets r2, the pointer to the table of addresses, and makes a first stack frame |
//! | s390x | makes room for the registers that a function saves in its caller's frame |
//!
//! The frame pointer and the return address are zeroed where there is a register for them, which ends a backtrace.

use core::arch::naked_asm;
use core::ffi::{CStr, c_char};

unsafe extern "C" {
    /// Made by [`entry!`](crate::entry) in each program.
    fn freestanding_entry(stack: *const usize) -> !;
}

/// Where the kernel starts the program.
///
/// # Safety
///
/// For the kernel alone to call, once.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _start() -> ! {
    cfg_select! {
        target_arch = "x86_64" => {
            naked_asm!("xor ebp, ebp", "mov rdi, rsp", "and rsp, -16", "call {entry}", "ud2", entry = sym freestanding_entry)
        }
        target_arch = "x86" => {
            naked_asm!(
                "xor ebp, ebp", "mov eax, esp", "and esp, -16", "sub esp, 12", "push eax", "call {entry}", "ud2",
                entry = sym freestanding_entry
            )
        }
        target_arch = "aarch64" => {
            naked_asm!("mov x29, xzr", "mov x30, xzr", "mov x0, sp", "b {entry}", entry = sym freestanding_entry)
        }
        // `bl`, since the linker can make it change between ARM and Thumb code.
        target_arch = "arm" => {
            naked_asm!("mov r11, #0", "mov r0, sp", "bl {entry}", "udf #0", entry = sym freestanding_entry)
        }
        target_arch = "riscv64" => {
            naked_asm!(
                ".option push", ".option norelax", "lla gp, __global_pointer$", ".option pop",
                "li s0, 0", "li ra, 0", "mv a0, sp", "tail {entry}",
                entry = sym freestanding_entry
            )
        }
        target_arch = "loongarch64" => {
            naked_asm!("move $fp, $zero", "move $ra, $zero", "move $a0, $sp", "b {entry}", entry = sym freestanding_entry)
        }
        target_arch = "powerpc64" => {
            naked_asm!(
                "bcl 20, 31, 2f", "2: mflr 2", "addis 2, 2, .TOC.-2b@ha", "addi 2, 2, .TOC.-2b@l",
                "mr 3, 1", "li 0, 0", "mtlr 0", "stdu 0, -32(1)", "bl {entry}", "nop", "trap",
                entry = sym freestanding_entry
            )
        }
        target_arch = "s390x" => {
            naked_asm!(
                "lgr %r2, %r15", "aghi %r15, -160", "xc 0(8, %r15), 0(%r15)", "brasl %r14, {entry}", "j .+2",
                entry = sym freestanding_entry
            )
        }
    }
}

/// Makes `main: fn(Args) -> u8` the program's start; what it returns is the exit status.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        /// What `_start` goes on to.
        #[unsafe(no_mangle)]
        extern "C" fn freestanding_entry(stack: *const usize) -> ! {
            let main: fn($crate::Args) -> u8 = $main;
            // SAFETY: `_start`, the only caller, passes the stack pointer that the kernel started the program with.
            let args = unsafe { $crate::Args::from_stack(stack) };
            $crate::sys::exit(main(args))
        }
    };
}

/// The arguments of the program, its own name first.
#[derive(Debug, Clone)]
pub struct Args {
    /// Invariant: the place of the next of the `left` addresses that the kernel has put on the stack.
    next: *const *const c_char,
    left: usize,
}

impl Args {
    /// Reads them where the kernel has put them.
    ///
    /// # Safety
    ///
    /// `stack` is the stack pointer that the kernel started the program with, and what it has put there is unchanged.
    #[must_use]
    #[inline]
    pub unsafe fn from_stack(stack: *const usize) -> Self {
        // SAFETY: the number of arguments is the first word there.
        let left = unsafe { stack.read() };
        // SAFETY: their addresses follow it.
        let next = unsafe { stack.add(1) };
        Self { next: next.cast(), left }
    }
}

impl Iterator for Args {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        self.left = self.left.checked_sub(1)?;
        // SAFETY: by the invariant the address of an argument stands here.
        let argument = unsafe { self.next.read() };
        // SAFETY: there is another one after it, or the null at the end.
        self.next = unsafe { self.next.add(1) };
        // SAFETY: an argument ends with a zero byte.
        let len = unsafe { crate::mem::until_zero(argument) };
        // SAFETY: it lies on the stack as long as the program runs, which leaves it alone.
        let bytes = unsafe { core::slice::from_raw_parts(argument.cast::<u8>(), len + 1) };
        // SAFETY: its one zero byte is the last.
        Some(unsafe { CStr::from_bytes_with_nul_unchecked(bytes) })
    }
}
