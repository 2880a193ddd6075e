//! Requests on files, pipes and buffers build exactly the 64 bytes that the kernel expects: whole entries are compared with
//! literals.

use core::ffi::c_void;

mod common;

use bare_uring::opcode;
use bare_uring::types::{
    AttrPi, AttrTypes, DestinationSlot, FallocateFlags, Fd, FileAdvice, Fixed, FixedFdFlags, FsyncFlags,
    IntegrityFlags, IoVec, MemoryAdvice, OpenFlags, RawFd, RwFlags, SpliceFlags, SyncFileRangeFlags,
};
use common::sqe::{Sqe, at, bytes_of, check, far, slot};

/// A write stream stands in the first byte of its field.
fn stream(number: u8) -> u32 {
    u32::from_ne_bytes([number, 0, 0, 0])
}

#[test]
fn every_opcode_has_its_number() {
    let numbers = [
        opcode::SyncFileRange::CODE,
        opcode::Fallocate::CODE,
        opcode::FilesUpdate::CODE,
        opcode::Fadvise::CODE,
        opcode::Madvise::CODE,
        opcode::OpenAt2::CODE,
        opcode::Splice::CODE,
        opcode::ProvideBuffers::CODE,
        opcode::RemoveBuffers::CODE,
        opcode::Tee::CODE,
        opcode::RenameAt::CODE,
        opcode::UnlinkAt::CODE,
        opcode::MkDirAt::CODE,
        opcode::SymlinkAt::CODE,
        opcode::LinkAt::CODE,
        opcode::FSetXattr::CODE,
        opcode::SetXattr::CODE,
        opcode::FGetXattr::CODE,
        opcode::GetXattr::CODE,
        opcode::ReadMulti::CODE,
        opcode::FixedFdInstall::CODE,
        opcode::Ftruncate::CODE,
        opcode::ReadvFixed::CODE,
        opcode::WritevFixed::CODE,
        opcode::Pipe::CODE,
    ];
    let expected = [8, 17, 20, 24, 25, 28, 30, 31, 32, 33, 35, 36, 37, 38, 39, 41, 42, 43, 44, 49, 54, 55, 60, 61, 62];
    assert_eq!(numbers, expected);
}

#[test]
fn read_and_write() {
    check(
        opcode::Read::new(Fd(0x1234_5605), at(0x1000), 0x7700_0077)
            .offset(1 << 40)
            .ioprio(3)
            .rw_flags(RwFlags(8))
            .build(),
        &Sqe {
            opcode: 22,
            fd: 0x1234_5605,
            off: 1 << 40,
            addr: far(0x1000),
            len: 0x7700_0077,
            ioprio: 3,
            op_flags: 8,
            ..Sqe::default()
        },
    );
    check(
        opcode::Read::new(Fixed(0x1234_5604), at(0), 9).buf_group(0xbc0c).build(),
        &Sqe { opcode: 22, flags: 1 | 1 << 5, fd: 0x1234_5604, len: 9, buf_index: 0xbc0c, ..Sqe::default() },
    );
    check(
        opcode::Write::new(Fd(0x1234_5606), at(0x2000), u32::MAX).offset(u64::MAX).build(),
        &Sqe { opcode: 23, fd: 0x1234_5606, off: u64::MAX, addr: far(0x2000), len: u32::MAX, ..Sqe::default() },
    );
}

#[test]
fn vectored() {
    check(
        opcode::Readv::new(Fd(0x1234_5605), at::<IoVec>(0x3000), 2).offset(4).build(),
        &Sqe { opcode: 1, fd: 0x1234_5605, off: 4, addr: far(0x3000), len: 2, ..Sqe::default() },
    );
    check(
        opcode::Writev::new(Fixed(0x1234_5601), at::<IoVec>(0x3000), 3).rw_flags(RwFlags(2)).build(),
        &Sqe { opcode: 2, flags: 1, fd: 0x1234_5601, addr: far(0x3000), len: 3, op_flags: 2, ..Sqe::default() },
    );
}

