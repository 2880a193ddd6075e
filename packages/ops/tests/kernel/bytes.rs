//! The bytes of files: flags, the end of a file, ranges, and reads that go on.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::task::Poll;
use std::time::Duration;

use bare_uring::Errno;
use bare_uring::types::{AtFlags, FallocateFlags, FileAdvice, OpenFlags, RwFlags, StatxMask, SyncFileRangeFlags};
use bare_uring_ops::{Buffer, CURRENT, Group, Request, Slab, Wait};

use crate::folder::Folder;
use crate::setting::{
    adopt, assert_all_is_back, assert_closes_on_exec, buffer_of, driver, flags_of, next, settle, turn_until,
};
use crate::shared::{Bell, poll};

#[test]
fn flags_of_a_read_and_a_write_reach_the_kernel() {
    let folder = Folder::new("flags");
    let mut driver = driver();
    let slab = driver.slab();
    let file = folder.file(slab, "one", b"0123");
    driver
        .block_on(async {
            // Every byte was just written, and so lies in the page cache.
            let (read, buffer) = slab.read_with(&file, slab.buffer().expect("one"), 1, RwFlags::NOWAIT).await;
            assert_eq!((read, &*buffer), (Ok(3), &b"123"[..]));
            let (written, buffer) = slab.write_with(&file, buffer, 0, RwFlags::DSYNC).await;
            assert_eq!((written, &*buffer), (Ok(3), &b""[..]));
            let (read, _) = slab.read_with(&file, buffer, 0, RwFlags(1 << 30)).await;
            assert_eq!(read, Err(Errno::EOPNOTSUPP));
        })
        .expect("driver");
    assert_eq!(folder.read("one"), b"1233");
    drop(file);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn what_is_appended_goes_to_the_end_and_moves_no_position() {
    let folder = Folder::new("append");
    let mut driver = driver();
    let slab = driver.slab();
    let file = folder.file(slab, "one", b"abc");
    driver
        .block_on(async {
            let (read, buffer) = slab.read(&file, slab.buffer().expect("one"), CURRENT).await;
            assert_eq!((read, &*buffer), (Ok(3), &b"abc"[..]));
            assert_eq!(slab.ftruncate(&file, 5).await, Ok(0));
            let (written, buffer) = slab.append(&file, buffer).await;
            assert_eq!((written, &*buffer), (Ok(3), &b""[..]));
            // The position is where the read left it.
            let (read, buffer) = slab.read(&file, buffer, CURRENT).await;
            assert_eq!((read, &*buffer), (Ok(5), &b"\0\0abc"[..]));
        })
        .expect("driver");
    assert_eq!(folder.read("one"), b"abc\0\0abc");
    let null = adopt(slab, fs::File::open("/dev/null").expect("null"));
    let (refused, buffer) = driver.block_on(slab.append(&null, buffer_of(slab, b"kept"))).expect("driver");
    assert_eq!((refused, &*buffer), (Err(Errno::EBADF), &b"kept"[..]));
    drop((file, null, buffer));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn ranges_of_a_file_are_allocated_freed_synchronised_and_announced() {
    let folder = Folder::new("ranges");
    let mut driver = driver();
    let slab = driver.slab();
    let file = folder.file(slab, "one", &[7; 64 << 10]);
    let (_reader, writer) = std::io::pipe().expect("pipe");
    let pipe = adopt(slab, writer);
    let blocks = || fs::metadata(folder.path("one")).expect("metadata").blocks();
    let all = SyncFileRangeFlags::WAIT_BEFORE.with(SyncFileRangeFlags::WRITE).with(SyncFileRangeFlags::WAIT_AFTER);
    driver
        .block_on(async {
            assert_eq!(slab.sync_file_range(&file, 4096, 8192, all).await, Ok(0));
            assert_eq!(slab.sync_file_range(&file, 0, 0, SyncFileRangeFlags(1 << 30)).await, Err(Errno::EINVAL));
            assert_eq!(slab.sync_file_range(&pipe, 0, 0, all).await, Err(Errno::ESPIPE));
            assert_eq!(slab.fdatasync(&file).await, Ok(0));
            assert_eq!(slab.fdatasync(&pipe).await, Err(Errno::EINVAL));
            for advice in [FileAdvice::SEQUENTIAL, FileAdvice::WILLNEED, FileAdvice::DONTNEED] {
                assert_eq!(slab.fadvise(&file, 4096, 8192, advice).await, Ok(0));
            }
            assert_eq!(slab.fadvise(&file, 0, 0, FileAdvice(77)).await, Err(Errno::EINVAL));
            assert_eq!(slab.fadvise(&pipe, 0, 0, FileAdvice::NORMAL).await, Err(Errno::ESPIPE));
            assert_eq!(slab.fallocate(&file, FallocateFlags(0), 0, 0).await, Err(Errno::EINVAL));
            assert_eq!(slab.fallocate(&pipe, FallocateFlags(0), 0, 1).await, Err(Errno::ESPIPE));
        })
        .expect("driver");
    let before = blocks();
    let hole = FallocateFlags::PUNCH_HOLE.with(FallocateFlags::KEEP_SIZE);
    let freed = driver.block_on(slab.fallocate(&file, hole, 16 << 10, 32 << 10)).expect("driver");
    if freed == Err(Errno::EOPNOTSUPP) {
        println!("skipped: the filesystem of temporary files makes no holes");
    } else {
        assert_eq!((freed, before - blocks()), (Ok(0), 64), "32 KiB in blocks of 512 bytes");
        let mut expected = vec![7; 64 << 10];
        expected[16 << 10..48 << 10].fill(0);
        assert!(folder.read("one") == expected);
        assert_eq!(driver.block_on(slab.fallocate(&file, FallocateFlags(0), 64 << 10, 4096)).expect("driver"), Ok(0));
        assert_eq!(fs::metadata(folder.path("one")).expect("metadata").len(), 68 << 10);
    }
    drop((file, pipe));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

/// Reads what a stream brings until it has this many bytes.
async fn read_some(pieces: &mut bare_uring_ops::Stream<Buffer>, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        bytes.extend_from_slice(&pieces.next().await.expect("goes on").expect("a piece"));
    }
    bytes
}

#[test]
fn a_pipe_is_read_as_long_as_data_comes() {
    static GROUP: Group<4, 16> = Group::new();
    let mut driver = driver();
    let slab = driver.slab();
    if let Some(missing) = slab.missing(&[Request::READ_PIECES]) {
        return println!("skipped: {missing}");
    }
    driver.provide(&GROUP).expect("provide");
    let (reader, mut writer) = std::io::pipe().expect("pipe");
    let reader = adopt(slab, reader);
    let mut pieces = slab.read_pieces(&reader);
    for round in 0..5 {
        writer.write_all(&[round; 40]).expect("write");
        assert_eq!(driver.block_on(read_some(&mut pieces, 40)).expect("driver"), [round; 40]);
        // The buffers go back before more data comes.
        driver.turn(Wait::No).expect("turn");
    }
    // Data that waits in a stream that is dropped goes back, and the pipe goes on.
    let bell = Bell::new();
    assert!(next(&mut pieces, &bell).is_pending());
    writer.write_all(b"unread").expect("write");
    turn_until(&mut driver, "data waits in the stream", || bell.rings() == 1);
    drop(pieces);
    settle(&mut driver);
    let mut pieces = slab.read_pieces(&reader);
    writer.write_all(&[9; 48]).expect("write");
    assert_eq!(driver.block_on(read_some(&mut pieces, 48)).expect("driver"), [9; 48]);
    // A stream that is cancelled says so, and one at the end ends.
    assert!(next(&mut pieces, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    pieces.cancel();
    let end = driver.block_on(pieces.next()).expect("driver").map(|end| end.err());
    assert_eq!(end, Some(Some(Errno::ECANCELED)));
    drop(writer);
    let mut pieces = slab.read_pieces(&reader);
    assert!(driver.block_on(pieces.next()).expect("driver").is_none());
    // A regular file can't be waited for.
    let folder = Folder::new("pieces");
    let mut pieces = slab.read_pieces(&folder.file(slab, "one", b"content"));
    let end = driver.block_on(pieces.next()).expect("driver").map(|end| end.err());
    assert_eq!(end, Some(Some(Errno::EBADFD)));
    drop((pieces, reader));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

/// Fails and says why if the kernel makes no pipes; the caller then ends.
fn makes_pipes(slab: &'static Slab) -> bool {
    let missing = slab.missing(&[Request::PIPE]);
    if let Some(missing) = missing {
        println!("skipped: {missing}");
    }
    missing.is_none()
}

#[test]
fn a_pipe_has_two_ends_and_both_are_closed() {
    let mut driver = driver();
    let slab = driver.slab();
    if !makes_pipes(slab) {
        return;
    }
    let made = driver.block_on(slab.pipe(OpenFlags::NONBLOCK)).expect("driver");
    let (reader, writer) = made.expect("pipe");
    for end in [&reader, &writer] {
        assert_closes_on_exec(end);
        assert_eq!(flags_of(end) & OpenFlags::NONBLOCK.0, OpenFlags::NONBLOCK.0);
    }
    driver
        .block_on(async {
            let (written, buffer) = slab.write(&writer, buffer_of(slab, b"through"), CURRENT).await;
            assert_eq!(written, Ok(7));
            let (read, buffer) = slab.read(&reader, buffer, CURRENT).await;
            assert_eq!((read, &*buffer), (Ok(7), &b"through"[..]));
            // The first is the end to read from.
            assert_eq!(slab.write(&reader, buffer, CURRENT).await.0, Err(Errno::EBADF));
            // The last writer is gone, and so is the end.
            drop(writer);
            let (read, _) = slab.read(&reader, slab.buffer().expect("one"), CURRENT).await;
            assert_eq!(read, Ok(0));
            assert_eq!(slab.pipe(OpenFlags::CREAT).await.err(), Some(Errno::EINVAL));
        })
        .expect("driver");
    drop(reader);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_pipe_that_nobody_takes_is_closed() {
    let mut driver = driver();
    let slab = driver.slab();
    if !makes_pipes(slab) {
        return;
    }
    let bell = Bell::new();
    let open = || fs::read_dir("/proc/self/fd").expect("proc").count();
    for dropped_at in 0..3 {
        let before = open();
        let mut pipes: Vec<_> = (0..4).map(|_| slab.pipe(OpenFlags(0)).within(Duration::from_secs(5))).collect();
        if dropped_at > 0 {
            assert!(pipes.iter_mut().all(|pipe| poll(pipe, &bell).is_pending()));
        }
        if dropped_at > 1 {
            driver.turn(Wait::No).expect("turn");
        }
        // There are places for four pipes.
        assert!(matches!(poll(&mut slab.pipe(OpenFlags(0)), &bell), Poll::Ready(Err(Errno::EMFILE))));
        drop(pipes);
        settle(&mut driver);
        driver.turn(Wait::No).expect("turn");
        // Other tests open files meanwhile, but not as many each time.
        assert!(open() < before + 8 || dropped_at == 0, "{} descriptors were {before}", open());
        assert_all_is_back(slab, 8);
        driver.turn(Wait::No).expect("turn");
    }
}

#[test]
fn each_operation_holds_its_file_when_the_caller_does_not() {
    let folder = Folder::new("held");
    let mut driver = driver();
    let slab = driver.slab();
    let bell = Bell::new();
    let one = |content: &[u8]| folder.file(slab, "one", content);
    // Each file is dropped before the driver knows of its operation. If the file were closed, it would be closed first.
    let mut numbers = [
        slab.sync_file_range(&one(b""), 0, 0, SyncFileRangeFlags::WRITE),
        slab.fallocate(&one(b""), FallocateFlags(0), 0, 1),
        slab.fadvise(&one(b""), 0, 0, FileAdvice::NORMAL),
        slab.fdatasync(&one(b"")),
        slab.unlink(Some(&folder.open(slab)), c"none", AtFlags(0)),
        slab.mkdir(Some(&folder.open(slab)), c"inside", 0o700),
    ];
    assert!(numbers.iter_mut().all(|operation| poll(operation, &bell).is_pending()));
    settle(&mut driver);
    let outcomes = numbers.map(|operation| driver.block_on(operation).expect("driver"));
    assert_eq!(outcomes, [Ok(0), Ok(0), Ok(0), Ok(0), Err(Errno::ENOENT), Ok(0)]);
    settle(&mut driver);
    let mut moved = [
        slab.read_with(&one(b"1"), slab.buffer().expect("one"), 0, RwFlags(0)),
        slab.append(&one(b"1"), buffer_of(slab, b"2")),
    ];
    assert!(moved.iter_mut().all(|operation| poll(operation, &bell).is_pending()));
    let (mut created, mut stat) = (
        slab.create(Some(&folder.open(slab)), c"two", 0o600),
        slab.stat_at(Some(&folder.open(slab)), c"one", AtFlags(0), StatxMask::SIZE),
    );
    assert!(poll(&mut created, &bell).is_pending() && poll(&mut stat, &bell).is_pending());
    settle(&mut driver);
    for operation in moved {
        assert_eq!(driver.block_on(operation).expect("driver").0, Ok(1));
    }
    assert!(driver.block_on(created).expect("driver").is_ok() && driver.block_on(stat).expect("driver").is_ok());
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn operations_on_bytes_are_dropped_limited_and_cancelled() {
    let folder = Folder::new("bytes-dropped");
    let mut driver = driver();
    let slab = driver.slab();
    let bell = Bell::new();
    let (reader, writer) = std::io::pipe().expect("pipe");
    let (reader, writer) = (adopt(slab, reader), adopt(slab, writer));
    // A read that waits ends in time, or when it is told to, and its buffer is as it was.
    let late = slab.read_with(&reader, buffer_of(slab, b"kept"), CURRENT, RwFlags(0));
    let (outcome, buffer) = driver.block_on(late.within(Duration::from_millis(5))).expect("driver");
    assert_eq!((outcome, &*buffer), (Err(Errno::ETIME), &b"kept"[..]));
    let mut read = slab.read_with(&reader, buffer, CURRENT, RwFlags(0));
    assert!(poll(&mut read, &bell).is_pending());
    driver.turn(Wait::No).expect("turn");
    read.cancel();
    let (outcome, buffer) = driver.block_on(read).expect("driver");
    assert_eq!((outcome, &*buffer), (Err(Errno::ECANCELED), &b"kept"[..]));
    let file = folder.file(slab, "one", b"content");
    for round in 0..20 {
        let span = Duration::from_micros(1 << (round % 10));
        let mut numbers = [
            slab.sync_file_range(&file, 0, 0, SyncFileRangeFlags::WRITE),
            slab.fallocate(&file, FallocateFlags(0), 0, 1 << 20),
            slab.fadvise(&file, 0, 0, FileAdvice::WILLNEED),
            slab.fdatasync(&file),
            slab.ftruncate(&file, round),
        ]
        .map(|operation| operation.within(span));
        let mut append = slab.append(&file, buffer_of(slab, b"more")).within(span);
        assert!(numbers.iter_mut().all(|operation| poll(operation, &bell).is_pending()));
        assert!(poll(&mut append, &bell).is_pending());
        if round % 3 > 0 {
            driver.turn(Wait::No).expect("turn");
        }
        if round % 3 == 1 {
            numbers.iter_mut().for_each(bare_uring_ops::Op::cancel);
            append.cancel();
        }
        drop((numbers, append));
        settle(&mut driver);
        assert_eq!(bell.kept(), 0);
    }
    drop((file, reader, writer, buffer));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}
