//! Links the package with the simulated kernel, behind the function through which a unikernel is entered.

use std::cell::OnceCell;
use std::ffi::{c_long, c_void};

use bare_uring::{Errno, Kernel};
use bare_uring_sim::{CAPACITY, Profile, SimKernel};
use unikernel::ring_copy;

thread_local! {
    static KERNEL: OnceCell<SimKernel> = const { OnceCell::new() };
}

/// Enters the simulated kernel. A unikernel would define this function.
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "one of the calls is made, and all have one reason")]
#[unsafe(no_mangle)]
unsafe extern "C" fn uk_syscall6_r(
    n: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    let pointer = |address: c_long| std::ptr::with_exposed_provenance_mut::<c_void>(address as usize);
    let kernel = KERNEL.with(|kernel| kernel.get().expect("made by the test").clone());
    // SAFETY: the package passes valid arguments for the system call of this number.
    let result = unsafe {
        match n {
            425 => kernel.setup(a as u32, &mut *pointer(b).cast()),
            426 => kernel.enter(a as i32, b as u32, c as u32, d as u32, pointer(e), f as usize),
            427 => kernel.register(a as i32, b as u32, pointer(c), d as u32),
            3 => kernel.close(a as i32).map(|()| 0),
            _ => Err(Errno::ENOSYS),
        }
    };
    result.map_or_else(|errno| -c_long::from(errno.raw()), c_long::from)
}

#[test]
fn everything_is_copied_through_static_memory() {
    let kernel = SimKernel::new(Profile::linux(6, 12), 7);
    KERNEL.with(|cell| cell.set(kernel.clone()).expect("one test"));
    let content: Vec<u8> = (0..CAPACITY).map(|i| ((i * 7) >> 3) as u8).collect();
    let from = kernel.file(content.clone());
    let (reader, to) = kernel.pipe();

    assert_eq!(ring_copy(from, to), CAPACITY as i64);
    assert_eq!(kernel.read(reader, CAPACITY), Ok(Some(content)));
    assert_eq!(kernel.faults(), []);
    assert_eq!(ring_copy(from, to), -i64::from(Errno::EBUSY.raw()), "there is memory for one ring");
}
