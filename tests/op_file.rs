//! What is done to open files and to the table of registered ones, on the real kernel, on every kind of ring.

mod common;

use common::{has, needs, older_than};

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use bare_uring::types::{
    FallocateFlags, Fd, FileAdvice, Fixed, FixedFdFlags, FsyncFlags, MemoryAdvice, RawFd, SyncFileRangeFlags,
};
use bare_uring::{Errno, opcode};
use common::any_ring::{File, on_each, on_each_with_file};
use common::files::{NO_FILES, Scratch, close_on_exec, nowhere, register};
use common::requests::{CLOSED, fd, file, ring, run};
use rustix::mm::{MapFlags, ProtFlags};

fn length(fd: &OwnedFd) -> i64 {
    rustix::fs::fstat(fd).unwrap().st_size
}

#[test]
fn files_are_synchronised_whole_and_in_part() {
    let scratch = Scratch::new("sync");
    let (reader, _writer) = rustix::pipe::pipe().unwrap();
    on_each_with_file(&scratch.file("f", b"data"), |ring, file| {
        let whole = for_file!(file, |f| opcode::Fsync::new(f).build());
        let data = for_file!(file, |f| opcode::Fsync::new(f).flags(FsyncFlags::DATASYNC).range(0, 4).build());
        let flags = SyncFileRangeFlags(1 | 2 | 4);
        let part = for_file!(file, |f| opcode::SyncFileRange::new(f, 2).offset(1).flags(flags).build());
        let unknown = for_file!(file, |f| opcode::SyncFileRange::new(f, 2).flags(SyncFileRangeFlags(8)).build());
        let negative = for_file!(file, |f| opcode::SyncFileRange::new(f, 2).offset(1 << 63).build());
        let unknown_too = for_file!(file, |f| opcode::Fsync::new(f).flags(FsyncFlags::from_bits_retain(2)).build());
        let outcomes = [whole, data, part, unknown, negative, unknown_too].map(|entry| ring.run(entry));
        let refused = Err(Errno::EINVAL);
        assert_eq!(outcomes, [Ok(0), Ok(0), Ok(0), refused, refused, refused], "{}", ring.kind());
        let pipe = [opcode::Fsync::new(fd(&reader)).build(), opcode::SyncFileRange::new(fd(&reader), 1).build()];
        let outcomes = pipe.map(|entry| ring.run(entry));
        assert_eq!(outcomes, [Err(Errno::EINVAL), Err(Errno::ESPIPE)], "{}", ring.kind());
        for none in NO_FILES {
            let entries =
                for_file!(none, |f| [opcode::Fsync::new(f).build(), opcode::SyncFileRange::new(f, 1).build()]);
            assert_eq!(entries.map(|entry| ring.run(entry)), [Err(Errno::EBADF); 2], "{}", ring.kind());
        }
    });
}

#[test]
fn files_get_room_and_lose_it() {
    const KEEP_SIZE: u32 = 1;
    const PUNCH_HOLE: u32 = 2;
    let scratch = Scratch::new("room");
    let target = scratch.file("f", b"");
    on_each_with_file(&target, |ring, file| {
        rustix::fs::ftruncate(&target, 0).unwrap();
        let room = for_file!(file, |f| opcode::Fallocate::new(f, 6000).offset(2192).build());
        assert_eq!((ring.run(room), length(&target)), (Ok(0), 8192), "{}", ring.kind());
        rustix::io::pwrite(&target, &[1; 8192], 0).unwrap();
        let keep = FallocateFlags(KEEP_SIZE | PUNCH_HOLE);
        let hole = for_file!(file, |f| opcode::Fallocate::new(f, 4096).offset(4096).mode(keep).build());
        assert_eq!((ring.run(hole), length(&target)), (Ok(0), 8192), "{}", ring.kind());
        let mut bytes = [9; 2];
        rustix::io::pread(&target, &mut bytes, 4095).unwrap();
        assert_eq!(bytes, [1, 0], "{}", ring.kind());

        let nothing = for_file!(file, |f| opcode::Fallocate::new(f, 0).build());
        assert_eq!(ring.run(nothing), Err(Errno::EINVAL), "{}", ring.kind());
        let unknown = for_file!(file, |f| opcode::Fallocate::new(f, 1).mode(FallocateFlags(1 << 20)).build());
        assert_eq!(ring.run(unknown), Err(Errno::EOPNOTSUPP), "{}", ring.kind());
        // More than any file can have: the length has 64 bits.
        let huge = for_file!(file, |f| opcode::Fallocate::new(f, i64::MAX as u64).offset(1 << 40).build());
        assert_eq!(ring.run(huge), Err(Errno::EFBIG), "{}", ring.kind());
        for none in NO_FILES {
            let none = for_file!(none, |f| opcode::Fallocate::new(f, 1).build());
            assert_eq!(ring.run(none), Err(Errno::EBADF), "{}", ring.kind());
        }
    });
}

