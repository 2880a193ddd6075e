//! Test of a call that the kernel refuses.

mod linked;

use bare_uring::Errno;
use bare_uring_sim::{Profile, SimKernel};
use unikernel::ring_copy;

#[test]
fn an_error_of_the_kernel_is_what_the_copy_returns() {
    let kernel = SimKernel::new(Profile::linux(6, 12), 7);
    let from = kernel.file(vec![1; 100]);
    let (reader, to) = kernel.pipe();
    linked::link(&kernel, |_| {});
    // The calls are the set-up, the read and the write; the third fails.
    kernel.fail_call(2, Errno::ENXIO);

    assert_eq!(ring_copy(from, to), -i64::from(Errno::ENXIO.raw()));
    assert_eq!(kernel.read(reader, 100), Ok(None), "nothing was written");
}
