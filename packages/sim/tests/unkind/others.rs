//! Kernels that are not Linux.

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{Fd, Sigset, SubmitArgs, TimeoutFlags, Timespec};
use bare_uring::uapi::io_uring_params;
use bare_uring::{Builder, EnterFlags, Errno, IoUring, Kernel, SetupFlags, cqueue, opcode};
use bare_uring_sim::{Mark, Profile, SimKernel};

use crate::limit::Limit;
use crate::raw::{ALWAYS, Raw, kind, nop, with};

type Ring = IoUring<Entry, cqueue::Entry, SimKernel>;

const LONG: Timespec = Timespec::new(1000, 0);

fn nanos() -> Raw {
    Raw::new(Profile::nanos(), kind(), SetupFlags::empty(), 8)
}

/// Makes a ring of the crate on a kernel that maps its queues apart.
fn ring(profile: Profile) -> (SimKernel, Ring, Limit) {
    let kernel = SimKernel::new(profile, 5);
    kernel.set_chaos(kind());
    (kernel.clone(), Builder::new().build_with(kernel, 8).expect("as set up"), Limit::new())
}

/// Submits entries, lets happen what needs no time, and takes the completions.
fn submit(kernel: &SimKernel, ring: &mut Ring, entries: &[Entry]) -> Vec<(u64, i32)> {
    // SAFETY: what the tests push points to memory that outlives the ring.
    unsafe { ring.submission().push_multiple(entries) }.expect("room");
    assert_eq!(ring.submit(), Ok(entries.len()));
    kernel.settle();
    ring.completion().map(|cqe| (cqe.user_data(), cqe.result())).collect()
}

fn unknown(user_data: u64) -> Entry {
    let mut bytes = [0; 64];
    bytes[0] = 127;
    Entry::from_bytes(bytes).user_data(user_data)
}

/// Makes a ring by hand, since a builder rounds the sizes, and returns its two sizes.
fn sizes(profile: &Profile, entries: u32, cq_entries: u32) -> Result<(u32, u32), Errno> {
    let kernel = SimKernel::new(profile.clone(), 5);
    // SAFETY: numbers, for which zero is one.
    let mut params: io_uring_params = unsafe { std::mem::zeroed() };
    (params.flags, params.cq_entries) = (SetupFlags::CQSIZE.bits(), cq_entries);
    // SAFETY: the parameters name no memory.
    unsafe { kernel.setup(entries, &mut params) }.map(|_| (params.sq_entries, params.cq_entries))
}

#[test]
fn sizes_are_compared_rounded_or_not() {
    let rows = [(5, 5), (6, 5), (6, 8)];
    let all = |profile| rows.map(|(entries, cq_entries)| sizes(&profile, entries, cq_entries));
    let (refused, eight) = (Err(Errno::EINVAL), Ok((8, 8)));
    assert_eq!(all(Profile::linux(5, 10)), [eight, eight, eight]);
    assert_eq!(all(Profile::linux(5, 8)), [refused, refused, eight]);
    assert_eq!(all(Profile::nanos()), [refused, refused, eight]);
    assert_eq!(all(Profile::osv()), [refused, refused, eight]);
    assert_eq!(all(Profile::starry()), [eight, refused, eight]);
    assert_eq!(sizes(&Profile::nanos(), 1, 1), Ok((1, 1)));
}

/// A builder rounds the size of the completion queue before the kernel compares it.
#[test]
fn a_builder_asks_for_sizes_that_every_kernel_takes() {
    for profile in [Profile::linux(5, 10), Profile::linux(5, 8), Profile::nanos(), Profile::osv(), Profile::starry()] {
        let (name, kernel) = (profile.name, SimKernel::new(profile, 5));
        let ring = Builder::<Entry, cqueue::Entry>::new().setup_cqsize(5).build_with(kernel, 5).expect("as set up");
        assert_eq!((ring.params().sq_entries(), ring.params().cq_entries()), (8, 8), "{name}");
    }
}

