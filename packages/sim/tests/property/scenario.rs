//! A kernel, a ring on it, and a user of the ring, all from one seed.

use bare_uring::{Builder, Errno, Features, RingMemory, SetupError, SetupFlags, cqueue, squeue};
use bare_uring_sim::{Chaos, Coverage, CqSize, Header, Leaks, Profile, Random, SimKernel};

use crate::books::Seen;
use crate::drive::drive;
use crate::requests::Build;

/// How a ring gets its memory, and what names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Mapped,
    Provided,
    /// Mapped, and then registered with the task.
    Registered,
    /// Provided, without a descriptor.
    WithoutFd,
}

/// What a seed runs.
#[derive(Debug, Clone)]
struct Scenario {
    profile: Profile,
    /// The kernel's place among the profiles.
    kernel: usize,
    flags: SetupFlags,
    entries: u32,
    cq_entries: u32,
    way: Way,
    seed: u64,
    says: bool,
}

/// Picks a flag in one of four cases, if the kernel has it.
fn some(random: &mut Random, profile: &Profile, flag: SetupFlags) -> SetupFlags {
    if profile.setup.contains(flag) && random.chance(1, 4) { flag } else { SetupFlags::empty() }
}

/// Picks a kernel, and takes features and set-up flags away in some cases. Also returns which kernel of `kernels` it is.
fn profile(random: &mut Random) -> (Profile, usize) {
    let all = Profile::all();
    // The newest kernel knows most, so it is picked more often.
    let newest = all.iter().rposition(|profile| profile.name == "Linux").expect("a release");
    let picked = if random.chance(1, 4) { newest } else { random.below(all.len() as u32) as usize };
    let mut profile = all[picked].clone();
    if random.chance(1, 3) {
        let taken = Features::from_bits_retain(1 << random.below(18));
        // Kernels that drop completions have one for each request: multishot came with RSRC_TAGS, and none at all with CQE_SKIP.
        let others = profile.features.intersects(Features::RSRC_TAGS | Features::CQE_SKIP);
        profile = profile.without_features(if others { taken - Features::NODROP } else { taken });
    }
    if random.chance(1, 4) {
        profile = profile.without_setup(SetupFlags::from_bits_retain(1 << random.below(21)));
    }
    if random.chance(1, 4) && profile.reads_array {
        profile.header = Header::Shuffled;
        profile.features |= Features::SINGLE_MMAP;
    }
    (profile, picked)
}

impl Scenario {
    /// Picks what a seed runs.
    fn new(seed: u64, says: bool) -> (Self, Random) {
        let mut random = Random::new(seed);
        let (profile, kernel) = profile(&mut random);
        let mut flags = SetupFlags::empty();
        let modes = [SetupFlags::empty(), SetupFlags::SQPOLL, SetupFlags::COOP_TASKRUN, SetupFlags::DEFER_TASKRUN];
        let mode = random.pick(&modes);
        let needs = match mode {
            SetupFlags::DEFER_TASKRUN => SetupFlags::TASKRUN_FLAG | SetupFlags::SINGLE_ISSUER,
            SetupFlags::COOP_TASKRUN => SetupFlags::TASKRUN_FLAG,
            _ => SetupFlags::empty(),
        };
        if profile.setup.contains(mode | needs) {
            flags |= mode | needs;
        }
        for flag in [SetupFlags::SUBMIT_ALL, SetupFlags::R_DISABLED, SetupFlags::SINGLE_ISSUER, SetupFlags::CLAMP] {
            flags |= some(&mut random, &profile, flag);
        }
        if !flags.contains(SetupFlags::SQPOLL) && profile.setup.contains(SetupFlags::NO_SQARRAY) {
            let rewind = some(&mut random, &profile, SetupFlags::SQ_REWIND);
            if !rewind.is_empty() {
                flags |= rewind | SetupFlags::NO_SQARRAY;
            }
        }
        let entries = random.pick(&[1, 2, 3, 4, 7, 8, 16]);
        let cq_entries = if profile.setup.contains(SetupFlags::CQSIZE) && random.chance(1, 2) {
            flags |= SetupFlags::CQSIZE;
            random.pick(&[entries, 2 * entries, 4 * entries, 33])
        } else {
            0
        };
        let way = match random.below(4) {
            0 if profile.setup.contains(SetupFlags::NO_MMAP) => Way::Provided,
            1 if profile.setup.contains(SetupFlags::REGISTERED_FD_ONLY | SetupFlags::NO_MMAP)
                && profile.features.contains(Features::REG_REG_RING) =>
            {
                Way::WithoutFd
            }
            2 if profile.registers(20) => Way::Registered,
            _ => Way::Mapped,
        };
        (Self { profile, kernel, flags, entries, cq_entries, way, seed, says }, random)
    }

