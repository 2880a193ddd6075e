//! Random reads of 4 KiB, from the page cache and past it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::measure::{Column, Lack, Opened, Random, Row};
use crate::pages::{PAGE, leak};

/// Numbers of reads in flight, one column each.
pub const DEPTHS: [u32; 3] = [1, 32, 128];
const DEEPEST: usize = 128;
const FILE_PAGES: u64 = 16 * 1024;

/// How to read, for one table.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub fd: RawFd,
    /// The file is registered, at index 0.
    pub fixed_file: bool,
    /// The memory is registered, as buffer 0.
    pub fixed_buffers: bool,
    /// A page for each read in flight.
    pub buffers: *mut u8,
}

impl Plan {
    pub fn new(fd: RawFd, fixed_file: bool, fixed_buffers: bool) -> Self {
        Self { fd, fixed_file, fixed_buffers, buffers: leak(Self::BYTES) }
    }

    pub const BYTES: usize = DEEPEST * PAGE;

    /// Returns the page for one read of a batch, by the read's index in the batch.
    #[inline(always)]
    pub fn buffer(&self, index: usize) -> *mut u8 {
        debug_assert!(index < DEEPEST);
        // SAFETY: the memory has a page for each index.
        unsafe { self.buffers.add(index * PAGE) }
    }

    pub fn name(direct: bool, fixed_file: bool, fixed_buffers: bool) -> String {
        let from = if direct { "O_DIRECT" } else { "cached" };
        let how = match (fixed_file, fixed_buffers) {
            (false, false) => "",
            (true, false) => ", registered file",
            (false, true) => ", registered buffers",
            (true, true) => ", registered file and buffers",
        };
        format!("4 KiB random reads, {from}{how}")
    }
}

/// A contender that reads a batch.
pub trait ReadRing {
    /// Reads a page at each offset, into the buffer of the same index. Waits for all reads, and returns the sum of
    /// their results.
    fn read(&mut self, offsets: &[u64]) -> u64;
}

/// The file that is read. Each of its words depends on the word's offset.
pub struct Target {
    pub cached: File,
    /// That file, opened to bypass the page cache, if the file system supports that.
    pub direct: Result<File, Lack>,
}

const fn word_at(byte: u64) -> u64 {
    byte.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0xba5e
}

impl Target {
    pub fn make(path: &Path) -> std::io::Result<Self> {
        let mut file = File::create(path)?;
        let mut chunk = Vec::with_capacity(1 << 20);
        for first in (0..FILE_PAGES * PAGE as u64).step_by(1 << 20) {
            chunk.clear();
            (first..first + (1 << 20)).step_by(8).for_each(|at| chunk.extend(word_at(at).to_ne_bytes()));
            file.write_all(&chunk)?;
        }
        file.sync_all()?;
        let cached = File::open(path)?;
        // Reads the whole file into the page cache.
        std::io::copy(&mut File::open(path)?, &mut std::io::sink())?;
        let direct = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(path);
        let direct = direct.map_err(|error| Lack(format!("the file system has no O_DIRECT ({error})")));
        std::fs::remove_file(path)?;
        Ok(Self { cached, direct })
    }

    pub fn fd(&self, direct: bool) -> Result<RawFd, Lack> {
        if direct {
            self.direct.as_ref().map(AsRawFd::as_raw_fd).map_err(Clone::clone)
        } else {
            Ok(self.cached.as_raw_fd())
        }
    }
}

struct Reader<R> {
    ring: R,
    plan: Plan,
    random: Random,
}

impl<R: ReadRing> Reader<R> {
    fn choose(&mut self, offsets: &mut [u64]) {
        for offset in offsets {
            *offset = self.random.below(FILE_PAGES) * PAGE as u64;
        }
    }

    /// Checks that the buffers hold the file's pages at these offsets.
    fn verify(&self, offsets: &[u64]) {
        for (index, offset) in offsets.iter().enumerate() {
            let page = self.plan.buffer(index).cast::<u64>();
            for word in 0..PAGE / 8 {
                // SAFETY: a page has this many words, and no read into it is under way.
                let found = unsafe { page.add(word).read_volatile() };
                assert_eq!(found, word_at(offset + 8 * word as u64), "wrong bytes in buffer {index}");
            }
        }
    }
}

#[inline(never)]
fn timed<R: ReadRing>(ring: &mut R, batches: &[[u64; DEEPEST]], depth: usize, rounds: u32) -> (Duration, u64) {
    let mut bytes = 0;
    let start = Instant::now();
    for round in 0..rounds as usize {
        bytes += ring.read(&batches[round % batches.len()][..depth]);
    }
    (start.elapsed(), bytes)
}

impl<R: ReadRing> Row for Reader<R> {
    fn run(&mut self, column: usize, rounds: u32) -> Result<Duration, Lack> {
        let depth = DEPTHS[column] as usize;
        let mut batches = [[0; DEEPEST]; 16];
        for batch in &mut batches {
            let mut offsets = *batch;
            self.choose(&mut offsets);
            *batch = offsets;
        }
        let (took, bytes) = timed(&mut self.ring, &batches, depth, rounds);
        assert_eq!(bytes, u64::from(rounds) * (depth * PAGE) as u64, "bytes are missing");
        self.verify(&batches[(rounds as usize - 1) % batches.len()][..depth]);
        Ok(took)
    }
}

/// Makes a row of the table of `plan`.
pub fn row<R: ReadRing + 'static>(plan: Plan, ring: R) -> Opened {
    // Each contender reads other pages, so that it does not find in the processor's caches what another has just read.
    static SEEDS: AtomicU64 = AtomicU64::new(1);
    let random = Random::new(SEEDS.fetch_add(1, Ordering::Relaxed));
    Ok(Box::new(Reader { ring, plan, random }))
}

/// Reads with `pread`, as a program without a ring does.
struct Pread(Plan);

impl ReadRing for Pread {
    #[inline(always)]
    fn read(&mut self, offsets: &[u64]) -> u64 {
        let mut bytes = 0;
        for (index, offset) in offsets.iter().enumerate() {
            // SAFETY: the buffer is a page of the plan's memory.
            let read = unsafe { libc::pread(self.0.fd, self.0.buffer(index).cast(), PAGE, *offset as libc::off_t) };
            assert!(read >= 0, "pread failed");
            bytes += read as u64;
        }
        bytes
    }
}

pub fn pread_row(plan: Plan) -> Opened {
    row(plan, Pread(plan))
}

pub fn columns() -> Vec<Column> {
    DEPTHS.iter().map(|depth| Column::new(format!("depth {depth}"), *depth)).collect()
}
