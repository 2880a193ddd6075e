//! A kernel whose entries a test looks at, or changes, before the kernel consumes them, and whose probe it answers.

use std::cell::Cell;
use std::ffi::c_void;
use std::ptr::NonNull;

use bare_uring::types::RawFd;
use bare_uring::uapi::{io_uring_params, io_uring_register_op};
use bare_uring::{Errno, Kernel};

/// `IORING_OFF_SQES`.
const SQES: u64 = 0x1000_0000;

/// An entry as the kernel sees it.
pub type Bytes = [u8; 64];

/// What the probe says of an opcode, given what the kernel says; `None`: the kernel has no probe.
pub type Answer = Option<fn(u8, bool) -> bool>;

pub struct Watched<K> {
    kernel: K,
    look: Box<dyn Fn(&mut Bytes)>,
    answer: Answer,
    /// The offsets in the ring of the submission queue's head, tail and mask.
    offsets: Cell<[u32; 3]>,
    ring: Cell<Option<NonNull<u8>>>,
    entries: Cell<Option<NonNull<Bytes>>>,
}

impl<K: Kernel> Watched<K> {
    /// Makes a kernel that makes one ring and maps it. The ring must not be one for SQPOLL, so that entries are
    /// consumed in calls only.
    pub fn new(kernel: K, look: impl Fn(&mut Bytes) + 'static) -> Self {
        Self {
            kernel,
            look: Box::new(look),
            answer: Some(|_, supported| supported),
            offsets: Cell::default(),
            ring: Cell::default(),
            entries: Cell::default(),
        }
    }

    /// Sets what the probe says.
    pub fn answering(self, answer: Answer) -> Self {
        Self { answer, ..self }
    }

    fn look_at(&self, to_submit: u32) {
        let (Some(ring), Some(entries)) = (self.ring.get(), self.entries.get()) else { return };
        let [head, tail, mask] = self.offsets.get().map(|offset| {
            // SAFETY: the offset is one of the ring's, which is mapped.
            let word = unsafe { ring.byte_add(offset as usize) }.cast::<u32>();
            // SAFETY: the word is aligned, and the kernel does not write to it before this returns.
            unsafe { word.read() }
        });
        for at in (0..to_submit.min(tail.wrapping_sub(head))).map(|ahead| head.wrapping_add(ahead) & mask) {
            // SAFETY: the mapping has an entry for each index under the mask.
            let mut entry = unsafe { entries.add(at as usize) };
            // SAFETY: the thread that pushed the entry is in this call, and the kernel reads the entry after it.
            (self.look)(unsafe { entry.as_mut() });
        }
    }
}

// SAFETY: every method is the kernel's own, which keeps the contract. A test that changes entries answers for what they
// make the kernel do.
unsafe impl<K: Kernel> Kernel for Watched<K> {
    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        // SAFETY: the caller's contract is the same.
        let ring = unsafe { self.kernel.setup(entries, params) }?;
        self.offsets.set([params.sq_off.head, params.sq_off.tail, params.sq_off.ring_mask]);
        Ok(ring)
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
        self.look_at(to_submit);
        // SAFETY: the caller's contract is the same.
        unsafe { self.kernel.enter(fd, to_submit, min_complete, flags, argument, size) }
    }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        let is_probe = operation == io_uring_register_op::IORING_REGISTER_PROBE as u32;
        if is_probe && self.answer.is_none() {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the caller's contract is the same.
        let done = unsafe { self.kernel.register(fd, operation, argument, count) }?;
        if let (true, Some(answer)) = (is_probe, self.answer) {
            // SAFETY: a probe's argument is a head of 16 bytes with `count` items of 8 bytes behind it.
            let items = unsafe { argument.byte_add(16) }.cast::<[u8; 8]>();
            // SAFETY: the items are integers, and the caller's until the call returns.
            let items = unsafe { std::slice::from_raw_parts_mut(items, count as usize) };
            for (opcode, item) in (0..=u8::MAX).zip(items) {
                // The flags are the two bytes behind two numbers, and the one flag is their lowest bit.
                let supported = u16::from_ne_bytes([item[2], item[3]]) & 1 != 0;
                [item[2], item[3]] = u16::from(answer(opcode, supported)).to_ne_bytes();
            }
        }
        Ok(done)
    }

    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        let memory = self.kernel.map(length, fd, offset)?;
        if offset == SQES {
            self.entries.set(Some(memory.cast()));
        } else if offset == 0 {
            self.ring.set(Some(memory));
        }
        Ok(memory)
    }

    unsafe fn unmap(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        // SAFETY: the caller's contract is the same.
        unsafe { self.kernel.unmap(address, length) }
    }

    unsafe fn keep_from_fork(&self, address: NonNull<u8>, length: usize) -> Result<(), Errno> {
        // SAFETY: the caller's contract is the same.
        unsafe { self.kernel.keep_from_fork(address, length) }
    }

    unsafe fn close(&self, fd: RawFd) -> Result<(), Errno> {
        // SAFETY: the caller's contract is the same.
        unsafe { self.kernel.close(fd) }
    }
}
