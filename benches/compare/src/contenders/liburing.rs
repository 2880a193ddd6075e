//! The C library liburing, built and bound by the crate axboe-liburing. Functions that are inline in liburing's header
//! are inline here too.

use std::mem::MaybeUninit;
use std::os::fd::RawFd;
use std::ptr::null_mut;

use liburing_rs as c;

use super::{Contender, foreign_params};
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
    name: "liburing",
    nop: |setup| nop::row(setup, move || Ring::open(setup)),
    singly: || nop::singly_row(Ring::open(Setup::Plain)?),
    idle: || nop::idle_row(Ring::open(Setup::Plain)?),
    alone: || alone::row(take_over),
    reads,
    waits,
    echo: |mode| echo::row(mode, move || Echo::open(mode)),
    create: || {
        let memory = leak(MEMORY);
        let provided = move || drop(Ring::make(Setup::Plain, 0, Some(memory)).expect("a ring"));
        create::row(|| drop(Ring::open(Setup::Plain).expect("a ring")), Ok(Box::new(provided)))
    },
};

/// Bytes for a ring: more than a ring of [`ENTRIES`] needs.
const MEMORY: usize = 16 * PAGE;
const BUFFER_SELECT: u8 = 1 << c::IOSQE_BUFFER_SELECT_BIT;
const FIXED_FILE: u8 = 1 << c::IOSQE_FIXED_FILE_BIT;

fn done(result: i32) -> Result<i32, Lack> {
    if result < 0 { Err(Lack(std::io::Error::from_raw_os_error(-result).to_string())) } else { Ok(result) }
}

/// In a box, because the code here keeps pointers to it.
struct Ring(Box<c::io_uring>);

impl Ring {
    fn open(setup: Setup) -> Result<Self, Lack> {
        let mut ring = Self::make(setup, 0, setup.provided().then(|| leak(MEMORY)))?;
        if setup.registered() {
            // SAFETY: the ring was made.
            done(unsafe { c::io_uring_register_ring_fd(ring.at()) })?;
        }
        Ok(ring)
    }

    fn make(setup: Setup, more: u32, memory: Option<*mut u8>) -> Result<Self, Lack> {
        let mut ring = Box::<c::io_uring>::default();
        let mut params = c::io_uring_params {
            flags: setup.flags() | more,
            sq_thread_cpu: setup.sqpoll_cpu().unwrap_or(0),
            sq_thread_idle: setup.sqpoll_idle().unwrap_or(0),
            ..Default::default()
        };
        let result = match memory {
            // SAFETY: both pointers are to local structures of the library's own types.
            None => unsafe { c::io_uring_queue_init_params(setup.entries(), &raw mut *ring, &raw mut params) },
            // SAFETY: both pointers are to local structures of the library's own types, and the memory has this length.
            Some(memory) => unsafe {
                c::io_uring_queue_init_mem(ENTRIES, &raw mut *ring, &raw mut params, memory.cast(), MEMORY)
            },
        };
        done(result).map(|_| Self(ring))
    }

    #[inline(always)]
    fn at(&mut self) -> *mut c::io_uring {
        &raw mut *self.0
    }

    #[inline(always)]
    fn entry(&mut self) -> *mut c::io_uring_sqe {
        // SAFETY: the ring was made.
        let entry = unsafe { c::io_uring_get_sqe(self.at()) };
        assert!(!entry.is_null(), "room for a batch");
        entry
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the ring was made, and is no longer used.
        unsafe { c::io_uring_queue_exit(self.at()) };
    }
}

fn take_over(fd: RawFd, params: RawParams) -> Result<Ring, Lack> {
    let mut ring = Box::<c::io_uring>::default();
    // SAFETY: the type is the kernel's structure.
    let mut params: c::io_uring_params = unsafe { foreign_params(params) };
    // SAFETY: the parameters are those of the ring in memory, which nothing else uses.
    done(unsafe { c::io_uring_queue_mmap(fd, &raw mut params, &raw mut *ring) })?;
    Ok(Ring(ring))
}

