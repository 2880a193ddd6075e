//! `panic_free`: calls the whole ring path, with every type of entry, so that the link proves it free of panics (see
//! [`freestanding::panic`]).
//!
//! The program does real work whose results the compiler can't know, so it can leave nothing out. For each type of ring
//! it prints whether the kernel supports all that was asked. The exit status is 0 unless the plain ring failed.
#![no_std]
#![no_main]

use core::mem::MaybeUninit;
use core::ptr::{NonNull, null, null_mut};

use bare_uring::types::{IoVec, Sigset, SubmitArgs, Timespec};
use bare_uring::{EnterFlags, Errno, IoUring, Kernel, Linux, LocalRing, RingMemory, SetupError};
use bare_uring::{cqueue, opcode, squeue};
use freestanding::Args;
use freestanding::pages::{PAGE, Pages};
use freestanding::print::Line;

freestanding::entry!(main);

/// Submission entries of each ring.
const ENTRIES: u32 = 8;

/// Time limit of a wait that no completion is expected to end: a microsecond.
const SHORT: Timespec = Timespec::new(0, 1_000);

/// Time limit of a wait for a completion that is expected.
const LONG: Timespec = Timespec::new(1, 0);

fn main(_args: Args) -> u8 {
    let plain = exercise::<squeue::Entry, cqueue::Entry>();
    tell("Entry, Entry", plain);
    tell("Entry, Entry32", exercise::<squeue::Entry, cqueue::Entry32>());
    tell("Entry, EntryMixed", exercise::<squeue::Entry, cqueue::EntryMixed>());
    tell("Entry128, Entry", exercise::<squeue::Entry128, cqueue::Entry>());
    tell("Entry128, Entry32", exercise::<squeue::Entry128, cqueue::Entry32>());
    tell("Entry128, EntryMixed", exercise::<squeue::Entry128, cqueue::EntryMixed>());
    tell("EntryMixed, Entry", exercise::<squeue::EntryMixed, cqueue::Entry>());
    tell("EntryMixed, Entry32", exercise::<squeue::EntryMixed, cqueue::Entry32>());
    tell("EntryMixed, EntryMixed", exercise::<squeue::EntryMixed, cqueue::EntryMixed>());
    u8::from(plain.is_err())
}

fn tell(entries: &str, outcome: Result<(), Errno>) {
    let mut line = Line::new();
    line.text(entries).text(": ");
    match outcome {
        Ok(()) => line.text("ok"),
        Err(errno) => line.errno(errno),
    };
    line.text("\n").to_stdout();
}

/// Makes rings in every way, and calls every function of each.
fn exercise<S, C>() -> Result<(), Errno>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + Completed,
{
    let mut builder = IoUring::<S, C>::builder();
    builder.setup_cqsize(2 * ENTRIES).setup_clamp().setup_single_issuer().setup_defer_taskrun().dontfork();
    let mut ring = builder.build(ENTRIES).map_err(reason)?;
    #[cfg(feature = "panic-on-purpose")]
    panic_on_purpose(&ring);
    use_ring(&mut ring)?;
    use_local(ring.register_ring_fd().map_err(|(_, errno)| errno)?)?;

    let mut polled = IoUring::<S, C>::builder().setup_sqpoll(1).build(ENTRIES).map_err(reason)?;
    use_ring(&mut polled)?;
    use_halves(&mut polled)?;

    let mut provided = IoUring::<S, C>::builder().build_provided(ENTRIES, memory()?).map_err(reason)?;
    use_ring(&mut provided)?;
    let mut registered = IoUring::<S, C>::builder().build_registered(ENTRIES, memory()?).map_err(reason)?;
    use_ring(&mut registered)?;
    take_over::<S, C>()
}

/// Any type of completion.
trait Completed {
    /// Returns the user data, mixed with everything else that this type of completion carries.
    fn number(&self) -> u64;
    /// Returns the result as a count or an error.
    fn outcome(&self) -> Result<u32, Errno>;
}

impl Completed for cqueue::Entry {
    fn number(&self) -> u64 {
        self.user_data()
    }

    fn outcome(&self) -> Result<u32, Errno> {
        self.outcome()
    }
}

impl Completed for cqueue::Entry32 {
    fn number(&self) -> u64 {
        self.user_data() ^ self.big().iter().sum::<u64>()
    }

    fn outcome(&self) -> Result<u32, Errno> {
        (**self).outcome()
    }
}

impl Completed for cqueue::EntryMixed {
    fn number(&self) -> u64 {
        let sent = self.tx_timestamp().map_or(0, |sent| u64::from(sent.key));
        self.user_data() ^ sent ^ self.big().map_or(0, |big| big.iter().sum())
    }

