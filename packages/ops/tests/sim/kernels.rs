//! A slab whose drivers are of different kernels, one after the other. The number of a file of one kernel means nothing
//! to the next.

use std::time::Duration;

use bare_uring::{Builder, Errno};
use bare_uring_ops::{Driver, Slab, Storage};
use bare_uring_sim::{Profile, SimKernel};

use crate::setting::adopt;

fn slab() -> &'static Slab {
    Box::leak(Box::new(Storage::<4, 4, 4, 8>::new())).start().expect("fresh")
}

fn drive(slab: &'static Slab, kernel: &SimKernel) -> Result<Driver<SimKernel>, Option<Errno>> {
    Driver::new(slab, kernel.clone(), &Builder::new(), 8).map_err(|error| Some(error.errno()))
}

#[test]
fn a_file_of_one_kernel_is_not_closed_by_another() {
    let kernels = [1, 2].map(|seed| SimKernel::new(Profile::linux(6, 12), seed));
    // Each kernel has a ring now, so that both go on with the same numbers.
    let (slab, _other) = (slab(), drive(slab(), &kernels[1]).expect("a ring"));
    let first = drive(slab, &kernels[0]).expect("a ring");
    let [(ours, _), (theirs, writer)] = kernels.each_ref().map(SimKernel::pipe);
    assert_eq!(ours, theirs, "the same number in both");
    let file = adopt(slab, ours);
    assert_eq!(first.shutdown(Duration::from_secs(1)), Ok(()));
    assert_eq!(drive(slab, &kernels[1]).err(), Some(Some(Errno::EBUSY)));
    drop(file);
    assert_eq!(drive(slab, &kernels[1]).err(), Some(Some(Errno::EBUSY)), "it is yet to be closed");
    assert_eq!(kernels[1].write(writer, b"x"), Ok(1), "the second kernel's pipe is whole");
}

#[test]
fn without_files_any_kernel_may_follow() {
    let kernels = [1, 2].map(|seed| SimKernel::new(Profile::linux(6, 12), seed));
    let slab = slab();
    for kernel in &kernels {
        let mut driver = drive(slab, kernel).expect("a ring");
        drop(adopt(slab, kernel.pipe().0));
        assert_eq!(driver.block_on(slab.nop()), Ok(Ok(0)));
        assert_eq!(driver.shutdown(Duration::from_secs(1)), Ok(()));
    }
}
