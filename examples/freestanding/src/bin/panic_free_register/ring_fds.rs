//! Topic: a ring's own file descriptor, registered with the task.

use bare_uring::{Builder, Errno, IoUring, Kernel, Linux, LocalRing, cqueue, opcode, squeue};

use crate::outside::{Has, Outcome, any, check};

/// Registers and unregisters rings with several types of entry, and then closes their file descriptors.
pub fn ring_fds(has: &Has) -> Outcome<()> {
    each::<squeue::Entry, cqueue::Entry>(&Builder::new(), has)?;
    each::<squeue::Entry128, cqueue::Entry32>(&Builder::new(), has)?;
    each::<squeue::EntryMixed, cqueue::EntryMixed>(&Builder::new(), has)?;
    each::<squeue::Entry, cqueue::EntryMixed>(&Builder::new(), has)?;
    each::<squeue::Entry, cqueue::Entry>(Builder::new().setup_sqpoll(any(1)), has)?;
    full()
}

fn each<S: squeue::EntryMarker, C: cqueue::EntryMarker>(builder: &Builder<S, C>, has: &Has) -> Outcome<()> {
    let Ok(ring) = builder.build(any(crate::ENTRIES)) else {
        // The kernel is older than this type of entry; a plain ring has worked before.
        has.lacks();
        return Ok(());
    };
    let ring = ring.register_ring_fd().map_err(|(_, errno)| errno)?;
    used(&ring)?;
    let ring = ring.unregister_ring_fd().map_err(|(_, errno)| errno)?;
    used(&ring)?;
    let ring = ring.register_ring_fd().map_err(|(_, errno)| errno)?;
    check(ring.registered_index() < 16)?;
    // The ring has a registered index already.
    let Err((mut ring, errno)) = ring.register_ring_fd() else { return Err(Errno::EIO.into()) };
    check(errno == Errno::EEXIST)?;
    if ring.close_ring_fd() == Err(Errno::EOPNOTSUPP) {
        return Ok(());
    }
    check(ring.close_ring_fd() == Err(Errno::EBADF))?;
    used(&ring)?;
    let Err((ring, errno)) = ring.unregister_ring_fd() else { return Err(Errno::EIO.into()) };
    check(errno == Errno::EBADF)?;
    used(&ring)
}

/// Uses the ring: makes a registration, and enters the kernel.
fn used<S, C, K: Kernel>(ring: &IoUring<S, C, K>) -> Outcome<()> {
    ring.submitter().register_files(&[any(-1)])?;
    ring.submitter().unregister_files()?;
    check(ring.submitter().submit()? == 0)?;
    Ok(ring.submitter().get_events()?)
}

/// Registers more rings than the task's table can hold.
fn full() -> Outcome<()> {
    let mut rings = [const { None::<LocalRing> }; 17];
    let mut refused = 0;
    for place in &mut rings {
        match Builder::new().build_with(Linux, 1)?.register_ring_fd() {
            Ok(ring) => *place = Some(ring),
            Err((ring, errno)) => {
                used::<squeue::Entry, cqueue::Entry, _>(&ring)?;
                check(errno == Errno::EBUSY)?;
                refused += 1;
            }
        }
    }
    check(refused >= 1)?;
    let mut last = rings.into_iter().flatten().last().ok_or(Errno::EIO)?;
    // SAFETY: the request points to nothing.
    unsafe { last.submission().push(opcode::Nop::new().build()) }.map_err(|_| Errno::EBUSY)?;
    last.submit_and_wait(1)?;
    check(last.completion().count() == 1)
}
