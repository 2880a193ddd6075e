//! The probe: it tells what the kernel runs, of opcodes known to this crate or not, and reaches no further than itself.

mod common;

use common::needs;

use std::mem::size_of;

use bare_uring::register::{Probe, without_ring};
use bare_uring::squeue::Entry;
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_PROBE;
use bare_uring::uapi::{IORING_REGISTER_QUERY, io_uring_query_hdr};
use bare_uring::{Errno, Linux, opcode};
use common::requests::{Recorder, ring, ring_on, run};

fn probe() -> Probe {
    let mut probe = Probe::new();
    assert_eq!(ring().submitter().register_probe(&mut probe), Ok(()));
    probe
}

/// The number of opcodes, by the kernel's other way of telling (since 6.18).
fn opcodes_by_query() -> u32 {
    let mut record = [0_u64; 6];
    let mut header =
        io_uring_query_hdr { query_data: (&raw mut record).expose_provenance() as u64, size: 48, ..Default::default() };
    // SAFETY: one header, whose record has 48 bytes; both are alive.
    unsafe { without_ring(&Linux, IORING_REGISTER_QUERY, (&raw mut header).cast(), 0) }.unwrap();
    // The first word of the record.
    u32::from_ne_bytes(record[0].to_ne_bytes()[..4].try_into().unwrap())
}

#[test]
fn every_opcode_of_this_crate_is_supported_here() {
    let probe = probe();
    for code in [
        opcode::Nop::CODE,
        opcode::Readv::CODE,
        opcode::PollAdd::CODE,
        opcode::Timeout::CODE,
        opcode::OpenAt::CODE,
        opcode::AsyncCancel::CODE,
        opcode::Statx::CODE,
        opcode::Write::CODE,
    ] {
        assert!(probe.is_supported(code), "{code}");
    }
}

#[test]
fn the_last_opcode_is_the_one_that_the_query_counts() {
    needs!(6, 18, "IORING_REGISTER_QUERY");
    assert_eq!(u32::from(probe().last_op()) + 1, opcodes_by_query());
}

#[test]
fn what_the_probe_denies_the_kernel_refuses() {
    let (mut ring, probe) = (ring(), probe());
    let missing: Vec<u8> = (0..=u8::MAX).filter(|&code| !probe.is_supported(code)).collect();
    assert!(missing.contains(&255));
    assert!(!probe.is_supported(probe.last_op() + 1));
    for code in missing {
        let mut bytes = opcode::Nop::new().build().to_bytes();
        bytes[0] = code;
        // What the kernel was built without it knows by name.
        let errno = if code > probe.last_op() { Errno::EINVAL } else { Errno::EOPNOTSUPP };
        assert_eq!(run(&mut ring, Entry::from_bytes(bytes)), Err(errno), "{code}");
    }
}

#[test]
fn a_probe_can_be_used_again() {
    let ring = ring();
    let mut probe = Probe::new();
    assert!(!probe.is_supported(opcode::Nop::CODE));
    for _ in 0..2 {
        assert_eq!(ring.submitter().register_probe(&mut probe), Ok(()));
        assert!(probe.is_supported(opcode::Nop::CODE));
    }
}

/// All that the kernel may write lies within the object that the reference covers. What it writes is kept, whether this
/// crate knows the number or not.
#[test]
fn all_256_opcodes_have_a_place_inside_the_probe() {
    #[repr(C)]
    struct Guarded {
        before: u64,
        probe: Probe,
        after: u64,
    }
    const ARGUMENT: usize = 16 + 256 * 8;
    assert_eq!(size_of::<Probe>(), ARGUMENT);
    // SAFETY: the only registration here is a probe, whose argument has that many bytes; they are all integers.
    let kernel = unsafe { Recorder::filling(ARGUMENT, 0xff) };
    let ring = ring_on(&kernel);
    let mut guarded = Guarded { before: 1, probe: Probe::new(), after: 2 };
    assert_eq!(ring.submitter().register_probe(&mut guarded.probe), Ok(()));
    assert_eq!((guarded.before, guarded.after), (1, 2));
    assert_eq!(guarded.probe.last_op(), 255);
    assert!((0..=u8::MAX).all(|code| guarded.probe.is_supported(code)));

    let told = kernel.told();
    assert_eq!((told[0].operation, told[0].count), (IORING_REGISTER_PROBE as u32, 256));
    assert_eq!(told[0].bytes, [0; ARGUMENT], "the kernel wants it zero");
}

#[test]
fn the_opcodes_supported_can_be_read_by_people() {
    assert_eq!(format!("{:?}", Probe::new()), "{}");
    assert!(format!("{:?}", probe()).starts_with("{0, 1, 2, "));
}

#[test]
fn a_refusal_leaves_no_opcode_supported() {
    // SAFETY: the only registration here is a probe, whose argument has that many bytes.
    let kernel = unsafe { Recorder::answering(16, Err(Errno::EINVAL)) };
    let mut probe = probe();
    assert_eq!(ring_on(&kernel).submitter().register_probe(&mut probe), Err(Errno::EINVAL));
    assert_eq!(format!("{probe:?}"), "{}");
}

#[test]
fn without_a_ring_only_what_needs_none_is_done() {
    needs!(6, 13, "registrations without a ring");
    // SAFETY: the operation takes no argument.
    let probe = unsafe { without_ring(&Linux, IORING_REGISTER_PROBE as u32, std::ptr::null_mut(), 0) };
    assert_eq!(probe, Err(Errno::EINVAL));
}
