//! No library: mapped rings, and the `syscall` instruction inline. No library can be faster.
//!
//! The code does only what the protocol requires: it reads the ring's flags only under SQPOLL, and never checks for
//! room. Every set-up uses `NO_SQARRAY`, the fastest one.

use std::arch::asm;
use std::os::fd::RawFd;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU32, Ordering, fence};

use super::{BY_HAND, Contender, lack};
use crate::measure::{Lack, Opened};
use crate::pages::{PAGE, leak};
use crate::setup::Setup;
use crate::work::alone::RawParams;
use crate::work::nop::{self, ENTRIES, NopRing, Seen};
use crate::work::read::{self, Plan, ReadRing};
use crate::work::wait::{self, SECONDS, WaitRing};
use crate::work::{alone, create};

pub const CONTENDER: Contender = Contender {
    name: BY_HAND,
    nop: |setup| nop::row(setup, move || Hand::open(setup)),
    singly: || nop::singly_row(Hand::open(Setup::Plain)?),
    idle: || lack("an empty submit by hand does nothing"),
    alone: || alone::row(|fd, params| Ok(Hand::over(fd, &params, None))),
    reads,
    waits,
    echo: |_| lack("not written by hand"),
    create: || {
        let memory = [leak(RINGS), leak(SQES)];
        let provided = move || drop(Hand::make(Setup::Plain, 0, Some(memory)).expect("a ring"));
        create::row(|| drop(Hand::open(Setup::Plain).expect("a ring")), Ok(Box::new(provided)))
    },
};

const SETUP: i64 = 425;
const ENTER: u64 = 426;
const REGISTER: i64 = 427;

const SQPOLL: u32 = 1 << 1;
const R_DISABLED: u32 = 1 << 6;
const NO_MMAP: u32 = 1 << 14;
const NO_SQARRAY: u32 = 1 << 16;

const GETEVENTS: u32 = 1;
const SQ_WAKEUP: u32 = 1 << 1;
const EXT_ARG: u32 = 1 << 3;
const REGISTERED_RING: u32 = 1 << 4;
const EXT_ARG_REG: u32 = 1 << 6;

const OP_NOP: u64 = 0;
const OP_READ_FIXED: u64 = 4;
const OP_READ: u64 = 22;

/// Bytes to map: more than the rings need, and what the entries need.
const RINGS: usize = 3 * PAGE;
const SQES: usize = 64 * 2 * ENTRIES as usize;

struct Hand {
    fd: RawFd,
    /// Flags of every `io_uring_enter`.
    flags: u32,
    sqpoll: bool,
    sq_tail: &'static AtomicU32,
    sq_flags: &'static AtomicU32,
    cq_head: &'static AtomicU32,
    cq_tail: &'static AtomicU32,
    sqes: *mut [u64; 8],
    sq_mask: u32,
    cqes: *const [u64; 2],
    cq_mask: u32,
    /// Local indices: the next entry to push, the end of what was submitted, the next completion to read.
    tail: u32,
    submitted: u32,
    head: u32,
    close: RawFd,
    mapped: bool,
}

fn done(result: i64) -> Result<i32, Lack> {
    if result < 0 { Err(Lack(std::io::Error::last_os_error().to_string())) } else { Ok(result as i32) }
}

fn map(fd: RawFd, offset: i64, bytes: usize) -> *mut u8 {
    let (access, how) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_POPULATE);
    // SAFETY: without MAP_FIXED, nothing that is mapped is replaced.
    let at = unsafe { libc::mmap(null_mut(), bytes, access, how, fd, offset) };
    assert_ne!(at, libc::MAP_FAILED);
    at.cast()
}

impl Hand {
    fn open(setup: Setup) -> Result<Self, Lack> {
        let memory = setup.provided().then(|| [leak(RINGS), leak(SQES)]);
        let mut ring = Self::make(setup, 0, memory)?;
        if setup.registered() {
            // `struct io_uring_rsrc_update`: offset and resv, then the file descriptor.
            let mut update = [u64::from(u32::MAX), ring.fd as u64];
            // SAFETY: the argument lives during the call.
            done(unsafe { libc::syscall(REGISTER, ring.fd, 20, &raw mut update, 1) })?;
            ring.fd = update[0] as u32 as i32;
            ring.flags |= REGISTERED_RING;
        }
        Ok(ring)
    }

