//! What is done by path, on the real kernel, on every kind of ring.

mod common;

use common::needs;

use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use bare_uring::squeue::Entry;
use bare_uring::types::{
    AtFlags, DestinationSlot, Fd, Fixed, OpenFlags, OpenHow, RenameFlags, ResolveFlags, StatxBuffer, StatxMask,
};
use bare_uring::{Errno, opcode};
use common::any_ring::{AnyRing, on_each};
use common::files::{Scratch, cancel, close_on_exec, nowhere};
use common::requests::{CLOSED, Fifo, fd};
use rustix::fs::{AtFlags as At, FileType, OFlags};

const RESOLVE_NO_SYMLINKS: ResolveFlags = ResolveFlags(4);
const RESOLVE_BENEATH: ResolveFlags = ResolveFlags(8);

fn open_flags(flags: OFlags) -> OpenFlags {
    OpenFlags(flags.bits())
}

/// Takes over the descriptor that a request has made.
fn made(outcome: Result<u32, Errno>) -> OwnedFd {
    let number = outcome.unwrap().cast_signed();
    // SAFETY: the request has just made the descriptor, for us.
    unsafe { OwnedFd::from_raw_fd(number) }
}

/// What a registered file contains.
fn content(ring: &mut dyn AnyRing, slot: u32) -> Result<Vec<u8>, Errno> {
    let mut buffer = [0_u8; 8];
    let count = ring.run(opcode::Read::new(Fixed(slot), buffer.as_mut_ptr(), 8).build())?;
    Ok(buffer[..count as usize].to_vec())
}

#[test]
fn files_are_opened_and_made() {
    let scratch = Scratch::new("open");
    let _ = scratch.file("old", b"old");
    let (dir, old, new) = (scratch.dir(), scratch.c_path("old"), c"new");
    on_each(|ring| {
        let open = opcode::OpenAt::new(Fd::CWD, old.as_ptr()).flags(open_flags(OFlags::CLOEXEC)).build();
        let file = made(ring.run(open));
        assert!(close_on_exec(file.as_raw_fd()), "{}", ring.kind());
        assert_eq!(rustix::io::read(&file, &mut [0_u8; 8]), Ok(3), "{}", ring.kind());

        let flags = open_flags(OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY);
        let how = OpenHow::new().flags(flags).mode(0o600);
        let requests = [
            opcode::OpenAt::new(fd(&dir), new.as_ptr()).flags(flags).mode(0o600).build(),
            opcode::OpenAt2::new(fd(&dir), new.as_ptr(), &raw const how).build(),
        ];
        for request in requests {
            let file = made(ring.run(request));
            assert!(!close_on_exec(file.as_raw_fd()), "{}", ring.kind());
            assert_eq!(rustix::fs::fstat(&file).unwrap().st_mode & 0o777, 0o600, "{}", ring.kind());
            assert_eq!(ring.run(request), Err(Errno::EEXIST), "{}", ring.kind());
            std::fs::remove_file(scratch.path("new")).unwrap();
        }
    });
}

#[test]
fn files_are_opened_into_slots() {
    needs!(5, 19, "IORING_FILE_INDEX_ALLOC");
    let scratch = Scratch::new("open-slot");
    let _ = scratch.file("f", b"slot");
    let path = scratch.c_path("f");
    let how = OpenHow::new();
    on_each(|ring| {
        let plain = opcode::OpenAt::new(Fd::CWD, path.as_ptr());
        let second = opcode::OpenAt2::new(Fd::CWD, path.as_ptr(), &raw const how);
        let at = |slot| DestinationSlot::at(slot).unwrap();
        assert_eq!(ring.run(second.file_index(at(0)).build()), Err(Errno::ENXIO), "{}", ring.kind());
        ring.register_files(&[-1; 4]);
        let requests = [
            (plain.file_index(at(2)), second.file_index(at(0)), [Ok(0), Ok(0)]),
            (plain.file_index(DestinationSlot::ALLOCATE), second.file_index(DestinationSlot::ALLOCATE), [Ok(1), Ok(3)]),
            (
                plain.file_index(DestinationSlot::ALLOCATE),
                second.file_index(DestinationSlot::ALLOCATE),
                [Err(Errno::ENFILE); 2],
            ),
            (plain.file_index(at(4)), second.file_index(at(u32::MAX - 2)), [Err(Errno::EINVAL); 2]),
        ];
        for (plain, second, expected) in requests {
            assert_eq!([ring.run(plain.build()), ring.run(second.build())], expected, "{}", ring.kind());
        }
        for slot in 0..4 {
            assert_eq!(content(ring, slot), Ok(b"slot".to_vec()), "{}", ring.kind());
        }
        let both = plain.flags(open_flags(OFlags::CLOEXEC)).file_index(at(0)).build();
        assert_eq!(ring.run(both), Err(Errno::EINVAL), "{}", ring.kind());
    });
}

