//! Checks of registrations: buffers, files, a provided buffer ring, an eventfd, workers, regions, other sizes.

use core::mem::MaybeUninit;

use bare_uring::register::WaitArgument;
use bare_uring::register::buf_ring::{BufRingEntry, BufRingMemory, BufRingOptions, BufferState};
use bare_uring::squeue::Flags;
use bare_uring::types::{DestinationSlot, Fd, Fixed, IoVec, RawFd, Timespec};
use bare_uring::{Builder, Errno, IoUring, cqueue, opcode, squeue};
use freestanding::checks::os;
use freestanding::checks::report::Report;
use freestanding::{request, sys};

use crate::facts::Facts;
use crate::{many, pool};

pub(crate) fn check(report: &mut Report, facts: &Facts, ring: &mut IoUring) {
    let Some(file) = report.value("a file", os::memory_file()) else { return };
    buffers(report, ring, file);
    files(report, facts, ring, file);
    os::close(file);
    old_groups(report, ring);
    buffer_ring(report, facts, ring);
    event_fd(report, ring);
    settings(report, facts, ring);
    regions(report, facts);
    resize(report, facts);
}

fn buffers(report: &mut Report, ring: &mut IoUring, file: RawFd) {
    let [one, other] = [pool::of(64, b'a'), pool::of(64, 0_u8)];
    let list = [IoVec::new(one.as_mut_ptr(), 64), IoVec::new(other.as_mut_ptr(), 64)];
    // SAFETY: the memory is static, and only the requests below use it.
    let registered = unsafe { ring.submitter().register_buffers(&list) };
    report.equal("registering buffers", registered, Ok(()));
    // SAFETY: the memory is static.
    let again = unsafe { ring.submitter().register_buffers(&list) };
    report.equal("registering buffers twice", again, Err(Errno::EBUSY));
    let write = opcode::WriteFixed::new(Fd(file), list[0].base, 40, 0).offset(0).build().flags(Flags::IO_LINK);
    let read = opcode::ReadFixed::new(Fd(file), list[1].base.wrapping_add(2), 40, 1).offset(0).build();
    // SAFETY: the memory is static, and these two requests run in order.
    let seen = unsafe { many::run(ring, [write, read]) };
    report.equal("write and read with registered buffers", seen, [Ok(40), Ok(40)]);
    report.check("the bytes that were read", other[..42].iter().eq([0; 2].iter().chain(&[b'a'; 40])) && other[42] == 0);
    let outside = opcode::ReadFixed::new(Fd(file), list[1].base, 65, 1).offset(0).build();
    // SAFETY: the kernel refuses the request.
    report.equal("a read beyond a registered buffer", unsafe { request::run(ring, outside) }, Err(Errno::EFAULT));
    report.equal("unregistering buffers", ring.submitter().unregister_buffers(), Ok(()));
    report.equal("unregistering buffers twice", ring.submitter().unregister_buffers(), Err(Errno::ENXIO));
}

fn files(report: &mut Report, facts: &Facts, ring: &mut IoUring, file: RawFd) {
    report.equal("registering files", ring.submitter().register_files(&[-1, file, -1]), Ok(()));
    let mut buffer = [0_u8; 4];
    let read = |index, buffer: &mut [u8; 4]| opcode::Read::new(Fixed(index), buffer.as_mut_ptr(), 4).offset(0).build();
    // SAFETY: the buffer lives until the completion.
    let seen = unsafe { request::run(ring, read(1, &mut buffer)) };
    report.equal("a registered file", (seen, buffer), (Ok(4), *b"aaaa"));
    // SAFETY: the buffer lives until the completion.
    report.equal("an empty index", unsafe { request::run(ring, read(0, &mut buffer)) }, Err(Errno::EBADF));
    report.equal("an update", ring.submitter().register_files_update(0, &[file, -1]), Ok(2));
    // SAFETY: the buffer lives until the completion.
    report.equal("an index that was filled", unsafe { request::run(ring, read(0, &mut buffer)) }, Ok(4));
    // SAFETY: the buffer lives until the completion.
    report.equal("an index that was emptied", unsafe { request::run(ring, read(1, &mut buffer)) }, Err(Errno::EBADF));

    // Opens a directory at an index, reads from it, and closes it there. Both open and close need Linux 5.15.
    let index = DestinationSlot::at(2);
    let open = opcode::OpenAt::new(Fd::CWD, c"/tmp".as_ptr());
    if let Some(index) = index.filter(|_| facts.since(5, 15)) {
        // SAFETY: the path is a constant.
        let opened = unsafe { request::run(ring, open.file_index(index).build()) };
        // SAFETY: the buffer lives until the completion.
        let read = unsafe { request::run(ring, read(2, &mut buffer)) };
        // SAFETY: only this function uses the index.
        let closed = unsafe { request::run(ring, opcode::Close::new(Fixed(2)).build()) };
        report.equal("open, read and close at an index", (opened, read, closed), (Ok(0), Err(Errno::EISDIR), Ok(0)));
    }
    report.equal("unregistering files", ring.submitter().unregister_files(), Ok(()));
    let sparse = ring.submitter().register_files_sparse(8);
    if !facts.since(5, 19) {
        return report.equal("empty indices", sparse, Err(Errno::EINVAL));
    }
    report.equal("empty indices", sparse, Ok(()));
    if facts.since(6, 0) {
        report.equal("a range of indices to allocate from", ring.submitter().register_file_alloc_range(5, 2), Ok(()));
        for expected in [Ok(5), Ok(6), Err(Errno::ENFILE)] {
            // SAFETY: the path is a constant.
            let opened = unsafe { request::run(ring, open.file_index(DestinationSlot::ALLOCATE).build()) };
            report.equal("an index that the kernel allocates", opened, expected);
        }
    }
    report.equal("unregistering files", ring.submitter().unregister_files(), Ok(()));
}