#[test]
fn files_are_cut_and_extended() {
    if !has("ftruncate", "IORING_OP_FTRUNCATE", (6, 9)) {
        return;
    }
    let scratch = Scratch::new("cut");
    let target = scratch.file("f", b"");
    let read_only = OwnedFd::from(std::fs::File::open(scratch.path("f")).unwrap());
    on_each_with_file(&target, |ring, file| {
        for len in [5 << 30, 3] {
            let cut = for_file!(file, |f| opcode::Ftruncate::new(f, len).build());
            assert_eq!((ring.run(cut), length(&target)), (Ok(0), len as i64), "{}", ring.kind());
        }
        let negative = for_file!(file, |f| opcode::Ftruncate::new(f, u64::MAX).build());
        assert_eq!(ring.run(negative), Err(Errno::EINVAL), "{}", ring.kind());
        assert_eq!(ring.run(opcode::Ftruncate::new(fd(&read_only), 0).build()), Err(Errno::EINVAL), "{}", ring.kind());
        for none in NO_FILES {
            let none = for_file!(none, |f| opcode::Ftruncate::new(f, 0).build());
            assert_eq!(ring.run(none), Err(Errno::EBADF), "{}", ring.kind());
        }
    });
}

#[test]
fn advice_on_files_has_64_bits_of_length() {
    const SEQUENTIAL: FileAdvice = FileAdvice(2);
    let scratch = Scratch::new("fadvise");
    let (reader, _writer) = rustix::pipe::pipe().unwrap();
    on_each_with_file(&scratch.file("f", b"x"), |ring, file| {
        let mut run = |offset, len, advice| {
            ring.run(for_file!(file, |f| opcode::Fadvise::new(f, len, advice).offset(offset).build()))
        };
        for len in [0, 1, u64::from(u32::MAX), 1 << 32, i64::MAX as u64] {
            // Before 6.11 the kernel refuses, rather than take less.
            let long = len >= 1 << 32 && older_than(6, 11);
            assert_eq!(run(7, len, SEQUENTIAL), if long { Err(Errno::EINVAL) } else { Ok(0) }, "{len}");
        }
        // Cut to 32 bits it would be 0, which is fine.
        assert_eq!(run(0, 1 << 63, SEQUENTIAL), Err(Errno::EINVAL));
        assert_eq!(run(0, 1, FileAdvice(99)), Err(Errno::EINVAL));
        let pipe = opcode::Fadvise::new(fd(&reader), 1, SEQUENTIAL).build();
        assert_eq!(ring.run(pipe), Err(Errno::ESPIPE), "{}", ring.kind());
        for none in NO_FILES {
            let none = for_file!(none, |f| opcode::Fadvise::new(f, 1, SEQUENTIAL).build());
            assert_eq!(ring.run(none), Err(Errno::EBADF), "{}", ring.kind());
        }
    });
}

