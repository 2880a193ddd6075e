//! Pipes and what flows through them, on the real kernel, on every kind of ring.

mod common;

use common::{has, older_than, skip};

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use bare_uring::squeue::Entry;
use bare_uring::types::{DestinationSlot, Fixed, OpenFlags, SpliceFlags};
use bare_uring::{Errno, opcode};
use common::any_ring::on_each;
use common::files::{NO_FILES, Scratch, cancel, close_on_exec, nowhere, register};
use common::requests::fd;
use rustix::fs::OFlags;
use rustix::pipe::pipe;

const NONBLOCK: SpliceFlags = SpliceFlags(2);

/// What is in a pipe now.
fn drain(reader: &OwnedFd) -> Vec<u8> {
    let mut buffer = [0_u8; 64];
    let count = rustix::io::read(reader, &mut buffer).unwrap();
    buffer[..count].to_vec()
}

#[test]
fn data_moves_from_a_file_through_a_pipe_to_another() {
    let scratch = Scratch::new("splice");
    let (source, sink) = (scratch.file("a", b"0123456789"), scratch.file("b", b""));
    let (reader, writer) = pipe().unwrap();
    on_each(|ring| {
        let [source, sink, reader, writer] = register(ring, [&source, &sink, &reader, &writer]);
        // By descriptor and by slot on either side.
        for (from, to) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let fill = for_file!(source[from], |a| for_file!(writer[to], |b| opcode::Splice::new(a, 2, b, -1, 5)));
            assert_eq!(ring.run(fill.build()), Ok(5), "{}", ring.kind());
            let empty = for_file!(reader[from], |a| for_file!(sink[to], |b| opcode::Splice::new(a, -1, b, 1, 64)));
            assert_eq!(ring.run(empty.build()), Ok(5), "{}", ring.kind());
            assert_eq!(std::fs::read(scratch.path("b")).unwrap(), b"\x0023456", "{}", ring.kind());
            std::fs::write(scratch.path("b"), b"").unwrap();
        }
        let at_the_end = for_file!(source[0], |a| for_file!(writer[0], |b| opcode::Splice::new(a, 10, b, -1, 5)));
        assert_eq!(ring.run(at_the_end.build()), Ok(0), "{}", ring.kind());
        let nothing = for_file!(source[0], |a| for_file!(writer[0], |b| opcode::Splice::new(a, 0, b, -1, 0)));
        assert_eq!(ring.run(nothing.build()), Ok(0), "{}", ring.kind());
    });
}

#[test]
fn a_files_own_position_moves() {
    let scratch = Scratch::new("splice-position");
    let source = scratch.file("a", b"0123456789");
    let (reader, writer) = pipe().unwrap();
    on_each(|ring| {
        rustix::fs::seek(&source, rustix::fs::SeekFrom::Start(0)).unwrap();
        for expected in [b"0123", b"4567"] {
            let splice = opcode::Splice::new(fd(&source), -1, fd(&writer), -1, 4).build();
            assert_eq!(ring.run(splice), Ok(4), "{}", ring.kind());
            assert_eq!(drain(&reader), expected, "{}", ring.kind());
        }
    });
}

#[test]
fn data_is_copied_to_a_second_pipe_and_stays_in_the_first() {
    let ((a, a_in), (b, b_in)) = (pipe().unwrap(), pipe().unwrap());
    on_each(|ring| {
        let [from, to] = register(ring, [&a, &b_in]);
        rustix::io::write(&a_in, b"both").unwrap();
        for (from, to) in [(from[0], to[0]), (from[0], to[1]), (from[1], to[0]), (from[1], to[1])] {
            let tee = for_file!(from, |from| for_file!(to, |to| opcode::Tee::new(from, to, 64).flags(NONBLOCK)));
            assert_eq!(ring.run(tee.build()), Ok(4), "{}", ring.kind());
            assert_eq!(drain(&b), b"both", "{}", ring.kind());
        }
        assert_eq!(drain(&a), b"both", "{}", ring.kind());
    });
}

#[test]
fn splice_and_tee_refuse_what_is_wrong() {
    let scratch = Scratch::new("splice-refused");
    let (one, two) = (scratch.file("a", b"0123"), scratch.file("b", b""));
    let ((reader, writer), (_other, other_in)) = (pipe().unwrap(), pipe().unwrap());
    on_each(|ring| {
        let [(one, two), (reader, writer)] = [(&one, &two), (&reader, &writer)].map(|(a, b)| (fd(a), fd(b)));
        let other = fd(&other_in);
        let unknown = SpliceFlags(1 << 20);
        let refused: &[(Entry, Errno)] = &[
            (opcode::Splice::new(one, 0, two, 0, 4).build(), Errno::EINVAL),
            (opcode::Splice::new(one, 0, writer, -1, 4).flags(unknown).build(), Errno::EINVAL),
            (opcode::Splice::new(one, 0, writer, 0, 4).build(), Errno::ESPIPE),
            (opcode::Splice::new(reader, -1, two, -1, 4).flags(NONBLOCK).build(), Errno::EAGAIN),
            (opcode::Splice::new(writer, -1, two, -1, 4).build(), Errno::EBADF),
            (opcode::Tee::new(one, writer, 4).build(), Errno::EINVAL),
            (opcode::Tee::new(reader, writer, 4).build(), Errno::EINVAL),
            (opcode::Tee::new(reader, other, 4).flags(unknown).build(), Errno::EINVAL),
            (opcode::Tee::new(reader, other, 4).flags(NONBLOCK).build(), Errno::EAGAIN),
        ];
        for (number, &(entry, errno)) in refused.iter().enumerate() {
            assert_eq!(ring.run(entry), Err(errno), "{}: {number}", ring.kind());
        }
        for none in NO_FILES {
            let entries = for_file!(none, |none| [
                opcode::Splice::new(none, 0, writer, -1, 4).build(),
                opcode::Splice::new(reader, -1, none, 0, 4).build(),
                opcode::Tee::new(none, other, 4).build(),
                opcode::Tee::new(reader, none, 4).build(),
            ]);
            assert_eq!(entries.map(|entry| ring.run(entry)), [Err(Errno::EBADF); 4], "{} {none:?}", ring.kind());
        }
    });
}

