//! The crate ququmatz.

use std::os::fd::RawFd;

use ququmatz::types::RawFd as File;
use ququmatz::{Completion, CqeFlags, Error, IoUring, IoUringBuilder, IoVec, MsgFlags, ProvidedBufferRing, Sqe};

use super::{Contender, lack};
use crate::measure::{Lack, Opened};
use crate::pages::PAGE;
use crate::setup::Setup;
use crate::work::alone::{self, Player};
use crate::work::create;
use crate::work::echo::{self, EchoRing, Event, MESSAGE, ReceiveMode};
use crate::work::nop::{self, ENTRIES, NopRing, Seen};
use crate::work::read::{self, Plan, ReadRing};
use crate::work::wait::{self, WaitRing};

pub const CONTENDER: Contender = Contender {
    name: "ququmatz",
    nop,
    singly: || nop::singly_row(open(Setup::Plain)?),
    idle: || nop::idle_row(open(Setup::Plain)?),
    alone,
    reads,
    waits: || wait::row(Waits(open(Setup::Defer)?)),
    echo: |mode| echo::row(mode, move || Echo::open(mode)),
    create: || {
        let provided = || drop(IoUringBuilder::new(ENTRIES).no_mmap().build().expect("a ring"));
        create::row(|| drop(open(Setup::Plain).expect("a ring")), Ok(Box::new(provided)))
    },
};

fn failed(error: Error) -> Lack {
    Lack(error.to_string())
}

fn file(fd: RawFd) -> File {
    File::from_raw(fd as usize)
}

struct Ring {
    ring: IoUring,
    sqpoll: bool,
}

fn open(setup: Setup) -> Result<Ring, Lack> {
    let mut builder = IoUringBuilder::new(setup.entries());
    if setup.coop() {
        builder = builder.coop_taskrun();
    }
    if setup.defer() {
        builder = builder.single_issuer().defer_taskrun();
    }
    if setup.no_sqarray() {
        builder = builder.no_sqarray();
    }
    if let Some(idle) = setup.sqpoll_idle() {
        builder = builder.sqpoll(idle);
    }
    if let Some(cpu) = setup.sqpoll_cpu() {
        builder = builder.sqpoll_cpu(cpu);
    }
    let ring = builder.build().map_err(failed)?;
    Ok(Ring { ring, sqpoll: setup.sqpoll_idle().is_some() })
}

fn nop(setup: Setup) -> Opened {
    if setup.registered() {
        return lack("its submit never uses the registered index of the ring");
    }
    nop::row(setup, move || open(setup))
}

/// Runs on a plain ring of the kernel, because the library can't take over a ring. Submits as with a kernel thread that
/// is awake: the tail, the fence, the flags. No flag is ever set, so no submit enters the kernel.
fn alone() -> Opened {
    let Ring { ring, .. } = open(Setup::Plain)?;
    let rings = ring.sq_head_ptr().cast_mut().cast::<u8>();
    let at = |offset: usize| rings.wrapping_add(offset).cast_const();
    let found = [ring.sq_tail_ptr(), ring.cq_head_ptr(), ring.cq_tail_ptr(), ring.cqe_array_ptr().cast()];
    let expected = alone::OFFSETS.map(|offset| at(offset).cast());
    if found != expected || (ring.sq_mask(), ring.cq_mask()) != alone::MASKS {
        return lack("this kernel's rings have another layout than the ring in memory");
    }
    // SAFETY: the checks above: the layout is that of the player. The kernel reads and writes the memory only in calls that the
    // row does not make.
    let player = unsafe { Player::on(ring.raw_fd().as_usize() as i32) };
    Ok(alone::row_with(Ring { ring, sqpoll: true }, player))
}

impl NopRing for Ring {
    #[inline(always)]
    fn push(&mut self, batch: u32, first: u64) {
        for tag in first..first + u64::from(batch) {
            self.ring.push(Sqe::nop().user_data(tag)).expect("room for a batch");
        }
    }

    #[inline(always)]
    fn push_singly(&mut self, batch: u32, first: u64) {
        self.push(batch, first);
    }

    #[inline(always)]
    fn submit(&mut self) {
        // The library's documentation asks for one or the other.
        if self.sqpoll {
            self.ring.submit_sqpoll().expect("submitted");
        } else {
            self.ring.submit().expect("submitted");
        }
    }

    #[inline(always)]
    fn submit_and_wait(&mut self, want: u32) {
        self.ring.submit_and_wait(want).expect("submitted");
    }

    #[inline(always)]
    fn reap(&mut self, seen: &mut Seen) {
        for cqe in self.ring.completions() {
            seen.add(cqe.user_data(), cqe.raw_result());
        }
        // The library's waits give completions back to the kernel; under SQPOLL no wait does.
        if self.sqpoll {
            self.ring.sync_cq();
        }
    }

    fn asleep(&mut self) -> bool {
        self.ring.sq_need_wakeup()
    }
}

struct Reader {
    ring: IoUring,
    plan: Plan,
}

