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

/// What the kernel answers to a question.
///
/// # Safety
///
/// Implementation safety: every pattern of bits is a valid value, zero among them.
pub unsafe trait Record: Copy {
    /// The question: `IO_URING_QUERY_*`.
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

/// The flags that this crate has a word for; the fields have all of them.
impl Opcodes {
    /// `IORING_FEAT_*` that the kernel has.
    #[must_use]
    pub const fn features(&self) -> Features {
        Features::from_bits_retain(self.feature_flags as u32)
    }

    /// `IORING_SETUP_*` that it takes.
    #[must_use]
    pub const fn setup(&self) -> SetupFlags {
        SetupFlags::from_bits_retain(self.ring_setup_flags as u32)
    }

    /// `IORING_ENTER_*` that it takes.
    #[must_use]
    pub const fn enter(&self) -> EnterFlags {
        EnterFlags::from_bits_retain(self.enter_flags as u32)
    }

    /// `IOSQE_*` that it takes.
    #[must_use]
    pub const fn requests(&self) -> SqeFlags {
        SqeFlags::from_bits_retain(self.sqe_flags as u8)
    }
}

/// A record as the kernel filled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<T> {
    /// The record; what the kernel did not fill is zero.
    pub record: T,
    /// How many of its bytes the kernel filled.
    pub filled: usize,
}

impl<T> Answer<T> {
    /// Whether the kernel knows all of the record.
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
    /// Not asked yet.
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
        // SAFETY: zero is a value of every record, by the trait's contract.
        unsafe { MaybeUninit::zeroed().assume_init() }
    }

    /// What came of it.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP`: the kernel does not know this question. `ENODATA`: it was not asked, or the call failed. `EINVAL`:
    /// the record has no bytes. `EPROTO`: the kernel wrote what is neither success nor an error.
    pub fn answer(&self) -> Result<Answer<T>, Errno> {
        match self.header.result {
            // Never more than there is, whatever the kernel says.
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

/// A question of any kind, to be asked together with others: a [`Question`].
pub trait Ask: sealed::Link {}

impl<T: Record> Ask for Question<T> {}

mod sealed {
    use super::{NOT_ASKED, Question, Record, from_mut, io_uring_query_hdr, size_of};

    /// A link of the chain.
    pub trait Link {
        /// Makes it ready to be asked before what stands at `next`; its own address.
        fn link(&mut self, next: u64) -> *mut io_uring_query_hdr;

        /// Takes back what an unfinished call left.
        fn forget(&mut self);
    }

    impl<T: Record> Link for Question<T> {
        fn link(&mut self, next: u64) -> *mut io_uring_query_hdr {
            // Both addresses come from the pointer to the whole question, so that neither makes the other invalid.
            let whole = from_mut(self);
            // SAFETY: the pointer is the reference's own, so that the field lies within.
            let record = unsafe { &raw mut (*whole).record };
            // SAFETY: the same.
            let header = unsafe { &raw mut (*whole).header };
            // SAFETY: the record is the reference's.
            unsafe { record.write(Self::zero()) };
            let asked = io_uring_query_hdr {
                next_entry: next,
                query_data: record.expose_provenance() as u64,
                query_op: T::OPERATION,
                size: u32::try_from(size_of::<T>()).unwrap_or(u32::MAX),
                result: 0,
                __resv: [0; 3],
            };
            // SAFETY: and so is the header.
            unsafe { header.write(asked) };
            header
        }

        fn forget(&mut self) {
            self.header.result = NOT_ASKED;
            self.record = Self::zero();
        }
    }
}

/// Asks several questions in one call. Each then has its own [`answer`](Question::answer). Since 6.18.
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
/// No question has an answer then. `EACCES`: the task is [restricted](crate::register::restrict_task) (since 7.3, where it must
/// allow this operation too). `EINVAL`: the kernel is older. `ERANGE`: 1,000 questions or more. `EINTR`: the
/// process is being killed.
#[doc(alias = "IORING_REGISTER_QUERY")]
pub fn ask<K: Kernel>(kernel: &K, questions: &mut [&mut dyn Ask]) -> Result<(), Errno> {
    let mut first: *mut io_uring_query_hdr = core::ptr::null_mut();
    for question in questions.iter_mut().rev() {
        first = question.link(first.expose_provenance() as u64);
    }
    if first.is_null() {
        return Ok(());
    }
    // SAFETY: each link of the chain is a question that is borrowed for the call, its record alive and as long as it
    // says; the kernel writes to these only.
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
/// `EOPNOTSUPP`: the kernel does not know this question. `EACCES`: as [`ask`]. `EINVAL`: the kernel is older, or the record has
/// no bytes.
#[doc(alias = "IORING_REGISTER_QUERY")]
#[doc(alias = "io_uring_register_query")]
pub fn query<T: Record, K: Kernel>(kernel: &K) -> Result<Answer<T>, Errno> {
    let mut question = Question::<T>::new();
    ask(kernel, &mut [&mut question])?;
    question.answer()
}

/// Asks for the header of a ring in provided memory; `None` where the kernel (before 6.19) does not say.
pub(crate) fn ring_header<K: Kernel>(kernel: &K) -> Option<Header> {
    let RingHeader { hdr_size, hdr_alignment } = query(kernel).ok()?.record;
    if hdr_size == 0 || !hdr_alignment.is_power_of_two() {
        return None;
    }
    // Where addresses have 32 bits, longer ones are as much too long as the longest.
    let [size, align] = [hdr_size, hdr_alignment].map(usize::try_from);
    Some(size.and_then(|size| Ok(Header { size, align: align? })).unwrap_or(Header { size: usize::MAX, align: 1 }))
}
