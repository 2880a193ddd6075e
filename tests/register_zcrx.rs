//! Zero-copy receive: the bytes that are handed over, what comes back, and the refusals of a machine without such a card.

mod common;

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use bare_uring::cqueue::Entry32;
use bare_uring::register::zcrx::{Chunk, Ifq, Instance, RefillRing, ZcrxArea, ZcrxEvent};
use bare_uring::squeue::Entry;
use bare_uring::types::Fd;
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_ZCRX_IFQ;
use bare_uring::uapi::io_uring_zcrx_rqe;
use bare_uring::{Builder, Errno, IoUring, Kernel, Linux, SetupError};
use common::answering::{Answering, Argument, Fields};
use common::machine::has_zcrx;
use common::requests::ring_on;
use common::{memory, needs, older_than};

const SIZE: usize = 65_536;
/// An index that no interface has.
const NOWHERE: u32 = 0x7fff_0000;

fn area() -> NonNull<[u8]> {
    let memory = memory(SIZE);
    NonNull::slice_from_raw_parts(NonNull::from(memory).cast(), SIZE)
}

/// What zero-copy receive asks of a ring.
fn ring<K: Kernel>(kernel: K) -> IoUring<Entry, Entry32, K> {
    Builder::new().setup_single_issuer().setup_defer_taskrun().build_with(kernel, 8).unwrap()
}

fn address(memory: NonNull<[u8]>) -> u64 {
    memory.addr().get() as u64
}

/// Registers on a ring whose memory lives for ever.
fn register<C, K: Kernel>(ring: &IoUring<Entry, C, K>, ifq: &mut Ifq) -> Result<Instance, Errno> {
    // SAFETY: the tests' areas and refill rings are never freed, and nothing is received.
    unsafe { ring.submitter().register_ifq(ifq) }
}

#[test]
fn what_this_machine_lacks_is_a_clean_error() {
    if !has_zcrx("what_this_machine_lacks_is_a_clean_error") {
        return;
    }
    let ring = ring(Linux);
    let with = |interface, queue, entries, area, refill| {
        register(&ring, &mut Ifq::new(interface, queue, entries, ZcrxArea::memory(area), refill)).err()
    };
    assert_eq!(with(NOWHERE, 0, 8, area(), area()), Some(Errno::ENODEV), "no such interface");
    let loopback = std::fs::read_to_string("/sys/class/net/lo/ifindex").unwrap().trim().parse().unwrap();
    assert_eq!(with(loopback, 0, 8, area(), area()), Some(Errno::EOPNOTSUPP), "no card behind it");
    assert_eq!(with(NOWHERE, 0, 0, area(), area()), Some(Errno::EINVAL), "no entries");
    assert_eq!(with(NOWHERE, 0, 32_769, area(), area()), Some(Errno::EINVAL), "too many");
    assert_eq!(with(NOWHERE, u32::MAX, 8, area(), area()), Some(Errno::EINVAL), "no such queue");
    assert_eq!(with(NOWHERE, 0, 4096, area(), area()), Some(Errno::EINVAL), "refill ring too short");
    let odd = NonNull::slice_from_raw_parts(area().cast(), 100);
    assert_eq!(with(NOWHERE, 0, 1, area(), odd), Some(Errno::EINVAL), "refill ring not made of pages");
    let nowhere = NonNull::slice_from_raw_parts(NonNull::without_provenance(65_536.try_into().unwrap()), SIZE);
    assert_eq!(with(NOWHERE, 0, 8, area(), nowhere), Some(Errno::EFAULT), "refill ring in no memory");
}

#[test]
fn kernel_memory_is_refused_for_the_interface_alone() {
    if !has_zcrx("kernel_memory_is_refused_for_the_interface_alone") {
        return;
    }
    let mut ifq = Ifq::with_kernel_memory(NOWHERE, 0, 8, ZcrxArea::memory(area()), SIZE as u64);
    assert_eq!(register(&ring(Linux), &mut ifq).err(), Some(Errno::ENODEV));
    let mut ifq = Ifq::with_kernel_memory(NOWHERE, 0, 8, ZcrxArea::dma_buffer(Fd(-1), 4096), 0);
    assert_eq!(register(&ring(Linux), &mut ifq).err(), Some(Errno::EINVAL));
}

