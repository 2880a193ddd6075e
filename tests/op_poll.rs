//! Polls on every kind of ring: armed, multishot, changed, removed.

mod common;

use common::needs;

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsRawFd;

use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{Fd, Fixed, PollEvents};
use bare_uring::{Errno, opcode};
use common::any_ring::{AnyRing, File, on_each, on_each_with_file};
use heapless::index_map::FnvIndexMap;
use rustix::event::PollFlags;

const IN: PollEvents = PollEvents(PollFlags::IN.bits() as u32);
const OUT: PollEvents = PollEvents(PollFlags::OUT.bits() as u32);
const HUP: PollEvents = PollEvents(PollFlags::HUP.bits() as u32);

fn poll(file: File, events: PollEvents) -> opcode::PollAdd {
    for_file!(file, |fd| opcode::PollAdd::new(fd, events))
}

/// User data and outcome of so many completions.
fn complete<const N: usize>(ring: &mut dyn AnyRing) -> [(u64, Result<u32, Errno>); N] {
    let seen: Vec<_> = ring.complete(N).into_iter().map(|seen| (seen.user_data, seen.outcome)).collect();
    seen.try_into().unwrap()
}

fn with_pipe(test: impl Fn(&mut dyn AnyRing, File, &mut PipeReader, &mut PipeWriter)) {
    on_each(|ring| {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        ring.register_files(&[reader.as_raw_fd()]);
        for file in [File::Fd(Fd(reader.as_raw_fd())), File::Fixed(Fixed(0))] {
            test(ring, file, &mut reader, &mut writer);
        }
    });
}

#[test]
fn a_poll_completes_when_the_file_becomes_ready() {
    with_pipe(|ring, file, reader, writer| {
        ring.push(poll(file, IN).build().user_data(1));
        ring.hand_over();
        assert_eq!(ring.take(), [], "{}", ring.kind());
        writer.write_all(b"x").unwrap();
        let seen = ring.complete(1)[0];
        assert_eq!((seen.user_data, seen.plain.poll_events(), seen.plain.more()), (1, Ok(IN), false));
        // Ready already.
        assert_eq!(ring.run_seen(poll(file, IN).build()).plain.poll_events(), Ok(IN));
        reader.read_exact(&mut [0]).unwrap();
    });
}

#[test]
fn what_was_not_asked_for_is_told_too() {
    on_each(|ring| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(writer);
        let fd = Fd(reader.as_raw_fd());
        assert_eq!(ring.run_seen(opcode::PollAdd::new(fd, OUT).build()).plain.poll_events(), Ok(HUP));
    });
}

#[test]
fn refused() {
    on_each(|ring| {
        ring.register_files(&[-1]);
        for (entry, errno) in [
            (opcode::PollAdd::new(Fd(-1), IN).build(), Errno::EBADF),
            (opcode::PollAdd::new(Fixed(0), IN).build(), Errno::EBADF),
            (opcode::PollAdd::new(Fixed(1), IN).build(), Errno::EBADF),
            (opcode::PollAdd::new(Fd(0), IN).multi().build().flags(Flags::SKIP_SUCCESS), Errno::EINVAL),
            (opcode::PollRemove::new(9).build(), Errno::ENOENT),
            (opcode::PollUpdate::events(9, IN).build(), Errno::ENOENT),
            (opcode::PollUpdate::user_data(9, 10).with_events(IN).multi().build(), Errno::ENOENT),
        ] {
            let seen = ring.run_seen(entry);
            assert_eq!((seen.outcome, seen.plain.poll_events()), (Err(errno), Err(errno)), "{}", ring.kind());
        }
    });
}

#[test]
fn level_triggered_polls_are_refused() {
    with_pipe(|ring, file, reader, writer| {
        writer.write_all(b"x").unwrap();
        // By every kernel so far, though their interface has the flag.
        for request in [poll(file, IN).level(), poll(file, IN).multi().level()] {
            let seen = ring.run_seen(request.build());
            assert_eq!((seen.outcome, seen.plain.more()), (Err(Errno::EINVAL), false), "{}", ring.kind());
        }
        assert_eq!(ring.run(poll(file, IN).build()), Ok(IN.0), "{}", ring.kind());
        reader.read_exact(&mut [0]).unwrap();
    });
}