#[test]
fn nanos_refuses_a_flag_for_one_entry_and_a_request_for_the_batch() {
    let ring = nanos();
    ring.push_all([nop(1).flags(Flags::IO_LINK), nop(2), unknown(3), nop(4)]);
    // The short submit waits all the same.
    assert_eq!(ring.enter(4, 3, EnterFlags::GETEVENTS), Ok(3));
    assert_eq!(ring.results(), [(1, -22), (2, 0), (3, -22)]);
    assert_eq!([Mark::BadFlags, Mark::WaitedAfterShort].map(|mark| ring.count(mark)), [1, 1]);
    assert_eq!((ring.submit(1), ring.submit(1), ring.results()), (Ok(1), Ok(0), vec![(4, 0)]));
}

#[test]
fn only_linux_lacks_memory_for_a_submit() {
    let submitted = |profile| {
        let ring = Raw::new(profile, with(|chaos| chaos.short_submits = ALWAYS), SetupFlags::empty(), 4);
        ring.push(nop(1));
        ring.submit(1)
    };
    assert_eq!((submitted(Profile::linux(5, 6)), submitted(Profile::nanos())), (Err(Errno::EAGAIN), Ok(1)));
}

#[test]
fn nanos_never_starts_near_the_wrap() {
    let ring = Raw::new(Profile::nanos(), with(|chaos| chaos.near_the_wrap = ALWAYS), SetupFlags::empty(), 4);
    assert_eq!((ring.sq_head(), ring.load(ring.params.cq_off.head)), (0, 0));
}

#[test]
fn nanos_may_pass_a_count() {
    let ring = nanos();
    let soon = Timespec::new(0, 1);
    let timer =
        |time: &Timespec, count, user_data| opcode::Timeout::new(time).count(count).build().user_data(user_data);
    ring.push_all([timer(&LONG, 1, 1), timer(&soon, 0, 2)]);
    assert_eq!((ring.submit(2), ring.wait(1), ring.results()), (Ok(2), Ok(0), vec![(2, -62)]));
    // The timeout that ended has made the count, and nobody has looked.
    ring.push(nop(3));
    assert_eq!((ring.submit(1), ring.results()), (Ok(1), vec![(3, 0)]));
    // A new one is reached, and its completion is no other's.
    ring.push_all([timer(&LONG, 1, 4), timer(&LONG, 2, 5), nop(6)]);
    assert_eq!((ring.submit(3), ring.results()), (Ok(3), vec![(4, 0), (6, 0)]));
    ring.push_all([nop(7), opcode::TimeoutRemove::new(1).build().user_data(8)]);
    assert_eq!((ring.submit(2), ring.take()), (Ok(2), vec![(7, 0, 0), (5, 0, 0), (1, -125, 0), (8, 0, 0)]));
}

#[test]
fn nanos_ends_a_read_oddly_when_the_writer_goes() {
    let ring = nanos();
    let (reader, writer) = ring.kernel.pipe();
    let mut byte = 0;
    let read = |user_data, at| opcode::Read::new(Fd(reader), at, 1).build().user_data(user_data);
    ring.push(read(1, &raw mut byte));
    assert_eq!((ring.submit(1), ring.kernel.close_file(writer)), (Ok(1), true));
    assert_eq!((ring.wait(1), ring.results()), (Ok(0), vec![(1, -512)]));
    ring.push(read(2, &raw mut byte));
    assert_eq!((ring.submit(1), ring.results()), (Ok(1), vec![(2, 0)]));
    assert_eq!(ring.count(Mark::HungUp), 1);
}

#[test]
fn osv_ends_a_timeout_with_the_next_completion() {
    let (kernel, mut ring, _limit) = ring(Profile::osv());
    let mut time = Box::new(LONG);
    let at = &raw const *time;
    let timer = opcode::Timeout::new(at).build().user_data(1);
    // SAFETY: the timespec outlives the ring.
    unsafe { ring.submission().push(timer) }.expect("room");
    assert_eq!(ring.submit(), Ok(1));
    // The worker reads the timespec later.
    *time = Timespec::new(0, 1000);
    assert_eq!(ring.submitter().wait(1), Ok(()));
    assert_eq!(ring.completion().next().map(|cqe| (cqe.user_data(), cqe.result())), Some((1, -62)));
    *time = LONG;
    assert_eq!(submit(&kernel, &mut ring, &[opcode::Timeout::new(at).build().user_data(2)]), []);
    assert_eq!(submit(&kernel, &mut ring, &[nop(3)]), [(3, 0), (2, 0)]);
    let absolute = opcode::Timeout::new(at).flags(TimeoutFlags::ABS).build().user_data(4);
    assert_eq!(submit(&kernel, &mut ring, &[absolute]), [(4, -22)]);
    assert_eq!(kernel.now().as_secs(), 1);
}