#[test]
fn rings_without_deferred_work_or_large_completions_are_refused() {
    if !has_zcrx("rings_without_deferred_work_or_large_completions_are_refused") {
        return;
    }
    let new = || Ifq::new(NOWHERE, 0, 8, ZcrxArea::memory(area()), area());
    let plain: IoUring = Builder::new().setup_single_issuer().setup_defer_taskrun().build(8).unwrap();
    assert_eq!(register(&plain, &mut new()).err(), Some(Errno::EINVAL));
    let eager: IoUring<Entry, Entry32> = Builder::new().build(8).unwrap();
    assert_eq!(register(&eager, &mut new()).err(), Some(Errno::EINVAL));
}

#[test]
fn what_is_newer_than_the_kernel_is_a_clean_error() {
    if !has_zcrx("what_is_newer_than_the_kernel_is_a_clean_error") {
        return;
    }
    let ring = ring(Linux);
    let submitter = ring.submitter();
    let before = |major, minor, old, new| if older_than(major, minor) { Some(old) } else { Some(new) };
    // There is no instance of any number, and a kernel with the operation looks for that first.
    let none = before(6, 19, Errno::EINVAL, Errno::ENXIO);
    assert_eq!(submitter.zcrx_flush(70_000).err(), none);
    assert_eq!(submitter.zcrx_export(70_000).err(), none);
    assert_eq!(submitter.zcrx_arm_event(70_000, ZcrxEvent::COPY).err(), none);
    // SAFETY: the memory is never freed, and there is no instance.
    assert_eq!(unsafe { submitter.zcrx_add_area(70_000, &mut ZcrxArea::memory(area())) }.err(), none);
    // Without the flag the kernel looks for a refill ring first.
    let imported = submitter.zcrx_import(Fd(ring.fd())).err();
    assert_eq!(imported, before(6, 19, Errno::EFAULT, Errno::EBADF));
    let new = || Ifq::new(NOWHERE, 0, 8, ZcrxArea::memory(area()), area());
    let events = register(&ring, &mut new().report(ZcrxEvent::COPY, 1)).err();
    assert_eq!(events, before(7, 2, Errno::EINVAL, Errno::ENODEV));
    let buffers = register(&ring, &mut new().buffer_length(65_536)).err();
    assert_eq!(buffers, before(7, 0, Errno::EINVAL, Errno::ENODEV));
}

/// Linux 7.1 and later have instances without a card, on which the whole path can be walked.
#[test]
fn an_instance_without_a_card() {
    needs!(7, 1, "ZCRX_REG_NODEV");
    if !has_zcrx("an_instance_without_a_card") {
        return;
    }
    let ring = ring(Linux);
    let (memory, refill) = (area(), area());
    let mut ifq = Ifq::new(0, 0, 8, ZcrxArea::memory(memory), refill).without_device();
    let instance = register(&ring, &mut ifq).unwrap();
    assert_eq!(instance.entries, 8);
    // SAFETY: the memory is the instance's, and there is no other refill ring.
    let mut chunks = unsafe { RefillRing::new(&instance, refill) }.unwrap();
    assert_eq!((chunks.free(), chunks.refill(&[])), (8, 0));
    assert_eq!(ring.submitter().zcrx_flush(instance.id), Ok(()));
    assert_eq!(ring.submitter().zcrx_flush(instance.id + 1), Err(Errno::ENXIO));
}

