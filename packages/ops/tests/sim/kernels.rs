//! A slab whose drivers are of different kernels, one after the other: the number of a file of one kernel means nothing
//! to the next. And slabs on each kernel: what a kernel lacks is refused and named.

use std::task::Poll;
use std::time::Duration;

use bare_uring::register::Probe;
use bare_uring::types::{FsyncFlags, OpenFlags, ShutdownHow, Timespec};
use bare_uring::{Builder, Errno, IoUring, cqueue, opcode, squeue, uapi};
use bare_uring_ops::{CURRENT, Clock, Driver, Kind, Missing, Op, Request, Slab, Storage, Wait};
use bare_uring_sim::{Chaos, Profile, Rate, SimKernel, Waits};

use crate::setting::{adopt, limit_this_test};
use crate::shared::{Bell, poll};

fn slab() -> &'static Slab {
    Box::leak(Box::new(Storage::<4, 4, 4, 8>::new())).start().expect("fresh")
}

fn drive(slab: &'static Slab, kernel: &SimKernel) -> Result<Driver<SimKernel>, Option<Errno>> {
    Driver::new(slab, kernel.clone(), &Builder::new(), 8).map_err(|error| Some(error.errno()))
}

#[test]
fn a_file_of_one_kernel_is_not_closed_by_another() {
    let kernels = [1, 2].map(|seed| SimKernel::new(Profile::linux(6, 12), seed));
    // Each kernel has a ring now, so that both go on with the same numbers.
    let (slab, _other) = (slab(), drive(slab(), &kernels[1]).expect("a ring"));
    let first = drive(slab, &kernels[0]).expect("a ring");
    let [(ours, _), (theirs, writer)] = kernels.each_ref().map(SimKernel::pipe);
    assert_eq!(ours, theirs, "the same number in both");
    let file = adopt(slab, ours);
    assert_eq!(first.shutdown(Duration::from_secs(1)), Ok(()));
    assert_eq!(drive(slab, &kernels[1]).err(), Some(Some(Errno::EBUSY)));
    drop(file);
    assert_eq!(drive(slab, &kernels[1]).err(), Some(Some(Errno::EBUSY)), "it is yet to be closed");
    assert_eq!(kernels[1].write(writer, b"x"), Ok(1), "the second kernel's pipe is whole");
}

#[test]
fn without_files_any_kernel_may_follow() {
    let kernels = [1, 2].map(|seed| SimKernel::new(Profile::linux(6, 12), seed));
    let slab = slab();
    for kernel in &kernels {
        let mut driver = drive(slab, kernel).expect("a ring");
        drop(adopt(slab, kernel.pipe().0));
        assert_eq!(driver.block_on(slab.nop()), Ok(Ok(0)));
        assert_eq!(driver.shutdown(Duration::from_secs(1)), Ok(()));
    }
}

#[test]
fn limits_and_deadlines_hold_with_each_driver() {
    let kernel = SimKernel::new(Profile::linux(6, 12), 1);
    let slab = slab();
    let far = Duration::from_secs(1_000_000);
    for round in 1..4 {
        let mut driver = drive(slab, &kernel).expect("a ring");
        let file = adopt(slab, kernel.pipe().0);
        let spare = || slab.buffer().expect("one");
        // These leave timeouts behind, which end with the ring.
        let at = kernel.now() + far * round;
        assert_eq!(driver.block_on(slab.nop().until(Clock::Monotonic, at)), Ok(Ok(0)));
        assert_eq!(driver.block_on(slab.nop().within(far)), Ok(Ok(0)));
        let late = driver.block_on(slab.read(&file, spare(), CURRENT).until(Clock::Monotonic, at));
        assert_eq!(late.map(|(read, _)| read), Ok(Err(Errno::ETIME)));
        let late = driver.block_on(slab.read(&file, spare(), CURRENT).within(far));
        assert_eq!(late.map(|(read, _)| read), Ok(Err(Errno::ETIME)));
        assert_eq!(driver.block_on(slab.nop().until(Clock::Monotonic, kernel.now() + far)), Ok(Ok(0)));
        assert_eq!(driver.block_on(slab.nop().within(far)), Ok(Ok(0)));
        drop(file);
        assert_eq!(driver.shutdown(Duration::from_secs(1)), Ok(()));
    }
}

/// One bit for each of these requests.
fn set(codes: &[u8]) -> u128 {
    codes.iter().fold(0, |all, code| all | 1 << code)
}

/// Returns every kernel that the simulator knows, and Linux without some of its requests, without links, and without a
/// probe.
fn kernels() -> Vec<Profile> {
    let mut all = Profile::all();
    all.extend([Profile::linux(5, 6), Profile::linux(5, 10), Profile::linux(5, 5)]);
    let (link, cancel, timer) = (opcode::LinkTimeout::CODE, opcode::AsyncCancel::CODE, opcode::Timeout::CODE);
    for lacks in
        [&[][..], &[link], &[link, cancel], &[link, timer], &[cancel], &[opcode::Read::CODE, opcode::Send::CODE]]
    {
        for (has_probe, ends_batch, unknown) in [(true, true, -22), (false, true, -22), (false, false, -95)] {
            let mut profile = Profile::linux(6, 12);
            profile.opcodes &= !set(lacks);
            if lacks.contains(&link) {
                profile.sqe_flags &= !uapi::IOSQE_IO_LINK;
            }
            if !has_probe {
                profile.registrations &= !(1 << 8);
            }
            (profile.bad_entry_ends_batch, profile.unknown_opcode) = (ends_batch, unknown);
            all.push(profile);
        }
    }
    all
}

