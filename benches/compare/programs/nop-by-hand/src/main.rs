//! Pushes one NOP and waits for its completion. The exit status is 0 if the completion is right.
#![no_std]
#![no_main]

use core::arch::asm;
use core::sync::atomic::{AtomicU32, Ordering};

#[path = "../../runtime.rs"]
mod runtime;

const USER_DATA: u64 = 0xba5e;
const NO_SQARRAY: u32 = 1 << 16;

/// Makes a system call.
///
/// # Safety
///
/// What the call does with the arguments must be sound.
#[inline(always)]
unsafe fn syscall(number: u64, arguments: [u64; 6]) -> i64 {
    let [a, b, c, d, e, f] = arguments;
    let result;
    // SAFETY: the caller's contract; rcx and r11 are what the instruction overwrites.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
            in("r8") e, in("r9") f, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// Maps the ring's memory at `offset`. Returns its address, or a small negative number.
fn map(fd: i64, offset: u64) -> i64 {
    // SAFETY: without MAP_FIXED, nothing that is mapped is replaced. (Readable and writable; shared and populated.)
    unsafe { syscall(9, [0, 4096, 3, 0x8001, fd as u64, offset]) }
}

extern "C" fn main() -> u8 {
    // `struct io_uring_params`: the third word holds the flags; the kernel writes the offsets of heads and tails.
    let mut params = [0_u32; 30];
    params[2] = NO_SQARRAY;
    // SAFETY: the structure is as long as the kernel's.
    let fd = unsafe { syscall(425, [1, params.as_mut_ptr() as u64, 0, 0, 0, 0]) };
    let (rings, entries) = (map(fd, 0), map(fd, 0x1000_0000));
    if fd < 0 || rings < 0 || entries < 0 {
        return 1;
    }
    // SAFETY: the address is that of the first entry. Word 4 of an entry is its user data; all other words of a NOP are
    // 0, as the mapping is.
    unsafe { (entries as *mut u64).add(4).write(USER_DATA) };
    let rings = rings as *mut u8;
    // SAFETY: the offset is that of an aligned word in the mapping.
    let word = |offset: u32| unsafe { AtomicU32::from_ptr(rings.add(offset as usize).cast()) };
    word(params[11]).store(1, Ordering::Release);
    // SAFETY: the request points to nothing.
    if unsafe { syscall(426, [fd as u64, 1, 1, 1, 0, 0]) } != 1 {
        return 3;
    }
    if word(params[21]).load(Ordering::Acquire) != 1 {
        return 4;
    }
    // SAFETY: the address is that of the first completion, which the kernel has written.
    let [tag, result] = unsafe { rings.add(params[25] as usize).cast::<[u64; 2]>().read() };
    if tag == USER_DATA && result as i32 == 0 { 0 } else { 4 }
}
