//! Memory regions: of the caller's and of the kernel's, plain and with arguments of waits in typed slots.

mod common;

use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use bare_uring::cqueue;
use bare_uring::register::{MemoryRegion, WaitArgument, WaitRegion};
use bare_uring::squeue::Entry;
use bare_uring::types::{Sigset, Timespec};
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_MEM_REGION;
use bare_uring::{Builder, Errno, IoUring, Kernel};
use common::answering::{Answering, Argument, Fields};
use common::kernels::{Call, Trace};
use common::requests::ring;
use common::ring_memory::{bounded, calls_of_set_up, nops, taken};
use common::{memory, nop, push, refused};

/// Long enough for a page of any size.
const SIZE: usize = 65_536;

type Ring<K> = IoUring<Entry, cqueue::Entry, K>;

fn disabled<K: Kernel>(kernel: K) -> Ring<K> {
    Builder::new().setup_r_disabled().build_with(kernel, 8).unwrap()
}

/// The outcome, unless the kernel knows no regions.
fn known<T>(test: &str, outcome: Result<T, Errno>) -> Option<T> {
    match outcome {
        Err(Errno::EINVAL) => {
            refused(test, "IORING_REGISTER_MEM_REGION", (6, 13));
            None
        }
        outcome => Some(outcome.unwrap()),
    }
}

/// A ring with a wait region in the caller's memory, enabled.
fn with_waits(test: &str) -> Option<(Ring<bare_uring::Linux>, WaitRegion)> {
    let ring = disabled(bare_uring::Linux);
    let waits = known(test, ring.submitter().register_wait_region(memory(SIZE)))?;
    ring.submitter().register_enable_rings().unwrap();
    Some((ring, waits))
}

const fn milliseconds(count: u32) -> WaitArgument {
    WaitArgument::new().timespec(Timespec::new((count / 1000) as i64, count % 1000 * 1_000_000))
}

/// Waits by the argument at `offset`, which nothing but its timeout ends.
#[track_caller]
fn times_out<K: Kernel>(ring: &Ring<K>, offset: Option<usize>, least: u64) {
    let start = Instant::now();
    let outcome = ring.submitter().submit_and_wait_reg(1, offset.expect("an index"));
    let (took, least) = (start.elapsed(), Duration::from_millis(least));
    assert_eq!(outcome, Err(Errno::ETIME));
    assert!(took >= least && took < least + Duration::from_secs(2), "{took:?} for {least:?} at {offset:?}");
}

/// A registered wait reads the argument at its own offset of the region.
#[test]
fn each_wait_times_out_by_its_own_slot() {
    bounded(|| {
        let Some((ring, mut waits)) = with_waits("each_wait_times_out_by_its_own_slot") else { return };
        let brief = waits.set(0, milliseconds(10));
        let long = waits.set(1, milliseconds(150));
        let last = waits.set(waits.capacity() - 1, milliseconds(50));
        assert_eq!((brief, long, last), (Some(0), Some(64), Some(SIZE - 128)));
        times_out(&ring, long, 150);
        times_out(&ring, brief, 10);
        times_out(&ring, last, 50);
        assert_eq!(waits.set(0, milliseconds(80)), brief);
        times_out(&ring, brief, 80);
    });
}

/// The last 64 bytes hold no argument, because kernels read argument 0 in their place. On a kernel that does not, the
/// test says so.
#[test]
fn the_bytes_that_kernels_misread_hold_no_argument() {
    bounded(|| {
        let Some((ring, mut waits)) = with_waits("the_bytes_that_kernels_misread_hold_no_argument") else { return };
        assert_eq!(waits.capacity(), SIZE / 64 - 1);
        waits.set(0, milliseconds(40)).unwrap();
        // A timeout of 1 ns, with its flag.
        let argument: [u8; 24] = Fields::new().u64(&[0, 1]).u32(&[0, 1]).0.try_into().unwrap();
        // SAFETY: the place is within the region, which is valid.
        let last = unsafe { waits.region().memory().cast::<u8>().add(SIZE - 64) };
        // SAFETY: the place is within the region. The kernel reads it only when the wait begins.
        unsafe { last.cast::<[u8; 24]>().write_volatile(argument) };
        let start = Instant::now();
        assert_eq!(ring.submitter().submit_and_wait_reg(1, SIZE - 64), Err(Errno::ETIME));
        let misread = start.elapsed() >= Duration::from_millis(40);
        println!("this kernel reads the last 64 bytes {}", if misread { "as argument 0" } else { "as they are" });
    });
}

