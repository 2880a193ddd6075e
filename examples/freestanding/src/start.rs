//! The entry point: calls the program's own function.
//!
//! The kernel starts a program at `_start`, on a stack that holds the number of arguments, their addresses, a null, and
//! then the environment. The stack holds no return address, so `_start` can't be an ordinary function. It is a naked
//! function that passes the stack pointer on as the first argument.
//!
//! What `_start` has to do on each architecture before a compiled function may run:
//!
//! | architecture | besides passing the stack pointer |
//! |--|--|
//! | x86_64, x86 | aligns the stack to 16 bytes before the call |
//! | aarch64, arm, loongarch64 | nothing: the stack is aligned |
//! | riscv64 | sets gp, through which code relaxed by the linker reaches its data |
//! | powerpc64 (ELFv2) | sets r2, the pointer to the table of addresses, and makes a first stack frame |
//! | s390x | makes room for the registers that a function saves in its caller's frame |
//!
//! Where registers hold the frame pointer and the return address, `_start` zeroes them; that ends a backtrace.

use core::arch::naked_asm;
use core::ffi::{CStr, c_char};

unsafe extern "C" {
    /// Calls the program's own function. [`entry!`](crate::entry) defines it in each program.
    fn freestanding_entry(stack: *const usize) -> !;
}

/// Starts the program; the kernel jumps here.
///
/// # Safety
///
/// Only the kernel may call it, once.
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
        // `bl`, because the linker can turn it into a call that changes between ARM and Thumb code.
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

/// Makes `main: fn(Args) -> u8` the program's main function. Its result is the exit status.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        /// Runs the program; `_start` calls it.
        #[unsafe(no_mangle)]
        extern "C" fn freestanding_entry(stack: *const usize) -> ! {
            // SAFETY: `_start`, the only caller, passes the stack pointer that the kernel started the program with.
            let args = unsafe { $crate::Args::from_stack(stack) };
            $crate::sys::exit($main(args))
        }
    };
}

/// The arguments of the program, its own name first.
#[derive(Debug, Clone)]
pub struct Args {
    /// Invariant: points to the next of the `left` addresses that the kernel has put on the stack.
    next: *const *const c_char,
    left: usize,
}

impl Args {
    /// Finds the arguments on the stack.
    ///
    /// # Safety
    ///
    /// `stack` must be the stack pointer that the kernel started the program with, and the stack above it unchanged.
    #[must_use]
    #[inline]
    pub unsafe fn from_stack(stack: *const usize) -> Self {
        // SAFETY: the first word of the stack is the number of arguments.
        let left = unsafe { stack.read() };
        // SAFETY: the addresses of the arguments follow that word.
        let next = unsafe { stack.add(1) };
        Self { next: next.cast(), left }
    }
}

impl Iterator for Args {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        self.left = self.left.checked_sub(1)?;
        // SAFETY: by the invariant `next` points to the address of an argument.
        let argument = unsafe { self.next.read() };
        // SAFETY: another address follows, or the null at the end.
        self.next = unsafe { self.next.add(1) };
        // SAFETY: an argument ends with a zero byte.
        let len = unsafe { crate::mem::until_zero(argument) };
        // SAFETY: the argument stays on the stack, unchanged, as long as the program runs.
        let bytes = unsafe { core::slice::from_raw_parts(argument.cast::<u8>(), len + 1) };
        // SAFETY: the last byte is the only zero byte.
        Some(unsafe { CStr::from_bytes_with_nul_unchecked(bytes) })
    }
}