fn reads(plan: Plan) -> Opened {
    let Ring { mut ring, .. } = open(Setup::Plain)?;
    if plan.fixed_file {
        ring.register_files(&[plan.fd]).map_err(failed)?;
    }
    if plan.fixed_buffers {
        // SAFETY: the memory is never freed, and only this ring's reads use it.
        let all = unsafe { IoVec::new(plan.buffers, Plan::BYTES) };
        ring.register_buffers(&[all]).map_err(failed)?;
    }
    read::row(plan, Reader { ring, plan })
}

impl ReadRing for Reader {
    #[inline(always)]
    fn read(&mut self, offsets: &[u64]) -> u64 {
        let Self { ring, plan } = self;
        let file = file(if plan.fixed_file { 0 } else { plan.fd });
        for (index, offset) in offsets.iter().enumerate() {
            let (to, len) = (plan.buffer(index), PAGE as u32);
            let entry = if plan.fixed_buffers {
                // SAFETY: nothing else uses the buffer until the loop below has seen all completions.
                unsafe { Sqe::read_fixed(file, to, len, *offset, 0) }
            } else {
                // SAFETY: nothing else uses the buffer until the loop below has seen all completions.
                unsafe { Sqe::read_ptr(file, to, len, *offset) }
            };
            ring.push(if plan.fixed_file { entry.fixed_file() } else { entry }).expect("room for a batch");
        }
        let (mut count, mut bytes) = (0, 0);
        while count < offsets.len() {
            ring.submit_and_wait((offsets.len() - count) as u32).expect("submitted");
            for cqe in ring.completions() {
                count += 1;
                assert!(cqe.raw_result() >= 0, "read failed");
                bytes += cqe.raw_result() as u64;
            }
        }
        bytes
    }
}

struct Waits(Ring);

impl WaitRing for Waits {
    type Ring = Ring;

    #[inline(always)]
    fn ring(&mut self) -> &mut Ring {
        &mut self.0
    }

    fn wait_timed(&mut self) {}

    fn wait_registered(&mut self) {}

    const NO_TIMED: Option<&'static str> = Some("its waits take no timeout");
    const NO_REGISTERED: Option<&'static str> = Some("it has no registered waits");
}

struct Echo {
    // Declared before the ring, because fields are dropped in order and the buffers are registered with the ring.
    buffers: Option<ProvidedBufferRing>,
    ring: IoUring,
    recycled: bool,
}

impl Echo {
    fn open(mode: ReceiveMode) -> Result<Self, Lack> {
        let Ring { mut ring, .. } = open(Setup::Defer)?;
        let buffers = (mode == ReceiveMode::Multishot)
            .then(|| ring.register_provided_buffers(0, echo::ENTRIES, MESSAGE as u32))
            .transpose()
            .map_err(failed)?;
        Ok(Self { buffers, ring, recycled: false })
    }

    #[inline(always)]
    fn push(&mut self, entry: impl Fn() -> Sqe) {
        if self.ring.push(entry()).is_err() {
            self.ring.submit().expect("submitted");
            self.ring.push(entry()).expect("room after a submit");
        }
    }

    fn event(buffers: Option<&ProvidedBufferRing>, cqe: &Completion) -> Event {
        let id = cqe.buffer_id();
        let buffer = id
            .zip(buffers)
            .map(|(id, buffers)| (id, buffers.buffer(id, cqe.raw_result() as u32).expect("a buffer of ours").as_ptr()));
        let more = cqe.flags().contains(CqeFlags::MORE);
        Event { tag: cqe.user_data(), result: cqe.raw_result(), more, buffer }
    }
}

impl EchoRing for Echo {
    #[inline(always)]
    fn recv(&mut self, fd: RawFd, into: *mut u8, tag: u64) {
        // SAFETY: the memory is the server's, and lives longer than the ring.
        let entry = || unsafe { Sqe::recv_ptr(file(fd), into, MESSAGE as u32, MsgFlags::default()) };
        self.push(|| entry().user_data(tag));
    }

    #[inline(always)]
    fn recv_multishot(&mut self, fd: RawFd, tag: u64) {
        self.push(|| Sqe::recv_multishot(file(fd), MsgFlags::default()).buffer_select(0).user_data(tag));
    }

    #[inline(always)]
    fn send(&mut self, fd: RawFd, from: *const u8, len: usize, tag: u64) {
        // SAFETY: the memory is the server's, and lives longer than the ring.
        let entry = || unsafe { Sqe::send_ptr(file(fd), from, len as u32, MsgFlags::default()) };
        self.push(|| entry().user_data(tag));
    }

    #[inline(always)]
    fn wait(&mut self) {
        if self.recycled {
            self.recycled = false;
            self.buffers.as_ref().expect("multishot").commit();
        }
        self.ring.submit_and_wait(1).expect("submitted");
    }

    #[inline(always)]
    fn reap(&mut self, into: &mut [Event]) -> usize {
        let mut count = 0;
        for (event, cqe) in into.iter_mut().zip(self.ring.completions()) {
            *event = Self::event(self.buffers.as_ref(), &cqe);
            count += 1;
        }
        count
    }

    #[inline(always)]
    fn recycle(&mut self, buffer: u16) {
        self.recycled = true;
        self.buffers.as_mut().expect("multishot").recycle(buffer);
    }
}
