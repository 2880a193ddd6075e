//! Negative error numbers, as they stand in a completion's result.

pub(crate) const ENOENT: i32 = -2;
pub(crate) const EINTR: i32 = -4;
pub(crate) const EBADF: i32 = -9;
pub(crate) const EAGAIN: i32 = -11;
pub(crate) const EFAULT: i32 = -14;
pub(crate) const EISDIR: i32 = -21;
pub(crate) const EINVAL: i32 = -22;
pub(crate) const ENFILE: i32 = -23;
pub(crate) const EFBIG: i32 = -27;
pub(crate) const EPIPE: i32 = -32;
pub(crate) const ETIME: i32 = -62;
pub(crate) const EBADFD: i32 = -77;
pub(crate) const EOPNOTSUPP: i32 = -95;
pub(crate) const ECONNRESET: i32 = -104;
pub(crate) const ENOBUFS: i32 = -105;
pub(crate) const ENOTCONN: i32 = -107;
pub(crate) const EALREADY: i32 = -114;
pub(crate) const ECANCELED: i32 = -125;
