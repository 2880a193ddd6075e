//! The user's side alone: a ring in this process's memory. Between submitting and reaping, [`Player`] plays the kernel.
//!
//! The ring's memory is a memfd with the kernel's layout of a ring, so that every library that can take over a ring by
//! its file descriptor can take over this one. The ring claims to have a kernel thread that is awake, so that no
//! library enters the kernel to submit. No such thread exists; the player does its work. A library that can't take
//! over a ring gives its own ring's memory to the player.
//!
//! The player takes the same time for every contender. Its own row is deducted where a contender's own time is compared:
//! `(ours - player) / (theirs - player)` of each round, and of these the median. That keeps the order of the
//! contenders, whatever the player takes. It moves the ratio away from 1, where the undeducted ratio stays near 1
//! because both have the player in them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::nop::{self, BATCHES, ENTRIES, NopRing};
use crate::measure::{Lack, Opened, Row};

/// Offset of the submission entries in the ring's file.
const OFF_SQES: u64 = 0x1000_0000;
const CQ_ENTRIES: u32 = 2 * ENTRIES;
/// The kernel's layout: a cache line of heads and tails, the completions behind it, and then the index array.
const CQES: u32 = 64;
const ARRAY: u32 = CQES + 16 * CQ_ENTRIES;
const RINGS: usize = (ARRAY + 4 * ENTRIES) as usize;
const SQES: usize = 64 * ENTRIES as usize;

/// Offsets of the submission tail, the completion head and tail, and the completions.
pub const OFFSETS: [usize; 4] = [4, 8, 12, CQES as usize];
/// Masks of both queues.
pub const MASKS: (u32, u32) = (ENTRIES - 1, CQ_ENTRIES - 1);

const SETUP_SQPOLL: u32 = 1 << 1;
const FEAT_SINGLE_MMAP: u32 = 1;
const FEAT_NODROP: u32 = 1 << 1;

/// `struct io_uring_params` as 30 words: sizes, flags and features, then the two queues' offsets.
pub type RawParams = [u32; 30];

/// Returns the parameters that a set-up of this ring would have returned.
pub fn params() -> RawParams {
    let mut params = [0; 30];
    params[0] = ENTRIES;
    params[1] = CQ_ENTRIES;
    params[2] = SETUP_SQPOLL;
    params[5] = FEAT_SINGLE_MMAP | FEAT_NODROP;
    // Submission: head, tail, mask, entries, flags, dropped, array.
    params[10..17].copy_from_slice(&[0, 4, 16, 24, 36, 32, ARRAY]);
    // Completion: head, tail, mask, entries, overflow, cqes, flags.
    params[20..27].copy_from_slice(&[8, 12, 20, 28, 44, CQES, 40]);
    params
}

/// Plays the kernel.
pub struct Player {
    rings: *mut u8,
    sqes: *const [u64; 8],
}

impl Player {
    /// Makes a ring in memory. Returns its file descriptor, for a library to take over, and the player of its kernel.
    pub fn new() -> (i32, Self) {
        // SAFETY: the name is a C string.
        let fd = unsafe { libc::memfd_create(c"ring".as_ptr(), 0) };
        assert!(fd >= 0, "no file in memory");
        // SAFETY: the call takes numbers only.
        assert_eq!(unsafe { libc::ftruncate(fd, (OFF_SQES as usize + SQES) as i64) }, 0);
        // SAFETY: the file is new, has the layout, and only the library that takes it over will use it besides.
        let player = unsafe { Self::on(fd) };
        for (offset, value) in [(16, ENTRIES - 1), (20, CQ_ENTRIES - 1), (24, ENTRIES), (28, CQ_ENTRIES)] {
            player.word(offset).store(value, Ordering::Relaxed);
        }
        (fd, player)
    }

    /// Plays the kernel on the ring of this file. Maps the ring for itself: a kernel, too, sees the memory at other addresses
    /// than the library, which costs the processor a little whenever a line goes from one to the other.
    ///
    /// # Safety
    ///
    /// - The ring must have the layout of [`OFFSETS`], and the sizes of [`MASKS`].
    /// - Only one library, on this thread, may use it besides.
    pub unsafe fn on(fd: i32) -> Self {
        let map = |offset: u64, bytes: usize| {
            let access = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: without MAP_FIXED, nothing that is mapped is replaced.
            let at =
                unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, libc::MAP_SHARED, fd, offset as libc::off_t) };
            assert_ne!(at, libc::MAP_FAILED);
            at.cast::<u8>()
        };
        Self { rings: map(0, RINGS), sqes: map(OFF_SQES, SQES).cast_const().cast() }
    }

    #[inline(always)]
    fn word(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: the offset is that of an aligned word in the mapping, which outlives the player.
        unsafe { &*self.rings.add(offset).cast() }
    }

    /// Completes everything that was submitted, each with result 0.
    #[inline(never)]
    fn play(&self) {
        let (mut head, tail) = (self.word(0).load(Ordering::Relaxed), self.word(4).load(Ordering::Acquire));
        let mut at = self.word(12).load(Ordering::Relaxed);
        while head != tail {
            // SAFETY: the mask keeps the index within the submission entries.
            let user_data = unsafe { (*self.sqes.add((head & (ENTRIES - 1)) as usize))[4] };
            let place = CQES as usize + 16 * (at & (CQ_ENTRIES - 1)) as usize;
            // SAFETY: the offset is that of a completion, which is aligned.
            unsafe { self.rings.add(place).cast::<[u64; 2]>().write([user_data, 0]) };
            head = head.wrapping_add(1);
            at = at.wrapping_add(1);
        }
        self.word(0).store(head, Ordering::Release);
        self.word(12).store(at, Ordering::Release);
    }

    /// Moves the tail as a library would, and does nothing else: the cost of the player is measured without a library.
    /// This move, some three instructions a round, is deducted from each contender along with the player.
    fn push_unseen(&self, batch: u32) {
        let tail = self.word(4).load(Ordering::Relaxed);
        self.word(4).store(tail.wrapping_add(batch), Ordering::Relaxed);
    }
}

struct Alone<R> {
    ring: R,
    player: Player,
}

#[inline(never)]
fn rounds<R: NopRing>(ring: &mut R, player: &Player, batch: u32, rounds: u32) -> Duration {
    nop::timed(ring, batch, rounds, R::push, |ring, seen, _| {
        ring.submit();
        player.play();
        ring.reap(seen);
    })
}

impl<R: NopRing> Row for Alone<R> {
    fn run(&mut self, column: usize, count: u32) -> Result<Duration, Lack> {
        Ok(rounds(&mut self.ring, &self.player, BATCHES[column], count))
    }
}

/// Makes a row of the table, for a library that takes the ring over.
pub fn row<R: NopRing + 'static>(take_over: impl FnOnce(i32, RawParams) -> Result<R, Lack>) -> Opened {
    let (fd, player) = Player::new();
    Ok(row_with(take_over(fd, params())?, player))
}

/// Makes a row of a library that has its ring already, in the memory of this player.
pub fn row_with<R: NopRing + 'static>(ring: R, player: Player) -> Box<dyn Row> {
    Box::new(Alone { ring, player })
}

/// Runs the player without a library.
struct PlayerAlone(Player);

impl Row for PlayerAlone {
    fn run(&mut self, column: usize, rounds: u32) -> Result<Duration, Lack> {
        let start = Instant::now();
        for _ in 0..rounds {
            self.0.push_unseen(BATCHES[column]);
            self.0.play();
        }
        Ok(start.elapsed())
    }
}

pub fn player_row() -> Opened {
    Ok(Box::new(PlayerAlone(Player::new().1)))
}
