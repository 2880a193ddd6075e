//! bare-uring.

use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::slice::from_raw_parts_mut;

use bare_uring::register::buf_ring::{BufRing, BufRingEntry, BufRingMemory, BufRingOptions, Buffer, BufferState};
use bare_uring::register::{WaitArgument, WaitRegion};
use bare_uring::types::{Fd, Fixed, IoVec, SubmitArgs, Timespec};
use bare_uring::{Builder, IoUring, Kernel, Linux, LocalRing, Parameters, RingMemory, SqFlags, cqueue, opcode, squeue};

use super::{Contender, OURS, foreign_params};
use crate::measure::{Lack, Opened};
use crate::pages::{PAGE, leak};
use crate::setup::Setup;
use crate::work::alone::RawParams;
use crate::work::echo::{self, EchoRing, Event, MESSAGE, ReceiveMode};
use crate::work::nop::{self, ENTRIES, NopRing, Seen};
use crate::work::read::{self, Plan, ReadRing};
use crate::work::wait::{self, SECONDS, WaitRing};
use crate::work::{alone, create};

pub const CONTENDER: Contender = Contender {
    name: OURS,
    nop,
    singly: || nop::singly_row(Bare::<_, false>(open(Setup::Plain)?)),
    idle: || nop::idle_row(Bare::<_, false>(open(Setup::Plain)?)),
    alone: || alone::row(take_over),
    reads,
    waits,
    echo: |mode| echo::row(mode, move || Echo::open(mode)),
    create: || create::row(|| drop(open(Setup::Plain).expect("a ring")), Ok(provided_again())),
};

fn failed(error: impl std::fmt::Debug) -> Lack {
    Lack(format!("{error:?}"))
}

fn builder(setup: Setup) -> Builder {
    let mut builder = IoUring::builder();
    if setup.coop() {
        builder.setup_coop_taskrun();
    }
    if setup.defer() {
        builder.setup_single_issuer().setup_defer_taskrun();
    }
    if let Some(idle) = setup.sqpoll_idle() {
        builder.setup_sqpoll(idle);
    }
    if let Some(cpu) = setup.sqpoll_cpu() {
        builder.setup_sqpoll_cpu(cpu);
    }
    builder
}

fn open(setup: Setup) -> Result<IoUring, Lack> {
    let builder = builder(setup);
    if !setup.provided() {
        return builder.build(setup.entries()).map_err(failed);
    }
    builder.build_provided_with(Linux, ENTRIES, memory(&builder)).map_err(failed)
}

fn open_registered(setup: Setup) -> Result<LocalRing, Lack> {
    open(setup)?.register_ring_fd().map_err(|(_, errno)| failed(errno))
}

fn memory(builder: &Builder) -> RingMemory {
    let size = builder.memory_size(ENTRIES).expect("a size");
    RingMemory { rings: leaked(size.rings), sqes: leaked(size.sqes) }
}

fn leaked<T>(bytes: usize) -> &'static mut [MaybeUninit<T>] {
    let bytes = bytes.next_multiple_of(PAGE);
    // SAFETY: the memory is never freed and used by nothing else, and the type allows uninitialised bytes.
    unsafe { from_raw_parts_mut(leak(bytes).cast(), bytes / size_of::<T>()) }
}

/// Returns a function that makes and drops a ring, always in the same memory.
fn provided_again() -> Box<dyn FnMut()> {
    let builder = Builder::new();
    let RingMemory { rings, sqes } = memory(&builder);
    let (rings, sqes) = (std::ptr::from_mut(rings), std::ptr::from_mut(sqes));
    Box::new(move || {
        // SAFETY: the last ring in this memory was dropped, and had no requests that could still write to it.
        let memory = unsafe { RingMemory { rings: &mut *rings, sqes: &mut *sqes } };
        drop(builder.build_provided_with(Linux, ENTRIES, memory).expect("a ring"));
    })
}

fn nop(setup: Setup) -> Opened {
    if setup.registered() {
        return nop::row(setup, move || open_registered(setup).map(Bare::<_, false>));
    }
    if setup.sqpoll_idle().is_some() {
        return nop::row(setup, move || open(setup).map(Bare::<_, true>));
    }
    nop::row(setup, move || open(setup).map(Bare::<_, false>))
}

