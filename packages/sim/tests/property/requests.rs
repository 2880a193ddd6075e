//! The requests that are pushed, alone and in chains. They complete at once, later, or when the far side does
//! something.

use bare_uring::opcode;
use bare_uring::squeue::{self, Flags};
use bare_uring::types::{CancelBuilder, Fd, PollEvents, RawFd, TimeoutFlags, Timespec};
use bare_uring_sim::{Profile, Random, SimKernel, Unready};

use crate::books::{Books, MESSAGES};

/// A kind of submission queue entry.
pub trait Build: squeue::EntryMarker {
    /// Whether the ring takes entries of 128 bytes.
    const LARGE: bool;

    /// Makes a nop of 128 bytes.
    fn large(nop: opcode::Nop128, user_data: u64) -> Self;
}

impl Build for squeue::Entry {
    const LARGE: bool = false;

    fn large(_: opcode::Nop128, _: u64) -> Self {
        unreachable!("not asked for")
    }
}

impl Build for squeue::Entry128 {
    const LARGE: bool = true;

    fn large(nop: opcode::Nop128, user_data: u64) -> Self {
        nop.build().user_data(user_data).into()
    }
}

impl Build for squeue::EntryMixed {
    const LARGE: bool = true;

    fn large(nop: opcode::Nop128, user_data: u64) -> Self {
        Self::Large(nop.build().user_data(user_data))
    }
}

/// The files and memory that requests work on. All memory outlives the ring.
pub struct World {
    pub kernel: SimKernel,
    pub profile: Profile,
    pub reader: RawFd,
    pub writer: RawFd,
    content: RawFd,
    ring: Option<RawFd>,
    /// Whether some requests drain.
    pub drains: bool,
    buffer: Box<[u8; 64]>,
    #[expect(clippy::vec_box, reason = "the kernel is told their addresses")]
    times: Vec<Box<Timespec>>,
}

impl World {
    /// Makes the files.
    pub fn new(kernel: &SimKernel, profile: &Profile, ring: Option<RawFd>, drains: bool) -> Self {
        let (reader, writer) = kernel.pipe();
        Self {
            kernel: kernel.clone(),
            profile: profile.clone(),
            reader,
            writer,
            content: kernel.file(vec![7; 256]),
            ring,
            drains,
            buffer: Box::new([0; 64]),
            times: Vec::new(),
        }
    }

    /// Makes a timespec that is valid as long as the world.
    fn time(&mut self, random: &mut Random) -> *const Timespec {
        let time = Box::new(Timespec::new(0, random.below(20_000)));
        let at = &raw const *time;
        self.times.push(time);
        at
    }

    /// Makes a chain of requests, linked or not: the entry, its user data, and whether the request is sure to complete
    /// without help.
    pub fn chain<S: Build>(&mut self, books: &mut Books, random: &mut Random, most: u32) -> Vec<(S, u64, bool)> {
        let count = 1 + random.below(most);
        let linked = random.chance(1, 4);
        let mut entries: Vec<(S, u64, bool)> = Vec::new();
        let mut chain_is_certain = true;
        // Whether the entry before is linked to the next one, and whether it is a linked timeout.
        let (mut is_linked, mut is_limited) = (false, false);
        for at in 0..count {
            let user_data = books.user_data();
            let last = at + 1 == count;
            let mut flags = Flags::empty();
            if linked && !last && self.knows(Flags::IO_LINK) {
                flags |= if random.chance(1, 4) { Flags::IO_HARDLINK } else { Flags::IO_LINK };
            }
            if self.drains && random.chance(1, 24) {
                flags |= Flags::IO_DRAIN;
            }
            if random.chance(1, 12) {
                flags |= Flags::SKIP_SUCCESS;
                chain_is_certain = false;
            }
            if random.chance(1, 16) {
                flags |= Flags::ASYNC;
            }
            let flags = flags & Flags::from_bits_retain(self.profile.sqe_flags);
            if S::LARGE && random.chance(1, 4) && self.profile.knows(63) && flags.is_empty() {
                let nop = opcode::Nop128::new().result(user_data as i32);
                (is_linked, is_limited) = (false, false);
                entries.push((S::large(nop, user_data), user_data, true));
                continue;
            }
            let (entry, certain) = match entries.last() {
                // A linked timeout ends only a request that waits, so it often finds its request done.
                Some(_) if is_linked && !is_limited && self.profile.knows(15) && random.chance(1, 3) => {
                    is_limited = true;
                    (opcode::LinkTimeout::new(self.time(random)).build(), false)
                }
                _ => {
                    is_limited = false;
                    self.request(books, random)
                }
            };
            is_linked = flags.intersects(Flags::IO_LINK | Flags::IO_HARDLINK);
            chain_is_certain &= certain;
            entries.push((S::from(entry.flags(flags).user_data(user_data)), user_data, certain));
        }
        if !chain_is_certain {
            entries.iter_mut().for_each(|entry| entry.2 = false);
        }
        entries
    }

    /// Returns whether the kernel knows an entry flag.
    fn knows(&self, flag: Flags) -> bool {
        self.profile.sqe_flags & flag.bits() != 0
    }

    /// Makes a request, and says whether it is sure to complete without help.
    fn request(&mut self, books: &mut Books, random: &mut Random) -> (squeue::Entry, bool) {
        let buffer = self.buffer.as_mut_ptr();
        let victim = 1 + u64::from(random.below(books.entries.len() as u32 + 1));
        let blocks = self.profile.unready == Unready::Blocks;
        match random.below(22) {
            // The submit would wait for a writer, which comes after it.
            0 if blocks => (opcode::Nop::new().build(), true),
            0 => (opcode::Read::new(Fd(self.reader), buffer, 8).build(), false),
            1 => (opcode::PollAdd::new(Fd(self.reader), PollEvents(1)).build(), false),
            2 => (opcode::Write::new(Fd(self.writer), buffer, 3).build(), false),
            3 => (opcode::Read::new(Fd(self.content), buffer, 16).offset(8).build(), true),
            4 => (opcode::Timeout::new(self.time(random)).build(), self.profile.knows(11)),
            5 => (opcode::Timeout::new(self.time(random)).count(1 + random.below(3)).build(), self.profile.knows(11)),
            6 => (opcode::AsyncCancel::new(victim).build(), true),
            7 if self.profile.setup.contains(bare_uring::SetupFlags::SUBMIT_ALL) => {
                (opcode::AsyncCancel::matching(CancelBuilder::any().all()).build(), true)
            }
            8 => (opcode::TimeoutRemove::new(victim).build(), true),
            // No kernel knows this request.
            9 => {
                let mut bytes = [0; 64];
                bytes[0] = 127;
                (squeue::Entry::from_bytes(bytes), true)
            }
            10 => match self.ring {
                Some(fd) => (opcode::MsgRingData::new(Fd(fd), 5, MESSAGES + victim).build(), true),
                None => (opcode::Nop::new().build(), true),
            },
            11 => (opcode::Nop::new().result(-5).build(), true),
            12 => (opcode::Nop::new().big([victim, !victim]).build(), true),
            13 => (opcode::Read::new(Fd(9999), buffer, 1).build(), true),
            14 => {
                let repeated = opcode::Timeout::new(self.time(random)).count(1 + random.below(3));
                (repeated.flags(TimeoutFlags::MULTISHOT).build(), self.profile.knows(11))
            }
            15 => (opcode::Ftruncate::new(Fd(self.content), u64::from(random.below(40))).build(), true),
            _ => (opcode::Nop::new().result(victim as i32).build(), true),
        }
    }
}