/// Checks buffers that are provided one by one, which every supported kernel has.
fn old_groups(report: &mut Report, ring: &mut IoUring) {
    let Some([from, to]) = report.value("a pipe", os::pipe()) else { return };
    let memory = pool::of(4 * 16, 0_u8);
    let provide = opcode::ProvideBuffers::new(memory.as_mut_ptr(), 16, 4, 3, 10).build();
    // SAFETY: the memory is static.
    let provided = unsafe { request::run(ring, provide) };
    report.equal("provided buffers", provided.is_ok(), true);
    report.equal("write", sys::write(to, b"provided"), Ok(8));
    let read = opcode::Read::new(Fd(from), core::ptr::null_mut(), 16).buf_group(3).build().user_data(1);
    // SAFETY: the kernel writes to the buffers provided.
    let pushed = unsafe { ring.submission().push(read) };
    report.check("read", pushed.is_ok() && ring.submit_and_wait(1) == Ok(1));
    let cqe = ring.completion().next();
    let seen = cqe.map(|cqe| (cqe.outcome(), cqe.buffer_id()));
    report.check("a read into a provided buffer", matches!(seen, Some((Ok(8), Some(10..=13)))));
    if let Some((Ok(8), Some(id @ 10..=13))) = seen {
        let start = usize::from(id - 10) * 16;
        report.equal("its bytes", &memory[start..start + 8], b"provided".as_slice());
    }
    // SAFETY: the request points to nothing.
    let removed = unsafe { request::run(ring, opcode::RemoveBuffers::new(9, 3).build()) };
    report.equal("removing the others", removed, Ok(3));
    os::close(from);
    os::close(to);
}

fn group_memory(mapped: bool) -> BufRingMemory {
    let entries = if mapped { &mut [][..] } else { pool::of(4, MaybeUninit::new(BufRingEntry::EMPTY)) };
    BufRingMemory { entries, buffers: pool::of(4 * 32, 0), states: pool::of(4, BufferState::NEW) }
}

fn buffer_ring(report: &mut Report, facts: &Facts, ring: &mut IoUring) {
    let ours = ring.submitter().register_buf_ring(4, group_memory(false), BufRingOptions::new());
    if !facts.since(5, 19) {
        return report.equal("a buffer ring", ours.map(drop), Err(Errno::EINVAL));
    }
    let kernels = ring.submitter().register_buf_ring_mapped(5, group_memory(true), BufRingOptions::new());
    let Some(ours) = report.value("a buffer ring", ours) else { return };
    let mut rings = [Some(ours), None];
    if facts.since(6, 4) {
        rings[1] = report.value("a buffer ring in the kernel's memory", kernels);
    } else {
        report.equal("a buffer ring in the kernel's memory", kernels.map(drop), Err(Errno::EINVAL));
    }
    for buffers in &mut rings {
        let Some(mut buffers) = buffers.take() else { continue };
        let Some([one, other]) = report.value("sockets", sys::socket_pair()) else { return };
        // More rounds than there are buffers, so that the buffer ring wraps.
        for round in 0..10_u8 {
            let text = [b'0' + round; 24];
            report.equal("write", sys::write(one, &text), Ok(24));
            let receive = opcode::Recv::new(Fd(other), core::ptr::null_mut(), 0).buf_group(buffers.group()).build();
            // SAFETY: the kernel writes to the buffers of the group.
            let pushed = unsafe { ring.submission().push(receive.user_data(1)) };
            report.check("receive", pushed.is_ok() && ring.submit_and_wait(1) == Ok(1));
            let Some(cqe) = report.value("its completion", ring.completion().next().ok_or(Errno::ENODATA)) else {
                return;
            };
            // SAFETY: the completion is that of a request on this group, and is taken once.
            let Some(buffer) = report.value("its buffer", unsafe { buffers.take(&cqe) }.ok_or(cqe)) else { return };
            report.equal("its bytes", &*buffer, text.as_slice());
            report.check("recycling it", buffers.recycle(buffer).is_ok());
            buffers.publish();
        }
        if facts.since(6, 8) {
            report.equal("the number of free buffers", buffers.available(&ring.submitter()), Ok(4));
        } else {
            report.equal("no number of free buffers", buffers.available(&ring.submitter()), Err(Errno::EINVAL));
        }
        report.check("unregistering the buffer ring", buffers.unregister(&ring.submitter()).is_ok());
        os::close(one);
        os::close(other);
    }
}