    fn make(setup: Setup, more: u32, memory: Option<[*mut u8; 2]>) -> Result<Self, Lack> {
        let mut params: RawParams = [0; 30];
        params[2] = setup.flags() | more | NO_SQARRAY;
        params[3] = setup.sqpoll_cpu().unwrap_or(0);
        params[4] = setup.sqpoll_idle().unwrap_or(0);
        if let Some([rings, sqes]) = memory {
            params[2] |= NO_MMAP;
            // SAFETY: the memory has this length, and no ring uses it.
            unsafe { rings.write_bytes(0, RINGS) };
            // Both fields `user_addr`, as two words each.
            for (place, at) in [(18, sqes), (28, rings)] {
                let address = at.expose_provenance() as u64;
                params[place] = address as u32;
                params[place + 1] = (address >> 32) as u32;
            }
        }
        // SAFETY: the structure is as long as the kernel's, and memory that it names is never freed.
        let fd = done(unsafe { libc::syscall(SETUP, setup.entries(), &raw mut params) })?;
        Ok(Self::over(fd, &params, memory))
    }

    /// Uses the ring that `params` describe.
    fn over(fd: RawFd, params: &RawParams, memory: Option<[*mut u8; 2]>) -> Self {
        let [rings, sqes] = memory.unwrap_or_else(|| [map(fd, 0, RINGS), map(fd, 0x1000_0000, SQES)]);
        // SAFETY: the offset is that of an aligned word in the rings, which live longer than this value.
        let word = |offset: u32| unsafe { AtomicU32::from_ptr(rings.add(offset as usize).cast()) };
        Self {
            fd,
            flags: 0,
            sqpoll: params[2] & SQPOLL != 0,
            sq_tail: word(params[11]),
            sq_flags: word(params[14]),
            cq_head: word(params[20]),
            cq_tail: word(params[21]),
            sqes: sqes.cast(),
            // SAFETY: the offset of the completions lies in the rings.
            cqes: unsafe { rings.add(params[25] as usize) }.cast_const().cast(),
            sq_mask: params[0] - 1,
            cq_mask: params[1] - 1,
            tail: 0,
            submitted: 0,
            head: 0,
            close: fd,
            mapped: memory.is_none(),
        }
    }

    #[inline(always)]
    fn enter(&self, submit: u32, want: u32, flags: u32, argument: u64, size: u64) {
        let result: i64;
        // SAFETY: the memory of the requests is valid; the instruction overwrites rcx and r11.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") ENTER => result,
                in("rdi") self.fd as i64,
                in("rsi") u64::from(submit),
                in("rdx") u64::from(want),
                in("r10") u64::from(flags | self.flags),
                in("r8") argument,
                in("r9") size,
                lateout("rcx") _,
                lateout("r11") _,
                options(nostack),
            );
        }
        assert!(result >= 0, "io_uring_enter failed");
    }

    #[inline(always)]
    fn put(&mut self, entry: [u64; 8]) {
        let index = (self.tail & self.sq_mask) as usize;
        // SAFETY: the mask keeps the index within the entries. The entry is free, because the ring has an entry for
        // every request in flight.
        unsafe { self.sqes.add(index).write(entry) };
        self.tail = self.tail.wrapping_add(1);
    }

    /// Publishes the new entries, and returns how many.
    #[inline(always)]
    fn publish(&mut self) -> u32 {
        let count = self.tail.wrapping_sub(self.submitted);
        self.sq_tail.store(self.tail, Ordering::Release);
        self.submitted = self.tail;
        count
    }

    #[inline(always)]
    fn submit_waiting(&mut self, want: u32, flags: u32, argument: u64, size: u64) {
        let count = self.publish();
        self.enter(count, want, GETEVENTS | flags, argument, size);
    }

    /// Hands each completion's user data and result to `each`.
    #[inline(always)]
    fn take(&mut self, mut each: impl FnMut(u64, i32)) {
        let tail = self.cq_tail.load(Ordering::Acquire);
        while self.head != tail {
            // SAFETY: the mask keeps the index within the completions, and the kernel has written this one.
            let [tag, result] = unsafe { *self.cqes.add((self.head & self.cq_mask) as usize) };
            each(tag, result as i32);
            self.head = self.head.wrapping_add(1);
        }
        self.cq_head.store(tail, Ordering::Release);
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        if self.mapped {
            let rings = std::ptr::from_ref(self.cq_head).map_addr(|at| at & !(PAGE - 1));
            // SAFETY: the mapping is this ring's, and no longer used.
            unsafe { libc::munmap(rings.cast_mut().cast(), RINGS) };
            // SAFETY: the mapping is this ring's, and no longer used.
            unsafe { libc::munmap(self.sqes.cast(), SQES) };
        }
        if self.flags & REGISTERED_RING != 0 {
            let mut update = [self.fd as u64, 0];
            // SAFETY: the argument lives during the call.
            unsafe { libc::syscall(REGISTER, self.close, 21, &raw mut update, 1) };
        }
        // SAFETY: the file descriptor is this ring's.
        unsafe { libc::close(self.close) };
    }
}

impl NopRing for Hand {
    #[inline(always)]
    fn push(&mut self, batch: u32, first: u64) {
        for tag in first..first + u64::from(batch) {
            self.put([OP_NOP, 0, 0, 0, tag, 0, 0, 0]);
        }
    }