#[test]
fn there_is_no_slot_past_the_last() {
    let Some((_ring, mut waits)) = with_waits("there_is_no_slot_past_the_last") else { return };
    for index in [waits.capacity(), waits.capacity() + 1, usize::MAX / 64 + 1, usize::MAX] {
        assert_eq!((waits.offset(index), waits.set(index, WaitArgument::new())), (None, None), "{index}");
    }
}

#[test]
fn a_slot_starts_without_limits() {
    bounded(|| {
        let Some((mut ring, waits)) = with_waits("a_slot_starts_without_limits") else { return };
        push(&mut ring, nop(0));
        assert_eq!(ring.submitter().submit_and_wait_reg(1, waits.offset(7).unwrap()), Ok(1));
        assert_eq!(taken(&mut ring), nops(0..1));
    });
}

#[test]
fn a_minimum_time_of_a_slot_holds() {
    bounded(|| {
        let Some((mut ring, mut waits)) = with_waits("a_minimum_time_of_a_slot_holds") else { return };
        let offset = waits.set(2, milliseconds(5_000).min_wait_usec(60_000)).unwrap();
        push(&mut ring, nop(0));
        let start = Instant::now();
        assert_eq!(ring.submitter().submit_and_wait_reg(2, offset), Ok(1));
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(60) && took < Duration::from_secs(3), "{took:?}");
        assert_eq!(taken(&mut ring), nops(0..1));
    });
}

#[test]
fn a_timespec_before_the_clock_began_has_passed() {
    bounded(|| {
        let Some((ring, mut waits)) = with_waits("a_timespec_before_the_clock_began_has_passed") else { return };
        let offset = waits.set(0, WaitArgument::new().timespec(Timespec::new(-1, 0))).unwrap();
        let outcome = ring.submitter().submit_and_wait_reg(1, offset);
        // Kernels do not check it: the time has passed.
        assert_eq!(outcome, Err(Errno::ETIME));
    });
}

/// The mask goes on while waiting and off again after it; a mask is 8 bytes, or the kernel would refuse it.
#[test]
fn a_signal_mask_of_a_slot_is_taken() {
    bounded(|| {
        static MASK: Sigset = Sigset::EMPTY.with(10);
        let Some((ring, mut waits)) = with_waits("a_signal_mask_of_a_slot_is_taken") else { return };
        let blocked = || {
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            common::raw::field(&status, "SigBlk").unwrap()
        };
        let before = blocked();
        let offset = waits.set(0, milliseconds(10).sigmask(&MASK));
        times_out(&ring, offset, 10);
        assert_eq!(blocked(), before);
    });
}

#[test]
fn a_region_of_the_kernels_is_mapped_and_unmapped() {
    bounded(|| {
        let trace = Trace::new();
        let ring = disabled(&trace);
        trace.take();
        let test = "a_region_of_the_kernels_is_mapped_and_unmapped";
        let Some(mut waits) = known(test, ring.submitter().map_wait_region(SIZE)) else { return };
        let (fd, operation) = (ring.fd(), IORING_REGISTER_MEM_REGION as u32);
        let [register, map] = trace.take()[..] else { panic!("two calls") };
        assert_eq!(register, Call::Register { fd, operation, count: 1 });
        assert!(matches!(map, Call::Map { length: SIZE, offset: 1.. }), "{map:?}");
        ring.submitter().register_enable_rings().unwrap();
        let (brief, long) = (waits.set(1, milliseconds(10)), waits.set(2, milliseconds(120)));
        times_out(&ring, long, 120);
        times_out(&ring, brief, 10);
        trace.take();
        drop(waits);
        assert_eq!(trace.take(), [Call::Unmap { length: SIZE }]);
        // The kernel has its pages still.
        times_out(&ring, brief, 10);
    });
}

