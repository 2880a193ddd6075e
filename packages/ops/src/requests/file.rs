//! An open file as a whole.

use bare_uring::types::{FallocateFlags, FileAdvice, FsyncFlags, SyncFileRangeFlags};
use bare_uring::{Errno, opcode};

use crate::closing::Closing;
use crate::file::File;
use crate::op::Op;
use crate::output::Done;
use crate::slab::{Draft, Slab};
use crate::slot::{Argument, Effect};

/// An open file as a whole.
impl Slab {
    /// Brings what was written to the device. Since 5.1.
    ///
    /// # Errors
    ///
    /// `EIO`: this write or an earlier one failed, and its data may be gone. A second `fsync` that succeeds does not
    /// bring the data back. The [errors of any operation](Slab#errors-of-operations), and the kernel's for
    /// [`Fsync`](opcode::Fsync).
    pub fn fsync(&'static self, file: &File, flags: FsyncFlags) -> Op<Done> {
        self.plain(Some(file), Argument::NONE, |fd, _| opcode::Fsync::new(fd).flags(flags).build())
    }

    /// Brings what was written to the device, with the metadata that reading it back needs. Since 5.1.
    ///
    /// # Errors
    ///
    /// The errors of [`fsync`](Self::fsync).
    pub fn fdatasync(&'static self, file: &File) -> Op<Done> {
        self.fsync(file, FsyncFlags::DATASYNC)
    }

    /// Starts or awaits the writing of `len` bytes from `offset` on, or of all behind it if `len` is 0. Covers neither
    /// metadata nor the device's own cache: [`fdatasync`](Self::fdatasync) does. Since 5.2.
    ///
    /// # Errors
    ///
    /// `ESPIPE`: it is no file, device or directory. The [errors of any operation](Slab#errors-of-operations), and the
    /// kernel's for [`SyncFileRange`](opcode::SyncFileRange).
    pub fn sync_file_range(&'static self, file: &File, offset: u64, len: u32, flags: SyncFileRangeFlags) -> Op<Done> {
        self.plain(Some(file), Argument::NONE, |fd, _| {
            opcode::SyncFileRange::new(fd, len).offset(offset).flags(flags).build()
        })
    }

    /// Allocates room on the device for `len` bytes from `offset` on; or frees it, by flags. Since 5.6.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: the filesystem can't do it; write zeros instead. `ENOSPC`: the device is full. `EBADF`: the file is
    /// not open for writing. The [errors of any operation](Slab#errors-of-operations), and the kernel's for
    /// [`Fallocate`](opcode::Fallocate).
    pub fn fallocate(&'static self, file: &File, flags: FallocateFlags, offset: u64, len: u64) -> Op<Done> {
        self.plain(Some(file), Argument::NONE, |fd, _| {
            opcode::Fallocate::new(fd, len).mode(flags).offset(offset).build()
        })
    }

    /// Announces how `len` bytes from `offset` on will be read, or all behind it if `len` is 0. Since 5.6.
    ///
    /// # Errors
    ///
    /// `ESPIPE`: it is a pipe. `EINVAL`: `len` is 2^32 or more, before Linux 6.11. The
    /// [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Fadvise`](opcode::Fadvise).
    pub fn fadvise(&'static self, file: &File, offset: u64, len: u64, advice: FileAdvice) -> Op<Done> {
        self.plain(Some(file), Argument::NONE, |fd, _| opcode::Fadvise::new(fd, len, advice).offset(offset).build())
    }

    /// Cuts a file to `len` bytes, or extends it with zeros. Since 6.9.
    ///
    /// # Errors
    ///
    /// The [errors of any operation](Slab#errors-of-operations), and the kernel's for [`Ftruncate`](opcode::Ftruncate).
    pub fn ftruncate(&'static self, file: &File, len: u64) -> Op<Done> {
        self.plain(Some(file), Argument::NONE, |fd, _| opcode::Ftruncate::new(fd, len).build())
    }

    /// Closes a file, and tells with which result. Some filesystems write only then, and tell only here that this failed.
    /// Since 5.6.
    ///
    /// The handle must be the file's only one. The number is free once the result is there, also if that is an error. A
    /// close that was started is not cancelled, and has no time limit: nobody would know whether the number is free.
    /// Dropping its handle leaves it to end by itself.
    ///
    /// # Errors
    ///
    /// `EBUSY`: the file has another handle, in the program or in an operation that has not ended, or all slots are
    /// taken. Then the handle is dropped as any other: the file is closed with its last handle, and nobody learns the
    /// result. `EIO`, `ENOSPC`, `EDQUOT`: what was written before has not reached the file. `EINVAL`: the kernel lacks
    /// the request ([`Request::CLOSE`](crate::Request::CLOSE)), and the descriptor stays open. `ECANCELED`: the driver
    /// was shut down before the kernel knew of the close; it closes the file.
    pub fn close(&'static self, file: File) -> Closing {
        if !file.is_alone() {
            return Closing(Op::refused(self, Errno::EBUSY));
        }
        let draft = Draft { effect: Effect::Close, file: Some(&file), buffer: None, argument: Argument::NONE };
        let fd = file.fd();
        Closing(Op::new(self, draft, |_| opcode::Close::new(fd).build()))
    }
}
