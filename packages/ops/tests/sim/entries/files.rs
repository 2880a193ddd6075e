//! What operations on bytes, files and paths ask for.

use std::future::Future;

use bare_uring::opcode;
use bare_uring::types::{
    AtFlags, FallocateFlags, FileAdvice, FsyncFlags, OpenFlags, OpenHow, RenameFlags, RwFlags, StatxMask,
    SyncFileRangeFlags, XattrFlags,
};
use bare_uring_ops::CURRENT;

use super::{Fields, Scene, Wait, buffer};
use crate::shared::{Bell, poll};

/// An offset and a length that need more than 32 bits.
const FAR: u64 = u32::MAX as u64 + 7;

fn none() -> Fields {
    Fields::default()
}

impl Scene {
    /// Returns the one entry that is pushed for a future of the slab, without its addresses in `off`.
    fn entry_of<F: Future + Unpin>(&mut self, mut future: F) -> Fields {
        assert!(poll(&mut future, &Bell::new()).is_pending());
        self.driver.turn(Wait::No).expect("turn");
        let seen = self.seen.take();
        drop(future);
        self.turns();
        self.seen.take();
        let [entry] = <[Fields; 1]>::try_from(seen).expect("one");
        entry
    }

    /// Returns the entry of a request whose `off` is an address.
    fn named<F: Future + Unpin>(&mut self, future: F) -> Fields {
        Fields { off: 0, ..self.entry_of(future) }
    }
}

#[test]
fn bytes_are_asked_for_with_their_flags() {
    let mut scene = Scene::new();
    let (slab, file) = (scene.slab, scene.file.clone());
    let fd = file.as_raw_fd();
    let (op_flags, write) = (0x1234_5678, opcode::Write::CODE);
    let entry = scene.entry_of(slab.read_with(&file, buffer(slab), FAR, RwFlags(op_flags)));
    assert_eq!(entry, Fields { opcode: opcode::Read::CODE, fd, off: FAR, len: 56, op_flags, ..none() });
    let entry = scene.entry_of(slab.write_with(&file, buffer(slab), FAR, RwFlags(op_flags)));
    assert_eq!(entry, Fields { opcode: write, fd, off: FAR, len: 5, op_flags, ..none() });
    let entry = scene.entry_of(slab.append(&file, buffer(slab)));
    assert_eq!(entry, Fields { opcode: write, fd, len: 5, op_flags: 0x10, ..none() });
    let entry = scene.entry_of(slab.read_full(&file, buffer(slab), FAR));
    assert_eq!(entry, Fields { opcode: opcode::Read::CODE, fd, off: FAR, len: 56, ..none() });
    let entry = scene.entry_of(slab.write_vectored(&file, [buffer(slab), buffer(slab)], FAR));
    assert_eq!(entry, Fields { opcode: opcode::Writev::CODE, fd, off: FAR, len: 2, ..none() });
    let entry = scene.entry_of(slab.read_vectored(&file, [buffer(slab), buffer(slab), buffer(slab)], CURRENT));
    assert_eq!(entry, Fields { opcode: opcode::Readv::CODE, fd, off: CURRENT, len: 3, ..none() });
    let mut pieces = slab.read_pieces(&file);
    let entry = scene.entry_of(pieces.next());
    let flags = bare_uring::uapi::IOSQE_BUFFER_SELECT;
    assert_eq!(entry, Fields { opcode: opcode::ReadMulti::CODE, flags, fd, ..none() });
}

#[test]
fn a_whole_transfer_goes_on_behind_what_was_moved() {
    let mut scene = Scene::new();
    let (slab, file, bell) = (scene.slab, scene.file.clone(), Bell::new());
    let fd = file.as_raw_fd();
    let far = scene.far;
    let read = |off, len| Fields { opcode: opcode::Read::CODE, fd, off, len, ..none() };
    for (first, second) in [(FAR, FAR + 10), (CURRENT, CURRENT), (CURRENT - 3, CURRENT)] {
        let mut whole = slab.read_full(&file, buffer(slab), first);
        for expected in [read(first, 56), read(second, 46)] {
            assert!(poll(&mut whole, &bell).is_pending());
            scene.kernel.write(far, &[7; 10]).expect("room");
            scene.turns();
            assert_eq!(scene.seen.take(), [expected]);
        }
        assert_eq!(whole.count(), 10);
        drop(whole);
        scene.turns();
        scene.seen.take();
    }
}

#[test]
fn ranges_are_asked_for_as_the_caller_says() {
    let mut scene = Scene::new();
    let (slab, file) = (scene.slab, scene.file.clone());
    let fd = file.as_raw_fd();
    let entry = scene.entry_of(slab.fdatasync(&file));
    let op_flags = FsyncFlags::DATASYNC.bits();
    assert_eq!(entry, Fields { opcode: opcode::Fsync::CODE, fd, op_flags, ..none() });
    let entry = scene.entry_of(slab.sync_file_range(&file, FAR, 77, SyncFileRangeFlags(6)));
    let opcode = opcode::SyncFileRange::CODE;
    assert_eq!(entry, Fields { opcode, fd, off: FAR, len: 77, op_flags: 6, ..none() });
    let entry = scene.entry_of(slab.fallocate(&file, FallocateFlags(3), FAR, FAR + 1));
    assert_eq!(entry, Fields { opcode: opcode::Fallocate::CODE, fd, off: FAR, addr: FAR + 1, len: 3, ..none() });
    let entry = scene.entry_of(slab.fadvise(&file, FAR, FAR + 2, FileAdvice(4)));
    let opcode = opcode::Fadvise::CODE;
    assert_eq!(entry, Fields { opcode, fd, off: FAR, addr: FAR + 2, op_flags: 4, ..none() });
    let entry = scene.entry_of(slab.pipe(OpenFlags::NONBLOCK));
    let op_flags = OpenFlags::NONBLOCK.with(OpenFlags::CLOEXEC).0;
    assert_eq!(entry, Fields { opcode: opcode::Pipe::CODE, op_flags, ..none() });
    let fresh = scene.adopted();
    let fd = fresh.as_raw_fd();
    let entry = scene.entry_of(slab.close(fresh));
    assert_eq!(entry, Fields { opcode: opcode::Close::CODE, fd, ..none() });
}

