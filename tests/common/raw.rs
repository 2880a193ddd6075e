//! Rings set up by hand, a kernel that meddles, and looks at the process from outside.

use core::ffi::c_void;
use core::ptr::NonNull;
use std::process::Command;
use std::sync::Mutex;

use bare_uring::types::RawFd;
use bare_uring::uapi::{IORING_REGISTER_QUERY, io_uring_params, io_uring_query_hdr, io_uring_query_scq};
use bare_uring::{Errno, Features, IoUring, Kernel, Linux, Parameters, SetupFlags, cqueue, squeue};

use super::kernels::Trace;
use super::{nop, pass_on, push};

/// Parameters that ask for a ring with these flags and nothing else.
pub fn params(flags: SetupFlags) -> io_uring_params {
    // SAFETY: the structure is made of integers, for which zero is a value.
    let mut params: io_uring_params = unsafe { std::mem::zeroed() };
    params.flags = flags.bits();
    if flags.contains(SetupFlags::CQSIZE) {
        // The kernel takes no queue of none.
        params.cq_entries = 64;
    }
    params
}

/// A ring of which nothing is mapped, made by the system call alone, and closed by it.
#[derive(Debug)]
pub struct RawRing {
    pub fd: RawFd,
    pub params: io_uring_params,
    owned: bool,
}

impl RawRing {
    /// Asks the kernel for a ring, as the crate's builder would not.
    pub fn open(entries: u32, mut params: io_uring_params) -> Result<Self, Errno> {
        assert_eq!(params.flags & SetupFlags::NO_MMAP.bits(), 0, "no memory is given here");
        // SAFETY: the parameters name no memory.
        let fd = unsafe { Linux.setup(entries, &mut params) }?.cast_signed();
        Ok(Self { fd, params, owned: true })
    }

    /// A ring that somebody has let go of; it is closed unless it is [disowned](Self::disown).
    pub fn found(fd: RawFd, params: io_uring_params) -> Self {
        Self { fd, params, owned: true }
    }

    /// The parameters, for a ring that takes the descriptor over.
    pub fn parameters(&self) -> Parameters {
        Parameters::from_raw(self.params)
    }

    /// Somebody else closes the descriptor.
    pub fn disown(&mut self) {
        self.owned = false;
    }
}

impl Drop for RawRing {
    fn drop(&mut self) {
        if self.owned {
            // SAFETY: the descriptor is this value's, made by `setup`.
            let _ = unsafe { Linux.close(self.fd) };
        }
    }
}

/// The releases that brought the set-up flags, by bit.
const RELEASES: &[(u32, u32)] = &[
    (5, 1),
    (5, 1),
    (5, 1),
    (5, 5),
    (5, 6),
    (5, 6),
    (5, 10),
    (5, 18),
    (5, 19),
    (5, 19),
    (5, 19),
    (5, 19),
    (6, 0),
    (6, 1),
    (6, 5),
    (6, 5),
    (6, 6),
    (6, 13),
    (6, 18),
    (6, 19),
    (7, 0),
];

/// The release that knows all of these flags; none if one has no name.
pub fn release_of(flags: SetupFlags) -> Option<(u32, u32)> {
    (0_usize..32)
        .filter(|bit| flags.bits() >> bit & 1 == 1)
        .try_fold((5, 1), |newest, bit| Some(newest.max(*RELEASES.get(bit)?)))
}

/// Whether the kernel makes a ring with these flags; `EINVAL` is how it says that it does not know one, and wrong on a
/// kernel that is as new as the flags.
pub fn kernel_accepts(flags: SetupFlags) -> bool {
    match RawRing::open(4, params(flags)) {
        Ok(_) => true,
        Err(Errno::EINVAL) => {
            if let Some((major, minor)) = release_of(flags) {
                assert!(super::older_than(major, minor), "this kernel has {flags:?}, and refused them");
            }
            false
        }
        Err(errno) => panic!("io_uring_setup with {flags:?}: {errno}"),
    }
}

/// What a completion of any size says first.
pub trait Plain {
    fn plain(&self) -> (u64, Result<u32, Errno>);
}

impl Plain for cqueue::Entry {
    fn plain(&self) -> (u64, Result<u32, Errno>) {
        (self.user_data(), self.outcome())
    }
}

impl Plain for cqueue::Entry32 {
    fn plain(&self) -> (u64, Result<u32, Errno>) {
        (**self).plain()
    }
}

impl Plain for cqueue::EntryMixed {
    fn plain(&self) -> (u64, Result<u32, Errno>) {
        (**self).plain()
    }
}

/// What [`three_nops`] brings back from a ring that works.
pub const THREE: [(u64, Result<u32, Errno>); 3] = [(1, Ok(0)), (2, Ok(0)), (3, Ok(0))];