/// A slab on one of the kernels.
struct Scene {
    profile: Profile,
    kernel: SimKernel,
    slab: &'static Slab,
    driver: Driver<SimKernel>,
}

impl Scene {
    fn new(profile: Profile) -> Self {
        limit_this_test();
        let (kernel, slab) = (SimKernel::new(profile.clone(), 1), slab());
        let driver = drive(slab, &kernel).expect("a ring");
        Self { profile, kernel, slab, driver }
    }

    /// Runs an operation to its end, and fails if that does not come.
    fn end<T: Kind>(&mut self, operation: Op<T>) -> <Op<T> as Future>::Output {
        self.end_of(operation)
    }

    /// Runs a future of the slab to its end, and fails if that does not come.
    fn end_of<F: Future + Unpin>(&mut self, mut operation: F) -> F::Output {
        let bell = Bell::new();
        for _ in 0..200 {
            if let Poll::Ready(output) = poll(&mut operation, &bell) {
                return output;
            }
            // A kernel without timeouts has no waits with an end either.
            let _ = self.driver.turn(Wait::For(Timespec::new(0, 100_000)));
            self.kernel.run(2);
        }
        panic!("{}: it hangs", self.profile.name)
    }

    /// Returns what is expected of an operation that needs this request, and would else give `works`.
    fn expect(&self, request: Request, works: Errors) -> Errors {
        if self.slab.missing(&[request]).is_some() { &[Some(Errno::EINVAL), Some(Errno::EOPNOTSUPP)] } else { works }
    }

    fn check<T>(&self, request: Request, works: Errors, outcome: Result<T, Errno>) {
        let (expected, error) = (self.expect(request, works), outcome.err());
        assert!(expected.contains(&error), "{:?}: {request:?}: {error:?}", self.profile);
    }
}

type Errors = &'static [Option<Errno>];

/// Which requests the simulator has, with their numbers.
const SIMULATED: [(Request, u8); 19] = [
    (Request::NOP, opcode::Nop::CODE),
    (Request::FSYNC, opcode::Fsync::CODE),
    (Request::READ, opcode::Read::CODE),
    (Request::WRITE, opcode::Write::CODE),
    (Request::READ_VECTORED, opcode::Readv::CODE),
    (Request::WRITE_VECTORED, opcode::Writev::CODE),
    (Request::READ_PIECES, opcode::ReadMulti::CODE),
    (Request::FTRUNCATE, opcode::Ftruncate::CODE),
    (Request::PIPE, opcode::Pipe::CODE),
    (Request::RENAME, opcode::RenameAt::CODE),
    (Request::RECEIVE, opcode::Recv::CODE),
    (Request::SEND, opcode::Send::CODE),
    (Request::ACCEPT, opcode::Accept::CODE),
    (Request::SHUTDOWN, opcode::Shutdown::CODE),
    (Request::TIMEOUT, opcode::Timeout::CODE),
    (Request::CANCEL, opcode::AsyncCancel::CODE),
    (Request::CLOSE, opcode::Close::CODE),
    (Request::BIND, opcode::Bind::CODE),
    (Request::STAT, opcode::Statx::CODE),
];

#[test]
fn what_is_missing_is_what_the_kernel_lacks() {
    let (mut probes, mut others) = (0, 0);
    for profile in kernels() {
        let scene = Scene::new(profile);
        let profile = &scene.profile;
        let mut probe = Probe::new();
        let ring =
            IoUring::<squeue::Entry, cqueue::Entry, SimKernel>::with_kernel(scene.kernel.clone(), 2).expect("a ring");
        let has_probe = ring.submitter().register_probe(&mut probe).is_ok();
        // A probe is believed, also of a kernel that says more than is true.
        let has = |code| if has_probe { probe.is_supported(code) } else { profile.knows(code) };
        for (request, code) in SIMULATED {
            let missing = scene.slab.missing(&[request]).map(Missing::request);
            assert_eq!(missing, (!has(code)).then_some(request), "{profile:?}");
        }
        let (link, timer, cancel) = (opcode::LinkTimeout::CODE, opcode::Timeout::CODE, opcode::AsyncCancel::CODE);
        let limits = has(link) || (has(timer) && has(cancel));
        assert_eq!(scene.slab.missing(&[Request::WITHIN]).is_none(), limits, "{profile:?}");
        probes += usize::from(has_probe);
        others += usize::from(!has_probe);
    }
    assert!(probes >= 20 && others >= 15, "{probes} with a probe, {others} without");
}