impl NopRing for Ring {
    #[inline(always)]
    fn push(&mut self, batch: u32, first: u64) {
        for tag in first..first + u64::from(batch) {
            let entry = self.entry();
            // SAFETY: the entry is not submitted yet.
            unsafe { c::io_uring_prep_nop(entry) };
            // SAFETY: the entry is not submitted yet.
            unsafe { c::io_uring_sqe_set_data64(entry, tag) };
        }
    }

    #[inline(always)]
    fn push_singly(&mut self, batch: u32, first: u64) {
        self.push(batch, first);
    }

    #[inline(always)]
    fn submit(&mut self) {
        // SAFETY: the ring was made.
        assert!(unsafe { c::io_uring_submit(self.at()) } >= 0);
    }

    #[inline(always)]
    fn submit_and_wait(&mut self, want: u32) {
        // SAFETY: the ring was made.
        assert!(unsafe { c::io_uring_submit_and_wait(self.at(), want) } >= 0);
    }

    #[inline(always)]
    fn reap(&mut self, seen: &mut Seen) {
        let mut count = 0;
        let each = |cqe: *mut c::io_uring_cqe| {
            count += 1;
            // SAFETY: the completion is valid until the head moves past it.
            let (tag, result) = unsafe { ((*cqe).user_data, (*cqe).res) };
            seen.add(tag, result);
        };
        // SAFETY: the ring was made.
        unsafe { c::io_uring_for_each_cqe(self.at(), each) };
        // SAFETY: this many completions were seen.
        unsafe { c::io_uring_cq_advance(self.at(), count) };
    }

    fn asleep(&mut self) -> bool {
        // SAFETY: the pointer is into the ring's memory.
        unsafe { self.0.sq.kflags.read_volatile() & c::IORING_SQ_NEED_WAKEUP != 0 }
    }
}

struct Reader {
    ring: Ring,
    plan: Plan,
}

fn reads(plan: Plan) -> Opened {
    let mut ring = Ring::open(Setup::Plain)?;
    if plan.fixed_file {
        // SAFETY: the ring was made, and the file descriptor is open.
        done(unsafe { c::io_uring_register_files(ring.at(), &raw const plan.fd, 1) })?;
    }
    if plan.fixed_buffers {
        let all = c::iovec { iov_base: plan.buffers.cast(), iov_len: Plan::BYTES };
        // SAFETY: the memory is never freed, and only this ring's reads use it.
        done(unsafe { c::io_uring_register_buffers(ring.at(), &raw const all, 1) })?;
    }
    read::row(plan, Reader { ring, plan })
}

impl ReadRing for Reader {
    #[inline(always)]
    fn read(&mut self, offsets: &[u64]) -> u64 {
        let Self { ring, plan } = self;
        let file = if plan.fixed_file { 0 } else { plan.fd };
        for (index, offset) in offsets.iter().enumerate() {
            let (entry, to) = (ring.entry(), plan.buffer(index).cast());
            if plan.fixed_buffers {
                // SAFETY: nothing else uses the buffer until the loop below has seen all completions.
                unsafe { c::io_uring_prep_read_fixed(entry, file, to, PAGE as u32, *offset, 0) };
            } else {
                // SAFETY: nothing else uses the buffer until the loop below has seen all completions.
                unsafe { c::io_uring_prep_read(entry, file, to, PAGE as u32, *offset) };
            }
            if plan.fixed_file {
                // SAFETY: the entry is not submitted yet.
                unsafe { (*entry).flags |= FIXED_FILE };
            }
        }
        let (mut count, mut bytes) = (0, 0);
        while (count as usize) < offsets.len() {
            ring.submit_and_wait(offsets.len() as u32 - count);
            let mut seen = 0;
            let each = |cqe: *mut c::io_uring_cqe| {
                seen += 1;
                // SAFETY: the completion is valid until the head moves past it.
                let result = unsafe { (*cqe).res };
                assert!(result >= 0, "read failed");
                bytes += result as u64;
            };
            // SAFETY: the ring was made.
            unsafe { c::io_uring_for_each_cqe(ring.at(), each) };
            // SAFETY: this many completions were seen.
            unsafe { c::io_uring_cq_advance(ring.at(), seen) };
            count += seen;
        }
        bytes
    }
}

