//! The n-th kernel call of an operation fails, for each n and each error that the call's documentation lists. The
//! operation fails or goes on, and leaves nothing behind. A ring that is still there still works.

use bare_uring::register::buf_ring::{BufRingEntry, BufRingMemory, BufRingOptions, BufferState};
use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Builder, Errno, Features, IoUring, Kernel, RingMemory, SetupFlags, cqueue, opcode, squeue};
use bare_uring_sim::{Leaks, Profile, SimKernel};

mod limit;

/// The errors of set-up, mapping and advising.
const SETUP: [Errno; 10] = [
    Errno::ENOSYS,
    Errno::EPERM,
    Errno::EINVAL,
    Errno::ENXIO,
    Errno::EMFILE,
    Errno::ENFILE,
    Errno::ENOMEM,
    Errno::EFAULT,
    Errno::EBADF,
    Errno::EAGAIN,
];

/// The errors of `io_uring_enter`.
const ENTER: [Errno; 12] = [
    Errno::EINTR,
    Errno::ETIME,
    Errno::EAGAIN,
    Errno::EBUSY,
    Errno::EBADR,
    Errno::EBADFD,
    Errno::EEXIST,
    Errno::EOWNERDEAD,
    Errno::EBADF,
    Errno::EOPNOTSUPP,
    Errno::EFAULT,
    Errno::EINVAL,
];

/// The errors of registrations.
const REGISTER: [Errno; 8] = [
    Errno::EINVAL,
    Errno::EBUSY,
    Errno::ENOMEM,
    Errno::EEXIST,
    Errno::ENOENT,
    Errno::ETIME,
    Errno::EACCES,
    Errno::EINTR,
];

type Plain = Builder<squeue::Entry, cqueue::Entry>;

fn nop<K: Kernel>(ring: &mut IoUring<squeue::Entry, cqueue::Entry, K>, user_data: u64) {
    // SAFETY: a nop points to nothing.
    unsafe { ring.submission().push(opcode::Nop::new().build().user_data(user_data)) }.expect("room");
}

/// Checks that the ring still works: `left` requests complete, and one more.
fn works<K: Kernel>(ring: &mut IoUring<squeue::Entry, cqueue::Entry, K>, left: u32) {
    nop(ring, 99);
    let mut seen = 0;
    for _ in 0..40 {
        ring.submit_and_wait(1).expect("no more failures");
        seen += ring.completion().filter(|cqe| cqe.user_data() != 0).count();
        if seen > left as usize {
            return;
        }
    }
    panic!("{seen} completions of {}", left + 1);
}

/// Runs `act` once without failures, to count its calls. Then runs it once for each call and each error.
fn each(profile: &Profile, errnos: &[Errno], act: impl Fn(&SimKernel, Option<(u64, Errno)>) -> u64) {
    let _limit = limit::Limit::new();
    let kernel = SimKernel::new(profile.clone(), 1);
    let calls = act(&kernel, None);
    assert!(calls > 1, "an operation of several calls");
    assert_eq!((kernel.faults(), kernel.leaks()), (vec![], Leaks::default()));
    for nth in 0..calls {
        for &errno in errnos {
            let kernel = SimKernel::new(profile.clone(), 1);
            act(&kernel, Some((nth, errno)));
            assert_eq!(kernel.faults(), [], "call {nth} with {errno}");
            assert_eq!(kernel.leaks(), Leaks::default(), "call {nth} with {errno}");
        }
    }
}

fn plan(kernel: &SimKernel, failing: Option<(u64, Errno)>) {
    if let Some((nth, errno)) = failing {
        kernel.fail_call(nth, errno);
    }
}

#[test]
fn making_a_ring() {
    for profile in [Profile::linux(5, 1), Profile::linux(5, 10), Profile::linux(6, 18), Profile::osv()] {
        each(&profile, &SETUP, |kernel, failing| {
            plan(kernel, failing);
            // Set-up is tried again without a refused flag, so the ring may be made nonetheless.
            let ring = Plain::new().dontfork().build_with(kernel.clone(), 8);
            let calls = kernel.calls();
            match ring {
                Ok(mut ring) => works(&mut ring, 0),
                Err(_) => assert!(failing.is_some()),
            }
            calls
        });
    }
}

