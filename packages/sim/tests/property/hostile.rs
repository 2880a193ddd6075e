//! A ring on a kernel that lies.

use bare_uring::types::{SubmitArgs, Timespec};
use bare_uring::{Builder, Features, IoUring, Kernel, SetupFlags, cqueue, opcode, squeue};
use bare_uring_sim::{Coverage, Random, SimKernel};

use crate::books::Seen;
use crate::requests::Build;

/// Does everything that a user may do. Asserts only that each call returns. An access outside of the ring's memory
/// kills the process, or is found when the memory is unmapped.
fn abuse<S: Build, C: Seen, K: Kernel>(ring: &mut IoUring<S, C, K>, random: &mut Random) {
    let setup = ring.params().setup();
    let features = ring.params().features();
    let spins = setup.contains(SetupFlags::SQPOLL) && !features.contains(Features::MIN_TIMEOUT | Features::EXT_ARG);
    // A wait that needs a request as its timer spins until the SQPOLL thread has made room, which this kernel may never
    // do.
    let timed = !spins;
    for _ in 0..60 {
        let want = random.below(4) as usize;
        match random.below(12) {
            0..=2 => {
                for _ in 0..=random.below(6) {
                    let entry = if S::LARGE && random.chance(1, 2) {
                        S::large(opcode::Nop128::new(), 5)
                    } else {
                        S::from(opcode::Nop::new().build().user_data(random.bits()))
                    };
                    // SAFETY: a nop points to nothing.
                    let _ = unsafe { ring.submission().push(entry) };
                }
            }
            3 => {
                let entries: Vec<S> = (0..random.below(9)).map(|_| S::from(opcode::Nop::new().build())).collect();
                // SAFETY: nops point to nothing.
                let _ = unsafe { ring.submission().push_multiple(&entries) };
                let (count, room) = (random.below(9) as usize, ring.submission().capacity());
                // SAFETY: nops point to nothing.
                let pushed = unsafe { ring.submission().push_with(count, || S::from(opcode::Nop::new().build())) };
                assert!(pushed <= count.min(room), "{pushed} of {count}");
            }
            4 if random.chance(1, 2) => _ = ring.submit_sqpoll(),
            4 => _ = ring.submit(),
            5 => _ = ring.submit_and_wait(want),
            6 => _ = ring.submitter().wait(want),
            7 if timed => {
                let time = Timespec::new(0, 5);
                let _ = ring.submitter().submit_with_args(want, &SubmitArgs::new().timespec(&time));
            }
            8 => _ = ring.submitter().squeue_wait(),
            9 => {
                let capacity = ring.completion().capacity();
                let mut seen = 0;
                for completion in ring.completion() {
                    let _ = completion.seen();
                    seen += 1;
                }
                assert!(seen <= capacity, "{seen} of {capacity}");
                let seen = ring.completion().fold(0, |seen, completion| {
                    let _ = completion.seen();
                    seen + 1
                });
                assert!(seen <= capacity, "{seen} of {capacity}");
            }
            10 => {
                let queue = ring.completion();
                assert!(queue.len() <= queue.capacity());
                drop(queue);
                let queue = ring.submission();
                assert!(queue.len() <= queue.capacity());
            }
            _ => {
                let mut probe = bare_uring::register::Probe::new();
                let _ = ring.submitter().register_probe(&mut probe);
                let _ = probe.is_supported(random.bits() as u8);
            }
        }
    }
    if !timed {
        return;
    }
    let mut left = 100;
    let _ = ring.cancel_and_drain(Timespec::new(0, 1), |_| {
        left -= 1;
        left == 0
    });
}

/// Makes a ring on a kernel that lies, and uses it.
fn with<S: Build, C: Seen>(random: &mut Random, says: bool) -> Coverage {
    let kernel = SimKernel::hostile(random.bits());
    let mut builder = Builder::<S, C>::new();
    let modes = [SetupFlags::empty(), SetupFlags::SQPOLL, SetupFlags::COOP_TASKRUN, SetupFlags::SUBMIT_ALL];
    builder.setup_flags(random.pick(&modes));
    if random.chance(1, 2) {
        builder.setup_cqsize(16);
    }
    let entries = 4 << random.below(2);
    if random.chance(1, 3) {
        let size = builder.memory_size(entries).expect("a ring");
        let slice = |len: usize| {
            let memory = kernel.memory(len).expect("memory");
            // SAFETY: the kernel lives until after the ring, and the memory is this slice's alone.
            unsafe { &mut *memory.as_ptr() }
        };
        let memory = bare_uring::RingMemory { rings: slice(size.rings), sqes: slice(size.sqes) };
        let ring = builder.build_provided_with(kernel.clone(), entries, memory);
        if says {
            println!("{ring:?}");
        }
        if let Ok(mut ring) = ring {
            abuse(&mut ring, random);
        }
    } else {
        let ring = builder.build_with(kernel.clone(), entries);
        if says {
            println!("{ring:?}");
        }
        match ring {
            Ok(ring) if random.chance(1, 4) => match ring.register_ring_fd() {
                Ok(mut ring) => abuse(&mut ring, random),
                Err((mut ring, _)) => abuse(&mut ring, random),
            },
            Ok(mut ring) => abuse(&mut ring, random),
            Err(_) => {}
        }
    }
    assert_eq!(kernel.faults(), []);
    kernel.coverage()
}

/// Runs a seed. Returns what the kernel did.
pub fn run(seed: u64, says: bool) -> Coverage {
    let mut random = Random::new(seed);
    match random.below(9) {
        0 => with::<squeue::Entry, cqueue::Entry32>(&mut random, says),
        1 => with::<squeue::Entry, cqueue::EntryMixed>(&mut random, says),
        2 => with::<squeue::Entry128, cqueue::Entry>(&mut random, says),
        3 => with::<squeue::Entry128, cqueue::EntryMixed>(&mut random, says),
        4 => with::<squeue::EntryMixed, cqueue::Entry>(&mut random, says),
        5 => with::<squeue::EntryMixed, cqueue::EntryMixed>(&mut random, says),
        _ => with::<squeue::Entry, cqueue::Entry>(&mut random, says),
    }
}