struct Waits {
    ring: Ring,
    timeout: c::__kernel_timespec,
}

fn waits() -> Opened {
    let mut ring = Ring::make(Setup::Defer, c::IORING_SETUP_R_DISABLED, None)?;
    let timeout = c::__kernel_timespec { tv_sec: SECONDS as i64, tv_nsec: 0 };
    let argument: *mut c::io_uring_reg_wait = leak(PAGE).cast();
    let wait = c::io_uring_reg_wait { ts: timeout, flags: c::IORING_REG_WAIT_TS, ..Default::default() };
    // SAFETY: the page is aligned, and nothing else uses it.
    unsafe { argument.write(wait) };
    let mut region = c::io_uring_region_desc {
        user_addr: argument.expose_provenance() as u64,
        size: PAGE as u64,
        flags: c::IORING_MEM_REGION_TYPE_USER,
        ..Default::default()
    };
    let mut register = c::io_uring_mem_region_reg {
        region_uptr: (&raw mut region).expose_provenance() as u64,
        flags: u64::from(c::IORING_MEM_REGION_REG_WAIT_ARG),
        ..Default::default()
    };
    // SAFETY: the page is never freed, and the structures are used during the call only.
    done(unsafe { c::io_uring_register_region(ring.at(), &raw mut register) })?;
    // SAFETY: the ring was made.
    done(unsafe { c::io_uring_enable_rings(ring.at()) })?;
    wait::row(Waits { ring, timeout })
}

impl WaitRing for Waits {
    type Ring = Ring;

    #[inline(always)]
    fn ring(&mut self) -> &mut Ring {
        &mut self.ring
    }

    #[inline(always)]
    fn wait_timed(&mut self) {
        let mut cqe = null_mut();
        let timeout = &raw mut self.timeout;
        let ring = self.ring.at();
        // SAFETY: all pointers are to valid memory.
        let result = unsafe { c::io_uring_submit_and_wait_timeout(ring, &raw mut cqe, 1, timeout, null_mut()) };
        assert!(result >= 0);
    }

    #[inline(always)]
    fn wait_registered(&mut self) {
        let mut cqe = null_mut();
        // SAFETY: `waits` has written the first argument of the region.
        let result = unsafe { c::io_uring_submit_and_wait_reg(self.ring.at(), &raw mut cqe, 1, 0) };
        assert!(result >= 0);
    }
}

struct Echo {
    ring: Ring,
    buffers: *mut c::io_uring_buf_ring,
    memory: *mut u8,
    /// Buffers added and not yet published.
    added: i32,
}

const COUNT: u32 = echo::ENTRIES;

impl Echo {
    fn open(mode: ReceiveMode) -> Result<Self, Lack> {
        let ring = Ring::open(Setup::Defer)?;
        let mut echo = Self { ring, buffers: null_mut(), memory: leak(COUNT as usize * MESSAGE), added: 0 };
        if mode == ReceiveMode::Multishot {
            let mut error = 0;
            // SAFETY: the ring was made.
            echo.buffers = unsafe { c::io_uring_setup_buf_ring(echo.ring.at(), COUNT, 0, 0, &raw mut error) };
            done(error)?;
            (0..COUNT as u16).for_each(|id| echo.recycle(id));
        }
        Ok(echo)
    }

    #[inline(always)]
    fn entry(&mut self) -> *mut c::io_uring_sqe {
        // SAFETY: the ring was made.
        let entry = unsafe { c::io_uring_get_sqe(self.ring.at()) };
        if entry.is_null() {
            self.ring.submit();
            return self.ring.entry();
        }
        entry
    }