#[test]
fn a_region_outlives_its_ring() {
    let ring = disabled(bare_uring::Linux);
    let test = "a_region_outlives_its_ring";
    let Some(mut waits) = known(test, ring.submitter().map_wait_region(SIZE)) else { return };
    drop(ring);
    assert_eq!(waits.set(0, milliseconds(1)), Some(0));
}

#[test]
fn a_region_can_be_sent() {
    const fn sent<T: Send>() {}
    sent::<MemoryRegion>();
    sent::<WaitRegion>();
}

#[test]
fn plain_regions_need_no_disabled_ring() {
    let test = "plain_regions_need_no_disabled_ring";
    let provided = ring();
    let memory = memory(SIZE);
    let address = memory.as_ptr().addr();
    let Some(region) = known(test, provided.submitter().register_mem_region(memory)) else { return };
    assert_eq!((region.memory().addr().get(), region.memory().len()), (address, SIZE));
    let mapping = ring();
    let region = mapping.submitter().map_mem_region(SIZE).unwrap();
    assert_eq!(region.memory().len(), SIZE);
    // SAFETY: the region is mapped, and nobody else looks at it.
    let bytes = unsafe { region.memory().as_ref() };
    assert!(bytes.iter().all(|&byte| byte == 0));
}

#[test]
fn a_ring_has_one_region() {
    let test = "a_ring_has_one_region";
    let ring = disabled(bare_uring::Linux);
    let Some(_region) = known(test, ring.submitter().register_wait_region(memory(SIZE))) else { return };
    assert_eq!(ring.submitter().register_wait_region(memory(SIZE)).err(), Some(Errno::EBUSY));
    assert_eq!(ring.submitter().register_mem_region(memory(SIZE)).err(), Some(Errno::EBUSY));
    assert_eq!(ring.submitter().map_wait_region(SIZE).err(), Some(Errno::EBUSY));
    assert_eq!(ring.submitter().map_mem_region(SIZE).err(), Some(Errno::EBUSY));
}

#[test]
fn waits_need_a_ring_that_is_still_disabled() {
    let ring = ring();
    assert_eq!(ring.submitter().register_wait_region(memory(SIZE)).err(), Some(Errno::EINVAL));
    assert_eq!(ring.submitter().map_wait_region(SIZE).err(), Some(Errno::EINVAL));
    let plain = "waits_need_a_ring_that_is_still_disabled";
    let Some(_region) = known(plain, ring.submitter().register_mem_region(memory(SIZE))) else { return };
    // A plain region holds no arguments.
    assert_eq!(ring.submitter().submit_and_wait_reg(1, 0), Err(Errno::EFAULT));
}

/// Before the kernel is asked: memory that is none of these could not hold the slots aligned.
#[test]
fn memory_that_is_not_made_of_pages_is_refused_without_a_call() {
    // SAFETY: the operation takes 32 bytes.
    let kernel = unsafe { Answering::yes(32) };
    let ring = disabled(&kernel);
    for wrong in [&mut memory(SIZE)[..0], &mut memory(SIZE)[..4095], &mut memory(SIZE)[64..4160]] {
        assert_eq!(ring.submitter().register_wait_region(wrong).err(), Some(Errno::EINVAL));
    }
    for size in [0, 64, 4097, usize::MAX] {
        assert_eq!(ring.submitter().map_wait_region(size).err(), Some(Errno::EINVAL), "{size}");
    }
    assert_eq!(kernel.asked(), []);
}

#[test]
fn memory_that_the_kernel_cannot_have_is_a_clean_error() {
    let test = "memory_that_the_kernel_cannot_have_is_a_clean_error";
    if known(test, ring().submitter().map_mem_region(SIZE)).is_none() {
        return;
    }
    let ring = disabled(bare_uring::Linux);
    let outcome = ring.submitter().map_wait_region(isize::MAX as usize / SIZE * SIZE).map(drop);
    // More pages than the kernel counts, where the address space has as many.
    let errno = if cfg!(target_pointer_width = "64") { Errno::E2BIG } else { Errno::ENOMEM };
    assert_eq!(outcome, Err(errno));
    // Nothing was registered.
    assert_eq!(ring.submitter().map_wait_region(SIZE).map(drop), Ok(()));
}

