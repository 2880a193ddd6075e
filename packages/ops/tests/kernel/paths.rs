//! Files by their paths.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::task::Poll;
use std::time::Duration;

use bare_uring::Errno;
use bare_uring::types::{AtFlags, OpenFlags, OpenHow, RenameFlags, StatxMask};
use bare_uring_ops::{Storage, Wait};

use crate::folder::Folder;
use crate::setting::{
    adopt, assert_all_is_back, assert_closes_on_exec, driver, driver_of, flags_of, free_buffers, settle,
};
use crate::shared::{Bell, poll};

const NONE: RenameFlags = RenameFlags(0);

#[test]
fn names_are_made_moved_and_removed() {
    let folder = Folder::new("names");
    let mut driver = driver();
    let slab = driver.slab();
    let here = folder.open(slab);
    let at = Some(&here);
    driver
        .block_on(async {
            let made = slab.create(at, c"one", 0o640).await.expect("create");
            assert_closes_on_exec(&made);
            let modes = OpenFlags::RDWR.0 | OpenFlags::WRONLY.0;
            assert_eq!(flags_of(&made) & modes, OpenFlags::WRONLY.0);
            // A file that is there is emptied, and keeps its permissions.
            assert_eq!(slab.ftruncate(&made, 9).await, Ok(0));
            drop(slab.create(at, c"one", 0o600).await.expect("create"));
            assert_eq!(slab.stat(&made).await.map(|stat| stat.stx_size), Ok(0));
            assert_eq!(slab.mkdir(at, c"inside", 0o750).await, Ok(0));
            assert_eq!(slab.mkdir(at, c"inside", 0o750).await, Err(Errno::EEXIST));
            assert_eq!(slab.symlink(c"one", at, c"soft").await, Ok(0));
            assert_eq!(slab.symlink(c"", at, c"other").await, Err(Errno::ENOENT));
            assert_eq!(slab.link(at, c"one", at, c"hard", AtFlags(0)).await, Ok(0));
            assert_eq!(slab.link(at, c"none", at, c"harder", AtFlags(0)).await, Err(Errno::ENOENT));
            // By default a link is made to the symbolic link itself.
            assert_eq!(slab.link(at, c"soft", at, c"followed", AtFlags::SYMLINK_FOLLOW).await, Ok(0));
        })
        .expect("driver");
    assert_eq!(folder.names(), ["followed", "hard", "inside", "one", "soft"]);
    let mode = |name: &str| fs::metadata(folder.path(name)).expect("metadata").permissions().mode();
    assert_eq!((mode("one"), mode("inside")), (0o100_640, 0o40_750));
    assert_eq!(fs::read_link(folder.path("soft")).expect("a link").to_str(), Some("one"));
    assert_eq!(fs::metadata(folder.path("one")).expect("metadata").nlink(), 3);
    driver
        .block_on(async {
            let inside = slab.open(at, c"inside", OpenHow::new().flags(OpenFlags::DIRECTORY)).await.expect("open");
            // From one directory to another, which is not the same the other way round.
            assert_eq!(slab.rename(at, c"one", Some(&inside), c"moved", NONE).await, Ok(0));
            assert_eq!(slab.rename(at, c"one", Some(&inside), c"moved", NONE).await, Err(Errno::ENOENT));
            assert_eq!(
                slab.rename(at, c"hard", Some(&inside), c"moved", RenameFlags::NOREPLACE).await,
                Err(Errno::EEXIST)
            );
            assert_eq!(slab.link(Some(&inside), c"moved", at, c"back", AtFlags(0)).await, Ok(0));
            assert_eq!(slab.unlink(at, c"inside", AtFlags(0)).await, Err(Errno::EISDIR));
            assert_eq!(slab.unlink(at, c"inside", AtFlags::REMOVEDIR).await, Err(Errno::ENOTEMPTY));
            assert_eq!(slab.unlink(Some(&inside), c"moved", AtFlags(0)).await, Ok(0));
            assert_eq!(slab.unlink(at, c"inside", AtFlags::REMOVEDIR).await, Ok(0));
        })
        .expect("driver");
    assert_eq!(folder.names(), ["back", "followed", "hard", "soft"]);
    drop(here);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_path_from_the_working_directory_needs_no_file() {
    let folder = Folder::new("working");
    let mut driver = driver();
    let slab = driver.slab();
    let [one, two, three, inside] = ["one", "two", "three", "inside"].map(|name| folder.name(name));
    driver
        .block_on(async {
            let file = slab.create(None, &one, 0o600).await.expect("create");
            assert_eq!(slab.close(file).await, Ok(()));
            assert_eq!(slab.rename(None, &one, None, &two, NONE).await, Ok(0));
            assert_eq!(slab.link(None, &two, None, &three, AtFlags(0)).await, Ok(0));
            assert_eq!(slab.symlink(&two, None, &one).await, Ok(0));
            assert_eq!(slab.mkdir(None, &inside, 0o700).await, Ok(0));
            assert_eq!(slab.unlink(None, &two, AtFlags(0)).await, Ok(0));
        })
        .expect("driver");
    assert_eq!(folder.names(), ["inside", "one", "three"]);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn stat_tells_of_a_path_or_of_the_link_there() {
    static STORAGE: Storage<8, 8, 4, 256> = Storage::new();
    let folder = Folder::new("stat");
    let slab = STORAGE.start().expect("fresh");
    let mut driver = driver_of(slab);
    let here = folder.open(slab);
    fs::write(folder.path("one"), [0; 123]).expect("write");
    std::os::unix::fs::symlink("one", folder.path("soft")).expect("link");
    let path = folder.name("one");
    let basic = StatxMask::BASIC_STATS;
    driver
        .block_on(async {
            let size = |stat: Result<bare_uring::types::StatxBuffer, Errno>| stat.map(|stat| stat.stx_size);
            assert_eq!(size(slab.stat_at(Some(&here), c"soft", AtFlags(0), basic).await), Ok(123));
            assert_eq!(size(slab.stat_at(Some(&here), c"soft", AtFlags::SYMLINK_NOFOLLOW, basic).await), Ok(3));
            assert_eq!(size(slab.stat_at(None, &path, AtFlags(0), StatxMask::SIZE).await), Ok(123));
            assert_eq!(size(slab.stat_at(None, c"none", AtFlags(0), basic).await), Err(Errno::ENOENT));
            let born = slab.stat_at(None, &path, AtFlags(0), StatxMask::BTIME).await.expect("stat");
            assert!(born.stx_mask & StatxMask::BTIME.0 == 0 || born.stx_btime.tv_sec > 0);
        })
        .expect("driver");
    // The path needs a buffer, because the slot is where the answer goes.
    let buffers = free_buffers(slab);
    let bell = Bell::new();
    let stat = poll(&mut slab.stat_at(None, &path, AtFlags(0), basic), &bell);
    assert!(matches!(stat, Poll::Ready(Err(Errno::ENOBUFS))));
    drop((buffers, here));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn names_lie_in_the_slot_or_in_a_buffer_or_nowhere() {
    static STORAGE: Storage<8, 8, 4, 600> = Storage::new();
    let slab = STORAGE.start().expect("fresh");
    let mut driver = driver_of(slab);
    let name = |len| std::ffi::CString::new(vec![b'a'; len]).expect("no zero");
    // 256 bytes with the zeros, in the slot.
    let bell = Bell::new();
    let buffers = free_buffers(slab);
    let mut operations = [
        slab.unlink(None, &name(255), AtFlags(0)),
        slab.rename(None, &name(100), None, &name(154), NONE),
        slab.link(None, &name(154), None, &name(100), AtFlags(0)),
    ];
    assert!(operations.iter_mut().all(|operation| poll(operation, &bell).is_pending()));
    for operation in operations {
        assert_eq!(driver.block_on(operation).expect("driver"), Err(Errno::ENOENT));
    }
    // One byte more needs a buffer, and none is free.
    let longer = |slab: &'static bare_uring_ops::Slab| {
        [slab.unlink(None, &name(256), AtFlags(0)), slab.rename(None, &name(101), None, &name(154), NONE)]
    };
    for mut operation in longer(slab) {
        assert_eq!(poll(&mut operation, &bell), Poll::Ready(Err(Errno::ENOBUFS)));
    }
    drop(buffers);
    // The kernel reads them whole: a name of 256 bytes is longer than a filesystem takes.
    let [unlink, rename] = longer(slab).map(|operation| driver.block_on(operation).expect("driver"));
    assert_eq!((unlink, rename), (Err(Errno::ENAMETOOLONG), Err(Errno::ENOENT)));
    // 600 bytes with the zeros fit, and 601 do not.
    let fits = driver.block_on(slab.rename(None, c"a", None, &name(597), NONE)).expect("driver");
    let open = driver.block_on(slab.open(None, &name(599), OpenHow::new())).expect("driver");
    assert_eq!((fits, open.err()), (Err(Errno::ENOENT), Some(Errno::ENAMETOOLONG)));
    let mut refused = slab.rename(None, c"a", None, &name(598), NONE);
    assert_eq!(poll(&mut refused, &bell), Poll::Ready(Err(Errno::ENAMETOOLONG)));
    let mut refused = slab.open(None, &name(600), OpenHow::new());
    assert!(matches!(poll(&mut refused, &bell), Poll::Ready(Err(Errno::ENAMETOOLONG))));
    drop(refused);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn an_operation_holds_both_directories_when_the_caller_does_not() {
    let folder = Folder::new("both");
    let mut driver = driver();
    let slab = driver.slab();
    for name in ["from", "to"] {
        fs::create_dir(folder.path(name)).expect("a directory");
    }
    fs::write(folder.path("from/one"), b"content").expect("write");
    let bell = Bell::new();
    let open = |name: &str| adopt(slab, fs::File::open(folder.path(name)).expect("open"));
    let mut rename = slab.rename(Some(&open("from")), c"one", Some(&open("to")), c"two", NONE);
    let mut link = slab.link(Some(&open("to")), c"none", Some(&open("from")), c"three", AtFlags(0));
    let mut symlink = slab.symlink(c"target", Some(&open("to")), c"soft");
    assert!(poll(&mut rename, &bell).is_pending());
    settle(&mut driver);
    assert_eq!(poll(&mut rename, &bell), Poll::Ready(Ok(0)));
    assert!(poll(&mut link, &bell).is_pending());
    assert!(poll(&mut symlink, &bell).is_pending());
    settle(&mut driver);
    assert_eq!(poll(&mut link, &bell), Poll::Ready(Err(Errno::ENOENT)));
    assert_eq!(poll(&mut symlink, &bell), Poll::Ready(Ok(0)));
    assert_eq!(folder.read("to/two"), b"content");
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn operations_on_paths_are_dropped_limited_and_cancelled() {
    let folder = Folder::new("dropped");
    let mut driver = driver();
    let slab = driver.slab();
    let bell = Bell::new();
    let here = folder.open(slab);
    let at = Some(&here);
    for round in 0..20 {
        let mut operations = [
            slab.mkdir(at, c"made", 0o700),
            slab.rename(at, c"made", at, c"moved", NONE),
            slab.symlink(c"made", at, c"soft"),
            slab.link(at, c"soft", at, c"hard", AtFlags(0)),
            slab.unlink(at, c"soft", AtFlags(0)),
        ]
        .map(|operation| operation.within(Duration::from_micros(1 << (round % 10))));
        assert!(operations.iter_mut().all(|operation| poll(operation, &bell).is_pending()));
        if round % 3 > 0 {
            driver.turn(Wait::No).expect("turn");
        }
        if round % 3 == 1 {
            operations.iter_mut().for_each(bare_uring_ops::Op::cancel);
        }
        drop(operations);
        settle(&mut driver);
        assert_eq!(bell.kept(), 0);
    }
    drop(here);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}
