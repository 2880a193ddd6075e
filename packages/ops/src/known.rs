//! Which requests the kernel has, and the names of those that it lacks.
#![forbid(unsafe_code)]

use core::cell::Cell;
use core::fmt;

use bare_uring::opcode;
use bare_uring::types::OpenHow;
use bare_uring::uapi::io_uring_op;

/// A set of requests: one bit for each opcode.
pub(crate) type Set = u128;

/// Returns the set of one request.
pub(crate) const fn only(code: u8) -> Set {
    1 << code
}

/// What an operation needs of the kernel. [`Slab::missing`](crate::Slab::missing) tells whether the kernel has it.
///
/// Each constant has the name of the function of [`Slab`](crate::Slab), and [`WITHIN`](Self::WITHIN) and
/// [`THEN`](Self::THEN) have those of [`Op::within`](crate::Op::within) and [`Op::then`](crate::Op::then). A constant
/// stands for the request's number, which is all that a kernel can be asked for. So `ACCEPT` is also what [`incoming`](crate::Slab::incoming) needs, and `RECEIVE` what
/// [`pieces`](crate::Slab::pieces) needs: a kernel may have the request, and not its multishot form. `SET_OPTION` is
/// `IORING_OP_URING_CMD`, which is older than its commands for sockets: those of [`set_option`](crate::Slab::set_option)
/// and [`option`](crate::Slab::option) came with 6.7, those of [`own_address`](crate::Slab::own_address) and
/// [`peer_address`](crate::Slab::peer_address) with 6.19. A kernel that lacks a command answers `EOPNOTSUPP`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    name: &'static str,
    since: (u8, u8),
    /// A kernel with these requests can do what the operation needs.
    by: Set,
    /// A kernel with these requests can do the same in another way, if there is one.
    or_by: Option<Set>,
}

