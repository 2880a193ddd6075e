//! Reads and writes over several buffers.

use std::fs;
use std::io::{Read as _, Write as _};
use std::task::Poll;
use std::time::Duration;

use bare_uring::Errno;
use bare_uring_ops::{Buffer, CURRENT, Group, Wait};

use crate::folder::Folder;
use crate::setting::{adopt, assert_all_is_back, buffer_of, connection, driver, free_buffers, settle};
use crate::shared::{Bell, poll};

/// Returns the windows of buffers.
fn windows<const N: usize>(buffers: &[Buffer; N]) -> [Vec<u8>; N] {
    buffers.each_ref().map(|buffer| buffer.to_vec())
}

#[test]
fn bytes_go_through_the_buffers_in_their_order() {
    let folder = Folder::new("vectored");
    let mut driver = driver();
    let slab = driver.slab();
    let file = folder.file(slab, "one", b"");
    driver
        .block_on(async {
            let parts = [&b"..one"[..], b"", b"..three"].map(|bytes| {
                let mut buffer = buffer_of(slab, bytes);
                buffer.consume(2);
                buffer
            });
            let (written, mut buffers) = slab.write_vectored(&file, parts, 4).await;
            assert_eq!((written, windows(&buffers)), (Ok(8), [vec![], vec![], vec![]]));
            // The room of the buffers is 5, 0 and 64 bytes, from the end of each window on.
            buffers[0].clear();
            assert_eq!(buffers[0].extend(&[b'x'; 59]), 59);
            assert_eq!(buffers[1].extend(&[b'y'; 64]), 64);
            buffers[2].clear();
            let (read, buffers) = slab.read_vectored(&file, buffers, 0).await;
            assert_eq!(read, Ok(12));
            let whole = windows(&buffers).concat();
            assert_eq!(whole, [&[b'x'; 59][..], b"\0\0\0\0o", &[b'y'; 64], b"nethree"].concat());
            // At the current position, and one buffer alone.
            let [one, ..] = buffers;
            let (read, [one]) = slab.read_vectored(&file, [cleared(one)], CURRENT).await;
            assert_eq!((read, &one[4..]), (Ok(12), &b"onethree"[..]));
        })
        .expect("driver");
    assert_eq!(folder.read("one"), b"\0\0\0\0onethree");
    drop(file);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

fn cleared(mut buffer: Buffer) -> Buffer {
    buffer.clear();
    buffer
}

#[test]
fn what_comes_short_ends_in_the_buffer_that_it_reached() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    client.write_all(&[5; 70]).expect("write");
    let two = || [slab.buffer().expect("one"), slab.buffer().expect("two")];
    let (read, buffers) = driver.block_on(slab.read_vectored(&server, two(), 0)).expect("driver");
    assert_eq!((read, windows(&buffers)), (Ok(70), [vec![5; 64], vec![5; 6]]));
    let (sent, buffers) = driver.block_on(slab.write_vectored(&server, buffers, 0)).expect("driver");
    assert_eq!((sent, windows(&buffers)), (Ok(70), [vec![], vec![]]));
    let mut back = [0; 70];
    client.read_exact(&mut back).expect("read");
    assert_eq!(back, [5; 70]);
    // A write that a pipe takes a part of.
    let (reader, writer) = std::io::pipe().expect("pipe");
    let (reader, writer) = (adopt(slab, reader), adopt(slab, writer));
    let mut filled = 0;
    let left = loop {
        let parts = [&[1; 64][..], &[2; 50]].map(|bytes| buffer_of(slab, bytes));
        let write = slab.write_vectored(&writer, parts, CURRENT).within(Duration::from_millis(10));
        let (written, left) = driver.block_on(write).expect("driver");
        match written {
            Ok(114) => filled += 114,
            written => break (written, windows(&left)),
        }
    };
    // The pipe holds pages, in which there is room for a part of the last one or for nothing.
    let gone = left.0.unwrap_or(0);
    let expected = [vec![1; 64 - gone.min(64)], vec![2; 50 - gone.saturating_sub(64)]];
    assert_eq!((left.1, left.0.is_ok() || left.0 == Err(Errno::ETIME)), (expected, true), "after {filled}");
    drop((server, reader, writer, buffers));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn provided_buffers_may_be_among_them() {
    static GROUP: Group<2, 16> = Group::new();
    let mut driver = driver();
    let slab = driver.slab();
    driver.provide(&GROUP).expect("provide");
    let (server, mut client) = connection(slab);
    let bell = Bell::new();
    for round in 0..6 {
        client.write_all(b"provided").expect("write");
        let mut pieces = slab.pieces(&server);
        let mut piece = driver.block_on(pieces.next()).expect("driver").expect("goes on").expect("a piece");
        drop(pieces);
        settle(&mut driver);
        piece.consume(3);
        let parts = [buffer_of(slab, b"<"), piece, buffer_of(slab, b">")];
        let mut write = slab.write_vectored(&server, parts, 0);
        if round % 3 == 0 {
            // Nothing of it reaches the kernel, and all buffers go back.
            drop(write);
            continue;
        }
        if round % 3 == 1 {
            assert!(poll(&mut write, &bell).is_pending());
            driver.turn(Wait::No).expect("turn");
            drop(write);
            settle(&mut driver);
        } else {
            let (sent, buffers) = driver.block_on(write).expect("driver");
            assert_eq!((sent, windows(&buffers)), (Ok(7), [vec![], vec![], vec![]]));
            assert_eq!(buffers.each_ref().map(Buffer::capacity), [64, 8, 64], "they are those that were given");
        }
        let mut sent = [0; 7];
        client.read_exact(&mut sent).expect("read");
        assert_eq!(&sent, b"<vided>");
    }
    // Both provided buffers are the kernel's again.
    settle(&mut driver);
    client.write_all(&[1; 32]).expect("write");
    let mut pieces = slab.pieces(&server);
    let mut got = 0;
    while got < 32 {
        got += driver.block_on(pieces.next()).expect("driver").expect("goes on").expect("a piece").len();
    }
    drop((pieces, server));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn buffers_come_back_whatever_happens() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let bell = Bell::new();
    let two = || [buffer_of(slab, b"one"), buffer_of(slab, b"two")];
    let kept = || [b"one".to_vec(), b"two".to_vec()];
    // Too late.
    let late = slab.read_vectored(&server, two(), 0).within(Duration::from_millis(5));
    let (outcome, buffers) = driver.block_on(late).expect("driver");
    assert_eq!((outcome, windows(&buffers)), (Err(Errno::ETIME), kept()));
    drop(buffers);
    // Cancelled, before the kernel knows of it and after.
    for submitted in [false, true] {
        let mut read = slab.read_vectored(&server, two(), 0);
        assert!(poll(&mut read, &bell).is_pending());
        if submitted {
            driver.turn(Wait::No).expect("turn");
        }
        read.cancel();
        let (outcome, buffers) = driver.block_on(read).expect("driver");
        assert_eq!((outcome, windows(&buffers)), (Err(Errno::ECANCELED), kept()));
    }
    // Dropped, while the kernel may write to them.
    for _ in 0..3 {
        let mut read = slab.read_vectored(&server, two(), 0);
        assert!(poll(&mut read, &bell).is_pending());
        driver.turn(Wait::No).expect("turn");
        drop(read);
        // They are not free before the kernel is done.
        assert_eq!((free_buffers(slab).len(), slab.in_flight()), (2, 1));
        settle(&mut driver);
        assert_eq!(free_buffers(slab).len(), 4);
    }
    // No room, no slot.
    let full = [buffer_of(slab, &[0; 64]), buffer_of(slab, &[1; 64])];
    let Poll::Ready((outcome, buffers)) = poll(&mut slab.read_vectored(&server, full, 0), &bell) else {
        panic!("full")
    };
    assert_eq!((outcome, windows(&buffers)), (Err(Errno::ENOBUFS), [vec![0; 64], vec![1; 64]]));
    drop(buffers);
    let operations: Vec<_> = (0..8).map(|_| slab.nop()).collect();
    let Poll::Ready((outcome, buffers)) = poll(&mut slab.write_vectored(&server, two(), 0), &bell) else { panic!() };
    assert_eq!((outcome, windows(&buffers)), (Err(Errno::EBUSY), kept()));
    drop((operations, buffers));
    // The file is the operation's alone.
    let null = adopt(slab, fs::File::options().write(true).open("/dev/null").expect("null"));
    let write = slab.write_vectored(&null, two(), CURRENT);
    drop(null);
    let (outcome, buffers) = driver.block_on(write).expect("driver");
    assert_eq!((outcome, windows(&buffers)), (Ok(6), [vec![], vec![]]));
    drop(buffers);
    // One that is forgotten keeps its slot and its buffers.
    let mut forgotten = slab.read_vectored(&server, two(), 0);
    assert!(poll(&mut forgotten, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    std::mem::forget(forgotten);
    client.write_all(b"to nobody").expect("write");
    settle(&mut driver);
    assert_eq!(free_buffers(slab).len(), 2);
}
