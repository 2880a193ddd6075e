//! Asking the kernel about itself, without a ring; public as [`register::query`](crate::register::query).

use core::mem::{MaybeUninit, size_of};
use core::ptr::from_mut;

use crate::error::Errno;
use crate::flags::{EnterFlags, Features, SetupFlags, SqeFlags};
use crate::kernel::Kernel;
use crate::memory::Header;
use crate::uapi::{
    IO_URING_QUERY_OPCODES, IO_URING_QUERY_SCQ, IO_URING_QUERY_ZCRX, IO_URING_QUERY_ZCRX_EVENT, IORING_REGISTER_QUERY,
    io_uring_query_hdr, io_uring_query_opcode, io_uring_query_scq, io_uring_query_zcrx, io_uring_query_zcrx_event,
};

/// The record with which the kernel answers a question.
///
/// # Safety
///
/// Implementation safety: every pattern of bits is a valid value, also all zero.
pub unsafe trait Record: Copy {
    /// The number of the question: `IO_URING_QUERY_*`.
    const OPERATION: u32;
}

/// Opcodes and flags. Since 6.18.
#[doc(alias = "IO_URING_QUERY_OPCODES")]
pub type Opcodes = io_uring_query_opcode;
/// Zero-copy receive. Since 6.19.
#[doc(alias = "IO_URING_QUERY_ZCRX")]
pub type Zcrx = io_uring_query_zcrx;
/// The header of a ring in provided memory. Since 6.19.
#[doc(alias = "IO_URING_QUERY_SCQ")]
pub type RingHeader = io_uring_query_scq;
/// Events of zero-copy receive. Since 7.2.
#[doc(alias = "IO_URING_QUERY_ZCRX_EVENT")]
#[doc(alias = "IO_URING_QUERY_ZCRX_NOTIF")]
pub type ZcrxEvents = io_uring_query_zcrx_event;

// SAFETY: integers only.
unsafe impl Record for Opcodes {
    const OPERATION: u32 = IO_URING_QUERY_OPCODES;
}
// SAFETY: integers only.
unsafe impl Record for Zcrx {
    const OPERATION: u32 = IO_URING_QUERY_ZCRX;
}
// SAFETY: integers only.
unsafe impl Record for RingHeader {
    const OPERATION: u32 = IO_URING_QUERY_SCQ;
}
// SAFETY: integers only.
unsafe impl Record for ZcrxEvents {
    const OPERATION: u32 = IO_URING_QUERY_ZCRX_EVENT;
}

/// Accessors for the flags that have a type in this crate. The fields hold all flags.
impl Opcodes {
    /// Returns the features (`IORING_FEAT_*`) of the kernel.
    #[must_use]
    pub const fn features(&self) -> Features {
        Features::from_bits_retain(self.feature_flags as u32)
    }

    /// Returns the set-up flags (`IORING_SETUP_*`) that the kernel takes.
    #[must_use]
    pub const fn setup(&self) -> SetupFlags {
        SetupFlags::from_bits_retain(self.ring_setup_flags as u32)
    }

    /// Returns the flags of enter (`IORING_ENTER_*`) that the kernel takes.
    #[must_use]
    pub const fn enter(&self) -> EnterFlags {
        EnterFlags::from_bits_retain(self.enter_flags as u32)
    }

    /// Returns the flags of entries (`IOSQE_*`) that the kernel takes.
    #[must_use]
    pub const fn requests(&self) -> SqeFlags {
        SqeFlags::from_bits_retain(self.sqe_flags as u8)
    }
}

/// A record that the kernel has filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<T> {
    /// The record. Bytes that the kernel did not fill are zero.
    pub record: T,
    /// How many bytes of the record the kernel filled.
    pub filled: usize,
}

impl<T> Answer<T> {
    /// Returns whether the kernel has filled the whole record.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.filled >= size_of::<T>()
    }
}

/// A question, and room for its answer.
#[derive(Debug, Clone, Copy)]
pub struct Question<T> {
    header: io_uring_query_hdr,
    record: T,
}

impl<T: Record> Question<T> {
    /// Makes a question that was not asked yet.
    #[must_use]
    pub const fn new() -> Self {
        let header = io_uring_query_hdr {
            next_entry: 0,
            query_data: 0,
            query_op: T::OPERATION,
            size: 0,
            result: NOT_ASKED,
            __resv: [0; 3],
        };
        Self { header, record: Self::zero() }
    }

    const fn zero() -> T {
        // SAFETY: all zero is a valid value of every record, by the trait's contract.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    /// Returns the answer.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: the kernel does not know this question. `ENODATA`: the question was not asked, or the call failed.
    /// `EINVAL`: the record has no bytes. `EPROTO`: the kernel wrote a result that is neither success nor an error.
    pub fn answer(&self) -> Result<Answer<T>, Errno> {
        match self.header.result {
            // The count is cut to the record's size, because the kernel's number is only a claim.
            0 => Ok(Answer { record: self.record, filled: (self.header.size as usize).min(size_of::<T>()) }),
            other => Err(Errno::from_result(other).unwrap_or(Errno::EPROTO)),
        }
    }
}

impl<T: Record> Default for Question<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// The result of a question that was not asked.
const NOT_ASKED: i32 = -(Errno::ENODATA.raw() as i32);

/// A [`Question`] of any kind, for [`ask`] to ask together with others.
pub trait Ask: sealed::Link {}

impl<T: Record> Ask for Question<T> {}

mod sealed {
    use super::{NOT_ASKED, Question, Record, from_mut, io_uring_query_hdr, size_of};