/// Submits three nops at once, and returns the completions that come, in their order.
pub fn three_nops<S, C, K>(ring: &mut IoUring<S, C, K>) -> Vec<(u64, Result<u32, Errno>)>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + Plain,
    K: Kernel,
{
    for user_data in 1..=3 {
        push(ring, nop(user_data));
    }
    assert_eq!(ring.submit_and_wait(3), Ok(3));
    let mut come: Vec<_> = ring.completion().map(|cqe| cqe.plain()).collect();
    // A wait may end early; each further one ends with at least one completion, or with an error.
    while come.len() < 3 {
        ring.submitter().wait(1).expect("completions to wait for");
        come.extend(ring.completion().map(|cqe| cqe.plain()));
    }
    come
}

/// What the kernel answers to the question about the header of a ring.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// The call fails.
    Refused(Errno),
    /// The call succeeds; this question's result, and the record.
    Record { result: i32, size: u64, align: u64 },
}

type Refuse = Box<dyn Fn(&io_uring_params) -> Option<Errno> + Send + Sync>;
type Garble = Box<dyn Fn(&mut io_uring_params) + Send + Sync>;

/// Linux, traced, with answers bent as a test asks for.
#[derive(Default)]
pub struct Meddler {
    pub trace: Trace,
    /// Refuses a set-up instead of asking Linux.
    pub refuse: Option<Refuse>,
    /// Bends what a set-up reported.
    pub garble: Option<Garble>,
    /// Stands in for Linux's answer about the header of a ring.
    pub answer: Option<Answer>,
    mapped: Mutex<Vec<usize>>,
}

impl Meddler {
    pub fn without(hide: Features) -> Self {
        Self { trace: Trace::without(hide), ..Self::default() }
    }

    pub fn refusing(refuse: impl Fn(&io_uring_params) -> Option<Errno> + Send + Sync + 'static) -> Self {
        Self { refuse: Some(Box::new(refuse)), ..Self::default() }
    }

    pub fn garbling(garble: impl Fn(&mut io_uring_params) + Send + Sync + 'static) -> Self {
        Self { garble: Some(Box::new(garble)), ..Self::default() }
    }

    pub fn answering(answer: Answer) -> Self {
        Self { answer: Some(answer), ..Self::default() }
    }

    /// The addresses of all mappings made.
    pub fn mapped(&self) -> Vec<usize> {
        self.mapped.lock().unwrap().clone()
    }
}

// SAFETY: each call goes to Linux by way of `Trace`, or is not made. What `garble` and `answer` change is only what the
// crate promises to check.
unsafe impl Kernel for Meddler {
    pass_on! { self => self.trace; enter unmap keep_from_fork close }

    unsafe fn setup(&self, entries: u32, params: &mut io_uring_params) -> Result<u32, Errno> {
        if let Some(errno) = self.refuse.as_ref().and_then(|refuse| refuse(params)) {
            return Err(errno);
        }
        // SAFETY: the caller's contract is the same.
        let fd = unsafe { self.trace.setup(entries, params) }?;
        if let Some(garble) = &self.garble {
            garble(params);
        }
        Ok(fd)
    }

    unsafe fn register(&self, fd: RawFd, operation: u32, argument: *mut c_void, count: u32) -> Result<u32, Errno> {
        let (IORING_REGISTER_QUERY, Some(answer)) = (operation, self.answer) else {
            // SAFETY: the caller's contract is the same.
            return unsafe { self.trace.register(fd, operation, argument, count) };
        };
        let (result, record) = match answer {
            Answer::Refused(errno) => return Err(errno),
            Answer::Record { result, size, align } => {
                (result, io_uring_query_scq { hdr_size: size, hdr_alignment: align })
            }
        };
        // SAFETY: the argument of this operation is such a header, by the caller's contract.
        let header = unsafe { argument.cast::<io_uring_query_hdr>().as_mut() }.expect("a header");
        assert_eq!(header.size as usize, size_of::<io_uring_query_scq>());
        let place = std::ptr::with_exposed_provenance_mut::<io_uring_query_scq>(header.query_data as usize);
        // SAFETY: the header names a record of that size, by the same contract.
        unsafe { place.write(record) };
        header.result = result;
        Ok(0)
    }

    fn map(&self, length: usize, fd: RawFd, offset: u64) -> Result<NonNull<u8>, Errno> {
        let start = self.trace.map(length, fd, offset)?;
        self.mapped.lock().unwrap().push(start.addr().get());
        Ok(start)
    }
}

/// Pieces of a file under /proc that are made of `name: value` lines.
pub fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim().to_owned()))
}

/// Looks again and again, for a few seconds at most, until `look` finds something.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed().as_secs() < 5, "not in five seconds: {what}");
        std::thread::yield_now();
    }
}

/// Set in the process of [`in_child`].
pub const CHILD: &str = "BARE_URING_TEST_CHILD";

/// Runs the test of this name in a process of its own, where it may do to descriptors and limits what it likes.
///
/// Called by the test itself: `true` means that this is that process, and that the test has to do its work.
pub fn in_child(test: &str) -> bool {
    if std::env::var_os(CHILD).is_some() {
        return true;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    // Skips count here: of the child nothing else is seen.
    for line in told.lines() {
        // The harness may have begun the line.
        if let Some(at) = line.find("skipped: ") {
            println!("{}", &line[at..]);
        }
    }
    assert!(told.contains("1 passed"), "the child ran no test: {told}");
    false
}