#[test]
fn registered_buffers() {
    check(
        opcode::ReadFixed::new(Fd(0x1234_5605), at(0x4000), 10, 65_535).offset(20).build(),
        &Sqe { opcode: 4, fd: 0x1234_5605, off: 20, addr: far(0x4000), len: 10, buf_index: 65_535, ..Sqe::default() },
    );
    check(
        opcode::WriteFixed::new(Fixed(0x1234_5602), at(0x4000), 10, 0xbc01).build(),
        &Sqe { opcode: 5, flags: 1, fd: 0x1234_5602, addr: far(0x4000), len: 10, buf_index: 0xbc01, ..Sqe::default() },
    );
}

#[test]
fn fsync_whole_and_range() {
    check(opcode::Fsync::new(Fd(0x1234_5603)).build(), &Sqe { opcode: 3, fd: 0x1234_5603, ..Sqe::default() });
    check(
        opcode::Fsync::new(Fixed(0x1234_5603)).flags(FsyncFlags::DATASYNC).range(4096, 8192).build(),
        &Sqe { opcode: 3, flags: 1, fd: 0x1234_5603, off: 4096, len: 8192, op_flags: 1, ..Sqe::default() },
    );
}

#[test]
fn close_of_a_slot_never_wraps_to_a_descriptor() {
    check(opcode::Close::new(Fd(0x1234_5609)).build(), &Sqe { opcode: 19, fd: 0x1234_5609, ..Sqe::default() });
    check(opcode::Close::new(Fixed(0)).build(), &Sqe { opcode: 19, file_index: 1, ..Sqe::default() });
    check(opcode::Close::new(Fixed(u32::MAX)).build(), &Sqe { opcode: 19, file_index: u32::MAX, ..Sqe::default() });
}

#[test]
fn attributes_go_with_every_read_and_write() {
    let pi = at::<AttrPi>(0xa000);
    let base = |opcode| Sqe {
        opcode,
        fd: 0x1234_5605,
        addr: far(0x1000),
        len: 2,
        addr3: far(0xa000),
        pad: 1,
        ..Sqe::default()
    };
    check(opcode::Read::new(Fd(0x1234_5605), at(0x1000), 2).pi(pi).build(), &base(22));
    check(opcode::Write::new(Fd(0x1234_5605), at(0x1000), 2).pi(pi).build(), &base(23));
    check(opcode::Readv::new(Fd(0x1234_5605), at(0x1000), 2).pi(pi).build(), &base(1));
    check(opcode::Writev::new(Fd(0x1234_5605), at(0x1000), 2).pi(pi).build(), &base(2));
    check(
        opcode::ReadFixed::new(Fd(0x1234_5605), at(0x1000), 2, 0xbc07).pi(pi).build(),
        &Sqe { buf_index: 0xbc07, ..base(4) },
    );
    check(
        opcode::WriteFixed::new(Fd(0x1234_5605), at(0x1000), 2, 0xbc07).pi(pi).build(),
        &Sqe { buf_index: 0xbc07, ..base(5) },
    );
    check(
        opcode::ReadvFixed::new(Fd(0x1234_5605), at(0x1000), 2, 0xbc07).pi(pi).build(),
        &Sqe { buf_index: 0xbc07, ..base(60) },
    );
    check(
        opcode::WritevFixed::new(Fd(0x1234_5605), at(0x1000), 2, 0xbc07).pi(pi).build(),
        &Sqe { buf_index: 0xbc07, ..base(61) },
    );
    let types = AttrTypes::from_bits_retain(1 << 63 | 1);
    check(
        opcode::Read::new(Fd(0x1234_5605), at(0x1000), 2).attributes(at::<c_void>(0xb000), types).build(),
        &Sqe { addr3: far(0xb000), pad: 1 << 63 | 1, ..base(22) },
    );
}