fn event_fd(report: &mut Report, ring: &mut IoUring) {
    let Some(event) = report.value("eventfd", sys::event_fd()) else { return };
    report.equal("registering an eventfd", ring.submitter().register_eventfd(event), Ok(()));
    // SAFETY: the request points to nothing.
    report.equal("a nop", unsafe { request::run(ring, opcode::Nop::new().build()) }, Ok(0));
    report.equal("unregistering the eventfd", ring.submitter().unregister_eventfd(), Ok(()));
    let mut count = [0_u8; 8];
    let read = opcode::Read::new(Fd(event), count.as_mut_ptr(), 8).build();
    // SAFETY: the buffer lives until the completion.
    let seen = unsafe { request::run(ring, read) };
    report.check("the count of the eventfd", seen == Ok(8) && u64::from_ne_bytes(count) >= 1);
    os::close(event);
}

fn settings(report: &mut Report, facts: &Facts, ring: &mut IoUring) {
    let submitter = ring.submitter();
    if let Some(personality) = report.value("a personality", submitter.register_personality()) {
        report.equal("unregistering the personality", submitter.unregister_personality(personality), Ok(()));
    }
    let mut workers = [0, 0];
    report.equal("the limits of workers", submitter.register_iowq_max_workers(&mut workers), Ok(()));
    report.check("limits above 0", workers[0] != 0 && workers[1] != 0);
    report.equal("workers on the first CPU", submitter.register_iowq_aff(&[1]), Ok(()));
    report.equal("workers anywhere", submitter.unregister_iowq_aff(), Ok(()));
    // The kernel must refuse operations that do not exist: the first number after the last operation, and larger ones.
    for operation in [facts.registrations().unwrap_or(0x7f), 0x7f, 0x7fff_ffff] {
        // SAFETY: no operation has this number, and the call has no argument.
        let unknown = unsafe { submitter.register(operation, core::ptr::null_mut(), 0) };
        report.equal("an unknown operation", unknown, Err(Errno::EINVAL));
    }
    let code = facts.first_unknown_opcode();
    let mut bytes = [0_u8; 64];
    bytes[0] = code;
    // SAFETY: the kernel refuses the opcode.
    let unknown = unsafe { request::run(ring, squeue::Entry::from_bytes(bytes)) };
    report.equal("an unknown opcode", unknown, Err(Errno::EINVAL));
}

/// Checks waits whose arguments lie in registered memory.
fn regions(report: &mut Report, facts: &Facts) {
    let built = Builder::<squeue::Entry, cqueue::Entry>::new().setup_r_disabled().build(4);
    let Some(ring) = report.value("a disabled ring", built) else { return };
    let submitter = ring.submitter();
    // The page is a multiple of the kernel's page size.
    let page = pool::page();
    let region = submitter.register_wait_region(page);
    if !facts.since(6, 13) {
        report.equal("a region", region.map(drop), Err(Errno::EINVAL));
        report.equal("enabling", submitter.register_enable_rings(), Ok(()));
        return report.equal("a registered wait", submitter.submit_and_wait_reg(1, 0), Err(Errno::EINVAL));
    }
    let Some(mut region) = report.value("a region", region) else { return };
    report.equal("enabling", submitter.register_enable_rings(), Ok(()));
    let argument = WaitArgument::new().timespec(Timespec::new(0, 2_000_000));
    let Some(offset) = report.value("an argument of a wait", region.set(5, argument).ok_or(Errno::ENOENT)) else {
        return;
    };
    let before = os::monotonic();
    report.equal("a registered wait", submitter.submit_and_wait_reg(1, offset), Err(Errno::ETIME));
    report.check("the wait lasted long enough", os::monotonic() - before >= 2_000_000);
}

fn resize(report: &mut Report, facts: &Facts) {
    if !facts.since(6, 1) {
        return;
    }
    let built = Builder::<squeue::Entry, cqueue::Entry>::new().setup_single_issuer().setup_defer_taskrun().build(4);
    let Some(mut ring) = report.value("a ring with DEFER_TASKRUN", built) else { return };
    let outcome = ring.register_resize_rings(32, None);
    if !facts.since(6, 13) {
        return report.equal("resizing", outcome, Err(Errno::EINVAL));
    }
    report.equal("resizing", outcome, Ok(()));
    report.equal("the new sizes", (ring.params().sq_entries(), ring.params().cq_entries()), (32, 64));
    for number in 0..100 {
        report.equal("a nop after resizing", crate::rings::round_trip(&mut ring, number), Ok(Ok(0)));
    }
}
