//! Extended attributes.

use std::fs;
use std::task::Poll;

use bare_uring::Errno;
use bare_uring::types::XattrFlags;
use bare_uring_ops::{Request, Wait};

use crate::folder::Folder;
use crate::setting::{adopt, assert_all_is_back, buffer_of, driver, settle};
use crate::shared::{Bell, poll};

const ANY: XattrFlags = XattrFlags(0);

#[test]
fn an_attribute_is_set_and_read_by_file_and_by_path() {
    let folder = Folder::new("xattr");
    let mut driver = driver();
    let slab = driver.slab();
    if let Some(missing) = slab.missing(&[Request::FSETXATTR]) {
        return println!("skipped: {missing}");
    }
    let (file, path) = (folder.file(slab, "one", b""), folder.name("one"));
    let value = || buffer_of(slab, b"value");
    let (set, buffer) = driver.block_on(slab.fsetxattr(&file, c"user.one", value(), ANY)).expect("driver");
    if set == Err(Errno::EOPNOTSUPP) {
        return println!("skipped: the filesystem of temporary files has no attributes");
    }
    // The window is as it was.
    assert_eq!((set, &*buffer), (Ok(0), &b"value"[..]));
    drop(buffer);
    driver
        .block_on(async {
            let (set, _) = slab.fsetxattr(&file, c"user.one", value(), XattrFlags::CREATE).await;
            assert_eq!(set, Err(Errno::EEXIST));
            let (set, kept) = slab.setxattr(&path, c"user.two", value(), XattrFlags::REPLACE).await;
            assert_eq!((set, &*kept), (Err(Errno::ENODATA), &b"value"[..]));
            assert_eq!(slab.setxattr(&path, c"user.two", buffer_of(slab, b"2"), ANY).await.0, Ok(0));
            let (got, buffer) = slab.getxattr(&path, c"user.one", buffer_of(slab, b"one: ")).await;
            assert_eq!((got, &*buffer), (Ok(5), &b"one: value"[..]));
            let (got, buffer) = slab.fgetxattr(&file, c"user.two", buffer).await;
            assert_eq!((got, &*buffer), (Ok(1), &b"one: value2"[..]));
            let (got, buffer) = slab.fgetxattr(&file, c"user.none", buffer).await;
            assert_eq!((got, &*buffer), (Err(Errno::ENODATA), &b"one: value2"[..]));
            let (got, buffer) = slab.getxattr(c"/none/such", c"user.one", buffer).await;
            assert_eq!(got, Err(Errno::ENOENT));
            assert_eq!(slab.setxattr(c"/none/such", c"user.one", buffer, ANY).await.0, Err(Errno::ENOENT));
            // There is room for four bytes only.
            let (got, _) = slab.fgetxattr(&file, c"user.one", buffer_of(slab, &[0; 60])).await;
            assert_eq!(got, Err(Errno::ERANGE));
        })
        .expect("driver");
    drop(file);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn a_name_that_does_not_fit_is_refused_with_its_buffer() {
    let mut driver = driver();
    let slab = driver.slab();
    if let Some(missing) = slab.missing(&[Request::FSETXATTR]) {
        return println!("skipped: {missing}");
    }
    let file = adopt(slab, fs::File::open("/dev/null").expect("null"));
    let name = |len| std::ffi::CString::new(vec![b'a'; len]).expect("no zero");
    let bell = Bell::new();
    let value = || buffer_of(slab, b"value");
    for mut refused in [
        slab.fsetxattr(&file, &name(256), value(), ANY),
        slab.fgetxattr(&file, &name(256), value()),
        slab.setxattr(&name(100), &name(155), value(), ANY),
        slab.getxattr(&name(155), &name(100), value()),
    ] {
        let Poll::Ready((outcome, buffer)) = poll(&mut refused, &bell) else { panic!("it goes on") };
        assert_eq!((outcome, &*buffer), (Err(Errno::ENAMETOOLONG), &b"value"[..]));
    }
    // The longest name that a filesystem may have reaches the kernel. A device has no attributes of programs.
    let (set, _) = driver.block_on(slab.fsetxattr(&file, &name(255), value(), ANY)).expect("driver");
    assert_eq!(set, Err(Errno::EOPNOTSUPP));
    let (got, _) = driver.block_on(slab.getxattr(&name(100), &name(154), value())).expect("driver");
    assert_eq!(got, Err(Errno::ENOENT));
    let Poll::Ready((full, _)) = poll(&mut slab.fgetxattr(&file, c"user.one", buffer_of(slab, &[0; 64])), &bell) else {
        panic!("refused")
    };
    assert_eq!(full, Err(Errno::ENOBUFS));
    drop(file);
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}

#[test]
fn requests_for_attributes_are_dropped_and_hold_their_files() {
    let folder = Folder::new("xattr-dropped");
    let mut driver = driver();
    let slab = driver.slab();
    if let Some(missing) = slab.missing(&[Request::FSETXATTR]) {
        return println!("skipped: {missing}");
    }
    let bell = Bell::new();
    for submitted in [false, true] {
        let mut operations = [
            slab.fsetxattr(&folder.file(slab, "one", b""), c"user.one", buffer_of(slab, b"1"), ANY),
            slab.fgetxattr(&folder.file(slab, "two", b""), c"user.one", buffer_of(slab, b"1")),
            slab.getxattr(&folder.name("one"), c"user.one", buffer_of(slab, b"1")),
        ];
        assert!(operations.iter_mut().all(|operation| poll(operation, &bell).is_pending()));
        if submitted {
            driver.turn(Wait::No).expect("turn");
        }
        drop(operations);
        settle(&mut driver);
        assert_all_is_back(slab, 8);
        driver.turn(Wait::No).expect("turn");
    }
    // The file is closed after the attribute was set or asked for.
    let mut get = slab.fgetxattr(&folder.file(slab, "two", b""), c"user.one", buffer_of(slab, b"1"));
    assert!(poll(&mut get, &bell).is_pending());
    settle(&mut driver);
    let (got, _) = driver.block_on(get).expect("driver");
    assert!(matches!(got, Err(Errno::ENODATA | Errno::EOPNOTSUPP)), "{got:?}");
    let mut set = slab.fsetxattr(&folder.file(slab, "one", b""), c"user.one", buffer_of(slab, b"1"), ANY);
    assert!(poll(&mut set, &bell).is_pending());
    settle(&mut driver);
    let Poll::Ready((outcome, buffer)) = poll(&mut set, &bell) else { panic!("over") };
    assert!(matches!(outcome, Ok(0) | Err(Errno::EOPNOTSUPP)), "{outcome:?}");
    drop((buffer, set));
    settle(&mut driver);
    assert_all_is_back(slab, 8);
}