#[test]
fn making_a_ring_in_provided_memory() {
    each(&Profile::linux(6, 19), &SETUP, |kernel, failing| {
        let builder = Plain::new();
        let size = builder.memory_size(8).expect("a ring");
        let slice = |len: usize| {
            let memory = kernel.memory(len).expect("memory");
            // SAFETY: the kernel lives until after the ring, and the memory is this slice's alone.
            unsafe { &mut *memory.as_ptr() }
        };
        let memory = RingMemory { rings: slice(size.rings), sqes: slice(size.sqes) };
        plan(kernel, failing);
        let ring = builder.build_registered_with(kernel.clone(), 8, memory);
        let calls = kernel.calls();
        match ring {
            Ok(mut ring) => works(&mut ring, 0),
            Err(_) => assert!(failing.is_some()),
        }
        calls
    });
}

/// Runs an operation on a ring, for each call of it that fails.
fn on_a_ring(
    profile: &Profile,
    setup: SetupFlags,
    errnos: &[Errno],
    act: impl Fn(&mut IoUring<squeue::Entry, cqueue::Entry, SimKernel>) -> u32,
) {
    let _limit = limit::Limit::new();
    let run = |failing: Option<(u64, Errno)>| {
        let kernel = SimKernel::new(profile.clone(), 3);
        let mut ring = Plain::new().setup_flags(setup).build_with(kernel.clone(), 8).expect("as set up");
        let ring_number = kernel.last_ring().expect("made just now");
        kernel.ignore(ring_number, !0xffff, 0xba5e_0b5e_55ed_0000);
        let before = kernel.calls();
        plan(&kernel, failing);
        let left = act(&mut ring);
        let calls = kernel.calls() - before;
        works(&mut ring, left);
        drop(ring);
        assert_eq!(kernel.leaks(), Leaks::default(), "{failing:?}");
        assert_eq!(kernel.faults(), [], "{failing:?}");
        calls
    };
    for nth in 0..run(None) {
        for &errno in errnos {
            run(Some((nth, errno)));
        }
    }
}

#[test]
fn a_timed_wait_without_ext_arg() {
    for profile in [Profile::linux(5, 10), Profile::linux(6, 18).without_features(Features::EXT_ARG)] {
        for setup in [SetupFlags::empty(), SetupFlags::SQPOLL] {
            on_a_ring(&profile, setup, &ENTER, |ring| {
                nop(ring, 1);
                let time = Timespec::new(0, 1000);
                let _ = ring.submitter().submit_with_args(3, &SubmitArgs::new().timespec(&time));
                1
            });
        }
    }
}

#[test]
fn cancel_and_drain() {
    let errnos: Vec<Errno> = ENTER.iter().chain(&REGISTER).copied().collect();
    on_a_ring(&Profile::linux(6, 18), SetupFlags::empty(), &errnos, |ring| {
        nop(ring, 1);
        nop(ring, 2);
        let _ = ring.submit();
        let mut left = 2;
        let _ = ring.cancel_and_drain(Timespec::new(0, 1000), |_| {
            left -= 1;
            left == 0
        });
        left
    });
}

#[test]
fn waits_for_room_and_for_slots() {
    on_a_ring(&Profile::linux(6, 18), SetupFlags::SQPOLL, &ENTER, |ring| {
        for user_data in 1..=8 {
            nop(ring, user_data);
        }
        let _ = ring.submit();
        let _ = ring.submitter().squeue_wait();
        while ring.submission().is_full() {
            let _ = ring.submitter().squeue_wait();
        }
        8
    });
}

#[test]
fn a_ring_of_buffers_that_the_kernel_provides() {
    on_a_ring(&Profile::linux(6, 18), SetupFlags::empty(), &REGISTER, |ring| {
        let entries: &'static mut [std::mem::MaybeUninit<BufRingEntry>] = &mut [];
        let buffers = vec![0; 64].leak();
        let memory = BufRingMemory { entries, buffers, states: vec![BufferState::NEW; 4].leak() };
        let submitter = ring.submitter();
        let group = submitter.register_buf_ring_mapped(7, memory, BufRingOptions::new());
        if let Some((group, _)) = group.ok().and_then(|group| group.unregister(&submitter).err()) {
            assert!(group.unregister(&submitter).is_ok());
        }
        0
    });
}

#[test]
fn the_rings_descriptor() {
    each(&Profile::linux(6, 18), &REGISTER, |kernel, failing| {
        let ring = Plain::new().build_with(kernel.clone(), 8).expect("as set up");
        let before = kernel.calls();
        plan(kernel, failing);
        let made = |kernel: &SimKernel| kernel.calls() - before;
        let mut ring = match ring.register_ring_fd() {
            Ok(ring) => match ring.unregister_ring_fd() {
                Ok(ring) => ring,
                Err((mut ring, _)) => {
                    works(&mut ring, 0);
                    return made(kernel);
                }
            },
            Err((ring, _)) => ring,
        };
        let calls = made(kernel);
        works(&mut ring, 0);
        calls
    });
}
