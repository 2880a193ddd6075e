//! Files.

use std::fs;

use bare_uring::Errno;
use bare_uring::types::{FsyncFlags, OpenFlags, OpenHow, ResolveFlags};
use bare_uring_ops::CURRENT;

use crate::setting::{adopt, assert_all_is_back, assert_closes_on_exec, buffer_of, driver, settle};

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
    let long = std::ffi::CString::new(vec![b'a'; 64]).expect("no zero");
    let opened = driver.block_on(slab.open(None, &long, OpenHow::new())).expect("driver");
    assert_eq!(opened.err(), Some(Errno::ENAMETOOLONG));
    assert_all_is_back(slab, 8);
}
