//! The owners of bytes: the buffers that are out, what the kernel may fill, and what requests hold.

use std::ops::Range;

use bare_uring::register::buf_ring::Buffer;

/// A buffer that was taken and not given back.
pub struct Live {
    pub buffer: Buffer,
    /// The bytes of the buffer when it was taken, or those that the test wrote since.
    content: Vec<u8>,
    pub epoch: u32,
}

impl Live {
    pub fn new(buffer: Buffer, epoch: u32) -> Self {
        let content = buffer.to_vec();
        Self { buffer, content, epoch }
    }

    /// Writes to the buffer, as its owner may.
    pub fn scribble(&mut self, byte: u8) {
        self.buffer.fill(byte);
        self.content.fill(byte);
    }

    /// Returns the addresses of the buffer.
    pub fn range(&self) -> Range<usize> {
        let start = self.buffer.as_ptr().addr();
        start..start + self.buffer.len()
    }

    /// Checks that the bytes are as the owner left them.
    fn check(&self) {
        assert_eq!(*self.buffer, self.content, "bytes of {:?} changed under their owner", self.buffer);
    }
}

/// Returns whether two ranges share a byte.
fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// Checks that no two buffers that are out share a byte, and that none has changed. A kernel that lies may change bytes
/// that it has claimed to have written, so with `lies` changes are allowed.
pub fn check_live(live: &[Live], lies: bool) {
    for (at, one) in live.iter().enumerate() {
        if !lies {
            one.check();
        }
        for other in &live[..at] {
            assert!(!overlap(&one.range(), &other.range()), "two owners: {:?} and {:?}", one.buffer, other.buffer);
        }
    }
}

/// Checks the buffer ring: `pieces` are what the kernel may use, in buffers of `size` that lie in `whole`.
pub fn check_ring(pieces: &[(usize, u32, u16)], whole: &Range<usize>, size: usize) {
    let mut ids: Vec<u16> = pieces.iter().map(|piece| piece.2).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "a buffer is in the ring twice: {pieces:?}");
    for &(address, len, id) in pieces {
        let start = whole.start + usize::from(id) * size;
        let inside = address >= start && address + len as usize <= start + size && start < whole.end;
        assert!(inside, "{address:#x} of {len} bytes is not in buffer {id}, which starts at {start:#x}");
    }
}

/// Checks that no buffer that is out shares a byte with what the kernel may write to.
pub fn check_apart(live: &[Live], kernels: &[Range<usize>]) {
    for one in live {
        for range in kernels {
            assert!(!overlap(&one.range(), range), "{:?} is the kernel's too", one.buffer);
        }
    }
    for (at, one) in kernels.iter().enumerate() {
        for other in &kernels[..at] {
            assert!(!overlap(one, other), "the kernel has a byte twice: {one:x?} and {other:x?}");
        }
    }
}
