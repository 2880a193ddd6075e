//! Numbers that need all of their bits.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::task::Poll;

use bare_uring::Errno;
use bare_uring_ops::{Buffer, CURRENT, File, Group, Storage};

use crate::setting::{
    PATIENCE, adopt, connection, driver_of, driver_with, free_buffers, listening, next, settle, take, turn_until,
};
use crate::shared::{Bell, poll};

/// A number that needs more than eight bits.
const MANY: usize = 300;

#[test]
fn each_of_many_operations_has_its_own_slot_file_buffer_and_waker() {
    static STORAGE: Storage<MANY, MANY, MANY, 8> = Storage::new();
    let slab = STORAGE.start().expect("fresh");
    let mut driver = driver_of(slab);
    let mut writers = Vec::new();
    let mut operations = Vec::new();
    for _ in 0..MANY {
        let (reader, writer) = std::io::pipe().expect("pipe");
        writers.push(writer);
        let bell = Bell::new();
        let mut buffer = slab.buffer().expect("a buffer");
        assert_eq!(buffer.extend(b"> "), 2);
        let mut read = slab.read(&adopt(slab, reader), buffer, CURRENT);
        assert!(poll(&mut read, &bell).is_pending());
        operations.push((read, bell));
    }
    assert!(slab.buffer().is_none());
    assert_eq!(poll(&mut slab.nop(), &Bell::new()), Poll::Ready(Err(Errno::EBUSY)));
    turn_until(&mut driver, "all are in flight", || slab.in_flight() == MANY);
    let mut buffers = Vec::new();
    // From the last to the first, one at a time; each reads its own number.
    for (number, writer) in writers.iter_mut().enumerate().rev() {
        writer.write_all(&number.to_le_bytes()[..2]).expect("write");
        turn_until(&mut driver, "it is read", || slab.in_flight() == number);
        let (read, bell) = operations.pop().expect("as many as writers");
        assert!(operations.iter().all(|(_, bell)| bell.rings() == 0));
        assert_eq!(bell.rings(), 1);
        let mut read = read;
        let Poll::Ready((count, buffer)) = poll(&mut read, &bell) else { panic!("over") };
        assert_eq!(count, Ok(2));
        buffers.push((number, buffer));
    }
    // All are compared together, so that no two can have the same bytes.
    for (number, buffer) in &buffers {
        assert_eq!((&buffer[..2], &buffer[2..]), (&b"> "[..], &number.to_le_bytes()[..2]));
    }
    drop(buffers);
    settle(&mut driver);
    // No reader is left: each was closed.
    for mut writer in writers {
        assert_eq!(writer.write(b"x").map_err(|error| error.kind()), Err(std::io::ErrorKind::BrokenPipe));
    }
    assert_eq!(free_buffers(slab).len(), MANY);
}

#[test]
fn each_of_many_provided_buffers_comes_with_its_own_bytes_and_goes_back() {
    static GROUP: Group<512, 4> = Group::new();
    static STORAGE: Storage<4, 4, 4, 8> = Storage::new();
    let slab = STORAGE.start().expect("fresh");
    let mut driver = driver_with(slab, 1024);
    driver.provide(&GROUP).expect("provide");
    let (server, mut client) = connection(slab);
    let bell = Bell::new();
    for round in 0..3_u32 {
        let sent: Vec<u8> = (0..512_u32).flat_map(|number| (number * 3 + round).to_le_bytes()).collect();
        client.write_all(&sent).expect("write");
        client.write_all(b"more").expect("write");
        let mut pieces = slab.pieces(&server);
        let mut held: Vec<Buffer> = Vec::new();
        let end = loop {
            match next(&mut pieces, &bell) {
                Poll::Ready(Some(Ok(piece))) => held.push(piece),
                Poll::Ready(end) => break end.map(|end| end.err()),
                Poll::Pending => {
                    let before = bell.rings();
                    turn_until(&mut driver, "something came", || bell.rings() > before);
                }
            }
        };
        // Each holds four bytes: all 512 are out, and the next piece finds no buffer.
        assert_eq!((held.len(), end), (512, Some(Some(Errno::ENOBUFS))));
        assert_eq!(held.iter().flat_map(|piece| piece.to_vec()).collect::<Vec<_>>(), sent);
        drop(held);
        let mut one = slab.pieces(&server);
        let piece = driver.block_on(one.next()).expect("driver").expect("goes on").expect("a piece");
        assert_eq!(&*piece, b"more");
        drop((one, piece));
        settle(&mut driver);
    }
}

#[test]
fn each_of_many_connections_waits_in_its_stream_in_order() {
    static STORAGE: Storage<4, MANY, 1, 8> = Storage::new();
    let slab = STORAGE.start().expect("fresh");
    let mut driver = driver_of(slab);
    let (listener, address) = listening(slab);
    let bell = Bell::new();
    let mut incoming = slab.incoming(&listener);
    assert!(next(&mut incoming, &bell).is_pending());
    let mut clients = Vec::new();
    for _ in 1..MANY {
        clients.push(TcpStream::connect(address).expect("connect"));
        take(&mut driver, 1);
    }
    let mut files: Vec<File> = Vec::new();
    while let Poll::Ready(Some(Ok(file))) = next(&mut incoming, &bell) {
        files.push(file);
    }
    assert_eq!(files.len(), MANY - 1);
    for (number, file) in files.iter().enumerate() {
        let mut buffer = slab.buffer().expect("one");
        assert_eq!(buffer.extend(&number.to_le_bytes()[..2]), 2);
        let (sent, _) = driver.block_on(slab.send(file, buffer)).expect("driver");
        assert_eq!(sent, Ok(2));
    }
    files.clear();
    drop((incoming, listener));
    settle(&mut driver);
    for (number, client) in clients.iter_mut().enumerate() {
        client.set_read_timeout(Some(PATIENCE)).expect("timeout");
        let mut bytes = Vec::new();
        client.read_to_end(&mut bytes).expect("read");
        assert_eq!(bytes, &number.to_le_bytes()[..2]);
    }
}
