//! Test of writes to a pipe that has less room than a write has bytes.

mod linked;

use std::cell::RefCell;
use std::rc::Rc;

use bare_uring_sim::{CAPACITY, Profile, SimKernel};
use unikernel::ring_copy;

#[test]
fn the_rest_of_a_short_write_is_written() {
    let kernel = SimKernel::new(Profile::linux(6, 12), 7);
    // Each byte differs from the one 1,000 bytes before, which is the size of the buffer.
    let content: Vec<u8> = (0..3 * CAPACITY).map(|i| ((i * 7) >> 3) as u8 ^ (i / 1000) as u8).collect();
    let from = kernel.file(content.clone());
    let (reader, to) = kernel.pipe();
    let got = Rc::new(RefCell::new(Vec::new()));
    let reading = got.clone();
    // Reads less at a time than a write has: once the pipe is full, every write is short.
    linked::link(&kernel, move |kernel| {
        reading.borrow_mut().extend(kernel.read(reader, 300).unwrap().unwrap_or_default());
    });

    assert_eq!(ring_copy(from, to), content.len() as i64);
    got.borrow_mut().extend(kernel.read(reader, CAPACITY).unwrap().unwrap_or_default());
    assert_eq!(*got.borrow(), content);
    assert_eq!(kernel.faults(), []);
}
