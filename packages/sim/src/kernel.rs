//! [`SimKernel`]: the seam by which a ring reaches the simulation, and by which a test controls it.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bare_uring::types::RawFd;
use bare_uring::uapi::io_uring_params;
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_USE_REGISTERED_RING;
use bare_uring::{EnterFlags, Errno, Kernel};

use crate::chaos::Chaos;
use crate::coverage::{Coverage, Mark};
use crate::fault::Fault;
use crate::files::Files;
use crate::hostile::Hostile;
use crate::profile::Profile;
use crate::random::Random;
use crate::world::World;

mod far_side;
mod look;

pub use look::Leaks;

pub use crate::files::CAPACITY;

/// A simulated kernel. Clones are the same kernel: give one to the ring, keep one.
///
/// A seed, a profile and a sequence of calls always give the same answers. The clock stands still between calls; each
/// call lets a little time pass, and a wait moves the clock on to what it waits for.
#[derive(Debug, Clone)]
pub struct SimKernel(Arc<Mutex<World>>);

impl SimKernel {
    /// Makes the kernel of this profile and seed, without chaos.
    #[must_use]
    pub fn new(profile: Profile, seed: u64) -> Self {
        Self(Arc::new(Mutex::new(World {
            random: Random::new(seed),
            profile,
            chaos: Chaos::none(),
            clock: 1_000_000_000,
            rings: Default::default(),
            next_ring: 0,
            next_flight: 0,
            files: Files::default(),
            registered: Default::default(),
            orphans: Vec::new(),
            no_mmap_areas: Vec::new(),
            faults: Vec::new(),
            stuck: 0,
            calls: 0,
            failing: None,
            hostile: None,
            coverage: Coverage::default(),
        })))
    }

    /// Makes a kernel that lies, in every way that it can within its own memory. The kernel has no files.
    #[must_use]
    pub fn hostile(seed: u64) -> Self {
        let kernel = Self::new(Profile::linux(7, 0), seed);
        kernel.world().hostile = Some(Hostile::default());
        kernel
    }

    /// Sets what goes wrong from here on, and how often.
    pub fn set_chaos(&self, chaos: Chaos) {
        self.world().chaos = chaos;
    }

    /// Locks the simulation.
    fn world(&self) -> MutexGuard<'_, World> {
        // After a panic a test still wants to see what happened.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails one call, counted from here on; the first is 0. The kernel does nothing in that call.
    pub fn fail_call(&self, nth: u64, errno: Errno) {
        let mut world = self.world();
        world.failing = Some((world.calls + nth, errno));
    }

    /// Returns how many calls were made so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.world().calls
    }

    /// Returns the simulated time, against which absolute timeouts are measured.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.world().clock)
    }

    /// Lets `steps` steps happen without a call: requests complete, SQPOLL threads consume entries and fall asleep.
    /// Where nothing else can happen, time passes to the next timer.
    pub fn run(&self, steps: u32) {
        let mut world = self.world();
        for _ in 0..steps {
            world.tick();
            world.pass();
        }
    }
}

impl SimKernel {
    /// Lets everything happen, without a call, that can happen before time passes.
    pub fn settle(&self) {
        let mut world = self.world();
        while world.step() {}
    }
}

impl World {
    /// Counts a call, and fails it if it is the one to fail.
    fn called(&mut self) -> Result<(), Errno> {
        let number = self.calls;
        self.calls += 1;
        match self.failing {
            Some((nth, errno)) if nth == number => Err(errno),
            _ => Ok(()),
        }
    }

    /// Returns the ring that a call names.
    fn named(&mut self, fd: RawFd, by_index: bool) -> Result<u32, Errno> {
        let ring = if by_index { self.registered_ring(fd) } else { self.ring_of(fd) };
        if by_index && ring.is_ok() {
            self.coverage.mark(Mark::NamedByIndex);
        }
        if ring.is_err() {
            self.faults.push(Fault::NoRing { fd });
        }
        ring
    }
}

// SAFETY: set-up writes to `params` only, and makes rings whose memory it knows. The calls touch that memory, their
// arguments, and what requests and registrations name, as the interface says. The lock is a barrier for the compiler
// too. Mappings are the simulation's own, aligned to 64, and valid until they are unmapped.
unsafe impl Kernel for SimKernel {
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        let mut world = self.world();
        world.called()?;
        let World { hostile, random, .. } = &mut *world;
        if let Some(hostile) = hostile {
            return hostile.set_up(random, entries, params);
        }
        // SAFETY: the caller's contract is the same.
        unsafe { world.set_up(entries, params) }
    }

    unsafe fn enter(
        &self,
        fd: RawFd,
        to_submit: u32,
        min_complete: u32,
        flags: u32,
        argument: *const c_void,
        size: usize,
    ) -> Result<u32, Errno> {
        let mut world = self.world();
        world.called()?;
        let World { hostile, random, .. } = &mut *world;
        if let Some(hostile) = hostile {
            return hostile.enter(random, to_submit);
        }
        let flags = EnterFlags::from_bits_retain(flags);
        let ring = world.named(fd, flags.contains(EnterFlags::REGISTERED_RING))?;
        // SAFETY: the caller's contract is the same.
        unsafe { world.enter(ring, to_submit, min_complete, flags, argument, size) }
    }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        let by_index = IORING_REGISTER_USE_REGISTERED_RING as u32;
        let mut world = self.world();
        world.called()?;
        let World { hostile, random, .. } = &mut *world;
        if let Some(hostile) = hostile {
            // SAFETY: the caller's contract is the same.
            return unsafe { hostile.register(random, operation, argument, count) };
        }
        let ring = if fd == -1 { None } else { Some(world.named(fd, operation & by_index != 0)?) };
        // SAFETY: the caller's contract is the same.
        unsafe { world.register(ring, operation & !by_index, argument, count) }
    }

    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        let mut world = self.world();
        world.called()?;
        let World { hostile, random, .. } = &mut *world;
        match hostile {
            Some(hostile) => hostile.map(random, length),
            None => world.map(length, fd, offset),
        }
    }

    unsafe fn unmap(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        let mut world = self.world();
        let World { hostile, faults, .. } = &mut *world;
        let Some(hostile) = hostile else { return world.unmap(address, length) };
        if !hostile.unmap(address, length) {
            faults.push(Fault::Unmap { len: length });
        }
        Ok(())
    }

    unsafe fn keep_from_fork(&self, _: NonNull<u8>, _: usize) -> Result<(), Errno> {
        self.world().called()
    }

    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno> {
        let mut world = self.world();
        let World { hostile, random, .. } = &mut *world;
        if let Some(hostile) = hostile {
            return hostile.close(random, fd);
        }
        let closed = world.ring_of(fd).and_then(|_| world.close_fd(fd));
        if closed.is_err() {
            world.faults.push(Fault::NoRing { fd });
        }
        closed
    }
}