#[test]
fn each_operation_works_or_is_refused_on_every_kernel() {
    const DONE: Errors = &[None];
    const LATE: Errors = &[Some(Errno::ETIME)];
    const EITHER: Errors = &[None, Some(Errno::ETIME)];

    for profile in kernels() {
        let mut scene = Scene::new(profile);
        let slab = scene.slab;
        let (near, far) = scene.kernel.socket_pair();
        scene.kernel.write(far, b"some").expect("room");
        let (listener, content) = (scene.kernel.listener(), scene.kernel.file(b"content".to_vec()));
        let (socket, file, listening) = (adopt(slab, near), adopt(slab, content), adopt(slab, listener));
        let buffer = || {
            let mut buffer = slab.buffer().expect("all are back");
            assert_eq!(buffer.extend(b"abc"), 3);
            buffer
        };
        let done = scene.end(slab.nop());
        scene.check(Request::NOP, DONE, done);
        let done = scene.end(slab.fsync(&file, FsyncFlags::empty()));
        scene.check(Request::FSYNC, DONE, done);
        let (done, kept) = scene.end(slab.read(&file, buffer(), CURRENT));
        assert!(kept.starts_with(b"abc"));
        scene.check(Request::READ, DONE, done);
        let (done, kept) = scene.end(slab.write(&file, kept, CURRENT));
        scene.check(Request::WRITE, DONE, done);
        let (done, buffers) = scene.end_of(slab.read_vectored(&file, [buffer(), kept], CURRENT));
        scene.check(Request::READ_VECTORED, DONE, done);
        let (done, buffers) = scene.end_of(slab.write_vectored(&file, buffers, CURRENT));
        scene.check(Request::WRITE_VECTORED, DONE, done);
        drop(buffers);
        let progress = scene.end_of(slab.read_full(&file, buffer(), 0));
        scene.check(Request::READ, DONE, progress.result);
        let progress = scene.end_of(slab.write_all(&file, progress.buffer, 0));
        scene.check(Request::WRITE, DONE, progress.result);
        drop(progress);
        let done = scene.end(slab.ftruncate(&file, 5));
        scene.check(Request::FTRUNCATE, DONE, done);
        let done = scene.end_of(slab.close(file));
        scene.check(Request::CLOSE, DONE, done);
        let done = scene.end(slab.pipe(OpenFlags(0)));
        scene.check(Request::PIPE, DONE, done);
        let (done, _) = scene.end(slab.receive(&socket, buffer()));
        scene.check(Request::RECEIVE, DONE, done);
        let (done, _) = scene.end(slab.send(&socket, buffer()));
        scene.check(Request::SEND, DONE, done);
        // StarryOS has no timers, and OSv ends a timeout by a count of completions as well.
        let works = if scene.profile.waits == Waits::Count { LATE } else { EITHER };
        let done = scene.end(slab.timeout(Timespec::new(0, 1000)));
        scene.check(Request::TIMEOUT, works, done);
        // Nobody connects.
        let done = scene.end(slab.accept(&listening).within(Timespec::new(0, 1000)));
        let works = if slab.missing(&[Request::ACCEPT]).is_some() { &[Some(Errno::EINVAL)] } else { LATE };
        scene.check(Request::WITHIN, works, done);
        scene.kernel.connect(listener).expect("it listens");
        let done = scene.end(slab.accept(&listening));
        scene.check(Request::ACCEPT, DONE, done);
        let done = scene.end(slab.shutdown(&socket, ShutdownHow::WRITE));
        scene.check(Request::SHUTDOWN, DONE, done);
        let buffers: Vec<_> = std::iter::from_fn(|| slab.buffer()).take(5).collect();
        assert_eq!((slab.in_flight(), buffers.len()), (0, 4), "{:?}", scene.profile);
        let began = scene.kernel.now();
        let ended = scene.driver.shutdown(Duration::from_secs(16));
        assert_eq!(ended, Ok(()), "{:?}", scene.profile);
        // No timer outlives its operation.
        assert!(scene.kernel.now() - began < Duration::from_secs(1), "{:?}", scene.profile);
    }
}

#[test]
fn a_shutdown_waits_for_requests_that_tried_the_kernel_out() {
    let mut waited = 0;
    for seed in 0..50 {
        limit_this_test();
        let kernel = SimKernel::new(Profile::linux(5, 5), seed);
        let mut chaos = Chaos::none();
        chaos.delayed = Rate(200);
        kernel.set_chaos(chaos);
        let driver = drive(slab(), &kernel).expect("a ring");
        // Timeouts that the library makes for itself, to wait with, end with the ring.
        kernel.ignore(kernel.last_ring().expect("one"), !0xffff, 0xba5e_0b5e_55ed_0000);
        let calls = kernel.calls();
        assert_eq!(driver.shutdown(Duration::from_secs(16)), Ok(()));
        // Whatever was under way when the ring was closed would be a fault.
        assert_eq!(kernel.faults(), [], "seed {seed}");
        waited += usize::from(kernel.calls() != calls);
    }
    assert!(waited > 0, "no trial was late");
}
