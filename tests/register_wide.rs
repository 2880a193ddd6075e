//! Numbers of registrations go out and come back whole: each stands here with a bit in every byte, which a field that
//! is too narrow would cut.

mod common;

use std::mem::MaybeUninit;
use std::ptr::{NonNull, null_mut};

use bare_uring::register::buf_ring::{BufRing, BufRingMemory, BufRingOptions};
use bare_uring::register::query::{Opcodes, Question, ask};
use bare_uring::register::zcrx::{Ifq, ZcrxArea};
use bare_uring::register::{Restriction, TaskRestrictions, restrict_task};
use bare_uring::squeue::Entry;
use bare_uring::types::Fd;
use bare_uring::{Builder, EnterFlags, Errno, Features, IoUring, Kernel, SetupFlags, cqueue, squeue};
use common::answering::{Answering, Argument};
use common::kernels::{Call, Trace};
use common::requests::{Recorder, ring_on};
use common::sockets::provide;
use common::{memory, needs, older_than};

/// Two groups whose numbers agree in the lower 8 bits, and none in the upper.
const GROUPS: [u16; 2] = [0xa5c3, 0x5ac3];
/// The number of a group with bits in both bytes, which can be mapped.
const GROUP: u16 = 0x5c3;
const NUMBER: u32 = 0x8142_2418;

fn groups<K: Kernel>(ring: &IoUring<Entry, cqueue::Entry, K>) -> [BufRing<K>; 2] {
    GROUPS.map(|group| ring.submitter().register_buf_ring(group, provide(2, 8), BufRingOptions::new()).unwrap())
}

#[test]
fn groups_of_buffers_whose_numbers_agree_in_eight_bits_are_two() {
    needs!(5, 19, "IORING_REGISTER_PBUF_RING");
    let not_there = if older_than(6, 9) { Errno::EINVAL } else { Errno::ENOENT };
    let ring = IoUring::new(4).unwrap();
    let submitter = ring.submitter();
    assert_eq!(groups(&ring).map(|buffers| buffers.group()), GROUPS);
    assert_eq!(submitter.unregister_buf_ring(0xc3), Err(not_there));
    assert_eq!(submitter.unregister_buf_ring(GROUPS[0]), Ok(()));
    assert_eq!(submitter.unregister_buf_ring(GROUPS[0]), Err(not_there));
    assert_eq!(submitter.unregister_buf_ring(GROUPS[1]), Ok(()));
}

#[test]
fn the_head_of_a_group_is_its_own() {
    needs!(6, 8, "IORING_REGISTER_PBUF_STATUS");
    let ring = IoUring::new(4).unwrap();
    let submitter = ring.submitter();
    let [first, _second] = groups(&ring);
    assert_eq!((submitter.buf_ring_head(GROUPS[0]), submitter.buf_ring_head(0xc3)), (Ok(0), Err(Errno::ENOENT)));
    first.unregister(&submitter).unwrap();
    assert_eq!((submitter.buf_ring_head(GROUPS[0]), submitter.buf_ring_head(GROUPS[1])), (Err(Errno::ENOENT), Ok(0)));
}

#[test]
fn a_head_counts_in_sixteen_bits() {
    // SAFETY: the argument has 40 bytes, its head the second word.
    let kernel = unsafe { Answering::new(40, |status: Argument| status_of(status, 0xa5c3)) };
    assert_eq!(ring_on(&kernel).submitter().buf_ring_head(7), Ok(0xa5c3));
}

fn status_of(status: Argument, head: u32) -> Result<u32, Errno> {
    status.write(4, head);
    Ok(0)
}

fn provided_by_kernel() -> BufRingMemory {
    BufRingMemory { entries: &mut [] as &mut [MaybeUninit<_>], ..provide(4, 8) }
}

/// The offset of a mapping has 11 bits for the group. The bits above would name another area of the ring, and the
/// highest one nothing at all: group 0x8003 would come out as the memory of group 3.
#[test]
fn a_ring_that_the_kernel_provides_is_mapped_by_its_whole_number_or_refused() {
    needs!(6, 4, "IOU_PBUF_RING_MMAP");
    let trace = Trace::new();
    let ring: IoUring<Entry, cqueue::Entry, &Trace> = Builder::new().build_with(&trace, 4).unwrap();
    let register =
        |group| ring.submitter().register_buf_ring_mapped(group, provided_by_kernel(), BufRingOptions::new());
    for group in [3, 0x5c3, 0x7ff] {
        trace.take();
        let buffers = register(group);
        assert_eq!(trace.take()[1], Call::Map { length: 64, offset: 0x8000_0000 | u64::from(group) << 16 });
        assert_eq!(buffers.unwrap().group(), group);
        assert_eq!(trace.take(), [Call::Unmap { length: 64 }]);
    }
    for group in [0x8003, 0x800, 0x7003, 0xffff] {
        assert_eq!(register(group).map(drop), Err(Errno::EINVAL), "{group:x}");
    }
    assert_eq!(trace.take(), []);
}