#[test]
fn splice_and_tee_that_wait_for_data_are_cancelled() {
    let scratch = Scratch::new("splice-cancel");
    let sink = scratch.file("b", b"");
    let ((reader, _writer), (_other, other_in)) = (pipe().unwrap(), pipe().unwrap());
    on_each(|ring| {
        // There, the thread itself waits for the data, and nothing but data wakes it.
        if ring.kind() == "sqpoll" && older_than(6, 12) {
            return skip(
                "splice_and_tee_that_wait_for_data_are_cancelled",
                "cancelling a splice under SQPOLL (Linux 6.12)",
            );
        }
        let [from, to, sink] = register(ring, [&reader, &other_in, &sink]);
        for (from, to, sink) in [(from[0], to[1], sink[0]), (from[1], to[0], sink[1])] {
            cancel(ring, for_file!(from, |a| for_file!(sink, |b| opcode::Splice::new(a, -1, b, -1, 4).build())));
            cancel(ring, for_file!(from, |a| for_file!(to, |b| opcode::Tee::new(a, b, 4).build())));
        }
    });
}

#[test]
fn a_pipe_is_made_of_descriptors() {
    if !has("pipes of descriptors", "IORING_OP_PIPE", (6, 16)) {
        return;
    }
    on_each(|ring| {
        for (flags, closes) in [(OFlags::empty(), false), (OFlags::CLOEXEC | OFlags::NONBLOCK, true)] {
            let mut fds: [RawFd; 2] = [-1; 2];
            let make = opcode::Pipe::new(&raw mut fds).flags(OpenFlags(flags.bits())).build();
            assert_eq!(ring.run(make), Ok(0), "{}", ring.kind());
            let [reader, writer] = fds.map(|number| {
                // SAFETY: the request has just made the descriptor, for us.
                unsafe { OwnedFd::from_raw_fd(number) }
            });
            assert_eq!(fds.map(close_on_exec), [closes; 2], "{}", ring.kind());
            if closes {
                assert_eq!(rustix::io::read(&reader, &mut [0_u8; 1]), Err(rustix::io::Errno::AGAIN));
            }
            rustix::io::write(&writer, b"through").unwrap();
            assert_eq!(drain(&reader), b"through", "{}", ring.kind());
        }
    });
}

#[test]
fn a_pipe_is_made_of_slots() {
    if !has("pipes of slots", "IORING_OP_PIPE", (6, 16)) {
        return;
    }
    let open = pipe().unwrap().0;
    on_each(|ring| {
        let mut fds: [RawFd; 2] = [-1; 2];
        let at = &raw mut fds;
        let into = |slot| opcode::Pipe::new(at).file_index(slot).build();
        let slot = |number| DestinationSlot::at(number).unwrap();
        assert_eq!(ring.run(into(slot(0))), Err(Errno::ENXIO), "{}", ring.kind());
        ring.register_files(&[-1, open.as_raw_fd(), -1, -1, open.as_raw_fd(), -1]);
        let mut through = |entry: Entry| {
            assert_eq!(ring.run(entry), Ok(0), "{}", ring.kind());
            // SAFETY: the array is there, and the request is complete.
            let made = unsafe { at.read() };
            let [reader, writer] = made.map(|slot| Fixed(slot.cast_unsigned()));
            let mut buffer = [0_u8; 4];
            let write = opcode::Write::new(writer, b"slot".as_ptr(), 4).build();
            let read = opcode::Read::new(reader, buffer.as_mut_ptr(), 4).build();
            assert_eq!([ring.run(write), ring.run(read)], [Ok(4); 2], "{} {made:?}", ring.kind());
            assert_eq!(&buffer, b"slot", "{}", ring.kind());
            made
        };
        // A given slot and the one after it; then whichever are free.
        assert_eq!(through(into(slot(2))), [2, 3]);
        let mut free = through(into(DestinationSlot::ALLOCATE));
        free.sort_unstable();
        assert_eq!(free, [0, 5]);
        assert_eq!(ring.run(into(DestinationSlot::ALLOCATE)), Err(Errno::ENFILE), "{}", ring.kind());
        assert_eq!(ring.run(into(slot(5))), Err(Errno::EINVAL), "{}: the second is outside", ring.kind());
        let closing = opcode::Pipe::new(at).flags(OpenFlags(OFlags::CLOEXEC.bits())).file_index(slot(2)).build();
        assert_eq!(ring.run(closing), Err(Errno::EINVAL), "{}", ring.kind());
    });
}

#[test]
fn a_pipe_refuses_what_is_wrong() {
    if !has("refused pipes", "IORING_OP_PIPE", (6, 16)) {
        return;
    }
    on_each(|ring| {
        let mut fds: [RawFd; 2] = [-1; 2];
        let unknown = opcode::Pipe::new(&raw mut fds).flags(OpenFlags(OFlags::CREATE.bits())).build();
        assert_eq!(ring.run(unknown), Err(Errno::EINVAL), "{}", ring.kind());
        assert_eq!(ring.run(opcode::Pipe::new(nowhere()).build()), Err(Errno::EFAULT), "{}", ring.kind());
        assert_eq!(fds, [-1; 2], "{}", ring.kind());
    });
}
