//! The crate io-uring.

use std::os::fd::RawFd;

use io_uring::types::{Fd, Fixed, SubmitArgs, Timespec};
use io_uring::{CompletionQueue, IoUring, Parameters, SubmissionQueue, Submitter, cqueue, opcode, squeue};

use super::{Contender, foreign_params, lack};
use crate::measure::{Lack, Opened};
use crate::pages::{BufferRing, PAGE};
use crate::setup::Setup;
use crate::work::alone::RawParams;
use crate::work::echo::{self, EchoRing, Event, MESSAGE, ReceiveMode};
use crate::work::nop::{self, NopRing, Seen};
use crate::work::read::{self, Plan, ReadRing};
use crate::work::wait::{self, SECONDS, WaitRing};
use crate::work::{alone, create};

pub const CONTENDER: Contender = Contender {
    name: "io-uring",
    nop,
    singly: || nop::singly_row(Whole(open(Setup::Plain)?)),
    idle: || nop::idle_row(Whole(open(Setup::Plain)?)),
    alone: || alone::row(take_over),
    reads,
    waits: || wait::row(Waits { ring: Whole(open(Setup::Defer)?), timeout: Timespec::new().sec(SECONDS) }),
    echo: |mode| echo::row(mode, move || Echo::open(mode)),
    create: || create::row(|| drop(open(Setup::Plain).expect("a ring")), lack(NO_MMAP)),
};

const NO_MMAP: &str = "it has no NO_MMAP";

fn failed(error: std::io::Error) -> Lack {
    Lack(error.to_string())
}

fn open(setup: Setup) -> Result<IoUring, Lack> {
    let mut builder = IoUring::builder();
    if setup.coop() {
        builder.setup_coop_taskrun();
    }
    if setup.defer() {
        builder.setup_single_issuer().setup_defer_taskrun();
    }
    if setup.no_sqarray() {
        builder.setup_no_sqarray();
    }
    if let Some(idle) = setup.sqpoll_idle() {
        builder.setup_sqpoll(idle);
    }
    if let Some(cpu) = setup.sqpoll_cpu() {
        builder.setup_sqpoll_cpu(cpu);
    }
    builder.build(setup.entries()).map_err(failed)
}

fn nop(setup: Setup) -> Opened {
    if setup.provided() {
        return lack(NO_MMAP);
    }
    if setup.registered() {
        return nop::row(setup, move || Split::open(setup));
    }
    nop::row(setup, move || open(setup).map(Whole))
}

fn take_over(fd: RawFd, params: RawParams) -> Result<Whole, Lack> {
    // SAFETY: the type is transparent over the kernel's structure.
    let params: Parameters = unsafe { foreign_params(params) };
    // SAFETY: the parameters are those of the ring in memory, which nothing else uses.
    unsafe { IoUring::from_fd(fd, params) }.map(Whole).map_err(failed)
}

struct Whole(IoUring);

impl NopRing for Whole {
    #[inline(always)]
    fn push(&mut self, batch: u32, first: u64) {
        let mut queue = self.0.submission();
        for tag in first..first + u64::from(batch) {
            // SAFETY: the request points to nothing.
            unsafe { queue.push(&opcode::Nop::new().build().user_data(tag)) }.expect("room for a batch");
        }
    }

    #[inline(always)]
    fn push_singly(&mut self, batch: u32, first: u64) {
        for tag in first..first + u64::from(batch) {
            // SAFETY: the request points to nothing.
            unsafe { self.0.submission().push(&opcode::Nop::new().build().user_data(tag)) }.expect("room for a batch");
        }
    }

    #[inline(always)]
    fn submit(&mut self) {
        self.0.submit().expect("submitted");
    }

    #[inline(always)]
    fn submit_and_wait(&mut self, want: u32) {
        self.0.submit_and_wait(want as usize).expect("submitted");
    }

    #[inline(always)]
    fn reap(&mut self, seen: &mut Seen) {
        for cqe in self.0.completion() {
            seen.add(cqe.user_data(), cqe.result());
        }
    }

    fn asleep(&mut self) -> bool {
        self.0.submission().need_wakeup()
    }
}

/// The parts of a ring. Only the `Submitter` that registered the ring's file descriptor uses the registered index, so
/// it must be kept, and both queues with it.
struct Split {
    submitter: Submitter<'static>,
    sq: SubmissionQueue<'static>,
    cq: CompletionQueue<'static>,
}

impl Split {
    fn open(setup: Setup) -> Result<Self, Lack> {
        let (mut submitter, sq, cq) = Box::leak(Box::new(open(setup)?)).split();
        submitter.register_ring_fd().map_err(failed)?;
        Ok(Self { submitter, sq, cq })
    }
}

impl Drop for Split {
    fn drop(&mut self) {
        self.submitter.unregister_ring_fd().expect("it was registered");
    }
}