/// The kernel writes through the argument and through the addresses inside. So `register_ifq` is unsafe and takes `&mut`, and
/// all that the kernel writes comes out.
#[test]
fn all_four_structures_are_handed_over_and_read_back() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let (memory, refill) = (area(), area());
    let (at, refill_at) = (address(memory), address(refill));
    let answer = move |queue: Argument| {
        let (area, region, events) = (queue.named(16), queue.named(24), queue.named(72));
        assert_eq!(area.bytes(48), Fields::new().u64(&[at, SIZE as u64, 0]).u32(&[0, 0]).u64(&[0, 0]).0);
        let expected = Fields::new().u64(&[refill_at, SIZE as u64]).u32(&[1, 0]).u64(&[0; 5]).0;
        assert_eq!(region.bytes(64), expected);
        let expected = Fields::new().u64(&[1 << 63 | 0xfeed]).u32(&[3, 1]).u64(&[1 << 40]).u64(&[0; 9]).0;
        assert_eq!(events.bytes(96), expected);
        queue.write(8, 16_u32);
        queue.write(32, 128_u32);
        queue.write(36, 192_u32);
        queue.write(40, 256_u32);
        queue.write(64, 0x5_0005_u32);
        area.write(16, 0x303_u64 << 48);
        region.write(24, 0x3_3000_0000_u64);
        Ok(0)
    };
    // SAFETY: the structures have 96, 48, 64 and 96 bytes.
    let kernel = unsafe { Answering::new(96, answer) };
    let ring = ring(&kernel);
    let ifq = Ifq::new(0x7_0007, 0x2_0002, 0x9_0009, ZcrxArea::memory(memory), refill)
        .buffer_length(0x8000_0000)
        .without_device();
    let ifq = ifq
        .report(ZcrxEvent::ALLOC_FAIL, 1)
        .report(ZcrxEvent::COPY, 1 << 63 | 0xfeed)
        .report(ZcrxEvent(32), 1 << 63 | 0xfeed);
    let mut ifq = ifq.statistics_at(1 << 40);
    for _ in 0..2 {
        let instance = register(&ring, &mut ifq).unwrap();
        assert_eq!((instance.id, instance.entries, instance.map_offset), (0x5_0005, 16, 0x3_3000_0000));
        let offsets = instance.offsets;
        assert_eq!((offsets.head, offsets.tail, offsets.rqes), (128, 192, 256));
        assert_eq!(instance.area.token(), 0x303 << 48);
    }
    let asked = kernel.asked();
    for ((fd, operation, count, bytes), entries) in asked.iter().zip([0x9_0009, 16]) {
        assert_eq!((*fd, *operation, *count), (ring.fd(), IORING_REGISTER_ZCRX_IFQ as u32, 1));
        assert_eq!(bytes[..16], Fields::new().u32(&[0x7_0007, 0x2_0002, entries, 2]).0);
        assert_eq!(bytes[64..72], Fields::new().u32(&[0, 0x8000_0000]).0);
        assert_eq!(bytes[80..], [0; 16]);
    }
    assert_eq!(asked[0].3[32..64], [0; 32], "the first time nothing stands where the kernel writes");
}

#[test]
fn the_smallest_registration_is_zero_where_it_says_nothing() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let answer = |queue: Argument| {
        let area = Fields::new().u64(&[0, 8192, 0]).u32(&[1, 0x7_0077]).u64(&[0, 0]).0;
        assert_eq!(queue.named(16).bytes(48), area);
        assert_eq!(queue.named(24).bytes(64), Fields::new().u64(&[0, 4096]).u64(&[0; 6]).0);
        Err(Errno::EBUSY)
    };
    // SAFETY: the structures have 96, 48 and 64 bytes.
    let kernel = unsafe { Answering::new(96, answer) };
    let mut ifq = Ifq::with_kernel_memory(0x1_0001, 0, 0x4_0004, ZcrxArea::dma_buffer(Fd(0x7_0077), 8192), 4096);
    assert_eq!(register(&ring(&kernel), &mut ifq).err(), Some(Errno::EBUSY));
    let [(.., ref bytes)] = kernel.asked()[..] else { panic!("one call") };
    assert_eq!(bytes[..16], Fields::new().u32(&[0x1_0001, 0, 0x4_0004, 0]).0);
    assert_eq!(bytes[32..], [0; 64]);
}

#[test]
fn import_hands_over_the_descriptor_alone() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let answer = |queue: Argument| {
        queue.write(64, 0x9_0009_u32);
        Ok(0)
    };
    // SAFETY: the structure has 96 bytes.
    let kernel = unsafe { Answering::new(96, answer) };
    let ring = ring(&kernel);
    assert_eq!(ring.submitter().zcrx_import(Fd(0x3_0033)), Ok(0x9_0009));
    let bytes = Fields::new().u32(&[0x3_0033, 0, 0, 1]).u64(&[0; 10]).0;
    assert_eq!(kernel.asked(), [(ring.fd(), 32, 1, bytes)]);
}

#[test]
fn control_operations_hand_over_exactly_these_bytes() {
    let answer = |control: Argument| {
        match control.bytes(8)[4..8] {
            // The descriptor of an export.
            ref op if op == 1_u32.to_ne_bytes() => control.write(24, 0x4_0044_u32),
            ref op if op == 3_u32.to_ne_bytes() => control.named(24).write(16, (0x301_u64 << 48) | 5),
            _ => {}
        }
        Ok(0)
    };
    // SAFETY: the structure has 72 bytes, and a description of an area 48.
    let kernel = unsafe { Answering::new(72, answer) };
    let ring = ring_on(&kernel);
    let submitter = ring.submitter();
    assert_eq!(submitter.zcrx_flush(0x6_0006), Ok(()));
    assert_eq!(submitter.zcrx_export(0x6_0006), Ok(Fd(0x4_0044)));
    assert_eq!(submitter.zcrx_arm_event(0x6_0006, ZcrxEvent::COPY), Ok(()));
    let mut more = ZcrxArea::memory(area());
    // SAFETY: the memory is never freed, and there is no kernel.
    let added = unsafe { submitter.zcrx_add_area(0x6_0006, &mut more) };
    assert_eq!(added.map(|area| area.token()), Ok(0x301 << 48));
    let asked = kernel.asked();
    let bytes = |op, payload: [u32; 2]| Fields::new().u32(&[0x6_0006, op]).u64(&[0, 0]).u32(&payload).u64(&[0; 5]).0;
    let call = |bytes| (ring.fd(), 36, 0, bytes);
    assert_eq!(asked[..3], [call(bytes(0, [0, 0])), call(bytes(1, [0, 0])), call(bytes(2, [1, 0]))]);
    let named = [&asked[3].3[24..28], &asked[3].3[28..32]].map(|half| u32::from_ne_bytes(half.try_into().unwrap()));
    assert_eq!(asked[3], call(bytes(3, named)));
}