/// Makes the constants, and the list of all of them. A row is the operation's name, the request that it makes, the first
/// Linux that has the request, and the requests that do the same where the kernel lacks that one.
macro_rules! requests {
    ($($(#[$doc:meta])* $row:ident = $name:ident, $major:literal . $minor:literal $(, or $($other:ident)+)?;)*) => {
        impl Request {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$row),*];

            $(
                #[doc = concat!("`", stringify!($name), "`, since ", $major, ".", $minor, ".")]
                $(#[$doc])*
                pub const $row: Self = Self {
                    name: stringify!($name),
                    since: ($major, $minor),
                    by: only(io_uring_op::$name as u8),
                    or_by: requests!(@ways $($(io_uring_op::$other)+)?),
                };
            )*
        }
    };
    (@ways) => { None };
    (@ways $($other:expr)+) => { Some($(only($other as u8))|+) };
}

requests! {
    /// What [`read_with`](crate::Slab::read_with) and [`read_full`](crate::Slab::read_full) need as well.
    READ = IORING_OP_READ, 5 . 6;
    /// What [`write_with`](crate::Slab::write_with), [`append`](crate::Slab::append) and
    /// [`write_all`](crate::Slab::write_all) need as well.
    WRITE = IORING_OP_WRITE, 5 . 6;
    READ_VECTORED = IORING_OP_READV, 5 . 1;
    WRITE_VECTORED = IORING_OP_WRITEV, 5 . 1;
    READ_PIECES = IORING_OP_READ_MULTISHOT, 6 . 7;
    /// What [`fdatasync`](crate::Slab::fdatasync) needs as well.
    FSYNC = IORING_OP_FSYNC, 5 . 1;
    SYNC_FILE_RANGE = IORING_OP_SYNC_FILE_RANGE, 5 . 2;
    FALLOCATE = IORING_OP_FALLOCATE, 5 . 6;
    FADVISE = IORING_OP_FADVISE, 5 . 6;
    FTRUNCATE = IORING_OP_FTRUNCATE, 6 . 9;
    /// What [`create`](crate::Slab::create) needs as well. `IORING_OP_OPENAT` does it too.
    OPEN = IORING_OP_OPENAT2, 5 . 6, or IORING_OP_OPENAT;
    /// What [`stat_at`](crate::Slab::stat_at) needs as well.
    STAT = IORING_OP_STATX, 5 . 6;
    RENAME = IORING_OP_RENAMEAT, 5 . 11;
    LINK = IORING_OP_LINKAT, 5 . 15;
    SYMLINK = IORING_OP_SYMLINKAT, 5 . 15;
    UNLINK = IORING_OP_UNLINKAT, 5 . 11;
    MKDIR = IORING_OP_MKDIRAT, 5 . 15;
    FSETXATTR = IORING_OP_FSETXATTR, 5 . 19;
    SETXATTR = IORING_OP_SETXATTR, 5 . 19;
    FGETXATTR = IORING_OP_FGETXATTR, 5 . 19;
    GETXATTR = IORING_OP_GETXATTR, 5 . 19;
    PIPE = IORING_OP_PIPE, 6 . 16;
    SOCKET = IORING_OP_SOCKET, 5 . 19;
    SET_OPTION = IORING_OP_URING_CMD, 5 . 19;
    BIND = IORING_OP_BIND, 6 . 11;
    LISTEN = IORING_OP_LISTEN, 6 . 11;
    CONNECT = IORING_OP_CONNECT, 5 . 5;
    ACCEPT = IORING_OP_ACCEPT, 5 . 5;
    SHUTDOWN = IORING_OP_SHUTDOWN, 5 . 11;
    RECEIVE = IORING_OP_RECV, 5 . 6;
    SEND = IORING_OP_SEND, 5 . 6;
    /// What [`send_to`](crate::Slab::send_to) needs, too.
    SEND_MESSAGE = IORING_OP_SENDMSG, 5 . 3;
    /// What [`receive_from`](crate::Slab::receive_from) and [`datagrams`](crate::Slab::datagrams) need, too.
    RECEIVE_MESSAGE = IORING_OP_RECVMSG, 5 . 3;
    /// `IORING_OP_SEND` does as well, with a copy.
    SEND_ZERO_COPY = IORING_OP_SEND_ZC, 6 . 0, or IORING_OP_SEND;
    TIMEOUT = IORING_OP_TIMEOUT, 5 . 4;
    NOP = IORING_OP_NOP, 5 . 1;
    /// `IORING_OP_TIMEOUT` with `IORING_OP_ASYNC_CANCEL` does as well, and is taken where the kernel has both.
    WITHIN = IORING_OP_LINK_TIMEOUT, 5 . 5, or IORING_OP_TIMEOUT IORING_OP_ASYNC_CANCEL;
    /// What [`Op::then`](crate::Op::then) needs: links, which no kernel tells of but by this request.
    THEN = IORING_OP_LINK_TIMEOUT, 5 . 5;
    /// What an [`open`](crate::Slab::open) with `RESOLVE_*` flags needs.
    OPEN_RESOLVED = IORING_OP_OPENAT2, 5 . 6;
    /// What the end of an operation before its time needs, by its handle or by
    /// [`Driver::shutdown`](crate::Driver::shutdown).
    CANCEL = IORING_OP_ASYNC_CANCEL, 5 . 5;
    /// What closes a file, by [`close`](crate::Slab::close) or when its last handle was dropped. A kernel without it leaves
    /// such files open.
    CLOSE = IORING_OP_CLOSE, 5 . 6;
}

impl Request {
    /// Returns the kernel's name of the request, such as `IORING_OP_BIND`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Returns the first Linux that has the request, as major and minor number.
    #[must_use]
    pub const fn since(self) -> (u8, u8) {
        self.since
    }

    /// Returns every request that takes part in one way to do it.
    #[cfg(test)]
    pub(crate) fn all_ways(self) -> Set {
        self.by | self.or_by.unwrap_or(0)
    }

    /// Tells whether a kernel that lacks these requests can do it.
    pub(crate) fn is_there(self, lacks: Set) -> bool {
        self.by & lacks == 0 || self.or_by.is_some_and(|way| way & lacks == 0)
    }
}

/// A request that the kernel lacks. Its text is one line: `this kernel has no IORING_OP_BIND (Linux 6.11)`.
///
/// The release is that of the first Linux with the request. Programs without `core::fmt` take the two parts from
/// [`Request`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing(Request);

impl Missing {
    /// Returns the request.
    #[must_use]
    pub const fn request(self) -> Request {
        self.0
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.0.since;
        write!(f, "this kernel has no {} (Linux {major}.{minor})", self.0.name)
    }
}

impl core::error::Error for Missing {}

/// What a slab knows of its kernel.
#[derive(Debug)]
pub(crate) struct Known {
    /// The requests that the kernel lacks. Before a driver is made, none.
    lacks: Cell<Set>,
    /// Time limits can't be counted. In a field of its own, since each operation with a limit asks.
    can_not_count: Cell<bool>,
}

impl Known {
    pub(crate) const fn new() -> Self {
        Self { lacks: Cell::new(0), can_not_count: Cell::new(false) }
    }

    /// Notes what the kernel lacks.
    pub(crate) fn note(&self, lacks: Set) {
        self.lacks.set(lacks);
        self.can_not_count.set(lacks & (only(opcode::Timeout::CODE) | only(opcode::AsyncCancel::CODE)) != 0);
    }

    pub(crate) fn has(&self, request: Request) -> bool {
        request.is_there(self.lacks.get())
    }

    /// Tells whether time limits can be counted by ticks: the kernel has timeouts, and cancels what is late.
    pub(crate) fn ticks(&self) -> bool {
        !self.can_not_count.get()
    }

    /// Tells whether the kernel links requests.
    pub(crate) fn links(&self) -> bool {
        self.lacks.get() & only(opcode::LinkTimeout::CODE) == 0
    }

    /// Tells whether the kernel sends without a copy.
    pub(crate) fn has_zero_copy(&self) -> bool {
        self.lacks.get() & only(opcode::SendZc::CODE) == 0
    }

    /// Returns the first of these that the kernel lacks.
    pub(crate) fn first_missing(&self, needs: &[Request]) -> Option<Missing> {
        needs.iter().copied().find(|&request| !self.has(request)).map(Missing)
    }

    /// Chooses the request that opens a file like this. `None`: the kernel has only `OPENAT`, which can't say it.
    pub(crate) fn way_to_open(&self, how: &OpenHow) -> Option<Way> {
        if self.has(Request::OPEN_RESOLVED) {
            return Some(Way::At2);
        }
        // kernel: io_uring/openclose.c io_openat_prep (6.12.117): flags and mode are fields of 32 bits. openat2(2) refuses
        // what does not fit, and so bits must not be cut off here.
        let mode = u32::try_from(how.mode).ok()?;
        let flags = u32::try_from(how.flags).ok()?;
        (how.resolve == 0).then_some(Way::At { flags, mode })
    }
}

/// The request that opens a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// `OPENAT2`.
    At2,
    /// `OPENAT`, with these arguments.
    At { flags: u32, mode: u32 },
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::string::ToString;

    use bare_uring::opcode;
    use bare_uring::types::OpenHow;

    use super::{Known, Missing, Request, Set, Way, only};

    /// Makes what is known of a kernel that lacks these.
    fn without(codes: &[u8]) -> Known {
        let known = Known::new();
        known.note(codes.iter().fold(0, |all: Set, &code| all | only(code)));
        known
    }

    #[test]
    fn what_is_missing_is_named_with_its_release() {
        let known = without(&[opcode::Bind::CODE, opcode::Listen::CODE]);
        let needs = [Request::SOCKET, Request::LISTEN, Request::BIND];
        let missing = known.first_missing(&needs);
        assert_eq!(missing, Some(Missing(Request::LISTEN)));
        assert_eq!(missing.unwrap().to_string(), "this kernel has no IORING_OP_LISTEN (Linux 6.11)");
        assert_eq!((Request::LISTEN.name(), Request::LISTEN.since()), ("IORING_OP_LISTEN", (6, 11)));
        assert_eq!(known.first_missing(&[Request::SOCKET, Request::READ]), None);
        assert_eq!(Known::new().first_missing(Request::ALL), None);
    }

    #[test]
    fn another_way_does_as_well() {
        let (at2, at) = (opcode::OpenAt2::CODE, opcode::OpenAt::CODE);
        let (link, timer, cancel) = (opcode::LinkTimeout::CODE, opcode::Timeout::CODE, opcode::AsyncCancel::CODE);
        for (lacks, open, within) in [
            (&[][..], true, true),
            (&[at2, link], true, true),
            (&[at, timer, cancel], true, true),
            (&[at2, at, link, timer], false, false),
            (&[link, cancel], true, false),
        ] {
            let known = without(lacks);
            assert_eq!((known.has(Request::OPEN), known.has(Request::WITHIN)), (open, within), "{lacks:?}");
            assert_eq!(known.ticks(), !lacks.contains(&timer) && !lacks.contains(&cancel), "{lacks:?}");
            assert_eq!(known.has(Request::OPEN_RESOLVED), !lacks.contains(&at2), "{lacks:?}");
        }
    }

    #[test]
    fn openat_says_what_it_can() {
        let all = OpenHow { flags: u64::from(u32::MAX), mode: 0o7777, resolve: 0 };
        let (new, old) = (Known::new(), without(&[opcode::OpenAt2::CODE]));
        assert_eq!(old.way_to_open(&all), Some(Way::At { flags: u32::MAX, mode: 0o7777 }));
        for how in [OpenHow { resolve: 1, ..all }, OpenHow { flags: 1 << 32, ..all }, OpenHow { mode: 1 << 32, ..all }]
        {
            assert_eq!((new.way_to_open(&how), old.way_to_open(&how)), (Some(Way::At2), None), "{how:?}");
        }
    }

    #[test]
    fn every_request_is_listed_once() {
        let names: BTreeSet<_> = Request::ALL.iter().map(|request| (request.name, request.or_by)).collect();
        assert_eq!(names.len(), Request::ALL.len());
        assert_eq!(Request::BIND.by, only(opcode::Bind::CODE));
    }
}