#[test]
fn opening_stays_where_it_is_told_to() {
    let scratch = Scratch::new("open-how");
    let _ = scratch.file("f", b"");
    std::os::unix::fs::symlink("f", scratch.path("link")).unwrap();
    let dir = scratch.dir();
    on_each(|ring| {
        let mut open = |path: *const core::ffi::c_char, how: OpenHow| {
            ring.run(opcode::OpenAt2::new(fd(&dir), path, &raw const how).build()).map(|number| {
                // SAFETY: the request has just made the descriptor, for us.
                drop(unsafe { OwnedFd::from_raw_fd(number.cast_signed()) });
            })
        };
        let how = OpenHow::new();
        assert_eq!(open(c"link".as_ptr(), how), Ok(()));
        assert_eq!(open(c"link".as_ptr(), how.resolve(RESOLVE_NO_SYMLINKS)), Err(Errno::ELOOP));
        assert_eq!(open(c"../x".as_ptr(), how.resolve(RESOLVE_BENEATH)), Err(Errno::EXDEV));
        assert_eq!(open(c"f".as_ptr(), how.resolve(ResolveFlags(1 << 31))), Err(Errno::EINVAL));
        assert_eq!(open(c"f".as_ptr(), how.flags(OpenFlags(1 << 31))), Err(Errno::EINVAL));
        assert_eq!(open(c"f".as_ptr(), how.mode(0o600)), Err(Errno::EINVAL));
        assert_eq!(open(c"missing".as_ptr(), how), Err(Errno::ENOENT));
        assert_eq!(open(nowhere(), how), Err(Errno::EFAULT));
        let unreadable = opcode::OpenAt2::new(fd(&dir), c"f".as_ptr(), nowhere()).build();
        assert_eq!(ring.run(unreadable), Err(Errno::EFAULT), "{}", ring.kind());
        let nobody = opcode::OpenAt2::new(Fd(CLOSED), c"f".as_ptr(), &raw const how).build();
        assert_eq!(ring.run(nobody), Err(Errno::EBADF), "{}", ring.kind());
    });
}

#[test]
fn opening_a_fifo_is_cancelled() {
    let fifo = Fifo::new("op-path");
    let scratch = Scratch::new("open-fifo");
    let path = scratch.c_path("fifo");
    let mode = rustix::fs::Mode::from_bits_retain(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, scratch.path("fifo"), FileType::Fifo, mode, 0).unwrap();
    let how = OpenHow::new();
    on_each(|ring| {
        cancel(ring, fifo.open());
        let second = opcode::OpenAt2::new(Fd::CWD, path.as_ptr(), &raw const how).build();
        cancel(ring, second.flags(bare_uring::squeue::Flags::ASYNC));
    });
}