    fn outcome(&self) -> Result<u32, Errno> {
        (**self).outcome()
    }
}

fn reason(error: SetupError) -> Errno {
    error.errno()
}

fn nop<S: squeue::EntryMarker>(number: u64) -> S {
    opcode::Nop::new().build().user_data(number).into()
}

/// Takes what has completed, one by one and by the batch. Returns how many completions came.
fn reap<S, C, K>(ring: &mut IoUring<S, C, K>) -> Result<usize, Errno>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + Completed,
    K: Kernel,
{
    let mut queue = ring.completion();
    let mut count = 0;
    if let Some(first) = queue.next() {
        let _ = first.outcome()?;
        count += usize::from(first.number() != u64::MAX);
    }
    queue.sync();
    let mut batch = [MaybeUninit::uninit(); 4];
    count += queue.fill(&mut batch).len();
    for cqe in queue.by_ref() {
        count += usize::from(cqe.outcome().is_ok());
    }
    count += usize::from(queue.is_full()) + usize::from(queue.eventfd_disabled()) + queue.overflow() as usize;
    if queue.is_empty() && queue.len() <= queue.capacity() { Ok(count) } else { Err(Errno::EIO) }
}

/// Submits and waits in every way.
fn use_ring<S, C, K>(ring: &mut IoUring<S, C, K>) -> Result<(), Errno>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + Completed,
    K: Kernel,
{
    let args = SubmitArgs::new().timespec(&LONG);
    push(ring, 1)?;
    ring.submit()?;
    ring.submitter().wait_with_args(1, &args)?;
    push(ring, 2)?;
    ring.submit_and_wait(2)?;
    push(ring, 3)?;
    ring.submitter().submit_with_args(3, &args)?;
    push(ring, 2)?;
    use_parts(ring)?;
    reap(ring)?;
    use_closures(ring)?;
    register(ring)?;
    let _ = ring.set_iowait(false);
    drain(ring)
}

/// Uses the submitter and the queues at the same time.
fn use_parts<S, C, K>(ring: &mut IoUring<S, C, K>) -> Result<(), Errno>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker,
    K: Kernel,
{
    let (submitter, queue, _completions) = ring.split();
    let _ = (queue.len(), queue.capacity(), queue.is_empty(), queue.is_full(), queue.flags(), queue.dropped());
    submitter.squeue_wait()?;
    submitter.submit()?;
    // SAFETY: with these flags the call has no argument.
    unsafe { submitter.enter(0, 2, EnterFlags::GETEVENTS, null(), 0) }?;
    submitter.get_events()?;
    submitter.wait(0)?;
    let all = SubmitArgs::new().timespec(&SHORT).sigmask(&Sigset::EMPTY).min_wait_usec(1);
    // The wait times out, finds completions, or asks for more than the kernel can do.
    let _ = submitter.wait_with_args(16, &all);
    let _ = submitter.submit_and_wait_reg(0, 0);
    Ok(())
}

/// Queues `count` requests (at most four), the first by itself and the others as a batch.
fn push<S, C, K>(ring: &mut IoUring<S, C, K>, count: usize) -> Result<(), Errno>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker,
    K: Kernel,
{
    let batch = [nop(2), nop(3), nop(4)];
    // SAFETY: the request points to nothing.
    unsafe { ring.submission().push(nop(1)) }.map_err(|_| Errno::EBUSY)?;
    let others = batch.get(..count.saturating_sub(1)).unwrap_or_default();
    // SAFETY: these requests point to nothing.
    unsafe { ring.submission().push_multiple(others) }.map_err(|_| Errno::EBUSY)
}

/// Queues requests with a closure, submits them as a ring with SQPOLL does, and takes all that has come.
fn use_closures<S, C, K>(ring: &mut IoUring<S, C, K>) -> Result<(), Errno>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + Completed,
    K: Kernel,
{
    let mut failed = Ok(());
    for _ in 0..2 {
        // SAFETY: these requests point to nothing.
        let pushed = unsafe { ring.submission().push_with(2, || nop(5)) };
        ring.submit_sqpoll()?;
        ring.submitter().submit_sqpoll()?;
        ring.submit_and_wait(pushed)?;
        ring.completion().for_each(|cqe| failed = failed.and(cqe.outcome().map(drop)));
    }
    let (submitter, mut queue, completions) = ring.split();
    // SAFETY: these requests point to nothing.
    let pushed = unsafe { queue.push_with(2, || nop(6)) };
    submitter.submit_and_wait(pushed)?;
    completions.fold(failed, |all, cqe| all.and(cqe.outcome().map(drop)))
}

