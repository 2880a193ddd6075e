//! The points about `register`.

use std::ptr::null_mut;

use bare_uring::register::Probe;
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_PROBE;
use bare_uring::{Errno, Kernel, opcode};

use super::lab::{Lab, done, nop, push, settle, submit_all};
use super::report::{Verdict, broken, expect, not_offered};

/// An operation that no kernel knows.
const NO_OPERATION: u32 = 0x7fff;

/// What the crate does on a kernel without registrations.
const WITHOUT: &str = "each registration is an error, and rings work without";

/// Asks for an unknown operation.
pub(super) fn unknown<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let ring = lab.ring(4)?;
    // SAFETY: the operation means nothing, and null with 0 names no memory.
    match unsafe { lab.kernel.register(ring.fd(), NO_OPERATION, null_mut(), 0) } {
        Err(Errno::EINVAL) => Ok(()),
        Err(Errno::ENOSYS) => Err(not_offered("io_uring_register", WITHOUT)),
        other => Err(broken("EINVAL for an unknown operation", format!("{other:?}"))),
    }
}

/// Names no ring.
pub(super) fn no_ring<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    for fd in [-1, -2] {
        // SAFETY: null with 0 names no memory.
        match unsafe { lab.kernel.register(fd, IORING_REGISTER_PROBE as u32, null_mut(), 0) } {
            // From Linux 6.13 on, -1 stands for no ring, and operations that need one are EINVAL.
            Err(Errno::EBADF | Errno::EINVAL) => {}
            Err(Errno::ENOSYS) => return Err(not_offered("io_uring_register", WITHOUT)),
            other => return Err(broken(format!("EBADF or EINVAL for the descriptor {fd}"), format!("{other:?}"))),
        }
    }
    Ok(())
}

/// Compares what the probe says of nop and timeout with what they do.
pub(super) fn probe<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let ring = lab.ring(4)?;
    let mut probe = Probe::new();
    match ring.submitter().register_probe(&mut probe) {
        Ok(()) => {}
        Err(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => {
            return Err(not_offered("IORING_REGISTER_PROBE", "each unknown request answers with an error of its own"));
        }
        Err(errno) => return Err(broken("a probe, or EINVAL", format!("{errno:?}"))),
    }
    expect("of the nop, the probe says", true, probe.is_supported(opcode::Nop::CODE))?;
    expect("of an unknown request, the probe says", false, probe.is_supported(0xfe))?;
    if lab.timers {
        expect("of the timeout, the probe says", true, probe.is_supported(opcode::Timeout::CODE))?;
    }
    Ok(())
}

/// Enters a ring by its registered index.
pub(super) fn ring_fd<K: Kernel>(lab: &Lab<'_, K>) -> Verdict {
    let ring = lab.ring(4)?;
    let mut ring = match ring.register_ring_fd() {
        Ok(ring) => ring,
        Err((_, Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP)) => {
            return Err(not_offered("IORING_REGISTER_RING_FDS", "a ring is entered by its descriptor"));
        }
        Err((_, errno)) => return Err(broken("a registered index, or EINVAL", format!("{errno:?}"))),
    };
    push(&mut ring, nop(1))?;
    expect("consumed entries:", 1, submit_all(&mut ring)?)?;
    expect("by registered index,", done([1]), settle(&mut ring, 1))?;
    match ring.unregister_ring_fd() {
        Ok(mut ring) => {
            push(&mut ring, nop(2))?;
            submit_all(&mut ring)?;
            expect("by descriptor again,", done([2]), settle(&mut ring, 1))
        }
        Err((_, errno)) => Err(broken("the registered index is given back", format!("{errno:?}"))),
    }
}