#[test]
fn a_mapping_that_fails_is_told() {
    // The registration fails, and the ring can have a region still; or the mapping does, and the region is out of
    // reach.
    for (call, errnos, afterwards) in [
        (0, &[Errno::EBUSY, Errno::EINVAL, Errno::ENOMEM, Errno::E2BIG][..], Ok(())),
        (1, &[Errno::ENOSYS, Errno::EBADF, Errno::ENOMEM][..], Err(Errno::EBUSY)),
    ] {
        for &errno in errnos {
            let trace = Trace::failing(calls_of_set_up() + call, errno);
            let ring = disabled(&trace);
            trace.take();
            let outcome = ring.submitter().map_wait_region(SIZE).map(drop);
            if call == 1 && outcome == Err(Errno::EINVAL) {
                return refused("a_mapping_that_fails_is_told", "IORING_REGISTER_MEM_REGION", (6, 13));
            }
            assert_eq!(outcome, Err(errno));
            assert_eq!(trace.take().len(), call + 1, "nothing to unmap");
            let outcome = ring.submitter().map_wait_region(SIZE).map(drop);
            if call == 0 && outcome == Err(Errno::EINVAL) {
                return refused("a_mapping_that_fails_is_told", "IORING_REGISTER_MEM_REGION", (6, 13));
            }
            assert_eq!(outcome, afterwards, "{errno}");
        }
    }
}

#[test]
fn exactly_these_bytes_are_handed_over() {
    let answer = |argument: Argument| {
        let region = argument.named(0).bytes(64);
        let address = u64::from_ne_bytes(region[..8].try_into().unwrap());
        let user = u32::from(address != 0);
        assert_eq!(region[8..], Fields::new().u64(&[SIZE as u64]).u32(&[user, 0]).u64(&[0; 5]).0);
        Err(Errno::from_raw(if user == 1 { 1 } else { 2 }).unwrap())
    };
    // SAFETY: the operation takes 32 bytes, and the description has 64.
    let kernel = unsafe { Answering::new(32, answer) };
    let ring = disabled(&kernel);
    let submitter = ring.submitter();
    assert_eq!(submitter.register_mem_region(memory(SIZE)).err(), Some(Errno::EPERM));
    assert_eq!(submitter.map_mem_region(SIZE).err(), Some(Errno::ENOENT));
    assert_eq!(submitter.register_wait_region(memory(SIZE)).err(), Some(Errno::EPERM));
    assert_eq!(submitter.map_wait_region(SIZE).err(), Some(Errno::ENOENT));
    let asked = kernel.asked();
    let flags: Vec<_> = asked.iter().map(|(.., bytes)| &bytes[8..]).collect();
    let (plain, waits) = (Fields::new().u64(&[0, 0, 0]).0, Fields::new().u64(&[1, 0, 0]).0);
    assert_eq!(flags, [&plain, &plain, &waits, &waits]);
    assert!(asked.iter().all(|&(fd, operation, count, _)| (fd, operation, count) == (ring.fd(), 34, 1)));
}

/// The 64 bytes of an argument, field by field.
#[test]
fn a_slot_has_exactly_these_bytes() {
    static MASK: Sigset = Sigset(5);
    // SAFETY: the operation takes 32 bytes.
    let kernel = unsafe { Answering::yes(32) };
    let ring = disabled(&kernel);
    let memory = memory(SIZE);
    memory.fill(MaybeUninit::new(0xff));
    let mut waits = ring.submitter().register_wait_region(memory).unwrap();
    let argument = WaitArgument::new().timespec(Timespec::new(0x0102, 0x0304)).min_wait_usec(0x0506).sigmask(&MASK);
    assert_eq!(waits.set(1, argument), Some(64));
    // SAFETY: the region is zeroed and lives; there is no kernel to look at it.
    let bytes = unsafe { waits.region().memory().as_ref() };
    let mask = (&raw const MASK).addr() as u64;
    let argument =
        Fields::new().u64(&[0x0102, 0x0304]).u32(&[0x0506, 1]).u64(&[mask]).u32(&[8, 0, 0, 0]).u64(&[0, 0]).0;
    assert_eq!(bytes[..64], [0; 64]);
    assert_eq!(bytes[64..128], argument);
    assert!(bytes[128..].iter().all(|&byte| byte == 0));
}