#[test]
fn osv_waits_for_its_timers_when_it_closes() {
    let (kernel, mut ring, _limit) = ring(Profile::osv());
    kernel.ignore(0, !0, 1);
    assert_eq!(submit(&kernel, &mut ring, &[opcode::Timeout::new(&LONG).build().user_data(1)]), []);
    drop(ring);
    assert_eq!((kernel.now().as_secs(), kernel.coverage().count(Mark::CloseWaited)), (1001, 1));
}

#[test]
fn osv_takes_an_argument_and_masks_of_its_own_size() {
    let (kernel, ring, _limit) = ring(Profile::osv());
    let wait = |flags: EnterFlags, argument: &[u64], size| {
        let flags = (EnterFlags::GETEVENTS | flags).bits();
        // SAFETY: the argument is as long as its size says.
        unsafe { kernel.enter(ring.fd(), 0, 0, flags, argument.as_ptr().cast(), size) }
    };
    let plain = EnterFlags::empty();
    assert_eq!((wait(plain, &[0; 16], 8), wait(plain, &[0; 16], 128)), (Err(Errno::EINVAL), Ok(0)));
    assert_eq!(wait(EnterFlags::EXT_ARG, &[0; 3], 24), Ok(0));
    let mask = Sigset::EMPTY;
    let masked = ring.submitter().wait_with_args(0, &SubmitArgs::new().sigmask(&mask));
    assert_eq!(masked, Err(Errno::EINVAL));
}

#[test]
fn osv_reports_what_it_has() {
    let (_kernel, ring, _limit) = ring(Profile::osv());
    // NODROP, SUBMIT_STABLE, RW_CUR_POS, FAST_POLL, SQPOLL_NONFIXED, NATIVE_WORKERS, CQE_SKIP.
    assert_eq!(ring.params().features().bits(), 0xaae);
    assert_eq!(ring.submitter().register_files_sparse(4), Err(Errno::ENOSYS));
    // IOPOLL is the twelfth, and is not simulated.
    assert_eq!(Profile::osv().setup.bits().count_ones(), 11);
}

#[test]
fn gvisor_refuses_calls_that_submit_nothing() {
    let (kernel, mut ring, _limit) = ring(Profile::gvisor());
    assert_eq!(ring.submitter().wait(1), Err(Errno::EPERM));
    assert_eq!(submit(&kernel, &mut ring, &[nop(1), unknown(2)]), [(1, 0), (2, -22)]);
    let mask = Sigset::EMPTY;
    assert_eq!(ring.submitter().wait_with_args(1, &SubmitArgs::new().sigmask(&mask)), Err(Errno::EFAULT));
    assert_eq!(ring.submitter().unregister_files(), Err(Errno::ENOSYS));
    // SAFETY: numbers, for which zero is one.
    let mut params: io_uring_params = unsafe { std::mem::zeroed() };
    // SAFETY: no memory is provided.
    assert_eq!(unsafe { kernel.setup(32_769, &mut params) }, Err(Errno::EPERM));
    assert_eq!(kernel.coverage().count(Mark::EmptyEnter), 1);
}

#[test]
fn starry_waits_for_nothing() {
    let (kernel, mut ring, _limit) = ring(Profile::starry());
    let timer = opcode::Timeout::new(&LONG).build().user_data(1);
    assert_eq!(submit(&kernel, &mut ring, &[timer, nop(2).flags(Flags::ASYNC)]), [(1, 0), (2, -95)]);
    assert_eq!(ring.submitter().wait(3), Ok(()));
    assert_eq!(ring.submitter().unregister_files(), Err(Errno::EOPNOTSUPP));
    assert_eq!((kernel.now().as_secs(), kernel.faults()), (1, vec![]));
}