/// The flags and the least that is left, as a kernel sees them, in bytes 14 to 20.
fn options(mapped: bool, options: BufRingOptions) -> (u16, u32) {
    // SAFETY: the argument has 40 bytes.
    let kernel = unsafe { Answering::new(40, |_| Err(Errno::EPERM)) };
    let ring = ring_on(&kernel);
    let outcome = match mapped {
        false => ring.submitter().register_buf_ring(GROUP, provide(4, 8), options),
        true => ring.submitter().register_buf_ring_mapped(GROUP, provide(4, 8), options),
    };
    assert_eq!(outcome.map(drop), Err(Errno::EPERM));
    let (_, operation, count, bytes) = kernel.asked().remove(0);
    assert_eq!(
        (operation, count, &bytes[8..14]),
        (22, 1, &[4_u32.to_ne_bytes().as_slice(), &GROUP.to_ne_bytes()].concat()[..])
    );
    (u16::from_ne_bytes([bytes[14], bytes[15]]), u32::from_ne_bytes(*bytes[16..].first_chunk().unwrap()))
}

#[test]
fn the_options_of_a_ring_of_buffers_go_out_as_they_are() {
    const NEW: BufRingOptions = BufRingOptions::new();
    assert_eq!(options(false, NEW), (0, 0));
    assert_eq!(options(false, NEW.incremental().min_left(NUMBER)), (2, NUMBER));
    assert_eq!(options(true, NEW), (1, 0));
    assert_eq!(options(true, NEW.incremental().min_left(NUMBER)), (3, NUMBER));
}

#[test]
fn ids_of_zero_copy_instances() {
    let answer = |argument: Argument| {
        // Where a registration has the id, an instance's control its reserved words.
        argument.write(64, NUMBER);
        Ok(0)
    };
    // SAFETY: the structures have 96 and 72 bytes.
    let kernel = unsafe { Answering::new(72, answer) };
    let ring = ring_on(&kernel);
    let area = NonNull::slice_from_raw_parts(NonNull::from(memory(4096)).cast(), 4096);
    let mut ifq = Ifq::new(0x7fff_0000, 0, 8, ZcrxArea::memory(area), area);
    // SAFETY: the memory is never freed, and there is no kernel.
    let instance = unsafe { ring.submitter().register_ifq(&mut ifq) }.unwrap();
    assert_eq!(instance.id, NUMBER);
    assert_eq!(ring.submitter().zcrx_import(Fd(33)), Ok(NUMBER));
    kernel.asked();
    assert_eq!(ring.submitter().zcrx_flush(NUMBER), Ok(()));
    assert_eq!(kernel.asked()[0].3[..4], NUMBER.to_ne_bytes());
}

#[test]
fn counts_of_registrations() {
    // SAFETY: no registration here has an argument.
    let kernel = unsafe { Recorder::answering(0, Ok(NUMBER)) };
    let ring = ring_on(&kernel);
    // SAFETY: there is no kernel.
    assert_eq!(unsafe { ring.submitter().register(NUMBER, null_mut(), u32::MAX - 1) }, Ok(NUMBER));
    let told = kernel.told().remove(0);
    assert_eq!((told.fd, told.operation, told.count), (ring.fd(), NUMBER, u32::MAX - 1));
    // SAFETY: the registration here has no argument.
    let kernel = unsafe { Recorder::answering(0, Ok(0)) };
    assert_eq!(ring_on(&kernel).submitter().unregister_personality(0xa5c3), Ok(()));
    assert_eq!(kernel.told()[0].count, 0xa5c3);
}

#[test]
fn the_number_of_restrictions_of_a_task() {
    // SAFETY: the only registration here has a header of 16 bytes.
    let kernel = unsafe { Recorder::answering(16, Ok(0)) };
    assert_eq!(restrict_task(&kernel, TaskRestrictions::new([Restriction::sqe_op(0); 0x1c3])), Ok(()));
    assert_eq!(kernel.told()[0].bytes[2..4], 0x1c3_u16.to_ne_bytes());
}

#[test]
fn flags_that_a_kernel_tells() {
    let told = Opcodes {
        feature_flags: 0x8000_0001,
        ring_setup_flags: 0x8000_0002,
        enter_flags: 0x8000_0004,
        sqe_flags: 0x88,
        ..Default::default()
    };
    assert_eq!(told.features(), Features::from_bits_retain(0x8000_0001));
    assert_eq!(told.setup(), SetupFlags::from_bits_retain(0x8000_0002));
    assert_eq!(told.enter(), EnterFlags::from_bits_retain(0x8000_0004));
    assert_eq!(told.requests(), squeue::Flags::from_bits_retain(0x88));
}

/// A kernel that fills less the second time leaves zeroes there, not what it told at first.
#[test]
fn a_question_that_is_asked_again_keeps_nothing() {
    let answer = |header: Argument| {
        let record = header.named(8);
        if header.bytes(4) != record.bytes(4) {
            return Err(Errno::EPROTO);
        }
        record.write(0, NUMBER);
        Ok(0)
    };
    // SAFETY: the header has 40 bytes, the record more than 4.
    let first = unsafe { Answering::new(40, answer) };
    // SAFETY: the header has 40 bytes.
    let second = unsafe { Answering::yes(40) };
    let mut question = Question::<Opcodes>::new();
    assert_eq!(ask(&first, &mut [&mut question]), Ok(()));
    assert_eq!(question.answer().unwrap().record.nr_request_opcodes, NUMBER);
    assert_eq!(ask(&second, &mut [&mut question]), Ok(()));
    assert_eq!(question.answer().unwrap().record, Opcodes::default());
}