fn take_over(fd: RawFd, params: RawParams) -> Result<Bare<Linux, true>, Lack> {
    // SAFETY: the type is the kernel's structure.
    let params = Parameters::from_raw(unsafe { foreign_params(params) });
    // SAFETY: the parameters are those of the ring in memory, which nothing else uses.
    unsafe { IoUring::from_fd(fd, params) }.map(Bare).map_err(failed)
}

/// A ring; `SQPOLL` says how its user submits.
struct Bare<K: Kernel, const SQPOLL: bool = false>(IoUring<squeue::Entry, cqueue::Entry, K>);

impl<K: Kernel, const SQPOLL: bool> NopRing for Bare<K, SQPOLL> {
    #[inline(always)]
    fn push(&mut self, batch: u32, first: u64) {
        let mut tags = first..;
        let nop = || opcode::Nop::new().build().user_data(tags.next().expect("a tag"));
        // SAFETY: the request points to nothing.
        let pushed = unsafe { self.0.submission().push_with(batch as usize, nop) };
        assert!(pushed == batch as usize, "room for a batch");
    }

    #[inline(always)]
    fn push_singly(&mut self, batch: u32, first: u64) {
        for tag in first..first + u64::from(batch) {
            // SAFETY: the request points to nothing.
            unsafe { self.0.submission().push(opcode::Nop::new().build().user_data(tag)) }.expect("room for a batch");
        }
    }

    #[inline(always)]
    fn submit(&mut self) {
        if SQPOLL { self.0.submit_sqpoll() } else { self.0.submit() }.expect("submitted");
    }

    #[inline(always)]
    fn submit_and_wait(&mut self, want: u32) {
        self.0.submit_and_wait(want as usize).expect("submitted");
    }

    #[inline(always)]
    fn reap(&mut self, seen: &mut Seen) {
        self.0.completion().for_each(|cqe| seen.add(cqe.user_data(), cqe.result()));
    }

    fn asleep(&mut self) -> bool {
        self.0.submission().flags().contains(SqFlags::NEED_WAKEUP)
    }
}

struct Reader {
    ring: IoUring,
    plan: Plan,
}

fn reads(plan: Plan) -> Opened {
    let ring = open(Setup::Plain)?;
    if plan.fixed_file {
        ring.submitter().register_files(&[plan.fd]).map_err(failed)?;
    }
    if plan.fixed_buffers {
        // SAFETY: the memory is never freed, and only this ring's reads use it.
        unsafe { ring.submitter().register_buffers(&[IoVec::new(plan.buffers, Plan::BYTES)]) }.map_err(failed)?;
    }
    read::row(plan, Reader { ring, plan })
}

impl ReadRing for Reader {
    #[inline(always)]
    fn read(&mut self, offsets: &[u64]) -> u64 {
        let Self { ring, plan } = self;
        let mut queue = ring.submission();
        for (index, offset) in offsets.iter().enumerate() {
            let (to, len) = (plan.buffer(index), PAGE as u32);
            let entry = match (plan.fixed_file, plan.fixed_buffers) {
                (false, false) => opcode::Read::new(Fd(plan.fd), to, len).offset(*offset).build(),
                (true, false) => opcode::Read::new(Fixed(0), to, len).offset(*offset).build(),
                (false, true) => opcode::ReadFixed::new(Fd(plan.fd), to, len, 0).offset(*offset).build(),
                (true, true) => opcode::ReadFixed::new(Fixed(0), to, len, 0).offset(*offset).build(),
            };
            // SAFETY: nothing else uses the buffer until the loop below has seen all completions.
            unsafe { queue.push(entry) }.expect("room for a batch");
        }
        let (mut count, mut bytes) = (0, 0);
        while count < offsets.len() {
            ring.submit_and_wait(offsets.len() - count).expect("submitted");
            for cqe in ring.completion() {
                count += 1;
                bytes += u64::from(cqe.outcome().expect("a read"));
            }
        }
        bytes
    }
}

struct Waits {
    ring: Bare<Linux>,
    timeout: Timespec,
    region: WaitRegion,
    registered: usize,
}