#[test]
fn write_streams_go_with_every_write() {
    let base =
        |opcode| Sqe { opcode, fd: 0x1234_5605, addr: far(0x1000), len: 2, file_index: stream(0x81), ..Sqe::default() };
    check(opcode::Write::new(Fd(0x1234_5605), at(0x1000), 2).write_stream(0x81).build(), &base(23));
    check(opcode::Writev::new(Fd(0x1234_5605), at(0x1000), 2).write_stream(0x81).build(), &base(2));
    check(opcode::WriteFixed::new(Fd(0x1234_5605), at(0x1000), 2, 0).write_stream(0x81).build(), &base(5));
    check(opcode::WritevFixed::new(Fd(0x1234_5605), at(0x1000), 2, 0).write_stream(0x81).build(), &base(61));
}

#[test]
fn protection_information_is_laid_out_as_in_c() {
    let mut expected = [0; 32];
    expected[0..2].copy_from_slice(&5_u16.to_ne_bytes());
    expected[2..4].copy_from_slice(&0x1234_u16.to_ne_bytes());
    expected[4..8].copy_from_slice(&64_u32.to_ne_bytes());
    expected[8..16].copy_from_slice(&far(0xc000).to_ne_bytes());
    expected[16..24].copy_from_slice(&0x0123_4567_89ab_cdef_u64.to_ne_bytes());
    let flags = IntegrityFlags::CHK_GUARD | IntegrityFlags::CHK_APPTAG;
    let pi = AttrPi::new(at(0xc000), 64).flags(flags).app_tag(0x1234).seed(0x0123_4567_89ab_cdef);
    assert_eq!(bytes_of(pi), expected);
    assert_eq!(IntegrityFlags::CHK_REFTAG.bits(), 2);
}

#[test]
fn vectored_reads_and_writes_of_registered_buffers() {
    check(
        opcode::ReadvFixed::new(Fd(0x1234_5605), at::<IoVec>(0x3000), 3, 65_535)
            .offset(9)
            .ioprio(4)
            .rw_flags(RwFlags(8))
            .build(),
        &Sqe {
            opcode: 60,
            ioprio: 4,
            fd: 0x1234_5605,
            off: 9,
            addr: far(0x3000),
            len: 3,
            op_flags: 8,
            buf_index: 65_535,
            ..Sqe::default()
        },
    );
    check(
        opcode::WritevFixed::new(Fixed(0x1234_5606), at::<IoVec>(0x3000), 1, 0xbc02).offset(u64::MAX).build(),
        &Sqe {
            opcode: 61,
            flags: 1,
            fd: 0x1234_5606,
            off: u64::MAX,
            addr: far(0x3000),
            len: 1,
            buf_index: 0xbc02,
            ..Sqe::default()
        },
    );
}

#[test]
fn reads_from_groups() {
    check(
        opcode::ReadMulti::new(Fd(0x1234_5605), 0xbc0c).build(),
        &Sqe { opcode: 49, flags: 1 << 5, fd: 0x1234_5605, buf_index: 0xbc0c, ..Sqe::default() },
    );
    check(
        opcode::ReadMulti::new(Fixed(0x1234_5605), 65_535).offset(u64::MAX).rw_flags(RwFlags(16)).build(),
        &Sqe {
            opcode: 49,
            flags: 1 | 1 << 5,
            fd: 0x1234_5605,
            off: u64::MAX,
            op_flags: 16,
            buf_index: 65_535,
            ..Sqe::default()
        },
    );
    check(
        opcode::Readv::new(Fd(0x1234_5605), at::<IoVec>(0x3000), 1).buf_group(0xbc03).build(),
        &Sqe {
            opcode: 1,
            flags: 1 << 5,
            fd: 0x1234_5605,
            addr: far(0x3000),
            len: 1,
            buf_index: 0xbc03,
            ..Sqe::default()
        },
    );
}

