//! Kernels that offer little, and places where io_uring is not to be had: told apart by their errors.

mod common;

use common::needs;

use bare_uring::{Builder, Call, Errno, Features, IoUring, Kernel, RingMemory, SetupError, SetupFlags, cqueue, squeue};
use common::kernels::{self, Trace};
use common::memory;
use common::raw::{Meddler, THREE, in_child, three_nops};

type Plainest = Builder<squeue::Entry, cqueue::Entry>;
type Ring<K> = IoUring<squeue::Entry, cqueue::Entry, K>;

const fn refusal(errno: Errno) -> SetupError {
    SetupError::Kernel(Call::Setup, errno)
}

/// The flags of the set-ups that were tried.
fn attempts(kernel: &Trace) -> Vec<SetupFlags> {
    let tried = |call| match call {
        kernels::Call::Setup { flags, .. } => Some(SetupFlags::from_bits_retain(flags)),
        _ => None,
    };
    kernel.take().into_iter().filter_map(tried).collect()
}

#[test]
fn an_error_of_the_kernel_is_told_as_it_is_after_one_attempt() {
    for errno in [Errno::ENOSYS, Errno::EPERM, Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM, Errno::EFAULT] {
        let kernel = Trace::failing(0, errno);
        let error = Ring::with_kernel(&kernel, 8).unwrap_err();
        assert_eq!((error, error.errno()), (refusal(errno), errno));
        assert_eq!(attempts(&kernel), [SetupFlags::NO_SQARRAY]);
    }
}

#[test]
fn a_kernel_without_no_sqarray_gets_a_ring_with_an_array() {
    let kernel =
        Meddler::refusing(|params| (params.flags & SetupFlags::NO_SQARRAY.bits() != 0).then_some(Errno::EINVAL));
    let mut ring = Ring::with_kernel(&kernel, 8).unwrap();
    assert_eq!(ring.params().setup(), SetupFlags::empty());
    for _ in 0..10 {
        assert_eq!(three_nops(&mut ring), THREE);
    }
}

#[test]
fn only_no_sqarray_is_dropped_by_the_second_attempt() {
    needs!(5, 19, "IORING_SETUP_COOP_TASKRUN");
    let kernel = Trace::failing(0, Errno::EINVAL);
    let mut builder = Plainest::new();
    builder.setup_submit_all().setup_coop_taskrun();
    let ring = builder.build_with(&kernel, 8).unwrap();
    let asked = SetupFlags::SUBMIT_ALL | SetupFlags::COOP_TASKRUN | SetupFlags::TASKRUN_FLAG;
    assert_eq!(attempts(&kernel), [asked | SetupFlags::NO_SQARRAY, asked]);
    assert_eq!(ring.params().setup(), asked);
}

#[test]
fn no_sqarray_that_was_asked_for_is_not_dropped() {
    let kernel = Trace::failing(0, Errno::EINVAL);
    let error = Plainest::new().setup_no_sqarray().build_with(&kernel, 8).unwrap_err();
    assert_eq!(error, refusal(Errno::EINVAL));
    assert_eq!(attempts(&kernel), [SetupFlags::NO_SQARRAY]);
    let by_hand = Trace::failing(0, Errno::EINVAL);
    let error = Plainest::new().setup_flags(SetupFlags::NO_SQARRAY).build_with(&by_hand, 8).unwrap_err();
    assert_eq!((error, attempts(&by_hand).len()), (refusal(Errno::EINVAL), 1));
}

#[test]
fn a_kernel_that_takes_no_flag_and_has_no_feature_gets_a_plain_ring() {
    let mut kernel = Meddler::refusing(|params| (params.flags != 0).then_some(Errno::EINVAL));
    kernel.trace = Trace::without(Features::all());
    let mut ring = Ring::with_kernel(&kernel, 8).unwrap();
    assert_eq!((ring.params().setup(), ring.params().features()), (SetupFlags::empty(), Features::empty()));
    for _ in 0..10 {
        assert_eq!(three_nops(&mut ring), THREE);
    }
    // What was asked for is not left out in silence.
    let error = Plainest::new().setup_submit_all().build_with(&kernel, 8).unwrap_err();
    assert_eq!(error, refusal(Errno::EINVAL));
}

#[test]
fn each_feature_can_be_absent_by_itself() {
    for feature in Features::all().iter() {
        let mut ring = Ring::with_kernel(Trace::without(feature), 8).unwrap();
        assert!(!ring.params().features().contains(feature), "{feature:?}");
        assert_eq!(three_nops(&mut ring), THREE, "{feature:?}");
    }
}