fn waits() -> Opened {
    let timeout = Timespec::new(SECONDS as i64, 0);
    let ring = builder(Setup::Defer).setup_r_disabled().build(ENTRIES).map_err(failed)?;
    let mut region = ring.submitter().map_wait_region(PAGE).map_err(failed)?;
    let registered = region
        .set(0, WaitArgument::new().timespec(timeout))
        .ok_or_else(|| Lack::from("the region has no room for an argument"))?;
    ring.submitter().register_enable_rings().map_err(failed)?;
    wait::row(Waits { ring: Bare(ring), timeout, region, registered })
}

impl WaitRing for Waits {
    type Ring = Bare<Linux>;

    #[inline(always)]
    fn ring(&mut self) -> &mut Self::Ring {
        &mut self.ring
    }

    #[inline(always)]
    fn wait_timed(&mut self) {
        let args = SubmitArgs::new().timespec(&self.timeout);
        self.ring.0.submitter().submit_with_args(1, &args).expect("in time");
    }

    #[inline(always)]
    fn wait_registered(&mut self) {
        debug_assert!(self.registered < self.region.region().memory().len());
        self.ring.0.submitter().submit_and_wait_reg(1, self.registered).expect("in time");
    }
}

struct Echo {
    ring: IoUring,
    buffers: Option<BufRing>,
    /// The buffers that were taken and not recycled, by ID.
    out: Vec<Option<Buffer>>,
}

impl Echo {
    fn open(mode: ReceiveMode) -> Result<Self, Lack> {
        let count = echo::ENTRIES as usize;
        let ring = open(Setup::Defer)?;
        let buffers = (mode == ReceiveMode::Multishot).then(|| {
            let memory = BufRingMemory {
                entries: &mut leaked::<BufRingEntry>(count * size_of::<BufRingEntry>())[..count],
                buffers: vec![0; count * MESSAGE].leak(),
                states: vec![BufferState::NEW; count].leak(),
            };
            ring.submitter().register_buf_ring(0, memory, BufRingOptions::new())
        });
        let buffers = buffers.transpose().map_err(failed)?;
        Ok(Self { ring, buffers, out: (0..count).map(|_| None).collect() })
    }

    #[inline(always)]
    fn push(&mut self, entry: squeue::Entry) {
        // SAFETY: the memory is the server's, and lives longer than the ring.
        if let Err(full) = unsafe { self.ring.submission().push(entry) } {
            self.ring.submit().expect("submitted");
            // SAFETY: the memory is the server's, and lives longer than the ring.
            unsafe { self.ring.submission().push(full.0) }.expect("room after a submit");
        }
    }
}

impl EchoRing for Echo {
    #[inline(always)]
    fn recv(&mut self, fd: RawFd, into: *mut u8, tag: u64) {
        self.push(opcode::Recv::new(Fd(fd), into, MESSAGE as u32).build().user_data(tag));
    }

    #[inline(always)]
    fn recv_multishot(&mut self, fd: RawFd, tag: u64) {
        self.push(opcode::Recv::multi(Fd(fd), 0).build().user_data(tag));
    }

    #[inline(always)]
    fn send(&mut self, fd: RawFd, from: *const u8, len: usize, tag: u64) {
        self.push(opcode::Send::new(Fd(fd), from, len as u32).build().user_data(tag));
    }

    #[inline(always)]
    fn wait(&mut self) {
        if let Some(buffers) = &mut self.buffers {
            buffers.publish();
        }
        self.ring.submit_and_wait(1).expect("submitted");
    }

    #[inline(always)]
    fn reap(&mut self, into: &mut [Event]) -> usize {
        let mut count = 0;
        for (event, cqe) in into.iter_mut().zip(self.ring.completion()) {
            // SAFETY: each completion is taken once; those with a buffer are of receives on this group.
            let buffer = self.buffers.as_mut().and_then(|buffers| unsafe { buffers.take(&cqe) });
            let place = buffer.as_ref().map(|buffer| (buffer.id(), buffer.as_ptr()));
            if let Some(buffer) = buffer {
                let id = usize::from(buffer.id());
                self.out[id] = Some(buffer);
            }
            let more = cqe.flags().contains(cqueue::Flags::MORE);
            *event = Event { tag: cqe.user_data(), result: cqe.result(), more, buffer: place };
            count += 1;
        }
        count
    }

    #[inline(always)]
    fn recycle(&mut self, buffer: u16) {
        let buffer = self.out[usize::from(buffer)].take().expect("it is out");
        self.buffers.as_mut().expect("multishot").recycle(buffer).expect("ours");
    }
}