#[test]
fn statx_tells_about_paths_and_open_files() {
    const EMPTY_PATH: AtFlags = AtFlags(At::EMPTY_PATH.bits());
    let scratch = Scratch::new("statx");
    let (file, path) = (scratch.file("f", b"12345"), scratch.c_path("f"));
    on_each(|ring| {
        let mut buffer = std::mem::MaybeUninit::<StatxBuffer>::zeroed();
        let at = buffer.as_mut_ptr();
        let size = StatxMask(rustix::fs::StatxFlags::SIZE.bits());
        let mut size_by = |dir, path: *const core::ffi::c_char, flags| {
            let entry = opcode::Statx::new(dir, path, at).flags(flags).mask(size).build();
            ring.run(entry).map(|result| {
                // SAFETY: zeroed at first, then filled by the kernel; all fields are integers.
                (result, unsafe { (*at).stx_size })
            })
        };
        assert_eq!(size_by(Fd::CWD, path.as_ptr(), AtFlags(0)), Ok((0, 5)));
        assert_eq!(size_by(fd(&file), c"".as_ptr(), EMPTY_PATH), Ok((0, 5)));
        assert_eq!(size_by(fd(&file), c"".as_ptr(), AtFlags(0)), Err(Errno::ENOENT));
        assert_eq!(size_by(Fd(CLOSED), c"f".as_ptr(), AtFlags(0)), Err(Errno::EBADF));
        assert_eq!(size_by(fd(&file), c"f".as_ptr(), AtFlags(0)), Err(Errno::ENOTDIR));
        assert_eq!(size_by(Fd::CWD, path.as_ptr(), AtFlags(1 << 31)), Err(Errno::EINVAL));
        let unwritable = opcode::Statx::new(Fd::CWD, path.as_ptr(), nowhere()).build();
        assert_eq!(ring.run(unwritable), Err(Errno::EFAULT), "{}", ring.kind());
    });
}

#[test]
fn names_are_made_moved_and_removed() {
    needs!(5, 15, "IORING_OP_LINKAT");
    let scratch = Scratch::new("names");
    let dir = scratch.dir();
    let names = || {
        let mut names: heapless::Vec<String, 4> = std::fs::read_dir(scratch.path(""))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    };
    on_each(|ring| {
        let at = fd(&dir);
        let mut ok = |entry: Entry, expected: &[&str]| {
            assert_eq!(ring.run(entry), Ok(0), "{}", ring.kind());
            assert_eq!(names(), *expected, "{}", ring.kind());
        };
        ok(opcode::MkDirAt::new(at, c"dir".as_ptr()).mode(0o710).build(), &["dir"]);
        assert_eq!(std::fs::metadata(scratch.path("dir")).unwrap().mode() & 0o700, 0o700);
        drop(scratch.file("a", b"a"));
        ok(opcode::LinkAt::new(at, c"a".as_ptr(), at, c"b".as_ptr()).build(), &["a", "b", "dir"]);
        assert_eq!(std::fs::metadata(scratch.path("a")).unwrap().nlink(), 2);
        ok(opcode::UnlinkAt::new(at, c"a".as_ptr()).build(), &["b", "dir"]);
        ok(opcode::SymlinkAt::new(at, c"b".as_ptr(), c"s".as_ptr()).build(), &["b", "dir", "s"]);
        assert_eq!(std::fs::read_link(scratch.path("s")).unwrap().to_str(), Some("b"));
        // By the link: without the flag a name of the link itself, with it one of the file.
        let follow = opcode::LinkAt::new(at, c"s".as_ptr(), at, c"t".as_ptr());
        ok(follow.build(), &["b", "dir", "s", "t"]);
        assert!(std::fs::symlink_metadata(scratch.path("t")).unwrap().is_symlink());
        ok(opcode::UnlinkAt::new(at, c"t".as_ptr()).build(), &["b", "dir", "s"]);
        ok(follow.flags(AtFlags(At::SYMLINK_FOLLOW.bits())).build(), &["b", "dir", "s", "t"]);
        assert!(std::fs::symlink_metadata(scratch.path("t")).unwrap().is_file());
        ok(opcode::RenameAt::new(at, c"t".as_ptr(), at, c"dir/u".as_ptr()).build(), &["b", "dir", "s"]);
        ok(opcode::UnlinkAt::new(at, c"dir/u".as_ptr()).build(), &["b", "dir", "s"]);
        ok(opcode::RenameAt::new(at, c"b".as_ptr(), at, c"c".as_ptr()).build(), &["c", "dir", "s"]);
        let exchange = RenameFlags(2);
        ok(opcode::RenameAt::new(at, c"c".as_ptr(), at, c"s".as_ptr()).flags(exchange).build(), &["c", "dir", "s"]);
        assert!(std::fs::symlink_metadata(scratch.path("c")).unwrap().is_symlink());
        ok(opcode::UnlinkAt::new(at, c"c".as_ptr()).build(), &["dir", "s"]);
        ok(opcode::UnlinkAt::new(at, c"s".as_ptr()).build(), &["dir"]);
        ok(opcode::UnlinkAt::new(at, c"dir".as_ptr()).flags(AtFlags(At::REMOVEDIR.bits())).build(), &[]);
    });
}

