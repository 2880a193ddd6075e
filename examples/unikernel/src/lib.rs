//! A ring in a unikernel: the kernel is in the same program, and is entered by a function call.
//!
//! The package needs only the function [`uk_syscall6_r`], which has the name that Unikraft gives it. It takes the
//! number and the arguments of a Linux system call, and returns a value or a negated errno. Ring and buffer are static
//! memory. docs/unikernel.md explains the package step by step.
#![no_std]

mod kernel;
mod memory;

use bare_uring::types::Fd;
use bare_uring::{Builder, Errno, IoUring, SetupError, opcode, squeue};

pub use kernel::{Unikernel, uk_syscall6_r};

type Ring = IoUring<squeue::Entry, bare_uring::cqueue::Entry, Unikernel>;

/// Copies from `from` to `to` until the end of the data; for C programs. Returns the number of bytes, or a negated
/// errno. There is memory for one ring only, so a second call returns `-EBUSY`.
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

/// Submits one request and waits for its completion. The request's memory is static, and used by nothing else.
fn run(ring: &mut Ring, request: squeue::Entry) -> Result<u32, Errno> {
    // SAFETY: the requests point into the static buffer, and this function returns only when a request is done.
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

/// Stops the program. Only for the bare target: elsewhere std has a panic handler.
#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
