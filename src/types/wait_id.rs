//! The parts of requests that wait for child processes.

use core::mem::{offset_of, size_of};

use linux_raw_sys::general;

/// `P_*` of `waitid(2)`: which children are meant. Open: the numbers are those of `linux_raw_sys::general`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct IdType(pub u32);

impl IdType {
    /// Any child; the id has no meaning.
    #[doc(alias = "P_ALL")]
    pub const ALL: Self = Self(general::P_ALL);
    /// The child with this process id.
    #[doc(alias = "P_PID")]
    pub const PID: Self = Self(general::P_PID);
    /// A child in the process group with this id; 0 is the caller's own.
    #[doc(alias = "P_PGID")]
    pub const PGID: Self = Self(general::P_PGID);
    /// The child that this pidfd refers to.
    #[doc(alias = "P_PIDFD")]
    pub const PIDFD: Self = Self(general::P_PIDFD);
}

/// `W*` of `waitid(2)`: what the wait is for. Open: the numbers are those of `linux_raw_sys::general`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(transparent)]
pub struct WaitOptions(pub u32);

impl WaitOptions {
    /// Waits until a child ends.
    #[doc(alias = "WEXITED")]
    pub const EXITED: Self = Self(general::WEXITED);
    /// Waits until a child is stopped by a signal.
    #[doc(alias = "WSTOPPED")]
    pub const STOPPED: Self = Self(general::WSTOPPED);
    /// Waits until a child continues after a stop.
    #[doc(alias = "WCONTINUED")]
    pub const CONTINUED: Self = Self(general::WCONTINUED);
    /// Does not wait: completes at once, with a process id of 0 if no child has changed state.
    #[doc(alias = "WNOHANG")]
    pub const NOHANG: Self = Self(general::WNOHANG);
    /// Leaves the child in its state, so that it can be waited for again.
    #[doc(alias = "WNOWAIT")]
    pub const NOWAIT: Self = Self(general::WNOWAIT);

    /// Returns both sets of options together.
    #[must_use]
    pub const fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }
}

impl From<u32> for WaitOptions {
    fn from(bits: u32) -> Self {
        Self(bits)
    }
}

impl From<i32> for WaitOptions {
    fn from(bits: i32) -> Self {
        Self(bits.cast_unsigned())
    }
}

/// The fields of `siginfo_t` about a child, aligned like the union that they are part of: to a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(target_pointer_width = "64", repr(C, align(8)))]
#[cfg_attr(not(target_pointer_width = "64"), repr(C, align(4)))]
struct Child {
    pid: i32,
    uid: u32,
    status: i32,
}

/// The number of words of [`SigInfo`] after the fields about a child.
const REST: usize = {
    let child = (3 * size_of::<i32>()).next_multiple_of(align_of::<Child>());
    (size_of::<general::siginfo>() - child - size_of::<Child>()) / size_of::<u32>()
};

/// What an [`opcode::WaitId`](crate::opcode::WaitId) reports about a child (`siginfo_t`, all 128 bytes of it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[doc(alias = "siginfo_t")]
#[repr(C)]
pub struct SigInfo {
    signal: i32,
    error: i32,
    code: i32,
    child: Child,
    rest: [u32; REST],
}

impl SigInfo {
    /// Makes a value in which nothing is reported yet.
    #[must_use]
    pub const fn new() -> Self {
        // kernel: io_uring/waitid.c io_waitid_copy_si (6.12.117): only the signal, the error, the code and the three
        // fields of a child are written; the rest of the 128 bytes is left alone.
        Self { signal: 0, error: 0, code: 0, child: Child { pid: 0, uid: 0, status: 0 }, rest: [0; REST] }
    }

    /// Returns `si_signo`: SIGCHLD, or 0 if no child had changed state. The other fields then have no meaning (kernels
    /// up to 6.19 leave in them what another request had).
    #[must_use]
    pub const fn signal(&self) -> i32 {
        self.signal
    }

    /// Returns `si_code`: the cause (`CLD_EXITED` 1, `CLD_KILLED` 2, `CLD_DUMPED` 3, `CLD_TRAPPED` 4, `CLD_STOPPED` 5,
    /// `CLD_CONTINUED` 6).
    #[must_use]
    pub const fn code(&self) -> i32 {
        self.code
    }

    /// Returns `si_pid`: the child's process id.
    #[must_use]
    pub const fn pid(&self) -> i32 {
        self.child.pid
    }

    /// Returns `si_uid`: the child's real user id.
    #[must_use]
    pub const fn uid(&self) -> u32 {
        self.child.uid
    }

    /// Returns `si_status`: the exit status, or the signal.
    #[must_use]
    pub const fn status(&self) -> i32 {
        self.child.status
    }
}

const _: () = {
    use general::{__sifields__bindgen_ty_4 as SigChild, siginfo, siginfo__bindgen_ty_1__bindgen_ty_1 as Fields};

    const CHILD: usize = offset_of!(SigInfo, child);

    assert!(size_of::<siginfo>() == 128);
    assert!(size_of::<SigInfo>() == size_of::<siginfo>());
    assert!(align_of::<SigInfo>() == align_of::<siginfo>());
    assert!(offset_of!(SigInfo, signal) == offset_of!(Fields, si_signo));
    assert!(offset_of!(SigInfo, error) == offset_of!(Fields, si_errno));
    assert!(offset_of!(SigInfo, code) == offset_of!(Fields, si_code));
    assert!(CHILD == offset_of!(Fields, _sifields));
    assert!(offset_of!(Child, pid) == offset_of!(SigChild, _pid));
    assert!(offset_of!(Child, uid) == offset_of!(SigChild, _uid));
    assert!(offset_of!(Child, status) == offset_of!(SigChild, _status));
};
