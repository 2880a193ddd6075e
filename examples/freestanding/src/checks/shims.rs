//! Checks of the system call shim: each number of arguments, each argument by itself, values and errors of all sizes.

use bare_uring::Errno;
use bare_uring::types::{IoVec, RawFd};
use linux_raw_sys::general as nr;

use super::live;
use super::os::{self, address, outcome};
use super::report::Report;
use crate::sys;

/// The largest page size; its multiples are offsets that every kernel takes.
const PAGE: usize = 64 * 1024;

/// First bytes of each page of the file.
const PAGES: [&[u8; 8]; 3] = [b"page 0..", b"page 1..", b"page 2.."];

/// Checks the shim with system calls that change nothing outside of the program.
///
/// On a kernel that may lack system calls, those that the kernel lacks are named. There the checks leave out what is safe only
/// where the kernel is apart from the program: an address that is not mapped, and mappings at fixed addresses.
pub fn check(report: &mut Report) {
    few_arguments(report);
    let strict = !report.is_of_any_kernel();
    if strict {
        unmapped(report);
    }
    match os::memory_file() {
        Ok(file) => {
            write_pages(report, file);
            if strict {
                size(report, file);
                let Some(other) = report.value("memfd_create", os::memory_file()) else { return };
                six_arguments(report, file, other);
                os::close(other);
            }
            read_again(report, file);
            if strict {
                addresses(report, file);
            }
            os::close(file);
        }
        Err(errno) if report.is_of_any_kernel() => report.absent("files in memory", errno),
        Err(errno) => report.equal("memfd_create", Err(errno), Ok(())),
    }
    live::check(report);
}

/// Value of the arguments that a call does not use.
const JUNK: usize = usize::MAX / 3;

fn few_arguments(report: &mut Report) {
    // SAFETY: the call takes no argument.
    let plain = unsafe { sys::raw(nr::__NR_getpid, [0; 6]) };
    // SAFETY: the call takes no argument.
    let junk = unsafe { sys::raw(nr::__NR_getpid, [JUNK; 6]) };
    // A unikernel may have no processes, and call its own 0.
    let valid = plain > 0 || plain == 0 && report.is_of_any_kernel();
    report.check("getpid", valid && plain == junk);

    // SAFETY: no file descriptor has this number.
    let closed = unsafe { sys::raw(nr::__NR_close, [usize::MAX, JUNK, JUNK, JUNK, JUNK, JUNK]) };
    report.equal("close of no file", outcome(closed), Err(Errno::EBADF));
    // SAFETY: no system call has this number.
    let unknown = unsafe { sys::raw(2000, [JUNK; 6]) };
    report.equal("an unknown call", outcome(unknown), Err(Errno::ENOSYS));

    let mut limits = [0_u64; 2];
    let buffer = address(&raw mut limits);
    // SAFETY: the kernel writes two numbers during the call.
    let asked = unsafe { sys::raw(nr::__NR_prlimit64, [0, nr::RLIMIT_NOFILE as usize, 0, buffer, JUNK, JUNK]) };
    report.called("prlimit64", outcome(asked), Ok(0));
    if asked == 0 {
        report.check("the limits", limits[0] != 0 && limits[0] <= limits[1]);
    }
    // Nothing stands between these calls: a compiler that takes the arguments for kept leaves them in their registers.
    let mut again = [1; 3];
    for asked in &mut again {
        // SAFETY: the kernel writes two numbers during the call.
        *asked = unsafe { sys::raw(nr::__NR_prlimit64, [0, nr::RLIMIT_NOFILE as usize, 0, buffer, JUNK, JUNK]) };
    }
    report.equal("prlimit64 three times in a row", again, [0; 3]);
}

/// Checks that the kernel refuses an address that is not mapped.
fn unmapped(report: &mut Report) {
    // SAFETY: the address is not mapped, so the kernel writes nothing.
    let fault = unsafe { sys::raw(nr::__NR_prlimit64, [0, nr::RLIMIT_NOFILE as usize, 0, 1, 0, 0]) };
    report.equal("an address that is not mapped", outcome(fault), Err(Errno::EFAULT));
}

fn write_pages(report: &mut Report, file: RawFd) {
    for (number, page) in PAGES.iter().enumerate() {
        let piece = IoVec::new(page.as_ptr().cast_mut(), page.len());
        // The offset has two halves; 64-bit architectures use only the first.
        let arguments = [file as usize, address(&raw const piece), 1, number * PAGE, 0, JUNK];
        // SAFETY: the kernel reads the bytes during the call.
        let written = unsafe { sys::raw(nr::__NR_pwritev, arguments) };
        report.called("pwritev", outcome(written), Ok(8));
    }
}

/// Checks the size of the file, which the last write has made.
fn size(report: &mut Report, file: RawFd) {
    let mut about = [0_u8; 256];
    let (path, flags, mask) = (address(c"".as_ptr()), nr::AT_EMPTY_PATH as usize, nr::STATX_SIZE as usize);
    let arguments = [file as usize, path, flags, mask, address(&raw mut about), JUNK];
    // SAFETY: the kernel writes a `struct statx`, which has 256 bytes.
    let asked = unsafe { sys::raw(nr::__NR_statx, arguments) };
    report.equal("statx", outcome(asked), Ok(0));
    // `stx_size` is the 64-bit word at offset 40.
    let size = about[40..48].try_into().map_or(0, u64::from_ne_bytes);
    report.equal("statx's size", size, 2 * PAGE as u64 + 8);
}