/// What a kernel says that puts a refill ring of so many entries at these offsets (head, tail, entries), with area 3.
fn instance(entries: u32, offsets: [u32; 3]) -> Instance {
    let answer = move |queue: Argument| {
        queue.write(8, entries);
        queue.write(32, offsets);
        queue.named(16).write(16, 0x303_u64 << 48);
        Ok(0)
    };
    // SAFETY: the structures have 96 and 48 bytes.
    let kernel = unsafe { Answering::new(96, answer) };
    register(&ring(&kernel), &mut Ifq::new(1, 0, entries, ZcrxArea::memory(area()), area())).unwrap()
}

/// A refill ring in memory of the process, and the kernel's side of it.
struct Refill {
    memory: NonNull<[u8]>,
    instance: Instance,
}

impl Refill {
    /// Of four entries, the kernel's usual layout, and this head and tail.
    fn starting_at(index: u32) -> (Self, RefillRing) {
        let this = Self { memory: area(), instance: instance(4, [0, 4, 64]) };
        this.word(0).store(index, Ordering::Relaxed);
        this.word(4).store(index, Ordering::Relaxed);
        // SAFETY: the memory is never freed, and is this ring's alone.
        let ring = unsafe { RefillRing::new(&this.instance, this.memory) }.unwrap();
        (this, ring)
    }

    fn word(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: the offset is within the memory.
        let word = unsafe { self.memory.cast::<u8>().add(offset) };
        // SAFETY: the word is aligned, and used as an atomic only.
        unsafe { word.cast().as_ref() }
    }

    fn tail(&self) -> u32 {
        self.word(4).load(Ordering::Acquire)
    }

    /// The kernel has taken all up to here.
    fn take_to(&self, head: u32) {
        self.word(0).store(head, Ordering::Release);
    }

    /// The entries: where, how long, and padding.
    fn entries(&self) -> [(u64, u32, u32); 4] {
        std::array::from_fn(|slot| {
            // SAFETY: the entry is within the memory.
            let entry = unsafe { self.memory.cast::<u8>().add(64 + 16 * slot) };
            // SAFETY: the entry is aligned, and not written to meanwhile.
            let entry = unsafe { entry.cast::<io_uring_zcrx_rqe>().read() };
            (entry.off, entry.len, entry.__pad)
        })
    }

    fn chunk(&self, offset: u64, length: u32) -> Chunk {
        self.instance.area.chunk(length, [0x303 << 48 | offset, 0]).expect("within the area")
    }
}

/// The refill ring takes chunks back with their token.
#[test]
fn chunks_go_back_with_their_token_until_the_ring_is_full() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let (refill, mut ring) = Refill::starting_at(0);
    let chunks: [Chunk; 5] = std::array::from_fn(|i| refill.chunk(4096 * i as u64 + 1, i as u32 + 10));
    assert_eq!((ring.free(), ring.refill(&chunks[..1]), refill.tail()), (4, 1, 1));
    assert_eq!((ring.refill(&chunks[1..]), refill.tail()), (3, 4));
    assert_eq!((ring.free(), ring.refill(&chunks[4..]), refill.tail()), (0, 0, 4));
    let entry = |i: u64| (0x303 << 48 | (4096 * i + 1), i as u32 + 10, 0);
    assert_eq!(refill.entries(), [entry(0), entry(1), entry(2), entry(3)]);
    refill.take_to(2);
    assert_eq!((ring.free(), ring.refill(&chunks[4..]), ring.free(), refill.tail()), (2, 1, 1, 5));
    assert_eq!(refill.entries(), [entry(4), entry(1), entry(2), entry(3)]);
}