    #[inline(always)]
    fn push_singly(&mut self, batch: u32, first: u64) {
        self.push(batch, first);
    }

    #[inline(always)]
    fn submit(&mut self) {
        let count = self.publish();
        if !self.sqpoll {
            self.enter(count, 0, 0, 0, 0);
            return;
        }
        fence(Ordering::SeqCst);
        if self.sq_flags.load(Ordering::Relaxed) & 1 != 0 {
            self.enter(count, 0, SQ_WAKEUP, 0, 0);
        }
    }

    #[inline(always)]
    fn submit_and_wait(&mut self, want: u32) {
        self.submit_waiting(want, 0, 0, 0);
    }

    #[inline(always)]
    fn reap(&mut self, seen: &mut Seen) {
        self.take(|tag, result| seen.add(tag, result));
    }

    fn asleep(&mut self) -> bool {
        self.sq_flags.load(Ordering::Relaxed) & 1 != 0
    }
}

struct Reader {
    ring: Hand,
    plan: Plan,
    /// Opcode, flags and file of every request.
    start: u64,
}

fn reads(plan: Plan) -> Opened {
    const FIXED_FILE: u64 = 1 << 8;
    let ring = Hand::open(Setup::Plain)?;
    let mut start = OP_READ | u64::from(plan.fd as u32) << 32;
    if plan.fixed_file {
        // SAFETY: the argument lives during the call.
        done(unsafe { libc::syscall(REGISTER, ring.fd, 2, &raw const plan.fd, 1) })?;
        start = OP_READ | FIXED_FILE;
    }
    if plan.fixed_buffers {
        let all = libc::iovec { iov_base: plan.buffers.cast(), iov_len: Plan::BYTES };
        // SAFETY: the memory is never freed, and only this ring's reads use it.
        done(unsafe { libc::syscall(REGISTER, ring.fd, 0, &raw const all, 1) })?;
        start = start & !0xff | OP_READ_FIXED;
    }
    read::row(plan, Reader { ring, plan, start })
}

impl ReadRing for Reader {
    #[inline(always)]
    fn read(&mut self, offsets: &[u64]) -> u64 {
        let Self { ring, plan, start } = self;
        for (index, offset) in offsets.iter().enumerate() {
            ring.put([*start, *offset, plan.buffer(index) as u64, PAGE as u64, 0, 0, 0, 0]);
        }
        let (mut count, mut bytes) = (0, 0);
        while count < offsets.len() {
            ring.submit_and_wait((offsets.len() - count) as u32);
            ring.take(|_, result| {
                count += 1;
                assert!(result >= 0, "read failed");
                bytes += result as u64;
            });
        }
        bytes
    }
}

struct Waits {
    ring: Hand,
    timeout: [u64; 2],
}

fn waits() -> Opened {
    const TS: u64 = 1 << 32;
    let ring = Hand::make(Setup::Defer, R_DISABLED, None)?;
    let page: *mut u64 = leak(PAGE).cast();
    // `struct io_uring_reg_wait`: the time, then `min_wait_usec` and the flags.
    for (at, word) in [SECONDS, 0, TS].into_iter().enumerate() {
        // SAFETY: the page has room, and nothing else uses it.
        unsafe { page.add(at).write(word) };
    }
    // `struct io_uring_region_desc`: the address, the size, and the flag for the program's memory.
    let mut region = [page.expose_provenance() as u64, PAGE as u64, 1, 0, 0, 0, 0, 0];
    // `struct io_uring_mem_region_reg`: the address, and the flag for arguments of waits.
    let mut register = [(&raw mut region).expose_provenance() as u64, 1, 0, 0];
    // SAFETY: the arguments live during the call, and the page is never freed.
    done(unsafe { libc::syscall(REGISTER, ring.fd, 34, &raw mut register, 1) })?;
    // SAFETY: the call takes numbers only.
    done(unsafe { libc::syscall(REGISTER, ring.fd, 12, 0, 0) })?;
    wait::row(Waits { ring, timeout: [SECONDS, 0] })
}

impl WaitRing for Waits {
    type Ring = Hand;

    #[inline(always)]
    fn ring(&mut self) -> &mut Hand {
        &mut self.ring
    }

    #[inline(always)]
    fn wait_timed(&mut self) {
        // `struct io_uring_getevents_arg`: the mask, its size and `min_wait_usec`, and the address of the time.
        let argument = [0, 8, (&raw const self.timeout).expose_provenance() as u64];
        self.ring.submit_waiting(1, EXT_ARG, (&raw const argument).expose_provenance() as u64, 24);
    }

    #[inline(always)]
    fn wait_registered(&mut self) {
        self.ring.submit_waiting(1, EXT_ARG | EXT_ARG_REG, 0, 64);
    }
}
