//! Extended attributes.

use core::ffi::{c_char, c_void};

use crate::flags::XattrFlags;
use crate::squeue::Entry;
use crate::types::address;
use crate::types::sealed::UseFixed;
use crate::uapi::io_uring_op::{IORING_OP_FGETXATTR, IORING_OP_FSETXATTR, IORING_OP_GETXATTR, IORING_OP_SETXATTR};

impl Entry {
    /// Puts an attribute's name and value into the entry.
    fn xattr(mut self, name: *const c_char, value: *const c_void, len: u32) -> Self {
        self.addr = address(name);
        self.off = address(value);
        // kernel: io_uring/xattr.c __io_getxattr_prep, __io_setxattr_prep (6.12.117): the name, the value to set and
        // the path are copied at submission; the value that is got is written when the request runs, which is always in
        // a worker.
        self.len = len;
        self
    }
}

/// Defines what the two opcodes that set an attribute have.
macro_rules! sets {
    ($($name:ident)*) => {$(
        op_flags! {
            /// Sets `XATTR_CREATE` or `XATTR_REPLACE`. By default the attribute is created or replaced.
            $name, XattrFlags
        }
    )*};
}

sets!(FSetXattr SetXattr);

/// Sets an extended attribute of an open file, as `fsetxattr(2)`.
///
/// Since 5.19, registered files since 6.13 (before: `EBADF`). The name, which ends with a zero byte, and the value must
/// stay valid until the entry has been submitted.
///
/// # Completion
///
/// 0 on success. `EEXIST`: `XATTR_CREATE` is set, and the attribute exists. `ENODATA`: `XATTR_REPLACE` is set, and the
/// attribute does not exist. `EOPNOTSUPP`: the filesystem has no attributes of that kind. `ERANGE`: the name is empty
/// or too long. `E2BIG`, `ENOSPC`, `EDQUOT`: the value is too long, or there is no room. `EBADF`, `EFAULT`, `EINVAL`,
/// `EPERM`, `EROFS` as `fsetxattr(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FSETXATTR")]
#[doc(alias = "io_uring_prep_fsetxattr")]
#[repr(transparent)]
pub struct FSetXattr(Entry);

request!(FSetXattr, IORING_OP_FSETXATTR);

impl FSetXattr {
    /// Sets the attribute `name` of `fd` to the `len` bytes at `value`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, name: *const c_char, value: *const c_void, len: u32) -> Self {
        Self(Entry::new(Self::CODE).target(fd.into_target()).xattr(name, value, len))
    }
}

/// Sets an extended attribute by path, as `setxattr(2)`.
///
/// Since 5.19. The name and the path, which end with a zero byte, and the value must stay valid until the entry has
/// been submitted. The path starts from the working directory, and a symbolic link at its end is followed.
///
/// # Completion
///
/// 0 on success. `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`: the path cannot be resolved. The other errors
/// are those of [`FSetXattr`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_SETXATTR")]
#[doc(alias = "io_uring_prep_setxattr")]
#[repr(transparent)]
pub struct SetXattr(Entry);

request!(SetXattr, IORING_OP_SETXATTR);

impl SetXattr {
    /// Sets the attribute `name` of the file at `path` to the `len` bytes at `value`.
    #[inline]
    #[must_use]
    pub fn new(name: *const c_char, value: *const c_void, path: *const c_char, len: u32) -> Self {
        let mut entry = Entry::new(Self::CODE).xattr(name, value, len);
        entry.addr3 = address(path);
        Self(entry)
    }
}

/// Gets an extended attribute of an open file, as `fgetxattr(2)`.
///
/// Since 5.19, registered files since 6.13 (before: `EBADF`). The name, which ends with a zero byte, must stay valid
/// until the entry has been submitted. The memory for the value must stay valid, and be used by nothing else, until the
/// completion.
///
/// # Completion
///
/// The value's length in bytes. With a `len` of 0 only the length is returned. `ENODATA`: there is no attribute of that
/// name. `ERANGE`: the value is longer than `len`, or the name is empty or too long. `EOPNOTSUPP`: the filesystem has
/// no attributes of that kind. `EBADF`, `EFAULT`, `EPERM` as `fgetxattr(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_FGETXATTR")]
#[doc(alias = "io_uring_prep_fgetxattr")]
#[repr(transparent)]
pub struct FGetXattr(Entry);

request!(FGetXattr, IORING_OP_FGETXATTR);

impl FGetXattr {
    /// Gets the attribute `name` of `fd`, and writes at most `len` bytes of it to `value`.
    #[inline]
    #[must_use]
    pub fn new(fd: impl UseFixed, name: *const c_char, value: *mut c_void, len: u32) -> Self {
        Self(Entry::new(Self::CODE).target(fd.into_target()).xattr(name, value, len))
    }
}

/// Gets an extended attribute by path, as `getxattr(2)`.
///
/// Since 5.19. The name and the path, which end with a zero byte, must stay valid until the entry has been submitted.
/// The memory for the value must stay valid, and be used by nothing else, until the completion. The path starts from
/// the working directory, and a symbolic link at its end is followed.
///
/// # Completion
///
/// The value's length in bytes. `ENOENT`, `ENOTDIR`, `EACCES`, `ELOOP`, `ENAMETOOLONG`: the path cannot be resolved.
/// The other errors are those of [`FGetXattr`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "IORING_OP_GETXATTR")]
#[doc(alias = "io_uring_prep_getxattr")]
#[repr(transparent)]
pub struct GetXattr(Entry);

request!(GetXattr, IORING_OP_GETXATTR);

impl GetXattr {
    /// Gets the attribute `name` of the file at `path`, and writes at most `len` bytes of it to `value`.
    #[inline]
    #[must_use]
    pub fn new(name: *const c_char, value: *mut c_void, path: *const c_char, len: u32) -> Self {
        let mut entry = Entry::new(Self::CODE).xattr(name, value, len);
        entry.addr3 = address(path);
        Self(entry)
    }
}
