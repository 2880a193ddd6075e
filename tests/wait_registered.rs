//! Registered waits: the arguments of a wait stand in memory that the kernel knows already.

mod common;

use std::mem::size_of;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use bare_uring::squeue::Entry;
use bare_uring::types::PollEvents;
use bare_uring::uapi::{__kernel_timespec, io_uring_mem_region_reg, io_uring_reg_wait, io_uring_region_desc};
use bare_uring::{Builder, EnterFlags, Errno, IoUring, cqueue, opcode};
use common::kernels::{Call, Trace};
use common::ring_memory::{bounded, fd, nops, taken};
use common::{nop, push, refused};

const REGISTER_MEM_REGION: u32 = 34;
const REGION_TYPE_USER: u32 = 1;
const REGION_REG_WAIT_ARG: u64 = 1;
const REG_WAIT_TS: u32 = 1;
const SIZE: usize = 4096;
const ARGUMENT: usize = size_of::<io_uring_reg_wait>();

type Ring<'a> = IoUring<Entry, cqueue::Entry, &'a Trace>;

/// The wait region of a ring, which lives for ever.
struct Region {
    memory: NonNull<u8>,
}

impl Region {
    /// Registers a new one with a ring that is disabled; `None` if the kernel can't.
    fn register(ring: &Ring<'_>) -> Option<Self> {
        let memory = NonNull::from(common::memory(SIZE)).cast::<u8>();
        let mut description = io_uring_region_desc {
            user_addr: memory.as_ptr().expose_provenance() as u64,
            size: SIZE as u64,
            flags: REGION_TYPE_USER,
            id: 0,
            mmap_offset: 0,
            __resv: [0; 4],
        };
        let mut registration = io_uring_mem_region_reg {
            region_uptr: (&raw mut description).expose_provenance() as u64,
            flags: REGION_REG_WAIT_ARG,
            __resv: [0; 2],
        };
        let argument = (&raw mut registration).cast();
        // SAFETY: the argument is the operation's own; the memory that it names is never freed.
        match unsafe { ring.submitter().register(REGISTER_MEM_REGION, argument, 1) } {
            Ok(0) => Some(Self { memory }),
            Err(Errno::EINVAL) => None,
            other => panic!("{other:?}"),
        }
    }

    /// A wait of so many milliseconds at most, `offset` bytes from the start.
    fn set(&self, offset: usize, milliseconds: i64) {
        assert!(offset + ARGUMENT <= SIZE);
        let argument = io_uring_reg_wait {
            ts: __kernel_timespec { tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000 },
            min_wait_usec: 0,
            flags: REG_WAIT_TS,
            sigmask: 0,
            sigmask_sz: 0,
            pad: [0; 3],
            pad2: [0; 2],
        };
        // SAFETY: the argument ends within the memory.
        let place = unsafe { self.memory.byte_add(offset) };
        // SAFETY: the place is aligned to 8 and the kernel reads it during waits only.
        unsafe { place.cast().write(argument) };
    }
}

fn ring_and_region(trace: &Trace) -> Option<(Ring<'_>, Region)> {
    let ring: Ring<'_> = Builder::new().setup_r_disabled().build_with(trace, 8).unwrap();
    let Some(region) = Region::register(&ring) else {
        refused("registered waits", "IORING_REGISTER_MEM_REGION", (6, 13));
        return None;
    };
    ring.submitter().register_enable_rings().unwrap();
    trace.take();
    Some((ring, region))
}

fn takes<T>(least: u64, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = run();
    let (took, least) = (start.elapsed(), Duration::from_millis(least));
    assert!(took >= least && took < least + Duration::from_secs(1), "{took:?}");
    value
}

#[test]
fn a_wait_goes_by_the_argument_at_its_byte_offset() {
    bounded(|| {
        let trace = Trace::new();
        let Some((ring, region)) = ring_and_region(&trace) else { return };
        region.set(0, 20);
        region.set(64, 60);
        region.set(72, 100);
        // The last place of all is another matter: see `register_region`.
        region.set(SIZE - 2 * ARGUMENT, 40);
        let flags = EnterFlags::GETEVENTS.union(EnterFlags::EXT_ARG).union(EnterFlags::EXT_ARG_REG).bits();
        for (offset, least) in [(0, 20), (72, 100), (SIZE - 2 * ARGUMENT, 40)] {
            let wait = || ring.submitter().submit_and_wait_reg(1, offset);
            assert_eq!(takes(least, wait), Err(Errno::ETIME));
            let fd = ring.fd();
            assert_eq!(trace.take(), [Call::Enter { fd, to_submit: 0, min_complete: 1, flags, size: 64 }]);
        }
        region.set(64, 60);
        assert_eq!(takes(60, || ring.submitter().submit_and_wait_reg(1, 64)), Err(Errno::ETIME));
    });
}

#[test]
fn it_submits_on_the_way_and_tells_the_count() {
    bounded(|| {
        let trace = Trace::new();
        let Some((mut ring, region)) = ring_and_region(&trace) else { return };
        region.set(64, 20_000);
        push(&mut ring, nop(0));
        push(&mut ring, nop(1));
        assert_eq!(takes(0, || ring.submitter().submit_and_wait_reg(2, 64)), Ok(2));
        assert_eq!(taken(&mut ring), nops(0..2));

        let (reader, _writer) = std::io::pipe().unwrap();
        push(&mut ring, opcode::PollAdd::new(fd(&reader), PollEvents(1)).build());
        region.set(64, 30);
        assert_eq!(takes(30, || ring.submitter().submit_and_wait_reg(1, 64)), Ok(1));
        assert_eq!(taken(&mut ring), []);
    });
}

#[test]
fn an_offset_that_is_too_far_or_not_aligned_is_efault() {
    bounded(|| {
        let trace = Trace::new();
        let Some((ring, region)) = ring_and_region(&trace) else { return };
        region.set(0, 1);
        for offset in [SIZE - ARGUMENT + 8, SIZE, size_of::<usize>() / 2, 1 << (usize::BITS - 1), usize::MAX - 7] {
            assert_eq!(ring.submitter().submit_and_wait_reg(1, offset), Err(Errno::EFAULT), "{offset}");
        }
    });
}

#[test]
fn without_a_region_it_is_efault() {
    bounded(|| {
        let ring = IoUring::new(8).unwrap();
        match ring.submitter().submit_and_wait_reg(1, 0) {
            Err(Errno::EINVAL) => refused("without_a_region_it_is_efault", "IORING_ENTER_EXT_ARG_REG", (6, 13)),
            outcome => assert_eq!(outcome, Err(Errno::EFAULT)),
        }
    });
}