#[test]
fn a_multishot_poll_counts_every_time_and_goes_on() {
    with_pipe(|ring, file, reader, writer| {
        // How often each user data was seen, without an allocator.
        let mut seen: FnvIndexMap<u64, u32, 4> = FnvIndexMap::new();
        ring.push(poll(file, IN).multi().build().user_data(1));
        // What becomes ready while a poll is being set up may be told twice.
        ring.hand_over();
        for _ in 0..3 {
            writer.write_all(b"x").unwrap();
            let one = ring.complete(1)[0];
            assert_eq!((one.plain.poll_events(), one.plain.more()), (Ok(IN), true), "{}", ring.kind());
            *seen.entry(one.user_data).or_insert(0).unwrap() += 1;
            reader.read_exact(&mut [0]).unwrap();
        }
        assert_eq!(seen.iter().collect::<Vec<_>>(), [(&1, &3)]);
        ring.push(opcode::PollRemove::new(1).build().user_data(2));
        let [last, removal] = ring.complete(2).try_into().unwrap();
        assert_eq!((last.outcome, last.plain.more()), (Err(Errno::ECANCELED), false));
        assert_eq!(removal.outcome, Ok(0));
    });
}

#[test]
fn a_poll_is_removed_or_cancelled() {
    let (reader, _writer) = std::io::pipe().unwrap();
    on_each_with_file(&reader, |ring, file| {
        let ways: [Entry; 2] = [opcode::PollRemove::new(1).build(), opcode::AsyncCancel::new(1).build()];
        for way in ways {
            ring.push(poll(file, IN).build().user_data(1));
            ring.push(way.user_data(2));
            assert_eq!(complete(ring), [(1, Err(Errno::ECANCELED)), (2, Ok(0))], "{}", ring.kind());
        }
    });
}

#[test]
fn an_update_changes_the_user_data() {
    with_pipe(|ring, file, reader, writer| {
        ring.push(poll(file, IN).build().user_data(1));
        ring.push(opcode::PollUpdate::user_data(1, 7).build().user_data(2));
        assert_eq!(complete(ring), [(2, Ok(0))]);
        assert_eq!(ring.run(opcode::PollRemove::new(1).build()), Err(Errno::ENOENT));
        writer.write_all(b"x").unwrap();
        assert_eq!(complete(ring), [(7, Ok(IN.0))], "{}", ring.kind());
        reader.read_exact(&mut [0]).unwrap();
    });
}

#[test]
fn an_update_changes_the_events() {
    needs!(6, 0, "an update to what is ready");
    let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    on_each_with_file(&one, |ring, file| {
        // Nothing to read, but room to write.
        ring.push(poll(file, IN).build().user_data(1));
        ring.push(opcode::PollUpdate::events(1, OUT).build().user_data(2));
        assert_eq!(complete(ring), [(1, Ok(OUT.0)), (2, Ok(0))], "{}", ring.kind());
        // Both at once.
        ring.push(poll(file, IN).build().user_data(1));
        ring.push(opcode::PollUpdate::events(1, OUT).with_user_data(3).build().user_data(2));
        assert_eq!(complete(ring), [(2, Ok(0)), (3, Ok(OUT.0))], "{}", ring.kind());
    });
}

#[test]
fn an_update_keeps_a_multishot_poll_what_it_is() {
    with_pipe(|ring, file, reader, writer| {
        ring.push(poll(file, OUT).multi().build().user_data(1));
        ring.push(opcode::PollUpdate::events(1, IN).with_user_data(3).multi().build().user_data(2));
        assert_eq!(complete(ring), [(2, Ok(0))], "{}", ring.kind());
        for _ in 0..2 {
            writer.write_all(b"x").unwrap();
            let seen = ring.complete(1)[0];
            assert_eq!((seen.user_data, seen.plain.poll_events(), seen.plain.more()), (3, Ok(IN), true));
            reader.read_exact(&mut [0]).unwrap();
        }
        ring.push(opcode::PollRemove::new(3).build().user_data(4));
        assert_eq!(complete(ring), [(3, Err(Errno::ECANCELED)), (4, Ok(0))]);
    });
}