#[test]
fn the_indices_wrap() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let (refill, mut ring) = Refill::starting_at(u32::MAX - 1);
    let chunks: [Chunk; 4] = std::array::from_fn(|i| refill.chunk(0, i as u32 + 1));
    assert_eq!((ring.refill(&chunks), refill.tail(), ring.free()), (4, 2, 0));
    assert_eq!(refill.entries().map(|(_, length, _)| length), [3, 4, 1, 2]);
    refill.take_to(1);
    assert_eq!((ring.free(), ring.refill(&chunks[..3]), refill.tail()), (3, 3, 5));
}

#[test]
fn a_head_that_is_nonsense_means_full() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let (refill, mut ring) = Refill::starting_at(100);
    for head in [101, 95, 0, u32::MAX] {
        refill.take_to(head);
        assert_eq!((ring.free(), ring.refill(&[refill.chunk(0, 1)]), refill.tail()), (0, 0, 100), "{head}");
    }
}

#[test]
fn offsets_that_do_not_fit_the_memory_are_garbled() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let end = SIZE as u32;
    let whole = area();
    let new = |instance: &Instance, memory| {
        // SAFETY: the memory is never freed; only one of these rings is made, and at once dropped.
        unsafe { RefillRing::new(instance, memory) }.map(drop)
    };
    for fits in [[0, 4, 64], [64, 0, 128], [end - 4, end - 8, 0], [0, 4, end - 64]] {
        assert_eq!(new(&instance(4, fits), whole), Ok(()), "{fits:?}");
    }
    let outside = [[end, 4, 64], [0, end, 64], [0, 4, end - 48], [u32::MAX - 3, 4, 64], [0, 4, u32::MAX - 7]];
    let unaligned = [[2, 4, 64], [0, 6, 64], [0, 4, 60]];
    let overlapping = [[4, 4, 64], [64, 4, 64], [0, 124, 64], [0, 4, 0]];
    for offsets in outside.into_iter().chain(unaligned).chain(overlapping) {
        assert_eq!(new(&instance(4, offsets), whole), Err(SetupError::Garbled), "{offsets:?}");
    }
    for entries in [0, 3, 8192, 1 << 31, u32::MAX] {
        let instance = Instance { entries, ..instance(4, [0, 4, 64]) };
        assert_eq!(new(&instance, whole), Err(SetupError::Garbled), "{entries}");
    }
    let short = NonNull::slice_from_raw_parts(whole.cast(), 127);
    assert_eq!(new(&instance(4, [0, 4, 64]), short), Err(SetupError::Garbled));
    // SAFETY: within the memory.
    let odd = NonNull::slice_from_raw_parts(unsafe { whole.cast::<u8>().add(4) }, 4096);
    assert_eq!(new(&instance(4, [0, 4, 64]), odd), Err(SetupError::Garbled));
}

#[test]
fn completions_are_checked_against_the_area() {
    needs!(6, 1, "IORING_SETUP_DEFER_TASKRUN");
    let area = instance(4, [0, 4, 64]).area;
    let last = SIZE as u64 - 1;
    let place = |received, place| area.chunk(received, [place, 0]).map(|chunk| (chunk.offset(), chunk.length()));
    assert_eq!(place(100, 0x303 << 48), Some((0, 100)));
    assert_eq!(place(1, 0x303 << 48 | last), Some((last, 1)));
    assert_eq!(place(SIZE as u32, 0x303 << 48), Some((0, SIZE as u32)));
    assert_eq!(
        area.chunk(7, [0x303 << 48 | 9, u64::MAX]),
        area.chunk(7, [0x303 << 48 | 9, 0]),
        "the padding says nothing"
    );
    // Past the end, in another area, nothing at all.
    for (received, wrong) in [
        (2, 0x303 << 48 | last),
        (1, 0x303 << 48 | (last + 1)),
        (1, (0x304 << 48) - 1),
        (u32::MAX, 0x303 << 48),
        (1, 0),
        (1, 0x302 << 48),
    ] {
        assert_eq!(place(received, wrong), None, "{received} at {wrong:x}");
    }
    assert_eq!(place(0, 0x303 << 48), None);
}

#[test]
fn the_memory_of_a_refill_ring_is_computed() {
    assert_eq!(RefillRing::memory_size(8, Some(64)), Some(64 + 128));
    assert_eq!(RefillRing::memory_size(9, Some(256)), Some(256 + 256));
    assert_eq!(RefillRing::memory_size(32_768, Some(0)), Some(524_288));
    assert_eq!(RefillRing::memory_size(u32::MAX, Some(64)), None);
    assert_eq!(RefillRing::memory_size(1, Some(usize::MAX)), None);
    assert!(RefillRing::memory_size(1, None) >= Some(16 + 64));
}