/// Makes registrations; the kernel refuses those that make no sense on this ring.
fn register<S, C, K: Kernel>(ring: &IoUring<S, C, K>) -> Result<(), Errno> {
    let submitter = ring.submitter();
    let _ = submitter.register_enable_rings();
    let empty = [IoVec::new(null_mut(), 0)];
    // SAFETY: the buffer has no bytes.
    unsafe { submitter.register_buffers(&empty) }?;
    submitter.unregister_buffers()?;
    // SAFETY: no operation has this number, and the call has no argument.
    match unsafe { submitter.register(0x7fff, null_mut(), 0) } {
        Err(_) => Ok(()),
        Ok(_) => Err(Errno::EIO),
    }
}

/// Starts a request that does not end by itself, and cancels it.
fn drain<S, C, K>(ring: &mut IoUring<S, C, K>) -> Result<(), Errno>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + Completed,
    K: Kernel,
{
    static HOUR: Timespec = Timespec::new(3600, 0);
    let timer = opcode::Timeout::new(&raw const HOUR).build().user_data(9);
    // SAFETY: the request points to a static.
    unsafe { ring.submission().push(timer.into()) }.map_err(|_| Errno::EBUSY)?;
    ring.submit()?;
    ring.cancel_and_drain(LONG, |cqe| cqe.outcome() == Err(Errno::ECANCELED))
}

/// Uses the ring by its registered index, with and without its file descriptor.
fn use_local<S, C>(mut ring: LocalRing<S, C>) -> Result<(), Errno>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + Completed,
{
    use_ring(&mut ring)?;
    let ring = ring.unregister_ring_fd().map_err(|(_, errno)| errno)?;
    let mut ring = ring.register_ring_fd().map_err(|(_, errno)| errno)?;
    ring.close_ring_fd()?;
    use_ring(&mut ring)
}

/// Uses both halves, as two threads would.
fn use_halves<S, C>(ring: &mut IoUring<S, C>) -> Result<(), Errno>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + Completed,
{
    let (mut submissions, mut completions) = ring.halves()?;
    // SAFETY: the request points to nothing.
    unsafe { submissions.queue().push(nop(1)) }.map_err(|_| Errno::EBUSY)?;
    submissions.submit()?;
    submissions.squeue_wait()?;
    completions.wait_with_args(1, &SubmitArgs::new().timespec(&LONG))?;
    completions.wait(1)?;
    match completions.queue().next() {
        Some(cqe) => cqe.outcome().map(drop),
        None => Err(Errno::EIO),
    }
}

/// Takes over a ring, first by its file descriptor and then by its memory.
fn take_over<S, C>() -> Result<(), Errno>
where
    S: squeue::EntryMarker,
    C: cqueue::EntryMarker + Completed,
{
    let ring = IoUring::<S, C>::with_kernel(Linux, ENTRIES).map_err(reason)?;
    let (fd, params) = (ring.fd(), *ring.params());
    core::mem::forget(ring);
    // SAFETY: the parameters are those of the ring, which is no longer used otherwise; its queue is empty.
    let mut ring = unsafe { IoUring::<S, C>::from_fd(fd, params) }.map_err(reason)?;
    use_ring(&mut ring)?;

    let [mut sq, mut cq, mut sqes] = [NonNull::slice_from_raw_parts(NonNull::<u8>::dangling(), 0); 3];
    for area in [&mut sq, &mut cq, &mut sqes] {
        let page = POOL.take()?;
        *area = NonNull::slice_from_raw_parts(NonNull::from(page).cast(), PAGE);
    }
    // SAFETY: the memory is static, and only this ring uses it. It holds no ring, which the function detects.
    match unsafe { IoUring::<S, C>::from_raw_parts(Linux, -1, params, sq, cq, sqes) } {
        Err(_) => Ok(()),
        Ok(_) => Err(Errno::EIO),
    }
}

/// Memory for each of the nine types of ring: two pages for each of two rings in provided memory, three for raw parts.
static POOL: Pages<{ 9 * (2 * 2 + 3) }> = Pages::new();

fn memory() -> Result<RingMemory, Errno> {
    Ok(RingMemory { rings: POOL.take()?, sqes: POOL.take()? })
}

/// Shows that the check works: indexes a table with a number that the compiler can't know.
#[cfg(feature = "panic-on-purpose")]
fn panic_on_purpose<S, C>(ring: &IoUring<S, C>) {
    let table = [0_u8; 4];
    core::hint::black_box(table[ring.params().sq_entries() as usize]);
}
