//! Reads and writes that go on until the buffer is full or empty.

use std::io::{Read as _, Write as _};
use std::thread;
use std::time::Duration;

use bare_uring::Errno;
use bare_uring_ops::{CURRENT, Progress, Storage, Wait, Whole};

use crate::folder::Folder;
use crate::setting::{
    adopt, assert_all_is_back, assert_closed, buffer_of, connection, driver, driver_of, free_buffers, settle,
};
use crate::shared::{Bell, poll};

/// What a whole transfer came to: its count, its result, and the bytes of the window.
fn parts(progress: &Progress) -> (usize, Result<(), Errno>, &[u8]) {
    (progress.count, progress.result, &progress.buffer)
}

#[test]
fn a_file_is_read_until_the_buffer_is_full_or_the_file_ends() {
    let folder = Folder::new("whole");
    let mut driver = driver();
    let slab = driver.slab();
    let content: Vec<u8> = (0..100).collect();
    let file = folder.file(slab, "one", &content);
    driver
        .block_on(async {
            let progress = slab.read_full(&file, buffer_of(slab, b">"), 10).await;
            assert_eq!(parts(&progress), (63, Ok(()), &[b">", &content[10..73]].concat()[..]));
            let mut buffer = progress.buffer;
            buffer.clear();
            // The file ends first, which the second read shows.
            let progress = slab.read_full(&file, buffer, 90).await;
            assert_eq!(parts(&progress), (10, Ok(()), &content[90..]));
            let progress = slab.write_all(&file, progress.buffer, 98).await;
            assert_eq!(parts(&progress), (10, Ok(()), &b""[..]));
            // An empty window is written at once.
            let progress = slab.write_all(&file, progress.buffer, CURRENT).await;
            assert_eq!(parts(&progress), (0, Ok(()), &b""[..]));
            // The position moves along.
            let mut buffer = progress.buffer;
            buffer.clear();
            let progress = slab.read_full(&file, buffer, CURRENT).await;
            assert_eq!(parts(&progress), (64, Ok(()), &content[..64]));
            let progress = slab.read_full(&file, progress.buffer, CURRENT).await;
            assert_eq!(parts(&progress), (0, Err(Errno::ENOBUFS), &content[..64]));
        })
        .expect("driver");
    assert_eq!(folder.read("one"), [&content[..98], &content[90..]].concat());
    drop(file);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn short_counts_are_gone_on_from() {
    const SIZE: usize = 1 << 20;
    static STORAGE: Storage<2, 2, 2, SIZE> = Storage::new();
    let slab = STORAGE.start().expect("fresh");
    let mut driver = driver_of(slab);
    let (reader, mut writer) = std::io::pipe().expect("pipe");
    let content: Vec<u8> = (0..SIZE).map(|at| (at % 251) as u8).collect();
    let sent = content.clone();
    let far = thread::spawn(move || {
        // The buffer is filled by pieces of the pipe's.
        for piece in sent.chunks(3000) {
            writer.write_all(piece).expect("write");
        }
    });
    let reader = adopt(slab, reader);
    let progress = driver.block_on(slab.read_full(&reader, slab.buffer().expect("one"), 0)).expect("driver");
    far.join().expect("the writer");
    assert!((progress.count, progress.result) == (SIZE, Ok(())) && *progress.buffer == *content);
    let (mut reader, writer) = std::io::pipe().expect("pipe");
    let far = thread::spawn(move || {
        let mut got = Vec::new();
        reader.read_to_end(&mut got).map(|_| got).expect("read")
    });
    let writer = adopt(slab, writer);
    let progress = driver.block_on(slab.write_all(&writer, progress.buffer, CURRENT)).expect("driver");
    assert_eq!(parts(&progress), (SIZE, Ok(()), &b""[..]));
    drop(writer);
    settle(&mut driver);
    assert!(far.join().expect("the reader") == content);
}

/// Reads from a socket that has this many bytes, and then no more for now.
fn waiting(driver: &mut bare_uring_ops::Driver<bare_uring::Linux>, mut whole: Whole) -> Whole {
    let bell = Bell::new();
    for _ in 0..3 {
        assert!(poll(&mut whole, &bell).is_pending());
        driver.turn(Wait::No).expect("turn");
    }
    whole
}

#[test]
fn how_far_it_came_is_told_in_every_case() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    // Too late, after a part.
    client.write_all(b"part").expect("write");
    let whole = slab.read_full(&server, slab.buffer().expect("one"), CURRENT).each_within(Duration::from_millis(20));
    let progress = driver.block_on(whole).expect("driver");
    assert_eq!(parts(&progress), (4, Err(Errno::ETIME), &b"part"[..]));
    // Cancelled, after a part.
    client.write_all(b"more").expect("write");
    let mut whole = waiting(&mut driver, slab.read_full(&server, progress.buffer, CURRENT));
    whole.cancel();
    let progress = driver.block_on(whole).expect("driver");
    assert_eq!(parts(&progress), (4, Err(Errno::ECANCELED), &b"partmore"[..]));
    // Cancelled before it began.
    let mut whole = slab.write_all(&server, progress.buffer, CURRENT);
    whole.cancel();
    let progress = driver.block_on(whole).expect("driver");
    assert_eq!(parts(&progress), (0, Err(Errno::ECANCELED), &b"partmore"[..]));
    // Dropped, while the kernel may write to the buffer.
    let whole = waiting(&mut driver, slab.read_full(&server, progress.buffer, CURRENT));
    drop(whole);
    assert_eq!((free_buffers(slab).len(), slab.in_flight()), (3, 1));
    settle(&mut driver);
    // No slot for the first request.
    let operations: Vec<_> = (0..8).map(|_| slab.nop()).collect();
    let progress = driver.block_on(slab.write_all(&server, buffer_of(slab, b"kept"), CURRENT)).expect("driver");
    assert_eq!(parts(&progress), (0, Err(Errno::EBUSY), &b"kept"[..]));
    drop(operations);
    // The other side ends, and then reads no more.
    client.write_all(b"last").expect("write");
    drop(client);
    let mut buffer = progress.buffer;
    buffer.clear();
    let progress = driver.block_on(slab.read_full(&server, buffer, CURRENT)).expect("driver");
    assert_eq!(parts(&progress), (4, Ok(()), &b"last"[..]));
    drop((progress, server));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_whole_transfer_holds_its_file() {
    let mut driver = driver();
    let slab = driver.slab();
    let (server, mut client) = connection(slab);
    let whole = slab.read_full(&server, slab.buffer().expect("one"), CURRENT);
    drop(server);
    client.write_all(&[1; 64]).expect("write");
    let progress = driver.block_on(whole).expect("driver");
    assert_eq!(parts(&progress), (64, Ok(()), &[1; 64][..]));
    drop(progress);
    settle(&mut driver);
    assert_closed(&client);
    assert_all_is_back(slab, 8);
}