#[test]
fn names_are_refused() {
    needs!(5, 15, "IORING_OP_LINKAT");
    let scratch = Scratch::new("names-refused");
    let dir = scratch.dir();
    drop([scratch.file("f", b""), scratch.file("g", b"")]);
    std::fs::create_dir(scratch.path("full")).unwrap();
    std::fs::write(scratch.path("full/x"), b"").unwrap();
    let long = CString::new(vec![b'n'; 300]).unwrap();
    on_each(|ring| {
        let at = fd(&dir);
        let [f, g, full, missing] = [c"f", c"g", c"full", c"missing"].map(|name| name.as_ptr());
        let remove_dir = AtFlags(At::REMOVEDIR.bits());
        let refused = [
            (opcode::RenameAt::new(at, missing, at, f).build(), Errno::ENOENT),
            (opcode::RenameAt::new(at, f, at, g).flags(RenameFlags(1)).build(), Errno::EEXIST),
            (opcode::RenameAt::new(at, f, at, g).flags(RenameFlags(1 << 20)).build(), Errno::EINVAL),
            (opcode::RenameAt::new(at, f, Fd(CLOSED), g).build(), Errno::EBADF),
            (opcode::RenameAt::new(at, f, at, nowhere()).build(), Errno::EFAULT),
            (opcode::LinkAt::new(at, f, at, g).build(), Errno::EEXIST),
            (opcode::LinkAt::new(at, full, at, missing).build(), Errno::EPERM),
            (opcode::LinkAt::new(at, f, at, missing).flags(AtFlags(1)).build(), Errno::EINVAL),
            (opcode::LinkAt::new(Fd(CLOSED), f, at, missing).build(), Errno::EBADF),
            (opcode::SymlinkAt::new(at, f, g).build(), Errno::EEXIST),
            (opcode::SymlinkAt::new(at, c"".as_ptr(), missing).build(), Errno::ENOENT),
            (opcode::SymlinkAt::new(Fd(CLOSED), f, missing).build(), Errno::EBADF),
            (opcode::UnlinkAt::new(at, missing).build(), Errno::ENOENT),
            (opcode::UnlinkAt::new(at, full).build(), Errno::EISDIR),
            (opcode::UnlinkAt::new(at, full).flags(remove_dir).build(), Errno::ENOTEMPTY),
            (opcode::UnlinkAt::new(at, f).flags(remove_dir).build(), Errno::ENOTDIR),
            (opcode::UnlinkAt::new(at, f).flags(AtFlags(1)).build(), Errno::EINVAL),
            (opcode::UnlinkAt::new(Fd(CLOSED), f).build(), Errno::EBADF),
            (opcode::MkDirAt::new(at, f).build(), Errno::EEXIST),
            (opcode::MkDirAt::new(at, long.as_ptr()).build(), Errno::ENAMETOOLONG),
            (opcode::MkDirAt::new(Fd(CLOSED), missing).build(), Errno::EBADF),
        ];
        for (entry, errno) in refused {
            assert_eq!(ring.run(entry), Err(errno), "{}: {entry:?}", ring.kind());
        }
    });
}
