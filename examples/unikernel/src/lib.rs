//! A ring where the kernel is in the same program, and entered by a function call.
//!
//! The only thing that this needs from outside is the function [`uk_syscall6_r`], by the name that Unikraft gives it: the
//! number and arguments of a Linux system call in, a value or a negated errno out. Ring and buffer are static memory.
//! docs/unikernel.md goes through it step by step.
#![no_std]

mod kernel;
mod memory;

use bare_uring::types::Fd;
use bare_uring::{Builder, Errno, IoUring, SetupError, opcode, squeue};

pub use kernel::{Unikernel, uk_syscall6_r};

type Ring = IoUring<squeue::Entry, bare_uring::cqueue::Entry, Unikernel>;

/// What a C program calls: copies everything that `from` gives to `to`, and returns the number of bytes, or a negated
/// errno. The memory is there for one ring, so that a second call is told `-EBUSY`.
#[unsafe(no_mangle)]
pub extern "C" fn ring_copy(from: i32, to: i32) -> i64 {
    match copy(Fd(from), Fd(to)) {
        Ok(bytes) => bytes.cast_signed(),
        Err(errno) => -i64::from(errno.raw()),
    }
}

fn copy(from: Fd, to: Fd) -> Result<u64, Errno> {
    let memory = memory::take().ok_or(Errno::EBUSY)?;
    let ring = Builder::new().build_provided_with(Unikernel, memory::ENTRIES, memory.ring);
    let mut ring: Ring = ring.map_err(|error: SetupError| error.errno())?;
    let mut copied = 0;
    loop {
        let buffer = &mut *memory.buffer;
        let read = opcode::Read::new(from, buffer.as_mut_ptr(), buffer.len() as u32).offset(u64::MAX);
        let len = run(&mut ring, read.build())? as usize;
        if len == 0 {
            return Ok(copied);
        }
        let mut rest = buffer.get(..len).unwrap_or_default();
        while !rest.is_empty() {
            let write = opcode::Write::new(to, rest.as_ptr(), rest.len() as u32).offset(u64::MAX);
            let written = run(&mut ring, write.build())? as usize;
            rest = rest.get(written..).unwrap_or_default();
        }
        copied += len as u64;
    }
}

/// Does one request and waits for it. Its memory is static, and used by nothing else meanwhile.
fn run(ring: &mut Ring, request: squeue::Entry) -> Result<u32, Errno> {
    // SAFETY: the two callers above give requests into the static buffer, and wait here until each is done.
    unsafe { ring.submission().push(request) }.map_err(|_| Errno::EBUSY)?;
    loop {
        match ring.submit_and_wait(1) {
            Ok(_) | Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(errno) => return Err(errno),
        }
        if let Some(cqe) = ring.completion().next() {
            return cqe.outcome();
        }
    }
}

/// On the bare target only: where there is a std, it has a handler of its own.
#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
