//! The one place in the crate that depends on the processor.
//!
//! Each file below holds one function, `syscall6`, with one asm block in it. The list in this file picks the file, and
//! the crate has no other list of architectures: where no arm matches, `syscall6` does not exist, and [`linux!`](linux)
//! drops everything that is built on it.
//!
//! # The raw convention
//! `syscall6` takes the number and six arguments and returns the kernel's word as it is: -4095..=-1 is a negated errno,
//! and everything else is a value. A value may look negative: on a 32-bit machine half of all addresses do. [`check`]
//! tells them apart, and no other code should.
//!
//! A call with fewer arguments leaves the registers of the rest as they are ([`UNUSED`]): the kernel does not read them.
//! That costs no instruction, and saves five more asm blocks per architecture that would have to be right. An argument that
//! the kernel does read is passed even if it is zero, such as flags.
//!
//! # What a caller owes
//! The kernel does what the number and the arguments say, so the conditions are those of the call that is made:
//! - Every address among the arguments is valid for what the kernel reads or writes there, for as
//!   long as it does so. For io_uring that can be long after the call has returned.
//! - Every pointer among the arguments went through `expose_provenance`, so that its memory counts
//!   as reachable from the asm block. An address that comes back out (from mmap) becomes a pointer
//!   through `with_exposed_provenance`.
//! - Memory, a descriptor, or process state that the call takes away or changes is not one that
//!   other code still relies on.
//!
//! # What all the asm blocks have in common
//! - No block is `nomem`, `readonly` or `pure`. So each is a barrier for the compiler: before the block it writes back
//!   exposed memory that the kernel could look at, after the block it reads again what the kernel could have changed,
//!   and it never drops, doubles or reorders the call. A block is not promised to be a barrier for the processor:
//!   memory that is shared with a kernel thread needs atomics and fences, as between two threads.
//! - No block unwinds, jumps away or is `noreturn`.
//! - A signal may be delivered inside a block. The kernel then builds the signal frame below the stack pointer, past
//!   any red zone that the ABI grants, and restores every register afterwards.
//! - `nostack` says that the block itself neither moves the stack pointer nor writes below it. The kernel runs on a
//!   stack of its own.

use core::hint::cold_path;
use core::mem::MaybeUninit;
use core::num::NonZeroU16;

/// Expands to its items, or to those before `else`.
///
/// The list uses it under the name [`linux!`](linux) in every arm that has an architecture, and under the name
/// [`where_rustix!`](where_rustix) in the arms where rustix makes its system calls itself.
#[allow(unused_macros, reason = "the list picks one of the two macros, by target")]
macro_rules! keep {
    ({ $($here:tt)* } else { $($elsewhere:tt)* }) => { $($here)* };
    ($($here:tt)*) => { $($here)* };
}

/// Is the counterpart of `keep`: drops its items, or expands to those after `else`.
#[allow(unused_macros, reason = "the list picks one of the two macros, by target")]
macro_rules! leave_out {
    ({ $($here:tt)* } else { $($elsewhere:tt)* }) => { $($elsewhere)* };
    ($($here:tt)*) => {};
}