    /// Builds the ring, drives it, and drops it. Returns what the kernel did.
    fn run<S: Build, C: Seen>(&self, mut random: Random) -> Coverage {
        let kernel = SimKernel::new(self.profile.clone(), random.bits());
        kernel.set_chaos(Chaos::seeded(&mut random));
        let mut builder = Builder::<S, C>::new();
        builder.setup_flags(self.flags.difference(SetupFlags::CQSIZE));
        if self.flags.contains(SetupFlags::CQSIZE) {
            builder.setup_cqsize(self.cq_entries);
        }
        if self.says {
            println!("{self:#?}\n{builder:?}");
        }
        let built = match self.way {
            Way::Mapped => builder.build_with(kernel.clone(), self.entries).map(|mut ring| {
                drive(&mut ring, &kernel, &self.profile, &mut random, self.says);
            }),
            Way::Registered => builder.build_with(kernel.clone(), self.entries).map(|ring| {
                let mut ring = ring.register_ring_fd().map_err(|(_, errno)| errno).expect("the table is empty");
                drive(&mut ring, &kernel, &self.profile, &mut random, self.says);
            }),
            Way::Provided => self.memory(&builder, &kernel).and_then(|memory| {
                let mut ring = builder.build_provided_with(kernel.clone(), self.entries, memory)?;
                drive(&mut ring, &kernel, &self.profile, &mut random, self.says);
                Ok(())
            }),
            Way::WithoutFd => self.memory(&builder, &kernel).and_then(|memory| {
                let mut ring = builder.build_registered_with(kernel.clone(), self.entries, memory)?;
                drive(&mut ring, &kernel, &self.profile, &mut random, self.says);
                Ok(())
            }),
        };
        match built {
            Ok(()) => {}
            // These kernels compare the size before it is rounded.
            Err(SetupError::Kernel(_, Errno::EINVAL)) if self.too_few_unrounded() => {}
            Err(error) => panic!("set-up failed: {error:?}"),
        }
        assert_eq!(kernel.faults(), [], "faults after the end");
        assert_eq!(kernel.leaks(), Leaks::default());
        kernel.coverage()
    }

    /// Returns whether the kernel finds the completion queue too small because it does not round its size first.
    fn too_few_unrounded(&self) -> bool {
        self.flags.contains(SetupFlags::CQSIZE)
            && match self.profile.cq_size {
                CqSize::Unrounded => self.cq_entries < self.entries.next_power_of_two(),
                _ => false,
            }
    }

    /// Makes the memory of a ring in provided memory.
    fn memory<S: Build, C: Seen>(&self, builder: &Builder<S, C>, kernel: &SimKernel) -> Result<RingMemory, SetupError> {
        let size = builder.memory_size(self.entries)?;
        // Kernels without NO_SQARRAY may have the older header of 320 bytes instead of 64, and double it with CQE32.
        let more = if self.profile.setup.contains(SetupFlags::NO_SQARRAY) { 0 } else { 512 };
        let slice = |len: usize| {
            let memory = kernel.memory(len).expect("memory");
            // SAFETY: the kernel lives until after the ring, and the memory is this slice's alone.
            unsafe { &mut *memory.as_ptr() }
        };
        Ok(RingMemory { rings: slice(size.rings + more), sqes: slice(size.sqes) })
    }

    /// Picks the size of the completions, and runs.
    fn with_completions<S: Build>(&self, mut random: Random) -> Coverage {
        let kinds = [SetupFlags::empty(), SetupFlags::empty(), SetupFlags::CQE32, SetupFlags::CQE_MIXED];
        let kind = random.pick(&kinds);
        let too_few = self.entries == 1 && self.cq_entries == 1;
        match kind {
            SetupFlags::CQE32 if self.profile.setup.contains(kind) => self.run::<S, cqueue::Entry32>(random),
            SetupFlags::CQE_MIXED if self.profile.setup.contains(kind) && !too_few => {
                self.run::<S, cqueue::EntryMixed>(random)
            }
            _ => self.run::<S, cqueue::Entry>(random),
        }
    }
}

/// Runs a seed. Returns what the kernel did, and its place among the profiles.
pub fn run(seed: u64, says: bool) -> (Coverage, usize) {
    let (scenario, mut random) = Scenario::new(seed, says);
    debug_assert_eq!(scenario.seed, seed);
    let kinds = [SetupFlags::empty(), SetupFlags::empty(), SetupFlags::SQE128, SetupFlags::SQE_MIXED];
    let coverage = match random.pick(&kinds) {
        kind @ SetupFlags::SQE128 if scenario.profile.setup.contains(kind) => {
            scenario.with_completions::<squeue::Entry128>(random)
        }
        kind @ SetupFlags::SQE_MIXED if scenario.profile.setup.contains(kind) && scenario.entries >= 3 => {
            scenario.with_completions::<squeue::EntryMixed>(random)
        }
        _ => scenario.with_completions::<squeue::Entry>(random),
    };
    (coverage, scenario.kernel)
}