#[test]
fn advice_on_memory_has_64_bits_of_length() {
    const NORMAL: MemoryAdvice = MemoryAdvice(0);
    const DONTNEED: MemoryAdvice = MemoryAdvice(4);
    let page = rustix::param::page_size();
    let (protection, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
    // SAFETY: a new mapping, wherever the kernel likes.
    let memory = unsafe { rustix::mm::mmap_anonymous(core::ptr::null_mut(), page, protection, flags) }.unwrap();
    on_each(|ring| {
        let first = memory.cast::<u8>();
        // SAFETY: the mapping is there until the end of the test, and nobody else's.
        unsafe { first.write(7) };
        let mut run = |at: *mut u8, len, advice| ring.run(opcode::Madvise::new(at.cast(), len, advice).build());
        assert_eq!(run(first, page as u64, DONTNEED), Ok(0));
        // SAFETY: the mapping is there until the end of the test, and nothing else uses it.
        assert_eq!(unsafe { first.read() }, 0, "thrown away");
        assert_eq!(run(first, 0, NORMAL), Ok(0));
        assert_eq!(run(first.wrapping_add(1), page as u64, NORMAL), Err(Errno::EINVAL));
        assert_eq!(run(first, page as u64, MemoryAdvice(99)), Err(Errno::EINVAL));
        // Cut to 32 bits, as a kernel of 32 bits does, it is the one page. (Before 6.11 the kernel refuses.)
        let expected = match (older_than(6, 11), cfg!(target_pointer_width = "32")) {
            (true, _) => Err(Errno::EINVAL),
            (false, true) => Ok(0),
            (false, false) => Err(Errno::ENOMEM),
        };
        assert_eq!(run(first, (1 << 47) + page as u64, NORMAL), expected);
    });
    // SAFETY: nothing refers to the mapping any more.
    unsafe { rustix::mm::munmap(memory, page) }.unwrap();
}

#[test]
fn files_are_closed_by_descriptor_and_by_slot() {
    on_each(|ring| {
        let (a, b) = (file(b"a"), file(b"b"));
        let number = a.as_raw_fd();
        register(ring, [&a, &b]);
        std::mem::forget(a);
        let close = opcode::Close::new(Fd(number)).build();
        assert_eq!(ring.run(close), Ok(0), "{}", ring.kind());
        let close = opcode::Close::new(Fixed(1)).build();
        assert_eq!([ring.run(close), ring.run(close)], [Ok(0), Err(Errno::EBADF)], "{}", ring.kind());
        assert_eq!(ring.run(opcode::Close::new(Fixed(2)).build()), Err(Errno::EINVAL), "{}", ring.kind());
        assert_eq!(ring.run(opcode::Close::new(Fixed(u32::MAX)).build()), Err(Errno::EINVAL), "{}", ring.kind());
        assert_eq!(ring.run(opcode::Close::new(Fd(CLOSED)).build()), Err(Errno::EBADF), "{}", ring.kind());
        let itself = opcode::Close::new(Fd(ring.fd())).build();
        assert_eq!(ring.run(itself), Err(Errno::EBADF), "{}", ring.kind());
    });
}

#[test]
fn registered_files_are_replaced_and_taken_out() {
    let (a, b) = (file(b"a"), file(b"b"));
    on_each(|ring| {
        let mut fds: heapless::Vec<RawFd, 4> = heapless::Vec::new();
        fds.extend([a.as_raw_fd(), -2, b.as_raw_fd()]);
        let update = |fds: &[RawFd]| opcode::FilesUpdate::new(fds.as_ptr(), fds.len() as u32);
        assert_eq!(ring.run(update(&fds).build()), Err(Errno::ENXIO), "{}", ring.kind());
        ring.register_files(&[-1, -1, b.as_raw_fd(), -1]);
        assert_eq!(ring.run(update(&fds).offset(1).build()), Ok(3), "{}", ring.kind());
        assert_eq!(ring.run(update(&[-1]).offset(2).build()), Ok(1), "{}", ring.kind());
        let content: heapless::Vec<Result<u8, Errno>, 4> = (0..4)
            .map(|slot| {
                let mut byte = [0_u8];
                ring.run(opcode::Read::new(Fixed(slot), byte.as_mut_ptr(), 1).build()).map(|_| byte[0])
            })
            .collect();
        let none = Err(Errno::EBADF);
        assert_eq!(content, [none, Ok(b'a'), none, Ok(b'b')], "{}", ring.kind());

        assert_eq!(ring.run(update(&[a.as_raw_fd(), CLOSED]).build()), Ok(1), "{}", ring.kind());
        let refused = [
            (update(&[CLOSED]), Errno::EBADF),
            (update(&[ring.fd()]), Errno::EBADF),
            (update(&[]), Errno::EINVAL),
            (update(&fds).offset(2), Errno::EINVAL),
            (opcode::FilesUpdate::new(nowhere(), 1), Errno::EFAULT),
        ];
        for (request, errno) in refused {
            assert_eq!(ring.run(request.build()), Err(errno), "{}", ring.kind());
        }
        // The numbers are not written to, whatever the offset.
        let outcome = ring.run(update(&fds).offset(u32::MAX).build());
        let nonsense = older_than(6, 18) && outcome == Err(Errno::EINVAL);
        assert!(nonsense || outcome == Err(Errno::EOVERFLOW), "{}: {outcome:?}", ring.kind());
        assert_eq!(fds, [a.as_raw_fd(), -2, b.as_raw_fd()], "{}", ring.kind());
    });
}

#[test]
fn registered_files_find_free_slots() {
    needs!(5, 19, "IORING_FILE_INDEX_ALLOC");
    let (a, b) = (file(b"a"), file(b"b"));
    on_each(|ring| {
        let mut fds = [b.as_raw_fd(), a.as_raw_fd(), b.as_raw_fd()];
        let mut allocate = |count| opcode::FilesUpdate::allocate(fds.as_mut_ptr(), count).build();
        assert_eq!(ring.run(allocate(1)), Err(Errno::ENXIO), "{}", ring.kind());
        ring.register_files(&[a.as_raw_fd(), -1, a.as_raw_fd(), -1]);
        assert_eq!(ring.run(allocate(3)), Ok(2), "{}: there are two", ring.kind());
        assert_eq!(fds, [1, 3, b.as_raw_fd()], "{}", ring.kind());
        let full = opcode::FilesUpdate::allocate(&raw mut fds[2], 1).build();
        assert_eq!(ring.run(full), Err(Errno::ENFILE), "{}", ring.kind());
        let mut byte = [0_u8];
        let read = opcode::Read::new(Fixed(1), byte.as_mut_ptr(), 1).build();
        assert_eq!((ring.run(read), byte), (Ok(1), *b"b"), "{}", ring.kind());
    });
}

#[test]
fn a_registered_file_becomes_a_descriptor() {
    if !has("descriptors of registered files", "IORING_OP_FIXED_FD_INSTALL", (6, 8)) {
        return;
    }
    let source = file(b"installed");
    on_each_with_file(&source, |ring, file| {
        let File::Fixed(slot) = file else { return };
        for (flags, closes) in [(FixedFdFlags::empty(), true), (FixedFdFlags::NO_CLOEXEC, false)] {
            let number = ring.run(opcode::FixedFdInstall::new(slot).flags(flags).build()).unwrap().cast_signed();
            // SAFETY: the request has just made the descriptor, for us.
            let made = unsafe { OwnedFd::from_raw_fd(number) };
            assert_eq!(close_on_exec(made.as_raw_fd()), closes, "{}", ring.kind());
            assert_eq!(rustix::io::pread(&made, &mut [0_u8; 16], 0), Ok(9), "{}", ring.kind());
        }
        let unknown = opcode::FixedFdInstall::new(slot).flags(FixedFdFlags::from_bits_retain(2)).build();
        assert_eq!(ring.run(unknown), Err(Errno::EINVAL), "{}", ring.kind());
        let none = opcode::FixedFdInstall::new(Fixed(1)).build();
        assert_eq!(ring.run(none), Err(Errno::EBADF), "{}", ring.kind());
    });
}

#[test]
fn a_descriptor_is_not_made_with_other_credentials() {
    if !has("descriptors with other credentials", "IORING_OP_FIXED_FD_INSTALL", (6, 8)) {
        return;
    }
    let mut ring = ring();
    let id = ring.submitter().register_personality().unwrap();
    ring.submitter().register_files(&[file(b"x").as_raw_fd()]).unwrap();
    let install = opcode::FixedFdInstall::new(Fixed(0)).build().personality(id);
    assert_eq!(run(&mut ring, install), Err(Errno::EPERM));
}