    /// One link in the chain of questions of a call.
    pub trait Link {
        /// Links the question in front of the one at address `next`, and returns its own address.
        fn link(&mut self, next: u64) -> *mut io_uring_query_hdr;

        /// Clears the result and the record after a call that failed.
        fn forget(&mut self);
    }

    impl<T: Record> Link for Question<T> {
        fn link(&mut self, next: u64) -> *mut io_uring_query_hdr {
            // Both addresses come from the pointer to the whole question, so that neither makes the other invalid.
            let whole = from_mut(self);
            // SAFETY: the pointer comes from a reference to the question, and the field lies within the question.
            let record = unsafe { &raw mut (*whole).record };
            // SAFETY: the header too is a field of the question that the pointer came from.
            let header = unsafe { &raw mut (*whole).header };
            // SAFETY: the record is a field of the question, which is borrowed mutably.
            unsafe { record.write(Self::zero()) };
            let asked = io_uring_query_hdr {
                next_entry: next,
                query_data: record.expose_provenance() as u64,
                query_op: T::OPERATION,
                size: u32::try_from(size_of::<T>()).unwrap_or(u32::MAX),
                result: 0,
                __resv: [0; 3],
            };
            // kernel: io_uring/query.c io_handle_query_entry (7.3): the result and the reserved words must be 0 in a
            // question.
            // SAFETY: the header is a field of the question, which is borrowed mutably.
            unsafe { header.write(asked) };
            header
        }

        fn forget(&mut self) {
            self.header.result = NOT_ASKED;
            self.record = Self::zero();
        }
    }
}

/// Asks several questions in one call. Each of them then has its own [`answer`](Question::answer). Since 6.18.
///
/// ```no_run
/// use bare_uring::Linux;
/// use bare_uring::register::query::{Opcodes, Question, RingHeader, ask};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut opcodes, mut header) = (Question::<Opcodes>::new(), Question::<RingHeader>::new());
/// ask(&Linux, &mut [&mut opcodes, &mut header])?;
/// let known = opcodes.answer()?.record.nr_request_opcodes;
/// let size = header.answer().map_or(64, |answer| answer.record.hdr_size);
/// # let _ = (known, size);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// After an error no question has an answer. `EACCES`: the task is [restricted](crate::register::restrict_task) (since
/// 7.3, where the restrictions must allow this operation too). `EINVAL`: the kernel is older. `ERANGE`: 1,000 questions
/// or more. `E2BIG`: a record larger than a page. `EINTR`: the process is being killed.
#[doc(alias = "IORING_REGISTER_QUERY")]
pub fn ask<K: Kernel>(kernel: &K, questions: &mut [&mut dyn Ask]) -> Result<(), Errno> {
    let mut first: *mut io_uring_query_hdr = core::ptr::null_mut();
    for question in questions.iter_mut().rev() {
        first = question.link(first.expose_provenance() as u64);
    }
    if first.is_null() {
        return Ok(());
    }
    // kernel: io_uring/query.c io_query (7.3): the chain ends at address 0 and has fewer than IO_MAX_QUERY_ENTRIES
    // links.
    // kernel: io_uring/query.c io_handle_query_entry (7.3): fills the common part of both records, makes the rest of
    // ours zero, and writes back how much it has filled.
    // SAFETY: each link of the chain is a question that is borrowed for the call. Its record is alive, and as long as
    // its header states. The kernel writes to headers and records only.
    let outcome = unsafe { kernel.register(-1, IORING_REGISTER_QUERY, first.cast(), 0) }.map(drop);
    if outcome.is_err() {
        questions.iter_mut().for_each(|question| question.forget());
    }
    outcome
}

/// Asks one question. Since 6.18.
///
/// # Errors
///
/// `EOPNOTSUPP`: the kernel does not know this question. `EACCES`, `E2BIG`, `EINTR`: as in [`ask`]. `EINVAL`: the
/// kernel is older, or the record has no bytes.
#[doc(alias = "IORING_REGISTER_QUERY")]
#[doc(alias = "io_uring_register_query")]
pub fn query<T: Record, K: Kernel>(kernel: &K) -> Result<Answer<T>, Errno> {
    let mut question = Question::<T>::new();
    ask(kernel, &mut [&mut question])?;
    question.answer()
}

/// Returns the header of a ring in provided memory, if the kernel reports it (since 6.19).
pub(crate) fn ring_header<K: Kernel>(kernel: &K) -> Option<Header> {
    let RingHeader { hdr_size, hdr_alignment } = query(kernel).ok()?.record;
    if hdr_size == 0 || !hdr_alignment.is_power_of_two() {
        return None;
    }
    // With 32-bit addresses a size that does not fit becomes the largest one, which is too large as well.
    // kernel: io_uring/query.c io_query_scq (7.3): the size is that of the kernel's structure up to the completions,
    // and the alignment the one to which the index array is rounded up.
    let [size, align] = [hdr_size, hdr_alignment].map(usize::try_from);
    Some(size.and_then(|size| Ok(Header { size, align: align? })).unwrap_or(Header { size: usize::MAX, align: 1 }))
}
