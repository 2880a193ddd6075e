//! Error numbers of the kernel, and reasons why a ring could not be made.

use core::fmt;
use core::num::{NonZeroU16, NonZeroU32};

mod setup;

pub use setup::{Area, Call, SetupError};

/// A Linux error number: 1 to 4095, as the kernel returns it negated.
///
/// Unknown numbers are kept; [`name`](Self::name) is `None` for them. The numbers are those of the target, from
/// `linux-raw-sys`. Each call's `# Errors` says what a value means there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
// The number is as wide as the counts that calls return. So a `Result<u32, Errno>` is two registers, and not bytes
// packed into one register, which a caller would have to take apart after each system call.
pub struct Errno(NonZeroU32);

impl Errno {
    /// The largest number that the kernel uses for an error (`MAX_ERRNO`).
    pub const MAX: u16 = 4095;

    /// Returns the error with this number, or `None` for 0 and for numbers above [`MAX`](Self::MAX).
    #[must_use]
    pub const fn from_raw(number: u16) -> Option<Self> {
        match NonZeroU32::new(number as u32) {
            Some(wide) if number <= Self::MAX => Some(Self(wide)),
            _ => None,
        }
    }

    /// Returns the number, which is positive.
    #[must_use]
    pub const fn raw(self) -> u16 {
        // The number is at most `MAX`, which the cast keeps.
        self.0.get() as u16
    }

    /// Makes the error that a shim found in a result register. The shims have checked its range.
    #[inline(always)]
    #[allow(dead_code, reason = "used where there is a Linux to call")]
    pub(crate) fn from_shim(number: NonZeroU16) -> Self {
        Self(NonZeroU32::from(number))
    }

    /// Returns the error inside a `res` or a raw return value: `None` unless it is -4095 to -1.
    #[inline]
    #[must_use]
    pub const fn from_result(result: i32) -> Option<Self> {
        if result < 0 && result >= -4095 {
            // The range was just checked, so that the cast keeps the number.
            Self::from_raw(result.unsigned_abs() as u16)
        } else {
            None
        }
    }
}

/// Makes a constant of one of the kernel's numbers.
#[inline]
const fn known(number: u32) -> Errno {
    match NonZeroU32::new(number) {
        Some(number) => Errno(number),
        None => unreachable!(),
    }
}

macro_rules! errnos {
    ($($name:ident $meaning:literal)*) => {
        #[allow(missing_docs, reason = "each one's doc is its meaning")]
        impl Errno {
            $(
                #[doc = concat!("`", stringify!($name), "`: ", $meaning, ".")]
                pub const $name: Self = known(linux_raw_sys::errno::$name);
            )*

            /// Returns the C name, for example `"ENOENT"`, or `None` if this crate knows no name.
            #[inline]
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                const NAMED: &[(Errno, &str)] = &[$((Errno::$name, stringify!($name))),*];
                const NAMES: &str = match core::str::from_utf8(&by_number::<{ length(NAMED) }>(NAMED)) {
                    Ok(names) => names,
                    Err(_) => unreachable!(),
                };
                nth_word(NAMES, self.raw())
            }
        }
    };
}

/// Returns the length of the text of [`by_number`]: the names, and a space for each number.
const fn length(named: &[(Errno, &str)]) -> usize {
    let (mut bytes, mut last, mut at) = (0, 0, 0);
    while at < named.len() {
        bytes += named[at].1.len();
        if named[at].0.raw() > last {
            last = named[at].0.raw();
        }
        at += 1;
    }
    bytes + last as usize + 1
}

/// Writes the name of each number from 0 on, or nothing, and a space after each. This is one text, which takes less
/// than half of what a table of slices would take in every program that prints a name.
const fn by_number<const LEN: usize>(named: &[(Errno, &str)]) -> [u8; LEN] {
    // Looked up by number, because a search for each number would take the compiler longer than any other constant.
    let mut names = [""; Errno::MAX as usize + 1];
    let mut at = 0;
    while at < named.len() {
        names[named[at].0.raw() as usize] = named[at].1;
        at += 1;
    }
    let mut text = [b' '; LEN];
    let (mut number, mut end) = (0, 0);
    while end < LEN {
        let name: &str = names[number];
        text.split_at_mut(end).1.split_at_mut(name.len()).0.copy_from_slice(name.as_bytes());
        end += name.len() + 1;
        number += 1;
    }
    text
}

