//! Links the package with a simulated kernel whose files the test controls. A process has memory for one ring, so each
//! file beside this directory has one test.

use std::cell::OnceCell;
use std::ffi::{c_long, c_void};

use bare_uring::{Errno, Kernel};
use bare_uring_sim::SimKernel;

/// The kernel of the test, and a function to call before each `io_uring_enter`.
type Linked = (SimKernel, Box<dyn Fn(&SimKernel)>);

thread_local! {
    static LINKED: OnceCell<Linked> = const { OnceCell::new() };
}

/// Links the package with a kernel. `before` is called before each `io_uring_enter`.
pub fn link(kernel: &SimKernel, before: impl Fn(&SimKernel) + 'static) {
    LINKED.with(|cell| assert!(cell.set((kernel.clone(), Box::new(before))).is_ok(), "one test"));
}

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
    LINKED.with(|linked| {
        let (kernel, before) = linked.get().expect("linked by the test");
        // SAFETY: the package passes valid arguments for the system call of this number.
        let result = unsafe {
            match n {
                425 => kernel.setup(a as u32, &mut *pointer(b).cast()),
                426 => {
                    before(kernel);
                    kernel.enter(a as i32, b as u32, c as u32, d as u32, pointer(e), f as usize)
                }
                427 => kernel.register(a as i32, b as u32, pointer(c), d as u32),
                3 => kernel.close(a as i32).map(|()| 0),
                _ => Err(Errno::ENOSYS),
            }
        };
        result.map_or_else(|errno| -c_long::from(errno.raw()), c_long::from)
    })
}