#[test]
fn paths_are_asked_for_from_their_directories() {
    const CWD: i32 = -100;

    let mut scene = Scene::new();
    let (slab, file) = (scene.slab, scene.file.clone());
    let other = scene.adopted();
    let how = size_of::<OpenHow>() as u32;
    for (from, to, fd, second) in
        [(None, None, CWD, CWD), (Some(&file), Some(&other), file.as_raw_fd(), other.as_raw_fd())]
    {
        let len = second.cast_unsigned();
        let entry = scene.named(slab.rename(from, c"a", to, c"b", RenameFlags(2)));
        assert_eq!(entry, Fields { opcode: opcode::RenameAt::CODE, fd, len, op_flags: 2, ..none() });
        let entry = scene.named(slab.link(from, c"a", to, c"b", AtFlags(1024)));
        assert_eq!(entry, Fields { opcode: opcode::LinkAt::CODE, fd, len, op_flags: 1024, ..none() });
        let entry = scene.named(slab.symlink(c"a", from, c"b"));
        assert_eq!(entry, Fields { opcode: opcode::SymlinkAt::CODE, fd, ..none() });
        let entry = scene.named(slab.unlink(from, c"a", AtFlags(512)));
        assert_eq!(entry, Fields { opcode: opcode::UnlinkAt::CODE, fd, op_flags: 512, ..none() });
        let entry = scene.named(slab.mkdir(from, c"a", 0o750));
        assert_eq!(entry, Fields { opcode: opcode::MkDirAt::CODE, fd, len: 0o750, ..none() });
        let entry = scene.named(slab.create(from, c"a", 0o640));
        assert_eq!(entry, Fields { opcode: opcode::OpenAt2::CODE, fd, len: how, ..none() });
        let entry = scene.named(slab.stat_at(from, c"a", AtFlags(256), StatxMask(0x200)));
        assert_eq!(entry, Fields { opcode: opcode::Statx::CODE, fd, len: 0x200, op_flags: 256, ..none() });
    }
}

#[test]
fn attributes_are_asked_for_with_the_window_or_the_room() {
    let mut scene = Scene::new();
    let (slab, file) = (scene.slab, scene.file.clone());
    let fd = file.as_raw_fd();
    let entry = scene.named(slab.fsetxattr(&file, c"user.a", buffer(slab), XattrFlags(2)));
    assert_eq!(entry, Fields { opcode: opcode::FSetXattr::CODE, fd, len: 5, op_flags: 2, ..none() });
    let entry = scene.named(slab.setxattr(c"path", c"user.a", buffer(slab), XattrFlags(1)));
    assert_eq!(entry, Fields { opcode: opcode::SetXattr::CODE, fd: -1, len: 5, op_flags: 1, ..none() });
    let entry = scene.named(slab.fgetxattr(&file, c"user.a", buffer(slab)));
    assert_eq!(entry, Fields { opcode: opcode::FGetXattr::CODE, fd, len: 56, ..none() });
    let entry = scene.named(slab.getxattr(c"path", c"user.a", buffer(slab)));
    assert_eq!(entry, Fields { opcode: opcode::GetXattr::CODE, fd: -1, len: 56, ..none() });
}

#[test]
fn a_chain_is_two_entries_of_which_the_first_is_linked() {
    let mut scene = Scene::new();
    let (slab, file) = (scene.slab, scene.file.clone());
    let fd = file.as_raw_fd();
    let mut saved = slab.write(&file, buffer(slab), FAR).then(slab.fdatasync(&file));
    assert!(poll(&mut saved, &Bell::new()).is_pending());
    scene.driver.turn(Wait::No).expect("turn");
    let flags = bare_uring::uapi::IOSQE_IO_LINK;
    let write = Fields { opcode: opcode::Write::CODE, flags, fd, off: FAR, len: 5, ..none() };
    let op_flags = FsyncFlags::DATASYNC.bits();
    assert_eq!(scene.seen.take(), [write, Fields { opcode: opcode::Fsync::CODE, fd, op_flags, ..none() }]);
    drop(saved);
    scene.turns();
}

#[test]
fn commands_of_a_chain_are_copied_while_their_entries_are_consumed() {
    let mut scene = Scene::new();
    let (slab, file) = (scene.slab, scene.file.clone());
    let option = || slab.set_option(&file, bare_uring_ops::SocketOption::NO_DELAY, true);
    let mut both = option().then(option());
    assert!(poll(&mut both, &Bell::new()).is_pending());
    scene.driver.turn(Wait::No).expect("turn");
    let seen = scene.seen.take();
    let (link, is_async) = (bare_uring::uapi::IOSQE_IO_LINK, bare_uring::uapi::IOSQE_ASYNC);
    let command = opcode::SetSockOpt::CODE;
    let flags: Vec<_> = seen.iter().map(|entry| (entry.opcode, entry.flags)).collect();
    assert_eq!(flags, [(command, link | is_async), (command, is_async)]);
    drop(both);
    scene.turns();
}