/// Returns the word with this number, among words that each end with a space; `None` for an empty word and past the
/// end.
#[inline]
const fn nth_word(words: &'static str, mut number: u16) -> Option<&'static str> {
    let bytes = words.as_bytes();
    let mut start = 0;
    let mut end = 0;
    while end < bytes.len() {
        if bytes[end] == b' ' {
            if number == 0 {
                return match words.split_at_checked(end) {
                    Some((until, _)) if start < end => match until.split_at_checked(start) {
                        Some((_, word)) => Some(word),
                        None => None,
                    },
                    _ => None,
                };
            }
            number -= 1;
            start = end + 1;
        }
        end += 1;
    }
    None
}

errnos! {
    EPERM "not permitted"
    ENOENT "no such file, or nothing found"
    ESRCH "no such process"
    EINTR "interrupted by a signal"
    EIO "input or output failed"
    ENXIO "no such device, or nothing registered"
    E2BIG "too large"
    ENOEXEC "not an executable"
    EBADF "no such file descriptor"
    ECHILD "no such child process"
    EAGAIN "not now, try again"
    ENOMEM "out of memory"
    EACCES "access denied"
    EFAULT "an address outside the process's memory"
    ENOTBLK "not a block device"
    EBUSY "busy"
    EEXIST "exists already, or another task owns it"
    EXDEV "on another file system"
    ENODEV "no such device"
    ENOTDIR "not a directory"
    EISDIR "a directory"
    EINVAL "an invalid argument"
    ENFILE "too many open files in the system"
    EMFILE "too many open files in the process"
    ENOTTY "not a terminal, or no such command"
    ETXTBSY "the program is running"
    EFBIG "the file would be too large"
    ENOSPC "no space left"
    ESPIPE "not seekable"
    EROFS "a read-only file system"
    EMLINK "too many links"
    EPIPE "nobody reads the other end"
    EDOM "outside a function's domain"
    ERANGE "outside the range"
    EDEADLK "would deadlock"
    ENAMETOOLONG "the name is too long"
    ENOLCK "no locks left"
    ENOSYS "the kernel has no such system call"
    ENOTEMPTY "the directory is not empty"
    ELOOP "too many symbolic links"
    ENOMSG "no message of that type"
    EIDRM "the identifier was removed"
    ECHRNG "channel number out of range"
    EL2NSYNC "level 2 not synchronised"
    EL3HLT "level 3 halted"
    EL3RST "level 3 reset"
    ELNRNG "link number out of range"
    EUNATCH "no protocol driver attached"
    ENOCSI "no CSI structure"
    EL2HLT "level 2 halted"
    EBADE "an invalid exchange"
    EBADR "an invalid request descriptor, or completions were dropped"
    EXFULL "the exchange is full"
    ENOANO "no anode"
    EBADRQC "an invalid request code"
    EBADSLT "an invalid slot"
    EBFONT "a bad font file"
    ENOSTR "not a stream"
    ENODATA "no data"
    ETIME "the time is up"
    ENOSR "out of stream resources"
    ENONET "not on the network"
    ENOPKG "the package is not installed"
    EREMOTE "the object is remote"
    ENOLINK "the link was severed"
    EADV "an advertise error"
    ESRMNT "an srmount error"
    ECOMM "sending failed"
    EPROTO "a protocol error"
    EMULTIHOP "a multihop was attempted"
    EDOTDOT "an RFS error"
    EBADMSG "not a data message"
    EOVERFLOW "the value does not fit"
    ENOTUNIQ "the name is not unique"
    EBADFD "the descriptor is in the wrong state"
    EREMCHG "the remote address changed"
    ELIBACC "a shared library can't be reached"
    ELIBBAD "a shared library is corrupt"
    ELIBSCN "a library section is corrupt"
    ELIBMAX "too many shared libraries"
    ELIBEXEC "a shared library can't be run"
    EILSEQ "an invalid byte sequence"
    ERESTART "the call should be restarted"
    ESTRPIPE "a streams pipe error"
    EUSERS "too many users"
    ENOTSOCK "not a socket"
    EDESTADDRREQ "a destination is needed"
    EMSGSIZE "the message is too long"
    EPROTOTYPE "the wrong protocol for this socket"
    ENOPROTOOPT "no such protocol option"
    EPROTONOSUPPORT "the protocol is not supported"
    ESOCKTNOSUPPORT "the socket type is not supported"
    EOPNOTSUPP "not supported"
    EPFNOSUPPORT "the protocol family is not supported"
    EAFNOSUPPORT "the address family is not supported"
    EADDRINUSE "the address is in use"
    EADDRNOTAVAIL "the address is not available"
    ENETDOWN "the network is down"
    ENETUNREACH "the network can't be reached"
    ENETRESET "the network dropped the connection"
    ECONNABORTED "the connection was aborted"
    ECONNRESET "the peer reset the connection"
    ENOBUFS "no buffer left"
    EISCONN "connected already"
    ENOTCONN "not connected"
    ESHUTDOWN "the endpoint was shut down"
    ETOOMANYREFS "too many references"
    ETIMEDOUT "timed out"
    ECONNREFUSED "the connection was refused"
    EHOSTDOWN "the host is down"
    EHOSTUNREACH "no route to the host"
    EALREADY "under way already"
    EINPROGRESS "now under way"
    ESTALE "a stale file handle"
    EUCLEAN "the structure needs cleaning"
    ENOTNAM "not a named file"
    ENAVAIL "no semaphores available"
    EISNAM "a named file"
    EREMOTEIO "remote input or output failed"
    EDQUOT "the quota is used up"
    ENOMEDIUM "no medium"
    EMEDIUMTYPE "the wrong medium type"
    ECANCELED "cancelled"
    ENOKEY "no key"
    EKEYEXPIRED "the key has expired"
    EKEYREVOKED "the key was revoked"
    EKEYREJECTED "the key was rejected"
    EOWNERDEAD "the owner died"
    ENOTRECOVERABLE "the state can't be recovered"
    ERFKILL "switched off by the RF kill switch"
    EHWPOISON "the memory page is poisoned"
}

impl fmt::Display for Errno {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.raw()),
        }
    }
}

