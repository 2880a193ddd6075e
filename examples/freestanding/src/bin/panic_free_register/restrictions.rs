//! Topic: restrictions and filters of a ring and of the task, and enabling a ring.

use bare_uring::register::{
    BpfFilter, BpfFilterError, Instruction, Restriction, TaskRestrictions, register_bpf_filter_task, restrict_task,
};
use bare_uring::squeue::Flags;
use bare_uring::types::Timespec;
use bare_uring::uapi::io_uring_register_op::{
    IORING_REGISTER_ENABLE_RINGS, IORING_REGISTER_RESTRICTIONS, IORING_UNREGISTER_RING_FDS,
};
use bare_uring::{Builder, Errno, IoUring, Kernel, Linux, opcode};

use crate::card::Card;
use crate::outside::{Has, Outcome, Ring, any, check, part, run};

/// Restricts a ring that is entered by its file descriptor, and one that is entered by its registered index.
pub fn restrictions(has: &Has) -> Outcome<()> {
    on(&mut disabled(Linux)?, has)?;
    on(&mut disabled(Linux)?.register_ring_fd().map_err(|(_, errno)| errno)?, has)
}

fn disabled<K: Kernel>(kernel: K) -> Outcome<Ring<K>> {
    Ok(Builder::new().setup_r_disabled().build_with(kernel, crate::ENTRIES)?)
}

fn on<K: Kernel>(ring: &mut Ring<K>, has: &Has) -> Outcome<()> {
    static NOW: Timespec = Timespec::ZERO;
    let list = any([
        Restriction::register_op(any(IORING_UNREGISTER_RING_FDS as u8)),
        Restriction::register_op(any(IORING_REGISTER_ENABLE_RINGS as u8)),
        Restriction::sqe_op(any(opcode::Nop::CODE)),
        Restriction::sqe_flags_allowed(any(Flags::ASYNC)),
        Restriction::sqe_flags_required(any(Flags::empty())),
    ]);
    check(ring.submitter().register_restrictions(&[Restriction::sqe_op(any(255))]) == Err(Errno::EINVAL))?;
    let restricted = ring.submitter().register_restrictions(part(&list, list.len()));
    if has.or_lacks(IORING_REGISTER_RESTRICTIONS as u32, restricted)?.is_none() {
        return Ok(());
    }
    check(ring.submitter().register_restrictions(part(&list, 1)) == Err(Errno::EBUSY))?;
    ring.submitter().register_enable_rings()?;
    // Denied, or too late: the kernel may check either first.
    check(ring.submitter().register_restrictions(part(&list, 0)).is_err())?;
    // SAFETY: the request points to nothing.
    check(unsafe { run(ring, opcode::Nop::new().build()) }?.outcome() == Ok(0))?;
    // SAFETY: the request points to a static.
    let denied = unsafe { run(ring, opcode::Timeout::new(&raw const NOW).build()) }?;
    check(denied.outcome() == Err(Errno::EACCES))?;
    check(ring.submitter().register_personality() == Err(Errno::EACCES))
}

/// Restricts the task: on Linux only in ways that it refuses, because restrictions of a task are permanent.
pub fn of_the_task(has: &Has) -> Outcome<()> {
    let refused = restrict_task(&Linux, any(TaskRestrictions::new([Restriction::sqe_op(any(255))])));
    check(matches!(refused, Err(Errno::EINVAL | Errno::EACCES)))?;
    let card = Card::new();
    restrict_task(&card, any(TaskRestrictions::new([])))?;
    restrict_task(&card, TaskRestrictions::new([any(Restriction::sqe_op(0)); 3]))?;
    check(card.restrictions() == 3)?;
    let ring: IoUring = disabled(Linux)?;
    has.or_lacks(IORING_REGISTER_ENABLE_RINGS as u32, ring.submitter().register_enable_rings())?;
    let twice = ring.submitter().register_enable_rings();
    check(matches!(twice, Err(Errno::EBADFD | Errno::EINVAL)))
}

/// Registers filters: Linux refuses an opcode that it does not have.
pub fn filters(_: &Has) -> Outcome<()> {
    const RETURN: u16 = 0x06;
    let allow = any([Instruction { code: RETURN, k: 1, ..Instruction::default() }; 4]);
    for length in [0, 1, 4, usize::MAX] {
        let filter = BpfFilter::new(any(255), part(&allow, length)).payload(any(12)).deny_rest().strict_payload();
        let ring = crate::ring()?;
        check(ring.submitter().register_bpf_filter(&any(filter)).is_err())?;
        check(register_bpf_filter_task(&Linux, &any(filter)).is_err())?;

        let card = Card::new();
        let ring: Ring<&Card> = Builder::new().build_with(&card, crate::ENTRIES)?;
        let expected = match part(&allow, length).len() {
            0 => Err(BpfFilterError::Kernel(Errno::EINVAL)),
            4 => Err(BpfFilterError::Payload { kernel: 24 }),
            _ => Ok(24),
        };
        check(ring.submitter().register_bpf_filter(&any(filter)) == expected)?;
        check(register_bpf_filter_task(&&card, &any(filter)) == expected)?;
    }
    Ok(())
}