#[test]
fn room_and_length_of_files() {
    check(
        opcode::Fallocate::new(Fd(0x1234_5605), 1 << 40).build(),
        &Sqe { opcode: 17, fd: 0x1234_5605, addr: 1 << 40, ..Sqe::default() },
    );
    check(
        opcode::Fallocate::new(Fixed(0x1234_5605), 7).offset(1 << 41).mode(FallocateFlags(3)).build(),
        &Sqe { opcode: 17, flags: 1, fd: 0x1234_5605, off: 1 << 41, addr: 7, len: 3, ..Sqe::default() },
    );
    check(
        opcode::Ftruncate::new(Fd(0x1234_5605), 1 << 42).build(),
        &Sqe { opcode: 55, fd: 0x1234_5605, off: 1 << 42, ..Sqe::default() },
    );
    check(
        opcode::Ftruncate::new(Fixed(0x1234_5605), 0).build(),
        &Sqe { opcode: 55, flags: 1, fd: 0x1234_5605, ..Sqe::default() },
    );
}

#[test]
fn sync_file_range() {
    check(
        opcode::SyncFileRange::new(Fd(0x1234_5605), 6).build(),
        &Sqe { opcode: 8, fd: 0x1234_5605, len: 6, ..Sqe::default() },
    );
    check(
        opcode::SyncFileRange::new(Fixed(0x1234_5605), u32::MAX).offset(1 << 33).flags(SyncFileRangeFlags(7)).build(),
        &Sqe { opcode: 8, flags: 1, fd: 0x1234_5605, off: 1 << 33, len: u32::MAX, op_flags: 7, ..Sqe::default() },
    );
}

#[test]
fn advice_never_cuts_a_length() {
    let advice = FileAdvice(4);
    check(
        opcode::Fadvise::new(Fd(0x1234_5605), 0, advice).build(),
        &Sqe { opcode: 24, fd: 0x1234_5605, op_flags: 4, ..Sqe::default() },
    );
    check(
        opcode::Fadvise::new(Fixed(0x1234_5605), u64::from(u32::MAX), advice).offset(1 << 50).build(),
        &Sqe { opcode: 24, flags: 1, fd: 0x1234_5605, off: 1 << 50, len: u32::MAX, op_flags: 4, ..Sqe::default() },
    );
    check(
        opcode::Fadvise::new(Fd(0x1234_5605), 1 << 32, advice).build(),
        &Sqe { opcode: 24, fd: 0x1234_5605, addr: 1 << 32, op_flags: 4, ..Sqe::default() },
    );
    let advice = MemoryAdvice(21);
    check(
        opcode::Madvise::new(at(0x9000), 0x1000, advice).build(),
        &Sqe { opcode: 25, fd: -1, addr: far(0x9000), len: 0x1000, op_flags: 21, ..Sqe::default() },
    );
    check(
        opcode::Madvise::new(at(0x9000), (1 << 32) + 0x1000, advice).build(),
        &Sqe { opcode: 25, fd: -1, off: (1 << 32) + 0x1000, addr: far(0x9000), op_flags: 21, ..Sqe::default() },
    );
}

#[test]
fn registered_files_come_and_go() {
    let fds = at::<RawFd>(0xd000);
    check(
        opcode::FilesUpdate::new(fds, 3).build(),
        &Sqe { opcode: 20, fd: -1, addr: far(0xd000), len: 3, ..Sqe::default() },
    );
    check(
        opcode::FilesUpdate::new(fds, 3).offset(8).build(),
        &Sqe { opcode: 20, fd: -1, off: 8, addr: far(0xd000), len: 3, ..Sqe::default() },
    );
    let allocating = Sqe { opcode: 20, fd: -1, off: 0xffff_ffff, addr: far(0xd000), len: 3, ..Sqe::default() };
    check(opcode::FilesUpdate::allocate(fds, 3).build(), &allocating);
    // An offset never turns into it.
    check(opcode::FilesUpdate::new(fds, 3).offset(u32::MAX).build(), &Sqe { off: 0xffff_fffe, ..allocating });
    check(
        opcode::FixedFdInstall::new(Fixed(0x1234_5609)).build(),
        &Sqe { opcode: 54, flags: 1, fd: 0x1234_5609, ..Sqe::default() },
    );
    check(
        opcode::FixedFdInstall::new(Fixed(0x1234_5609)).flags(FixedFdFlags::NO_CLOEXEC).build(),
        &Sqe { opcode: 54, flags: 1, fd: 0x1234_5609, op_flags: 1, ..Sqe::default() },
    );
}

