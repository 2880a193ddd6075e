//! Reading on every kind of ring, by descriptor and by slot.

mod common;

use std::io::Write;

use bare_uring::opcode;
use common::any_ring::on_each_with_file;

#[test]
fn read_brings_what_was_written() {
    let (reader, writer) = std::io::pipe().unwrap();
    on_each_with_file(&reader, |ring, file| {
        (&writer).write_all(b"hello").unwrap();
        let mut buffer = [0_u8; 5];
        let read = for_file!(file, |fd| opcode::Read::new(fd, buffer.as_mut_ptr(), 5).build());
        assert_eq!((ring.run(read), &buffer), (Ok(5), b"hello"), "{}", ring.kind());
    });
}