/// Checks calls of six arguments, each with a value of its own.
fn six_arguments(report: &mut Report, file: RawFd, other: RawFd) {
    let (mut from, mut to) = (PAGE as u64, 5_u64);
    let (from_at, to_at) = (address(&raw mut from), address(&raw mut to));
    let arguments = [file as usize, from_at, other as usize, to_at, 8, 0];
    // SAFETY: the kernel reads and writes both offsets during the call.
    let copied = unsafe { sys::raw(nr::__NR_copy_file_range, arguments) };
    report.equal("copy_file_range", (outcome(copied), from, to), (Ok(8), PAGE as u64 + 8, 13));
    let arguments = [file as usize, from_at, other as usize, to_at, 8, 1 << 15];
    // SAFETY: the kernel refuses the flag.
    let refused = unsafe { sys::raw(nr::__NR_copy_file_range, arguments) };
    report.equal("copy_file_range with a flag", outcome(refused), Err(Errno::EINVAL));

    let mut bytes = [0_u8; 16];
    let piece = IoVec::new((&raw mut bytes).cast(), bytes.len());
    // SAFETY: the kernel writes to the piece during the call.
    let read = unsafe { sys::raw(nr::__NR_preadv, [other as usize, address(&raw const piece), 1, 5, 0, JUNK]) };
    report.equal("preadv", outcome(read), Ok(8));
    report.equal("the bytes that were copied", &bytes[..8], PAGES[1].as_slice());
}

/// Checks that the compiler reads memory again after a call, and writes it before a call.
fn read_again(report: &mut Report, file: RawFd) {
    let mut word = 7_u64;
    let piece = IoVec::new((&raw mut word).cast(), 8);
    // SAFETY: the kernel writes to the word during the call.
    let read = unsafe { sys::raw(nr::__NR_preadv, [file as usize, address(&raw const piece), 1, 0, 0, JUNK]) };
    report.called("preadv", outcome(read), Ok(8));
    if read != 8 {
        return;
    }
    report.equal("memory read again", word, u64::from_ne_bytes(*PAGES[0]));
    // The other direction: the last store must reach memory before the kernel reads it.
    let mut number = 0_u64;
    let at = &raw mut number;
    let piece = IoVec::new(at.cast(), 8);
    let place = address(&raw const piece);
    // SAFETY: the pointer is to a local variable.
    unsafe { at.write(u64::from_ne_bytes(*b"page 9..")) };
    // SAFETY: the kernel reads the number during the call.
    let written = unsafe { sys::raw(nr::__NR_pwritev, [file as usize, place, 1, 0, 0, JUNK]) };
    report.equal("memory written before", outcome(written), Ok(8));
    // SAFETY: the pointer is to a local variable.
    unsafe { at.write(0) };
    // SAFETY: the kernel writes to the number during the call.
    let read = unsafe { sys::raw(nr::__NR_preadv, [file as usize, place, 1, 0, 0, JUNK]) };
    report.equal("memory as it was written", (outcome(read), number), (Ok(8), u64::from_ne_bytes(*b"page 9..")));
}

/// Checks that addresses on both sides of 2 GiB are returned as addresses, and that errors are returned as errors.
fn addresses(report: &mut Report, file: RawFd) {
    cfg_select! {
        target_pointer_width = "64" => {
            const PLACES: [usize; 3] = [0x6100_0000, 0xb100_0000, 0x7_6543_0000];
        }
        _ => {
            const PLACES: [usize; 3] = [0x6100_0000, 0x7fff_0000, 0xb100_0000];
        }
    }
    const READ_WRITE: u32 = nr::PROT_READ | nr::PROT_WRITE;
    for place in PLACES {
        let fixed = nr::MAP_SHARED | nr::MAP_FIXED;
        // SAFETY: nothing of the program or its stack lies near these addresses.
        let mapped = unsafe { sys::map(place, PAGE, READ_WRITE, fixed, file, 2 * PAGE) };
        report.equal("an address that was asked for", outcome(mapped), Ok(place));
        if mapped.cast_unsigned() == place {
            let page = core::ptr::with_exposed_provenance::<[u8; 8]>(place);
            // SAFETY: the page is mapped, and nothing writes to it.
            report.equal("the page of the file", unsafe { page.read_volatile() }, *PAGES[2]);
        }
        // SAFETY: the mapping is the one made above, and no longer used.
        let unmapped = unsafe { sys::raw(nr::__NR_munmap, [place, PAGE, JUNK, JUNK, JUNK, JUNK]) };
        report.equal("munmap", outcome(unmapped), Ok(0));
    }
    // SAFETY: the kernel refuses an address within a page.
    let uneven = unsafe { sys::map(PLACES[2] + 1, PAGE, READ_WRITE, nr::MAP_SHARED | nr::MAP_FIXED, file, 0) };
    report.equal("an address within a page", outcome(uneven), Err(Errno::EINVAL));
    // SAFETY: no file has this file descriptor.
    let no_file = unsafe { sys::map(0, PAGE, READ_WRITE, nr::MAP_SHARED, -1, 0) };
    report.equal("a mapping of no file", outcome(no_file), Err(Errno::EBADF));
}
