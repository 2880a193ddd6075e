//! Reads and writes on the real kernel, on every kind of ring: their effect, their refusal, their cancellation.

mod common;

use common::{has, needs};

use std::os::fd::OwnedFd;

use bare_uring::squeue::Entry;
use bare_uring::types::{AttrPi, AttrTypes, IoVec, RwFlags};
use bare_uring::{Errno, opcode};
use common::any_ring::{AnyRing, File, Seen, on_each, on_each_with_file};
use common::files::{NO_FILES, Scratch, cancel, nowhere, register};
use common::requests::fd;

/// A pipe that holds as much as it can.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::NONBLOCK).unwrap();
    while rustix::io::write(&writer, &[7; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    rustix::io::ioctl_fionbio(&reader, false).unwrap();
    (reader, writer)
}

/// Provides `count` buffers of 8 bytes in group 1, with the numbers from 10 on.
fn provide(ring: &mut dyn AnyRing, memory: &mut [[u8; 8]]) {
    let entry = opcode::ProvideBuffers::new(memory.as_mut_ptr().cast(), 8, memory.len() as u16, 1, 10).build();
    assert_eq!(ring.run(entry), Ok(0), "{}", ring.kind());
}

#[test]
fn what_was_written_is_read() {
    let scratch = Scratch::new("rw");
    on_each_with_file(&scratch.file("f", b""), |ring, file| {
        let (mut out, mut back) = (*b"0123456789", [0_u8; 10]);
        let write = for_file!(file, |f| opcode::Write::new(f, out.as_ptr(), 10).offset(3).ioprio(0).build());
        assert_eq!(ring.run(write), Ok(10), "{}", ring.kind());
        let read = for_file!(file, |f| opcode::Read::new(f, back.as_mut_ptr(), 10).offset(5).build());
        assert_eq!((ring.run(read), &back[..8]), (Ok(8), &out[2..]), "{}", ring.kind());

        let pieces = [IoVec::new(out.as_mut_ptr(), 2), IoVec::new(out[5..].as_mut_ptr(), 2)];
        let write = for_file!(file, |f| opcode::Writev::new(f, pieces.as_ptr(), 2).build());
        assert_eq!(ring.run(write), Ok(4), "{}", ring.kind());
        let mut back = [0_u8; 4];
        let pieces = [IoVec::new(back.as_mut_ptr(), 1), IoVec::new(back[1..].as_mut_ptr(), 3)];
        let read = for_file!(file, |f| opcode::Readv::new(f, pieces.as_ptr(), 2).build());
        assert_eq!((ring.run(read), &back), (Ok(4), b"0156"), "{}", ring.kind());
    });
}

#[test]
fn what_is_not_open_for_it_is_refused() {
    let scratch = Scratch::new("rw-refused");
    let _ = scratch.file("f", b"x");
    let read_only = std::fs::File::open(scratch.path("f")).unwrap();
    let write_only = std::fs::OpenOptions::new().write(true).open(scratch.path("f")).unwrap();
    let (mut byte, refused) = ([0_u8; 1], Err(Errno::EBADF));
    let at = byte.as_mut_ptr();
    let piece = [IoVec::new(at, 1)];
    on_each_with_file(&read_only, |ring, file| {
        for file in NO_FILES.into_iter().chain([file]) {
            let writes: [Entry; 2] = for_file!(file, |f| [
                opcode::Write::new(f, at, 1).build(),
                opcode::Writev::new(f, piece.as_ptr(), 1).build()
            ]);
            assert_eq!(writes.map(|write| ring.run(write)), [refused; 2], "{} {file:?}", ring.kind());
        }
        let read = for_file!(file, |f| opcode::Read::new(f, nowhere(), 1).build());
        assert_eq!(ring.run(read), Err(Errno::EFAULT), "{}", ring.kind());
        let read = for_file!(file, |f| opcode::Read::new(f, at, 1).rw_flags(RwFlags(1 << 30)).build());
        assert_eq!(ring.run(read), Err(Errno::EOPNOTSUPP), "{}", ring.kind());
        // A class of priorities that does not exist.
        let read = for_file!(file, |f| opcode::Read::new(f, at, 1).ioprio(5 << 13).build());
        assert_eq!(ring.run(read), Err(Errno::EINVAL), "{}", ring.kind());
    });
    on_each_with_file(&write_only, |ring, file| {
        for file in NO_FILES.into_iter().chain([file]) {
            let reads: [Entry; 2] = for_file!(file, |f| [
                opcode::Read::new(f, at, 1).build(),
                opcode::Readv::new(f, piece.as_ptr(), 1).build()
            ]);
            assert_eq!(reads.map(|read| ring.run(read)), [refused; 2], "{} {file:?}", ring.kind());
        }
    });
}

#[test]
fn registered_buffers_are_read_and_written_whole_and_in_pieces() {
    let scratch = Scratch::new("rw-fixed");
    let file = scratch.file("f", b"");
    let vectored = has("pieces of registered buffers", "IORING_OP_READV_FIXED", (6, 15));
    on_each(|ring| {
        let mut memory = [0_u8; 64];
        ring.register_buffer(memory.as_mut_ptr(), 64);
        let [both] = register(ring, [&file]);
        for (number, file) in both.into_iter().enumerate() {
            let start = memory.as_mut_ptr();
            let digit = b'a' + number as u8;
            memory[..4].fill(digit);
            let write = for_file!(file, |f| opcode::WriteFixed::new(f, start, 4, 0).build());
            let read = for_file!(file, |f| opcode::ReadFixed::new(f, start.wrapping_add(8), 4, 0).build());
            assert_eq!((ring.run(write), ring.run(read)), (Ok(4), Ok(4)), "{}", ring.kind());
            assert_eq!(memory[8..12], [digit; 4], "{}", ring.kind());
            if !vectored {
                continue;
            }
            memory[32..36].copy_from_slice(b"wxyz");
            let out = [IoVec::new(start.wrapping_add(34), 2), IoVec::new(start.wrapping_add(32), 2)];
            let write = for_file!(file, |f| opcode::WritevFixed::new(f, out.as_ptr(), 2, 0).offset(1).build());
            assert_eq!(ring.run(write), Ok(4), "{}", ring.kind());
            let back = [IoVec::new(start.wrapping_add(50), 1), IoVec::new(start.wrapping_add(40), 3)];
            let read = for_file!(file, |f| opcode::ReadvFixed::new(f, back.as_ptr(), 2, 0).offset(1).build());
            assert_eq!(ring.run(read), Ok(4), "{}", ring.kind());
            assert_eq!((memory[50], &memory[40..43]), (b'y', &b"zwx"[..]), "{}", ring.kind());
        }
    });
}

#[test]
fn pieces_outside_a_registered_buffer_are_refused() {
    if !has("pieces outside registered buffers", "IORING_OP_READV_FIXED", (6, 15)) {
        return;
    }
    let scratch = Scratch::new("rw-outside");
    let file = scratch.file("f", b"0123");
    on_each(|ring| {
        let mut memory = [0_u8; 64];
        let start = memory.as_mut_ptr();
        ring.register_buffer(start, 64);
        let inside = [IoVec::new(start, 4)];
        let past = [IoVec::new(start, 4), IoVec::new(start.wrapping_add(62), 3)];
        let empty = [IoVec::new(start, 0)];
        let both = |ring: &mut dyn AnyRing, at: *const IoVec, count, index| {
            let read = opcode::ReadvFixed::new(fd(&file), at, count, index).build();
            let write = opcode::WritevFixed::new(fd(&file), at, count, index).build();
            [ring.run(read), ring.run(write)]
        };
        assert_eq!(both(ring, past.as_ptr(), 2, 0), [Err(Errno::EFAULT); 2], "{}", ring.kind());
        assert_eq!(both(ring, inside.as_ptr(), 1, 1), [Err(Errno::EFAULT); 2], "{}", ring.kind());
        assert_eq!(both(ring, nowhere(), 1, 0), [Err(Errno::EFAULT); 2], "{}", ring.kind());
        assert_eq!(both(ring, empty.as_ptr(), 1, 0), [Err(Errno::EFAULT); 2], "{}", ring.kind());
        assert_eq!(both(ring, inside.as_ptr(), 0, 0), [Ok(0); 2], "{}", ring.kind());
        for none in NO_FILES {
            let read = for_file!(none, |f| opcode::ReadvFixed::new(f, inside.as_ptr(), 1, 0).build());
            let write = for_file!(none, |f| opcode::WritevFixed::new(f, inside.as_ptr(), 1, 0).build());
            assert_eq!([ring.run(read), ring.run(write)], [Err(Errno::EBADF); 2], "{}", ring.kind());
        }
    });
}

#[test]
fn reads_and_writes_that_block_are_cancelled() {
    let (empty, _writer) = rustix::pipe::pipe().unwrap();
    let (_reader, full) = full_pipe();
    let vectored = has("cancelling pieces of registered buffers", "IORING_OP_READV_FIXED", (6, 15));
    on_each(|ring| {
        let mut memory = [0_u8; 64];
        let start = memory.as_mut_ptr();
        ring.register_buffer(start, 64);
        let piece = [IoVec::new(start, 4)];
        let pieces = piece.as_ptr();
        let [empty, full] = register(ring, [&empty, &full]);
        for file in empty {
            cancel(ring, for_file!(file, |f| opcode::Read::new(f, start, 4).build()));
            cancel(ring, for_file!(file, |f| opcode::Readv::new(f, pieces, 1).build()));
            cancel(ring, for_file!(file, |f| opcode::ReadFixed::new(f, start, 4, 0).build()));
            if vectored {
                cancel(ring, for_file!(file, |f| opcode::ReadvFixed::new(f, pieces, 1, 0).build()));
            }
        }
        for file in full {
            cancel(ring, for_file!(file, |f| opcode::Write::new(f, start, 4).build()));
            cancel(ring, for_file!(file, |f| opcode::Writev::new(f, pieces, 1).build()));
            cancel(ring, for_file!(file, |f| opcode::WriteFixed::new(f, start, 4, 0).build()));
            if vectored {
                cancel(ring, for_file!(file, |f| opcode::WritevFixed::new(f, pieces, 1, 0).build()));
            }
        }
    });
}

#[test]
fn a_buffer_is_picked_from_the_group() {
    needs!(6, 0, "a length of 0 for buffers of a group");
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    on_each_with_file(&reader, |ring, file| {
        let mut memory = [[0_u8; 8]; 2];
        provide(ring, &mut memory);
        let expect = |seen: Seen, count| {
            assert_eq!(seen.outcome, Ok(count), "{seen:?}");
            usize::from(seen.plain.buffer_id().expect("a buffer was picked")) - 10
        };
        rustix::io::write(&writer, b"hello").unwrap();
        let read = for_file!(file, |f| opcode::Read::new(f, nowhere(), 0).buf_group(1).build());
        let id = expect(ring.run_seen(read), 5);
        assert_eq!(&memory[id][..5], b"hello", "{}", ring.kind());

        rustix::io::write(&writer, b"world").unwrap();
        // The length alone counts.
        let piece = [IoVec::new(nowhere(), 3)];
        let read = for_file!(file, |f| opcode::Readv::new(f, piece.as_ptr(), 1).buf_group(1).build());
        let id = expect(ring.run_seen(read), 3);
        assert_eq!(&memory[id][..3], b"wor", "{}", ring.kind());

        // Both are used up, and two pieces are one too many.
        let read = for_file!(file, |f| opcode::Readv::new(f, piece.as_ptr(), 1).buf_group(1).build());
        assert_eq!(ring.run(read), Err(Errno::ENOBUFS), "{}", ring.kind());
        let pieces = [piece[0]; 2];
        let read = for_file!(file, |f| opcode::Readv::new(f, pieces.as_ptr(), 2).buf_group(1).build());
        assert_eq!(ring.run(read), Err(Errno::EINVAL), "{}", ring.kind());
        rustix::io::read(&reader, &mut [0_u8; 8]).unwrap();
    });
}

/// Takes completions until there are this many, in the order in which they came.
fn next<const N: usize>(ring: &mut dyn AnyRing) -> heapless::Vec<Seen, N> {
    ring.submit_and_wait(0).unwrap();
    let mut all = heapless::Vec::new();
    for _ in 0..10 {
        for seen in ring.take() {
            all.push(seen).expect("no more than expected");
        }
        if all.is_full() {
            break;
        }
        ring.wait();
    }
    assert!(all.is_full(), "{}: {all:?}", ring.kind());
    all
}

#[test]
fn a_multishot_read_goes_on_until_the_group_is_empty() {
    if !has("multishot read", "IORING_OP_READ_MULTISHOT", (6, 7)) {
        return;
    }
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    on_each_with_file(&reader, |ring, file| {
        let mut memory = [[0_u8; 8]; 3];
        provide(ring, &mut memory);
        ring.push(for_file!(file, |f| opcode::ReadMulti::new(f, 1).build().user_data(1)));
        for text in [b"one", b"two", b"six"] {
            rustix::io::write(&writer, text).unwrap();
            let [seen] = *next::<1>(ring) else { unreachable!() };
            assert_eq!((seen.outcome, seen.plain.more()), (Ok(3), true), "{}: {seen:?}", ring.kind());
            let id = usize::from(seen.plain.buffer_id().expect("a buffer was picked")) - 10;
            assert_eq!(&memory[id][..3], text, "{}", ring.kind());
        }
        rustix::io::write(&writer, b"end").unwrap();
        let [seen] = *next::<1>(ring) else { unreachable!() };
        assert_eq!((seen.outcome, seen.plain.more()), (Err(Errno::ENOBUFS), false), "{}", ring.kind());
        rustix::io::read(&reader, &mut [0_u8; 8]).unwrap();
    });
}

#[test]
fn a_multishot_read_ends_with_the_file_or_when_it_is_cancelled() {
    if !has("the end of multishot reads", "IORING_OP_READ_MULTISHOT", (6, 7)) {
        return;
    }
    on_each(|ring| {
        let mut memory = [[0_u8; 8]; 4];
        provide(ring, &mut memory);
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let [both] = register(ring, [&reader]);
        for file in both {
            cancel(ring, for_file!(file, |f| opcode::ReadMulti::new(f, 1).build()));
        }
        ring.push(for_file!(both[1], |f| opcode::ReadMulti::new(f, 1).build()));
        rustix::io::write(&writer, b"last").unwrap();
        drop(writer);
        let seen = next::<2>(ring);
        let outcomes = [0, 1].map(|at| (seen[at].outcome, seen[at].plain.more()));
        assert_eq!(outcomes, [(Ok(4), true), (Ok(0), false)], "{}", ring.kind());
    });
}

#[test]
fn a_multishot_read_refuses_what_is_wrong() {
    if !has("refused multishot reads", "IORING_OP_READ_MULTISHOT", (6, 7)) {
        return;
    }
    let scratch = Scratch::new("multi");
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    rustix::io::write(&writer, b"x").unwrap();
    on_each_with_file(&scratch.file("f", b"x"), |ring, file| {
        let regular = for_file!(file, |f| opcode::ReadMulti::new(f, 1).build());
        assert_eq!(ring.run(regular), Err(Errno::EBADFD), "{}", ring.kind());
        let no_group = opcode::ReadMulti::new(fd(&reader), 9).build();
        assert_eq!(ring.run(no_group), Err(Errno::ENOBUFS), "{}", ring.kind());
        let mut with_length = opcode::ReadMulti::new(fd(&reader), 1).build().to_bytes();
        with_length[24] = 4;
        assert_eq!(ring.run(Entry::from_bytes(with_length)), Err(Errno::EINVAL), "{}", ring.kind());
        for none in NO_FILES {
            let none = for_file!(none, |f| opcode::ReadMulti::new(f, 1).build());
            assert_eq!(ring.run(none), Err(Errno::EBADF), "{}", ring.kind());
        }
    });
}

/// Every read and write with one more thing said about it.
fn all(file: File, start: *mut u8, pieces: &[IoVec; 1], types: AttrTypes, at: *const AttrPi) -> [Entry; 8] {
    let at = at.cast();
    let pieces = pieces.as_ptr();
    for_file!(file, |f| [
        opcode::Read::new(f, start, 4).attributes(at, types).build(),
        opcode::Write::new(f, start, 4).attributes(at, types).build(),
        opcode::Readv::new(f, pieces, 1).attributes(at, types).build(),
        opcode::Writev::new(f, pieces, 1).attributes(at, types).build(),
        opcode::ReadFixed::new(f, start, 4, 0).attributes(at, types).build(),
        opcode::WriteFixed::new(f, start, 4, 0).attributes(at, types).build(),
        opcode::ReadvFixed::new(f, pieces, 1, 0).attributes(at, types).build(),
        opcode::WritevFixed::new(f, pieces, 1, 0).attributes(at, types).build(),
    ])
}

#[test]
fn attributes_reach_the_kernel_which_refuses_them_for_plain_files() {
    // As old as the reads and writes that came just after them.
    if !has("attributes", "IORING_OP_READV_FIXED", (6, 15)) {
        return;
    }
    let scratch = Scratch::new("attributes");
    let plain = scratch.file("f", b"0123");
    on_each(|ring| {
        let mut memory = [0_u8; 64];
        let start = memory.as_mut_ptr();
        ring.register_buffer(start, 64);
        let pieces = [IoVec::new(start, 4)];
        let pi = AttrPi::new(start.wrapping_add(32), 8);
        let [both] = register(ring, [&plain]);
        for file in both {
            let unknown = all(file, start, &pieces, AttrTypes::from_bits_retain(1 << 40), &raw const pi);
            assert_eq!(unknown.map(|entry| ring.run(entry)), [Err(Errno::EINVAL); 8], "{}", ring.kind());
            let unreadable = all(file, start, &pieces, AttrTypes::PI, nowhere());
            assert_eq!(unreadable.map(|entry| ring.run(entry)), [Err(Errno::EFAULT); 8], "{}", ring.kind());
            let no_such_device = all(file, start, &pieces, AttrTypes::PI, &raw const pi);
            assert_eq!(no_such_device.map(|entry| ring.run(entry)), [Err(Errno::EINVAL); 8], "{}", ring.kind());
            let same = for_file!(file, |f| opcode::Read::new(f, start, 4).pi(&raw const pi).build());
            assert_eq!(same, no_such_device[0]);
            let none = all(file, start, &pieces, AttrTypes::empty(), nowhere());
            assert_eq!(none.map(|entry| ring.run(entry)), [Ok(4); 8], "{}", ring.kind());
        }
    });
}

#[test]
fn a_write_stream_is_ignored_where_there_are_none() {
    let scratch = Scratch::new("stream");
    on_each_with_file(&scratch.file("f", b""), |ring, file| {
        let write = for_file!(file, |f| opcode::Write::new(f, b"stream".as_ptr(), 6).write_stream(3).build());
        assert_eq!(ring.run(write), Ok(6), "{}", ring.kind());
        assert_eq!(std::fs::read(scratch.path("f")).unwrap(), b"stream");
    });
}
