//! [`SimKernel`], by which a ring reaches the simulation, and a test its other side.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bare_uring::types::RawFd;
use bare_uring::uapi::io_uring_params;
use bare_uring::uapi::io_uring_register_op::IORING_REGISTER_USE_REGISTERED_RING;
use bare_uring::{EnterFlags, Errno, Kernel};

use crate::chaos::Chaos;
use crate::coverage::{Coverage, Mark};
use crate::errno::EAGAIN;
use crate::fault::Fault;
use crate::files::Files;
use crate::flight::Wait;
use crate::hostile::Hostile;
use crate::ledger::Event;
use crate::memory::Area;
use crate::profile::Profile;
use crate::random::Random;
use crate::ring::Ring;
use crate::world::World;

/// How many bytes a pipe or a connection holds in each direction.
pub const CAPACITY: usize = 4096;

/// A simulated kernel. Clones are the same kernel: give one to the ring, keep one.
///
/// The same seed, profile and calls give the same answers. All of its clocks stand still between calls, but for a little
/// that each call lets pass; a wait moves them on to whatever it waits for.
#[derive(Debug, Clone)]
pub struct SimKernel(Arc<Mutex<World>>);

/// What was not given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leaks {
    /// Rings that are not closed.
    pub rings: usize,
    /// Mappings that are not unmapped.
    pub mappings: usize,
}