impl NopRing for Split {
    #[inline(always)]
    fn push(&mut self, batch: u32, first: u64) {
        for tag in first..first + u64::from(batch) {
            // SAFETY: the request points to nothing.
            unsafe { self.sq.push(&opcode::Nop::new().build().user_data(tag)) }.expect("room for a batch");
        }
        self.sq.sync();
    }

    #[inline(always)]
    fn push_singly(&mut self, batch: u32, first: u64) {
        self.push(batch, first);
    }

    #[inline(always)]
    fn submit(&mut self) {
        self.submitter.submit().expect("submitted");
        self.sq.sync();
    }

    #[inline(always)]
    fn submit_and_wait(&mut self, want: u32) {
        self.submitter.submit_and_wait(want as usize).expect("submitted");
        self.sq.sync();
    }

    #[inline(always)]
    fn reap(&mut self, seen: &mut Seen) {
        self.cq.sync();
        for cqe in &mut self.cq {
            seen.add(cqe.user_data(), cqe.result());
        }
        self.cq.sync();
    }

    fn asleep(&mut self) -> bool {
        self.sq.need_wakeup()
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
        let all = libc::iovec { iov_base: plan.buffers.cast(), iov_len: Plan::BYTES };
        // SAFETY: the memory is never freed, and only this ring's reads use it.
        unsafe { ring.submitter().register_buffers(&[all]) }.map_err(failed)?;
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
            unsafe { queue.push(&entry) }.expect("room for a batch");
        }
        drop(queue);
        let (mut count, mut bytes) = (0, 0);
        while count < offsets.len() {
            ring.submit_and_wait(offsets.len() - count).expect("submitted");
            for cqe in ring.completion() {
                count += 1;
                assert!(cqe.result() >= 0, "read failed");
                bytes += cqe.result() as u64;
            }
        }
        bytes
    }
}

struct Waits {
    ring: Whole,
    timeout: Timespec,
}

impl WaitRing for Waits {
    type Ring = Whole;

    #[inline(always)]
    fn ring(&mut self) -> &mut Whole {
        &mut self.ring
    }

    #[inline(always)]
    fn wait_timed(&mut self) {
        let args = SubmitArgs::new().timespec(&self.timeout);
        self.ring.0.submitter().submit_with_args(1, &args).expect("in time");
    }

    fn wait_registered(&mut self) {}

    const NO_REGISTERED: Option<&'static str> = Some("it has no registered waits");
}

struct Echo {
    ring: IoUring,
    buffers: Option<BufferRing>,
}

impl Echo {
    fn open(mode: ReceiveMode) -> Result<Self, Lack> {
        let ring = open(Setup::Defer)?;
        let buffers = (mode == ReceiveMode::Multishot).then(|| BufferRing::new(echo::ENTRIES as u16, MESSAGE));
        if let Some(buffers) = &buffers {
            let (address, count) = (buffers.address().expose_provenance() as u64, echo::ENTRIES as u16);
            // SAFETY: the memory is never freed.
            unsafe { ring.submitter().register_buf_ring_with_flags(address, count, 0, 0) }.map_err(failed)?;
        }
        Ok(Self { ring, buffers })
    }

    #[inline(always)]
    fn push(&mut self, entry: &squeue::Entry) {
        // SAFETY: the memory is the server's, and lives longer than the ring.
        if unsafe { self.ring.submission().push(entry) }.is_err() {
            self.ring.submit().expect("submitted");
            // SAFETY: the memory is the server's, and lives longer than the ring.
            unsafe { self.ring.submission().push(entry) }.expect("room after a submit");
        }
    }
}

impl EchoRing for Echo {
    #[inline(always)]
    fn recv(&mut self, fd: RawFd, into: *mut u8, tag: u64) {
        self.push(&opcode::Recv::new(Fd(fd), into, MESSAGE as u32).build().user_data(tag));
    }

    #[inline(always)]
    fn recv_multishot(&mut self, fd: RawFd, tag: u64) {
        self.push(&opcode::RecvMulti::new(Fd(fd), 0).build().user_data(tag));
    }

    #[inline(always)]
    fn send(&mut self, fd: RawFd, from: *const u8, len: usize, tag: u64) {
        self.push(&opcode::Send::new(Fd(fd), from, len as u32).build().user_data(tag));
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
            let (flags, result) = (cqe.flags(), cqe.result());
            let id = cqueue::buffer_select(flags);
            let buffer = id.zip(self.buffers.as_ref()).map(|(id, buffers)| (id, buffers.buffer(id)));
            *event = Event { tag: cqe.user_data(), result, more: cqueue::more(flags), buffer };
            count += 1;
        }
        count
    }

    #[inline(always)]
    fn recycle(&mut self, buffer: u16) {
        self.buffers.as_mut().expect("multishot").add(buffer);
    }
}