#[test]
fn a_kernel_that_maps_nothing_is_told_from_one_that_makes_no_ring() {
    needs!(6, 5, "IORING_SETUP_NO_MMAP");
    /// A kernel of the kind that is entered by a function call: only what the trait asks for.
    struct Mapless;

    // SAFETY: each call is Linux's own.
    unsafe impl Kernel for Mapless {
        unsafe fn setup(&self, entries: u32, params: &mut bare_uring::uapi::io_uring_params) -> Result<u32, Errno> {
            // SAFETY: the caller's contract is the same.
            unsafe { bare_uring::Linux.setup(entries, params) }
        }

        unsafe fn enter(
            &self,
            fd: i32,
            to_submit: u32,
            min_complete: u32,
            flags: u32,
            argument: *const core::ffi::c_void,
            size: usize,
        ) -> Result<u32, Errno> {
            // SAFETY: the caller's contract is the same.
            unsafe { bare_uring::Linux.enter(fd, to_submit, min_complete, flags, argument, size) }
        }

        unsafe fn register(
            &self,
            fd: i32,
            operation: u32,
            argument: *mut core::ffi::c_void,
            count: u32,
        ) -> Result<u32, Errno> {
            // SAFETY: the caller's contract is the same.
            unsafe { bare_uring::Linux.register(fd, operation, argument, count) }
        }

        unsafe fn close(&self, fd: i32) -> Result<(), Errno> {
            // SAFETY: the caller's contract is the same.
            unsafe { bare_uring::Linux.close(fd) }
        }
    }

    let error = Ring::with_kernel(Mapless, 8).unwrap_err();
    assert_eq!(error, SetupError::Kernel(Call::Map, Errno::ENOSYS));
    let provided = RingMemory { rings: memory(4096), sqes: memory(4096) };
    let mut ring = Plainest::new().build_provided_with(Mapless, 8, provided).unwrap();
    assert_eq!(three_nops(&mut ring), THREE);
}

/// One instruction of a filter (`struct sock_filter`).
#[cfg(target_arch = "x86_64")]
#[repr(C)]
struct Instruction {
    code: u16,
    if_true: u8,
    if_false: u8,
    k: u32,
}

/// A filter (`struct sock_fprog`).
#[cfg(target_arch = "x86_64")]
#[repr(C)]
struct Filter {
    len: u16,
    first: *const Instruction,
}

/// From now on `io_uring_setup(2)` gives this thread, and it alone, `errno`.
#[cfg(target_arch = "x86_64")]
fn hide_io_uring(errno: Errno) {
    const SECCOMP: u64 = 317;
    const SET_MODE_FILTER: u64 = 1;
    let refuse = 0x0005_0000 | u32::from(errno.raw());
    let program = [
        // The system call's number stands first.
        Instruction { code: 0x20, if_true: 0, if_false: 0, k: 0 },
        Instruction { code: 0x15, if_true: 0, if_false: 1, k: 425 },
        Instruction { code: 0x06, if_true: 0, if_false: 0, k: refuse },
        Instruction { code: 0x06, if_true: 0, if_false: 0, k: 0x7fff_0000 },
    ];
    let filter = Filter { len: 4, first: program.as_ptr() };
    rustix::thread::set_no_new_privs(true).unwrap();
    let result: i64;
    // SAFETY: seccomp(SET_MODE_FILTER, 0, &filter) reads the filter and the program, which are alive; what it forbids
    // to this thread is one call, to which an error is an answer like any other.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") SECCOMP => result,
            in("rdi") SET_MODE_FILTER,
            in("rsi") 0_u64,
            in("rdx") &raw const filter,
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    assert_eq!(result, 0, "seccomp");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_seccomp_filter_shows_as_the_error_that_it_gives() {
    for errno in [Errno::ENOSYS, Errno::EPERM, Errno::EACCES, Errno::EOPNOTSUPP] {
        let error = std::thread::spawn(move || {
            hide_io_uring(errno);
            IoUring::new(8).map(drop)
        });
        let error = error.join().unwrap().unwrap_err();
        assert_eq!((error, error.is_unavailable()), (refusal(errno), true));
        // The filter was that thread's alone.
        assert!(IoUring::new(8).is_ok());
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[test]
fn a_seccomp_filter_shows_as_the_error_that_it_gives() {
    common::skip("a seccomp filter", "the test knows how to install one on x86_64 only");
}

#[test]
fn a_process_without_a_free_descriptor_is_told_so() {
    needs!(6, 5, "IORING_SETUP_NO_MMAP");
    if !in_child("a_process_without_a_free_descriptor_is_told_so") {
        return;
    }
    let limit = rustix::process::Rlimit { current: Some(64), maximum: Some(64) };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let mut files = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        files.push(file);
    }
    assert_eq!(IoUring::new(8).map(drop), Err(refusal(Errno::EMFILE)));
    // A ring without a descriptor needs none.
    let provided = RingMemory { rings: memory(4096), sqes: memory(4096) };
    let mut ring = Plainest::new().build_registered(8, provided).unwrap();
    assert_eq!(three_nops(&mut ring), THREE);
    drop(files);
    assert_eq!(three_nops(&mut IoUring::new(8).unwrap()), THREE);
}