impl SimKernel {
    /// The kernel of this profile and seed, without chaos.
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
            provided: Vec::new(),
            faults: Vec::new(),
            stuck: 0,
            calls: 0,
            failing: None,
            hostile: None,
            coverage: Coverage::default(),
        })))
    }

    /// A kernel that lies, in every way that it can within its own memory. It has no files.
    #[must_use]
    pub fn hostile(seed: u64) -> Self {
        let kernel = Self::new(Profile::linux(7, 0), seed);
        kernel.world().hostile = Some(Hostile::default());
        kernel
    }

    /// What goes wrong from here on, and how often.
    pub fn set_chaos(&self, chaos: Chaos) {
        self.world().chaos = chaos;
    }

    fn world(&self) -> MutexGuard<'_, World> {
        // A test that has panicked still wants to see what happened.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails the call of this number, counted from here on, the first being 0; the kernel does nothing in it.
    pub fn fail_call(&self, nth: u64, errno: Errno) {
        let mut world = self.world();
        world.failing = Some((world.calls + nth, errno));
    }

    /// Calls made so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.world().calls
    }

    /// The simulated time, against which absolute timeouts are measured.
    #[must_use]
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.world().clock)
    }

    /// Lets the world go on by so many steps without a call: requests complete, threads of the kernel consume and fall
    /// asleep, and where nothing else can happen, time passes to the next timer.
    pub fn run(&self, steps: u32) {
        let mut world = self.world();
        for _ in 0..steps {
            world.tick();
            world.pass();
        }
    }

    /// The number of the ring that was made last.
    #[must_use]
    pub fn last_ring(&self) -> Option<u32> {
        self.world().next_ring.checked_sub(1)
    }

    /// Says what will be pushed to a ring next. From the first time on, every entry that the kernel consumes must be the
    /// next one of these, or it is a [`Fault::Unexpected`].
    pub fn expect(&self, ring: u32, user_data: u64) {
        if let Some(ring) = self.world().rings.get_mut(&ring) {
            ring.ledger.expected.get_or_insert_default().push_back(user_data);
        }
    }

    /// Leaves requests out of the books whose user data agree with `value` in the bits of `mask`.
    pub fn ignore(&self, ring: u32, mask: u64, value: u64) {
        if let Some(ring) = self.world().rings.get_mut(&ring) {
            ring.ledger.ignored.push((mask, value));
        }
    }

    /// User data of what was expected and has not been consumed.
    #[must_use]
    pub fn unconsumed(&self, ring: u32) -> Vec<u64> {
        let world = self.world();
        let expected = world.rings.get(&ring).and_then(|ring| ring.ledger.expected.as_ref());
        expected.map_or(Vec::new(), |expected| expected.iter().copied().collect())
    }

    /// What has happened to the requests of a ring since the last look.
    #[must_use]
    pub fn events(&self, ring: u32) -> Vec<Event> {
        self.world().rings.get_mut(&ring).map_or(Vec::new(), |ring| std::mem::take(&mut ring.ledger.events))
    }

    /// User data of requests that were consumed and are not complete, those left out of the books aside.
    #[must_use]
    pub fn in_flight(&self, ring: u32) -> Vec<u64> {
        let world = self.world();
        let Some(ring) = world.rings.get(&ring) else { return Vec::new() };
        ring.in_flight().into_iter().filter(|&user_data| !ring.ledger.ignores(user_data)).collect()
    }

    /// What its users did wrong since the last look.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut world = self.world();
        let World { rings, faults, provided, next_ring, coverage, .. } = &mut *world;
        let areas = provided.len() + rings.values().map(|ring| ring.memory.areas.len()).sum::<usize>();
        coverage.add(Mark::CanariesRead, areas as u64);
        if !provided.iter().all(Area::intact) {
            faults.push(Fault::OutOfBounds { ring: next_ring.saturating_sub(1) });
        }
        for (&ring, contents) in rings {
            if !contents.intact() {
                faults.push(Fault::OutOfBounds { ring });
            }
        }
        std::mem::take(faults)
    }

    /// How often it did what a kernel may do, so far.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let world = self.world();
        let mut coverage = world.coverage.clone();
        let of_rings = world.rings.values().map(|ring| &ring.coverage);
        for part in of_rings.chain(world.hostile.as_ref().map(|hostile| &hostile.coverage)) {
            coverage.merge(part);
        }
        coverage
    }

    /// What was not given back so far.
    #[must_use]
    pub fn leaks(&self) -> Leaks {
        let world = self.world();
        let of_rings = world
            .rings
            .values()
            .flat_map(|ring| &ring.memory.areas)
            .filter(|piece| piece.area.mapped.is_some())
            .count();
        let of_groups = world.rings.values().map(Ring::mapped_groups).sum::<usize>();
        Leaks { rings: world.rings.len(), mappings: of_rings + of_groups + world.orphans.len() }
    }

    /// Memory for a ring in provided memory, starting at a page, with an inaccessible one before and behind it. It is valid
    /// until the last clone of the kernel is dropped.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn memory(&self, len: usize) -> Result<NonNull<[MaybeUninit<u8>]>, Errno> {
        let area = Area::of_pages(len)?;
        let memory = NonNull::slice_from_raw_parts(area.base().cast(), len);
        self.world().provided.push(area);
        Ok(memory)
    }

    /// A pipe: its reading and its writing end.
    #[must_use]
    pub fn pipe(&self) -> (RawFd, RawFd) {
        self.world().files.pipe(CAPACITY)
    }

    /// Two connected sockets.
    #[must_use]
    pub fn socket_pair(&self) -> (RawFd, RawFd) {
        self.world().files.socket_pair(CAPACITY)
    }

    /// Two connected sockets that keep messages apart: what is longer than its reader's room is cut.
    #[must_use]
    pub fn datagram_pair(&self) -> (RawFd, RawFd) {
        self.world().files.datagram_pair(CAPACITY)
    }

    /// Resets a connection, or ends a pipe in an error: its reader meets `ECONNRESET` once, then the end. `false` if the
    /// descriptor has no reader.
    pub fn reset(&self, writer: RawFd) -> bool {
        let mut world = self.world();
        let Some(open) = world.files.get(writer).cloned() else { return false };
        world.files.reset(&open)
    }

    /// A directory, which can be opened and not read.
    #[must_use]
    pub fn directory(&self) -> RawFd {
        self.world().files.directory()
    }

    /// The pieces of provided buffers that the kernel may fill or use up, of this group, in the order in which it will:
    /// address, length, and the buffer's number. `None`: there is no such group.
    #[must_use]
    pub fn provided(&self, ring: u32, group: u16) -> Option<Vec<(usize, u32, u16)>> {
        let world = self.world();
        let group = world.rings.get(&ring)?.groups.get(&group)?;
        Some(group.ready().iter().map(|piece| (piece.address as usize, piece.len, piece.id)).collect())
    }

    /// The pieces of provided buffers that requests in flight have taken for good: address and length.
    #[must_use]
    pub fn held(&self, ring: u32) -> Vec<(usize, u32)> {
        let world = self.world();
        let flights = world.rings.get(&ring).into_iter().flat_map(|ring| ring.flights.values());
        let held = flights.filter(|flight| !matches!(flight.wait, Wait::Told(_)));
        let pieces = held.filter_map(|flight| flight.progress.held.as_ref()).flat_map(|held| &held.pieces);
        pieces.map(|&(address, len)| (address as usize, len)).collect()
    }

    /// A file with this content.
    #[must_use]
    pub fn file(&self, content: Vec<u8>) -> RawFd {
        self.world().files.content(content)
    }

    /// A socket that listens.
    #[must_use]
    pub fn listener(&self) -> RawFd {
        self.world().files.listener()
    }

    /// Connects to a listening socket, as somebody far away would: the far end. `None` if it does not listen.
    #[must_use]
    pub fn connect(&self, listener: RawFd) -> Option<RawFd> {
        self.world().files.connect(listener, CAPACITY)
    }

    /// Writes from outside of any ring; how much was taken.
    ///
    /// # Errors
    ///
    /// `EBADF`, `EPIPE`, `EINVAL`, as `write(2)`.
    pub fn write(&self, fd: RawFd, bytes: &[u8]) -> Result<usize, Errno> {
        let mut world = self.world();
        let open = world.files.get(fd).cloned().ok_or(Errno::EBADF)?;
        match world.files.write(&open, bytes, u64::MAX) {
            Err(EAGAIN) => Ok(0),
            outcome => outcome.map_err(|errno| Errno::from_result(errno).unwrap_or(Errno::EIO)),
        }
    }

    /// Reads from outside of any ring. `None`: nothing is there yet; nothing at all: nothing will come any more.
    ///
    /// # Errors
    ///
    /// `EBADF`, `EINVAL`, as `read(2)`.
    pub fn read(&self, fd: RawFd, limit: usize) -> Result<Option<Vec<u8>>, Errno> {
        let mut world = self.world();
        let open = world.files.get(fd).cloned().ok_or(Errno::EBADF)?;
        match world.files.read(&open, limit, u64::MAX) {
            Err(EAGAIN) => Ok(None),
            outcome => outcome.map(Some).map_err(|errno| Errno::from_result(errno).unwrap_or(Errno::EIO)),
        }
    }

    /// Closes a descriptor that is no ring; `false` if it is not open.
    pub fn close_file(&self, fd: RawFd) -> bool {
        let mut world = self.world();
        world.ring_of(fd).is_err() && world.files.table.remove(&fd).is_some()
    }

    /// Whether a descriptor is open.
    #[must_use]
    pub fn is_open(&self, fd: RawFd) -> bool {
        self.world().files.get(fd).is_some()
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

    /// The ring that a call names.
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

// SAFETY: set-up writes to `params` only, and makes rings whose memory it knows. The calls touch that memory, what
// requests and registrations name, and their arguments, as those mean it. The lock is a barrier for the compiler too.
// Mappings are the simulation's own, aligned to 64, valid until they are unmapped.
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