    fn buffer(&self, id: u16) -> *mut u8 {
        assert!(u32::from(id) < COUNT);
        // SAFETY: the assertion above: the buffer exists.
        unsafe { self.memory.add(usize::from(id) * MESSAGE) }
    }
}

impl EchoRing for Echo {
    #[inline(always)]
    fn recv(&mut self, fd: RawFd, into: *mut u8, tag: u64) {
        let entry = self.entry();
        // SAFETY: the memory is the server's, and lives longer than the ring.
        unsafe { c::io_uring_prep_recv(entry, fd, into.cast(), MESSAGE, 0) };
        // SAFETY: the entry is not submitted yet.
        unsafe { c::io_uring_sqe_set_data64(entry, tag) };
    }

    #[inline(always)]
    fn recv_multishot(&mut self, fd: RawFd, tag: u64) {
        let entry = self.entry();
        // SAFETY: the buffers are never freed.
        unsafe { c::io_uring_prep_recv_multishot(entry, fd, null_mut(), 0, 0) };
        // SAFETY: the entry is not submitted yet. (Its group is already 0, the right one.)
        unsafe { (*entry).flags |= BUFFER_SELECT };
        // SAFETY: the entry is not submitted yet.
        unsafe { c::io_uring_sqe_set_data64(entry, tag) };
    }

    #[inline(always)]
    fn send(&mut self, fd: RawFd, from: *const u8, len: usize, tag: u64) {
        let entry = self.entry();
        // SAFETY: the memory is the server's, and lives longer than the ring.
        unsafe { c::io_uring_prep_send(entry, fd, from.cast(), len, 0) };
        // SAFETY: the entry is not submitted yet.
        unsafe { c::io_uring_sqe_set_data64(entry, tag) };
    }

    #[inline(always)]
    fn wait(&mut self) {
        if self.added != 0 {
            // SAFETY: this many buffers were added.
            unsafe { c::io_uring_buf_ring_advance(self.buffers, self.added) };
            self.added = 0;
        }
        self.ring.submit_and_wait(1);
    }

    #[inline(always)]
    fn reap(&mut self, into: &mut [Event]) -> usize {
        let mut cqes = [const { MaybeUninit::<*mut c::io_uring_cqe>::uninit() }; COUNT as usize];
        let room = into.len().min(cqes.len()) as u32;
        // SAFETY: the array has room for this many.
        let count = unsafe { c::io_uring_peek_batch_cqe(self.ring.at(), cqes.as_mut_ptr().cast(), room) };
        for (event, cqe) in into.iter_mut().zip(&cqes[..count as usize]) {
            // SAFETY: the library has written this many elements.
            let cqe = unsafe { cqe.assume_init() };
            // SAFETY: the completion is valid until the head moves past it.
            let (tag, result, flags) = unsafe { ((*cqe).user_data, (*cqe).res, (*cqe).flags) };
            let id = (flags >> c::IORING_CQE_BUFFER_SHIFT) as u16;
            let buffer = (flags & c::IORING_CQE_F_BUFFER != 0).then(|| (id, self.buffer(id).cast_const()));
            *event = Event { tag, result, more: flags & c::IORING_CQE_F_MORE != 0, buffer };
        }
        // SAFETY: this many completions were seen.
        unsafe { c::io_uring_cq_advance(self.ring.at(), count) };
        count as usize
    }

    #[inline(always)]
    fn recycle(&mut self, buffer: u16) {
        let (at, mask) = (self.buffer(buffer).cast(), c::io_uring_buf_ring_mask(COUNT));
        // SAFETY: the buffer is not in the ring.
        unsafe { c::io_uring_buf_ring_add(self.buffers, at, MESSAGE as u32, buffer, mask, self.added) };
        self.added += 1;
    }
}