#[test]
fn splices() {
    let base = Sqe {
        opcode: 30,
        fd: 0x1234_5606,
        off: 1 << 41,
        addr: 1 << 40,
        len: 0x9000_0009,
        file_index: 0x1234_5605,
        ..Sqe::default()
    };
    check(opcode::Splice::new(Fd(0x1234_5605), 1 << 40, Fd(0x1234_5606), 1 << 41, 0x9000_0009).build(), &base);
    check(
        opcode::Splice::new(Fixed(0x1234_5605), -1, Fixed(0x1234_5606), -1, 0x9000_0009).flags(SpliceFlags(3)).build(),
        &Sqe { flags: 1, off: u64::MAX, addr: u64::MAX, op_flags: 0x8000_0003, ..base },
    );
    // Where the data comes from is said by its type alone.
    check(
        opcode::Splice::new(Fd(0x1234_5605), 1 << 40, Fixed(0x1234_5606), 1 << 41, 0x9000_0009)
            .flags(SpliceFlags(0x8000_0001))
            .build(),
        &Sqe { flags: 1, op_flags: 1, ..base },
    );
    let base = Sqe { opcode: 33, off: 0, addr: 0, ..base };
    check(opcode::Tee::new(Fd(0x1234_5605), Fd(0x1234_5606), 0x9000_0009).build(), &base);
    check(
        opcode::Tee::new(Fixed(0x1234_5605), Fd(0x1234_5606), 0x9000_0009).flags(SpliceFlags(2)).build(),
        &Sqe { op_flags: 0x8000_0002, ..base },
    );
    check(opcode::Tee::new(Fd(0x1234_5605), Fixed(0x1234_5606), 0x9000_0009).build(), &Sqe { flags: 1, ..base });
}

#[test]
fn pipes() {
    let fds = at::<[RawFd; 2]>(0xd000);
    check(opcode::Pipe::new(fds).build(), &Sqe { opcode: 62, fd: 0, addr: far(0xd000), ..Sqe::default() });
    check(
        opcode::Pipe::new(fds).flags(OpenFlags(0o4000)).file_index(slot(0x4_0001)).build(),
        &Sqe { opcode: 62, fd: 0, addr: far(0xd000), op_flags: 0o4000, file_index: 0x4_0002, ..Sqe::default() },
    );
    check(
        opcode::Pipe::new(fds).file_index(DestinationSlot::ALLOCATE).build(),
        &Sqe { opcode: 62, fd: 0, addr: far(0xd000), file_index: u32::MAX, ..Sqe::default() },
    );
}

#[test]
fn buffers() {
    check(
        opcode::ProvideBuffers::new(at(0x7000), 0x8000_1000, 65_535, 0xbc07, 0xab03).build(),
        &Sqe {
            opcode: 31,
            fd: 65_535,
            off: 0xab03,
            addr: far(0x7000),
            len: 0x8000_1000,
            buf_index: 0xbc07,
            ..Sqe::default()
        },
    );
    check(
        opcode::RemoveBuffers::new(65_535, 0xbc07).build(),
        &Sqe { opcode: 32, fd: 65_535, buf_index: 0xbc07, ..Sqe::default() },
    );
}