// The list. An arm is: the system, the processor, and the pointer width wherever the processor has
// a second ABI of another width with system calls of its own (x32, arm64 ilp32).
cfg_select! {
    all(target_os = "linux", target_arch = "x86_64", target_pointer_width = "64") => {
        mod x86_64;
        pub(crate) use x86_64::syscall6;
        pub(crate) use keep as linux;
        #[cfg(feature = "rustix")]
        pub(crate) use keep as where_rustix;
        pub(crate) const MMAP: Mmap = Mmap::Bytes(linux_raw_sys::general::__NR_mmap);
        pub(crate) const CACHE_LINE: usize = 64;
        pub(crate) const IOC_NONE: u32 = 0;
    }
    all(target_os = "linux", target_arch = "x86") => {
        mod x86;
        pub(crate) use x86::syscall6;
        pub(crate) use keep as linux;
        #[cfg(feature = "rustix")]
        pub(crate) use keep as where_rustix;
        pub(crate) const MMAP: Mmap = Mmap::Pages(linux_raw_sys::general::__NR_mmap2);
        pub(crate) const CACHE_LINE: usize = 64;
        pub(crate) const IOC_NONE: u32 = 0;
    }
    all(target_os = "linux", target_arch = "aarch64", target_pointer_width = "64") => {
        mod aarch64;
        pub(crate) use aarch64::syscall6;
        pub(crate) use keep as linux;
        #[cfg(feature = "rustix")]
        pub(crate) use keep as where_rustix;
        pub(crate) const MMAP: Mmap = Mmap::Bytes(linux_raw_sys::general::__NR_mmap);
        pub(crate) const CACHE_LINE: usize = 64;
        pub(crate) const IOC_NONE: u32 = 0;
    }
    all(target_os = "linux", target_arch = "arm", target_endian = "little") => {
        mod arm;
        pub(crate) use arm::syscall6;
        pub(crate) use keep as linux;
        #[cfg(feature = "rustix")]
        pub(crate) use keep as where_rustix;
        pub(crate) const MMAP: Mmap = Mmap::Pages(linux_raw_sys::general::__NR_mmap2);
        pub(crate) const CACHE_LINE: usize = 64;
        pub(crate) const IOC_NONE: u32 = 0;
    }
    all(target_os = "linux", target_arch = "riscv64") => {
        mod riscv64;
        pub(crate) use riscv64::syscall6;
        pub(crate) use keep as linux;
        #[cfg(feature = "rustix")]
        pub(crate) use keep as where_rustix;
        pub(crate) const MMAP: Mmap = Mmap::Bytes(linux_raw_sys::general::__NR_mmap);
        pub(crate) const CACHE_LINE: usize = 64;
        pub(crate) const IOC_NONE: u32 = 0;
    }
    all(target_os = "linux", target_arch = "loongarch64") => {
        mod loongarch64;
        pub(crate) use loongarch64::syscall6;
        pub(crate) use keep as linux;
        #[cfg(feature = "rustix")]
        pub(crate) use leave_out as where_rustix;
        pub(crate) const MMAP: Mmap = Mmap::Bytes(linux_raw_sys::general::__NR_mmap);
        pub(crate) const CACHE_LINE: usize = 64;
        pub(crate) const IOC_NONE: u32 = 0;
    }
    all(target_os = "linux", target_arch = "powerpc64") => {
        mod powerpc64;
        pub(crate) use powerpc64::syscall6;
        pub(crate) use keep as linux;
        #[cfg(feature = "rustix")]
        pub(crate) use leave_out as where_rustix;
        pub(crate) const MMAP: Mmap = Mmap::Bytes(linux_raw_sys::general::__NR_mmap);
        pub(crate) const CACHE_LINE: usize = 128;
        pub(crate) const IOC_NONE: u32 = 1 << 29;
    }
    all(target_os = "linux", target_arch = "s390x") => {
        mod s390x;
        pub(crate) use s390x::syscall6;
        pub(crate) use keep as linux;
        #[cfg(feature = "rustix")]
        pub(crate) use leave_out as where_rustix;
        pub(crate) const MMAP: Mmap = Mmap::Block(linux_raw_sys::general::__NR_mmap);
        pub(crate) const CACHE_LINE: usize = 256;
        pub(crate) const IOC_NONE: u32 = 0;
    }
    _ => {
        pub(crate) use leave_out as linux;
        #[cfg(feature = "rustix")]
        pub(crate) use leave_out as where_rustix;
        // This is another kernel: the largest cache line of those above.
        pub(crate) const CACHE_LINE: usize = 256;
        pub(crate) const IOC_NONE: u32 = 0;
    }
}

/// One argument of a call: a register's content.
#[allow(dead_code, reason = "used where there is a system call")]
pub(crate) type Word = MaybeUninit<usize>;