impl fmt::Debug for Errno {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Errno {}

#[cfg(feature = "std")]
impl From<Errno> for std::io::Error {
    fn from(errno: Errno) -> Self {
        Self::from_raw_os_error(i32::from(errno.raw()))
    }
}

#[cfg(test)]
mod tests {
    use super::Errno;

    #[test]
    fn a_result_is_an_error_only_from_minus_4095_to_minus_1() {
        assert_eq!(Errno::from_result(-1), Some(Errno::EPERM));
        assert_eq!(Errno::from_result(-4095).map(Errno::raw), Some(4095));
        for result in [0, 1, i32::MAX, -4096, i32::MIN] {
            assert_eq!(Errno::from_result(result), None, "{result}");
        }
    }

    #[test]
    fn numbers_outside_the_range_are_no_errno() {
        assert_eq!(Errno::from_raw(0), None);
        assert_eq!(Errno::from_raw(4096), None);
        assert_eq!(Errno::from_raw(2), Some(Errno::ENOENT));
    }

    #[test]
    fn known_numbers_have_names_and_unknown_ones_are_kept() {
        assert_eq!(Errno::ENOENT.name(), Some("ENOENT"));
        assert_eq!(Errno::EHWPOISON.name(), Some("EHWPOISON"));
        // The number of `EWOULDBLOCK` elsewhere, the last one with a name, and two past it.
        for (number, name) in [(41, None), (133, Some("EHWPOISON")), (134, None), (4000, None)] {
            let errno = Errno::from_raw(number).unwrap();
            assert_eq!((errno.raw(), errno.name()), (number, name));
        }
    }
}
