//! Files.

use std::fs;
use std::task::Poll;

use bare_uring::Errno;
use bare_uring::types::{FsyncFlags, OpenFlags, OpenHow, ResolveFlags};
use bare_uring_ops::{CURRENT, Storage};

use crate::setting::{
    adopt, assert_all_is_back, assert_closes_on_exec, buffer_of, driver, driver_of, free_buffers, settle,
};
use crate::shared::{Bell, poll};

#[test]
fn a_file_is_written_and_read() {
    let mut driver = driver();
    let slab = driver.slab();
    let directory = std::env::temp_dir().join(format!("bare-uring-ops-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("directory");
    let directory_file = adopt(slab, fs::File::open(&directory).expect("directory"));
    let how = OpenHow::new()
        .flags(OpenFlags(linux_raw_sys::general::O_RDWR | linux_raw_sys::general::O_CREAT))
        .mode(0o600)
        .resolve(ResolveFlags(linux_raw_sys::general::RESOLVE_BENEATH));
    driver
        .block_on(async {
            let file = slab.open(Some(&directory_file), c"one", how).await.expect("open");
            assert_closes_on_exec(&file);
            let (written, buffer) = slab.write(&file, buffer_of(slab, b"hello, world"), 0).await;
            assert_eq!((written, &*buffer), (Ok(12), &b""[..]));
            assert_eq!(slab.fsync(&file, FsyncFlags::empty()).await, Ok(0));
            let stat = slab.stat(&file).await.expect("stat");
            assert_eq!((stat.stx_size, stat.stx_mode & 0o777), (12, 0o600));
            for len in [(1 << 32) + 5, 12] {
                assert_eq!(slab.ftruncate(&file, len).await, Ok(0));
                assert_eq!(slab.stat(&file).await.map(|stat| stat.stx_size), Ok(len));
            }
            assert_eq!(slab.ftruncate(&file, u64::MAX).await, Err(Errno::EINVAL));
            assert_eq!(slab.ftruncate(&directory_file, 0).await, Err(Errno::EINVAL));
            let (read, buffer) = slab.read(&file, buffer_of(slab, b"> "), 7).await;
            assert_eq!((read, &*buffer), (Ok(5), &b"> world"[..]));
            let (read, buffer) = slab.read(&file, buffer, CURRENT).await;
            assert_eq!((read, &*buffer), (Ok(12), &b"> worldhello, world"[..]));
            assert_eq!(slab.open(Some(&directory_file), c"../one", how).await.err(), Some(Errno::EXDEV));
            assert_eq!(slab.open(None, c"/dev/null", OpenHow::new()).await.map(drop), Ok(()));
        })
        .expect("driver");
    drop(directory_file);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
    fs::remove_dir_all(&directory).expect("remove");
}

#[test]
fn a_path_that_does_not_fit_is_refused() {
    let mut driver = driver();
    let slab = driver.slab();
    // It does not fit into the slot, and a buffer of this slab is smaller.
    let long = std::ffi::CString::new(vec![b'a'; 256]).expect("no zero");
    let opened = driver.block_on(slab.open(None, &long, OpenHow::new())).expect("driver");
    assert_eq!(opened.err(), Some(Errno::ENAMETOOLONG));
    // With its zero, this path just fits into the slot.
    let fits = std::ffi::CString::new(vec![b'a'; 255]).expect("no zero");
    let opened = driver.block_on(slab.open(None, &fits, OpenHow::new())).expect("driver");
    assert_eq!(opened.err(), Some(Errno::ENOENT));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_large_transfer_is_counted_in_full() {
    const SIZE: usize = 0x2_0003;
    static STORAGE: Storage<2, 2, 2, SIZE> = Storage::new();
    let slab = STORAGE.start().expect("fresh");
    let mut driver = driver_of(slab);
    let path = std::env::temp_dir().join(format!("bare-uring-ops-large-{}", std::process::id()));
    let file = fs::File::options().read(true).write(true).create(true).truncate(true).open(&path).expect("open");
    fs::remove_file(&path).expect("remove");
    let file = adopt(slab, file);
    let content: Vec<u8> = (0..SIZE - 1).map(|at| (at % 251) as u8).collect();
    // The offset needs more than 32 bits. What lies before it is a hole.
    let offset = (1 << 32) + 5;
    let (written, buffer) = driver.block_on(slab.write(&file, buffer_of(slab, &content), offset)).expect("driver");
    assert_eq!((written, buffer.len()), (Ok(SIZE - 1), 0));
    let (read, buffer) = driver.block_on(slab.read(&file, slab.buffer().expect("one"), offset)).expect("driver");
    assert_eq!((read, buffer.capacity(), buffer.room()), (Ok(SIZE - 1), SIZE, 1));
    assert!(*buffer == *content);
}

#[test]
fn an_operation_holds_its_file_when_the_caller_does_not() {
    let mut driver = driver();
    let slab = driver.slab();
    let null = || adopt(slab, fs::File::options().read(true).write(true).open("/dev/null").expect("null"));
    let one = || slab.buffer().expect("one");
    let bell = Bell::new();
    // Each file is dropped before the driver knows of its operation. If the file were closed, it would be closed first.
    let mut read = slab.read(&null(), one(), 0);
    let mut stat = slab.stat(&null());
    let mut sync = slab.fsync(&null(), FsyncFlags::empty());
    let mut cut = slab.ftruncate(&null(), 0);
    let root = adopt(slab, fs::File::open("/").expect("root"));
    let mut open = slab.open(Some(&root), c"dev", OpenHow::new());
    drop(root);
    let listener = adopt(slab, std::net::TcpListener::bind("127.0.0.1:0").expect("listen"));
    let mut accept = slab.accept(&listener).within(std::time::Duration::from_millis(1));
    drop(listener);
    assert!(poll(&mut read, &bell).is_pending());
    assert!(poll(&mut stat, &bell).is_pending());
    assert!(poll(&mut sync, &bell).is_pending());
    assert!(poll(&mut cut, &bell).is_pending());
    assert!(poll(&mut open, &bell).is_pending());
    assert!(poll(&mut accept, &bell).is_pending());
    settle(&mut driver);
    assert_eq!(bell.rings(), 6);
    assert!(matches!(poll(&mut read, &bell), Poll::Ready((Ok(0), _))));
    let Poll::Ready(Ok(stat)) = poll(&mut stat, &bell) else { panic!("over") };
    // It is the character device, and not a file that was opened meanwhile and might have got its number.
    assert_eq!(u32::from(stat.stx_mode) & linux_raw_sys::general::S_IFMT, linux_raw_sys::general::S_IFCHR);
    // This is what the device answers while it is open.
    assert_eq!(poll(&mut sync, &bell), Poll::Ready(Err(Errno::EINVAL)));
    assert_eq!(poll(&mut cut, &bell), Poll::Ready(Err(Errno::EINVAL)));
    assert!(matches!(poll(&mut open, &bell), Poll::Ready(Ok(_))));
    assert!(matches!(poll(&mut accept, &bell), Poll::Ready(Err(Errno::ETIME))));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn what_finds_no_room_says_so_and_gives_the_buffer_back() {
    let mut driver = driver();
    let slab = driver.slab();
    let null = adopt(slab, fs::File::open("/dev/null").expect("null"));
    let bell = Bell::new();
    let full = buffer_of(slab, &[7; 64]);
    let Poll::Ready((read, full)) = poll(&mut slab.read(&null, full, 0), &bell) else { panic!("refused") };
    assert_eq!((read, &*full), (Err(Errno::ENOBUFS), &[7; 64][..]));
    let operations: Vec<_> = (0..8).map(|_| slab.nop()).collect();
    let Poll::Ready((write, full)) = poll(&mut slab.write(&null, full, 0), &bell) else { panic!("refused") };
    assert_eq!((write, &*full), (Err(Errno::EBUSY), &[7; 64][..]));
    assert!(matches!(poll(&mut slab.incoming(&null).next(), &bell), Poll::Ready(Some(Err(Errno::EBUSY)))));
    drop(operations);
    // A long path needs a buffer, and a new file needs a place.
    let buffers = free_buffers(slab);
    let long = std::ffi::CString::new(vec![b'a'; 256]).expect("no zero");
    let opened = poll(&mut slab.open(None, &long, OpenHow::new()), &bell);
    assert!(matches!(opened, Poll::Ready(Err(Errno::ENOBUFS))));
    drop((buffers, full));
    let places: Vec<_> = (1..8).map(|_| adopt(slab, fs::File::open("/dev/null").expect("null"))).collect();
    let opened = poll(&mut slab.open(None, c"/dev/null", OpenHow::new()), &bell);
    assert!(matches!(opened, Poll::Ready(Err(Errno::EMFILE))));
    assert!(matches!(poll(&mut slab.accept(&null), &bell), Poll::Ready(Err(Errno::EMFILE))));
    drop((places, null));
    // Nothing of this reached the kernel.
    assert_eq!(bell.rings(), 0);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}