/// Stands for an argument that a call does not have. The register keeps what is in it.
#[allow(dead_code, reason = "used where there is a system call")]
pub(crate) const UNUSED: Word = Word::uninit();

/// Adds to the arguments of a call what makes them six.
#[inline(always)]
#[allow(dead_code, reason = "used where there is a system call")]
pub(crate) fn words<const COUNT: usize>(arguments: [usize; COUNT]) -> [Word; 6] {
    const { assert!(COUNT <= 6) };
    let word = |at: usize| arguments.get(at).map_or(UNUSED, |&argument| Word::new(argument));
    [word(0), word(1), word(2), word(3), word(4), word(5)]
}

/// How `mmap` takes its arguments, with the call's number. The list also has the size of a cache line
/// (`SMP_CACHE_BYTES`), which determines the size of a ring's header.
#[allow(dead_code, reason = "each architecture has one of them")]
#[derive(Clone, Copy)]
pub(crate) enum Mmap {
    /// Six arguments, the offset in bytes.
    Bytes(u32),
    /// Six arguments, the offset in units of 4096 bytes, whatever the page size (`mmap2`).
    Pages(u32),
    /// One argument: the address of six words, the offset in bytes.
    Block(u32),
}

/// The largest errno that a system call can return, negated; the kernel's own `MAX_ERRNO`.
#[allow(dead_code, reason = "used where there is a system call")]
const MAX_ERRNO: isize = 4095;

/// Tells a value from an error in the word that a system call returned.
///
/// # Errors
/// The errno, 1 to 4095, if `ret` is its negation.
#[inline(always)]
#[allow(dead_code, reason = "used where there is a system call")]
pub(crate) const fn check(ret: isize) -> Result<usize, NonZeroU16> {
    // As unsigned numbers, the errors are the topmost 4095 words, so that one comparison finds them.
    if ret.cast_unsigned() >= (-MAX_ERRNO).cast_unsigned() {
        cold_path();
        // The number is at most 4095 here, so that the cast loses nothing. It is not zero either, which the optimiser
        // sees from the comparison above: no second branch remains of the `if let`.
        if let Some(errno) = NonZeroU16::new(ret.wrapping_neg() as u16) {
            return Err(errno);
        }
    }
    Ok(ret.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does what `check` should do, without its trick.
    fn naive(ret: isize) -> Result<usize, NonZeroU16> {
        if (-4095..=-1).contains(&ret) {
            let errno = u16::try_from(-ret).expect("at most 4095");
            Err(NonZeroU16::new(errno).expect("at least 1"))
        } else {
            Ok(ret.cast_unsigned())
        }
    }

    fn errno(n: u16) -> NonZeroU16 {
        NonZeroU16::new(n).expect("an errno is not zero")
    }

    #[test]
    fn values_pass_through() {
        assert_eq!(check(0), Ok(0));
        assert_eq!(check(1), Ok(1));
        assert_eq!(check(isize::MAX), Ok(usize::MAX / 2));
    }

    #[test]
    fn errors_are_the_last_4095_words() {
        assert_eq!(check(-1), Err(errno(1)));
        assert_eq!(check(-38), Err(errno(38)));
        assert_eq!(check(-4095), Err(errno(4095)));
    }

    #[test]
    fn addresses_in_the_upper_half_are_values() {
        assert_eq!(check(-4096), Ok(usize::MAX - 4095));
        assert_eq!(check(isize::MIN), Ok(usize::MAX / 2 + 1));
    }

    #[test]
    fn agrees_with_the_naive_reading() {
        for ret in -70_000..=70_000 {
            assert_eq!(check(ret), naive(ret), "ret = {ret}");
        }
        for offset in 0..70_000 {
            assert_eq!(check(isize::MIN + offset), naive(isize::MIN + offset));
            assert_eq!(check(isize::MAX - offset), naive(isize::MAX - offset));
        }
    }
}
