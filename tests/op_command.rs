//! Commands to sockets, block devices and drivers, on every kind of ring, by descriptor and by slot.

mod common;

use std::fs::{File as StdFile, OpenOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use bare_uring::types::{Fd, Fixed};
use bare_uring::{Builder, Errno, SetupError, cqueue, opcode, squeue};
use common::any_ring::{File, on_each, on_each_with_file};
use common::{needs, older_than, push, refused, skip};

const SOL_SOCKET: u32 = 1;
const SO_SNDBUF: u32 = 7;
const SO_RCVBUF: u32 = 8;
const SOL_TCP: u32 = 6;
const TCP_NODELAY: u32 = 1;

/// Two ends of a TCP connection.
fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

#[test]
fn a_socket_tells_what_was_received_and_not_read() {
    needs!(6, 7, "SOCKET_URING_OP_SIOCINQ");
    let (client, server) = connection();
    on_each_with_file(&server, |ring, file| {
        let ask = || for_file!(file, |fd| opcode::SiocInq::new(fd).build());
        assert_eq!(ring.run(ask()), Ok(0), "{}", ring.kind());
        (&client).write_all(b"hello").unwrap();
        server.peek(&mut [0; 5]).unwrap();
        assert_eq!(ring.run(ask()), Ok(5), "{}", ring.kind());
        (&server).read_exact(&mut [0; 5]).unwrap();
    });
}

#[test]
fn a_socket_tells_what_was_not_taken_by_its_peer() {
    needs!(6, 7, "SOCKET_URING_OP_SIOCINQ");
    on_each(|ring| {
        let (client, _server) = connection();
        ring.register_files(&[client.as_raw_fd()]);
        client.set_nonblocking(true).unwrap();
        assert_eq!(ring.run(opcode::SiocOutq::new(Fixed(0)).build()), Ok(0), "{}", ring.kind());
        // More than both ends can hold.
        let mut sent = 0;
        while let Ok(count) = (&client).write(&[7; 65_536]) {
            sent += count;
        }
        let left = ring.run(opcode::SiocOutq::new(Fd(client.as_raw_fd())).build()).unwrap();
        assert!((1..=sent).contains(&(left as usize)), "{}", ring.kind());
    });
}

#[test]
fn an_option_is_set_and_read_back() {
    needs!(6, 7, "SOCKET_URING_OP_GETSOCKOPT");
    let (client, _server) = connection();
    on_each_with_file(&client, |ring, file| {
        let wanted = 32_768_u32.to_ne_bytes();
        for name in [SO_SNDBUF, SO_RCVBUF] {
            let set = for_file!(file, |fd| opcode::SetSockOpt::new(fd, SOL_SOCKET, name, wanted.as_ptr(), 4).build());
            assert_eq!(ring.run(set), Ok(0), "{}", ring.kind());
            let mut value = [0_u8; 8];
            let get =
                for_file!(file, |fd| { opcode::GetSockOpt::new(fd, SOL_SOCKET, name, value.as_mut_ptr(), 8).build() });
            assert_eq!(ring.run(get), Ok(4), "{}", ring.kind());
            // Linux doubles it.
            assert_eq!(value, [65_536_u32.to_ne_bytes(), [0; 4]].concat()[..]);
        }
        for on in [true, false] {
            let value = u32::from(on).to_ne_bytes();
            let set =
                for_file!(file, |fd| { opcode::SetSockOpt::new(fd, SOL_TCP, TCP_NODELAY, value.as_ptr(), 4).build() });
            assert_eq!(ring.run(set), Ok(0), "{}", ring.kind());
            assert_eq!(client.nodelay().unwrap(), on);
        }
    });
}

#[test]
fn options_are_refused() {
    needs!(6, 7, "SOCKET_URING_OP_GETSOCKOPT");
    let (client, _server) = connection();
    on_each_with_file(&client, |ring, file| {
        let mut value = [0_u8; 4];
        let place = value.as_mut_ptr();
        let nowhere: *mut u8 = core::ptr::without_provenance_mut(8);
        let get = |level, name, place, len| {
            for_file!(file, |fd| opcode::GetSockOpt::new(fd, level, name, place, len).build())
        };
        let set = |level, name, place: *mut u8, len| {
            for_file!(file, |fd| opcode::SetSockOpt::new(fd, level, name, place, len).build())
        };
        for (entry, errno) in [
            (get(SOL_TCP, TCP_NODELAY, place, 4), Errno::EOPNOTSUPP),
            (get(SOL_SOCKET, 9999, place, 4), Errno::ENOPROTOOPT),
            (get(SOL_SOCKET, SO_SNDBUF, nowhere, 4), Errno::EFAULT),
            (set(SOL_SOCKET, 9999, place, 4), Errno::ENOPROTOOPT),
            (set(SOL_SOCKET, SO_SNDBUF, place, 2), Errno::EINVAL),
            (set(SOL_SOCKET, SO_SNDBUF, nowhere, 4), Errno::EFAULT),
        ] {
            assert_eq!(ring.run(entry), Err(errno), "{} {entry:?}", ring.kind());
        }
    });
}

#[test]
fn a_sockets_address_is_told_or_the_kernel_does_not_know_how() {
    needs!(5, 19, "IORING_OP_URING_CMD");
    let (client, _server) = connection();
    let (own, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
    on_each_with_file(&client, |ring, file| {
        for (other, expected) in [(false, own), (true, peer)] {
            let (mut address, mut len) = ([0_u8; 16], 16_u32);
            let mut request = for_file!(file, |fd| opcode::GetSockName::new(fd, address.as_mut_ptr(), &raw mut len));
            if other {
                request = request.peer();
            }
            match ring.run(request.build()) {
                Err(Errno::EOPNOTSUPP) => refused("a_sockets_address_is_told", "SOCKET_URING_OP_GETSOCKNAME", (6, 19)),
                outcome => {
                    assert_eq!((outcome, len), (Ok(0), 16), "{}", ring.kind());
                    let port = u16::from_be_bytes([address[2], address[3]]);
                    let ip = Ipv4Addr::new(address[4], address[5], address[6], address[7]);
                    assert_eq!(SocketAddrV4::new(ip, port).to_string(), expected.to_string());
                }
            }
        }
    });
}

/// Every command, to one file.
fn commands(file: File, place: *mut u8) -> Vec<squeue::Entry> {
    for_file!(file, |fd| vec![
        opcode::SiocInq::new(fd).build(),
        opcode::SiocOutq::new(fd).build(),
        opcode::GetSockOpt::new(fd, SOL_SOCKET, SO_SNDBUF, place, 4).build(),
        opcode::SetSockOpt::new(fd, SOL_SOCKET, SO_SNDBUF, place, 4).build(),
        opcode::GetSockName::new(fd, place, place.cast()).build(),
        opcode::TxTimestamp::new(fd).build(),
        opcode::BlockDiscard::new(fd, 0, 4096).build(),
        opcode::UringCmd16::new(fd, 9999).cmd([1; 16]).addr(1).len(2).build(),
    ])
}

#[test]
fn a_file_that_takes_no_commands_says_so() {
    needs!(5, 19, "IORING_OP_URING_CMD");
    let (reader, _writer) = std::io::pipe().unwrap();
    on_each_with_file(&reader, |ring, file| {
        let mut place = [0_u32; 4];
        for entry in commands(file, place.as_mut_ptr().cast()) {
            assert_eq!(ring.run(entry), Err(Errno::EOPNOTSUPP), "{} {entry:?}", ring.kind());
        }
        for entry in commands(File::Fd(Fd(-1)), place.as_mut_ptr().cast()) {
            assert_eq!(ring.run(entry), Err(Errno::EBADF), "{} {entry:?}", ring.kind());
        }
    });
}

#[test]
fn a_socket_does_not_take_other_commands() {
    needs!(5, 19, "IORING_OP_URING_CMD");
    let (client, _server) = connection();
    on_each_with_file(&client, |ring, file| {
        let unknown = for_file!(file, |fd| opcode::UringCmd16::new(fd, 9999).build());
        let discard = for_file!(file, |fd| opcode::BlockDiscard::new(fd, 0, 4096).build());
        for entry in [unknown, discard] {
            assert_eq!(ring.run(entry), Err(Errno::EOPNOTSUPP), "{} {entry:?}", ring.kind());
        }
    });
}

#[test]
fn null_takes_any_command_of_any_size() {
    needs!(6, 2, "commands for /dev/null");
    // The only driver that is everywhere: it says 0 to all.
    let null = OpenOptions::new().read(true).write(true).open("/dev/null").unwrap();
    let mut buffer = [0_u8; 64];
    on_each_with_file(&null, |ring, file| {
        let new = || for_file!(file, |fd| opcode::UringCmd16::new(fd, 0xc0de));
        assert_eq!(ring.run(new().cmd([9; 16]).addr(5).len(6).build()), Ok(0), "{}", ring.kind());
    });
    on_each(|ring| {
        ring.register_buffer(buffer.as_ptr().cast_mut(), buffer.len());
        let new = || opcode::UringCmd16::new(Fd(null.as_raw_fd()), 0xc0de);
        assert_eq!(ring.run(new().fixed_buffer(0).build()), Ok(0), "{}", ring.kind());
        // Multishot and a registered buffer do not go together.
        let both = new().fixed_buffer(0).multishot(0).build();
        let refused = if older_than(6, 18) { Errno::EOPNOTSUPP } else { Errno::EINVAL };
        assert_eq!(ring.run(both), Err(refused), "{}", ring.kind());
    });
    buffer.fill(1);

    let mut ring = Builder::<squeue::Entry128, cqueue::Entry>::new().build(8).unwrap();
    let mut run = |entry: squeue::Entry128| {
        push(&mut ring, entry);
        assert_eq!(ring.submit_and_wait(1), Ok(1));
        ring.completion().next().unwrap().outcome()
    };
    assert_eq!(run(opcode::UringCmd80::new(Fd(null.as_raw_fd()), 1).cmd([9; 80]).build()), Ok(0));
    assert_eq!(run(opcode::UringCmd80::new(Fd(-1), 1).build()), Err(Errno::EBADF));
    match run(opcode::UringCmd128::new(Fd(null.as_raw_fd()), 1).cmd([9; 80]).build().into()) {
        Err(Errno::EINVAL) => refused("null_takes_any_command_of_any_size", "IORING_OP_URING_CMD128", (6, 19)),
        outcome => assert_eq!(outcome, Ok(0)),
    }
    match Builder::<squeue::EntryMixed, cqueue::Entry>::new().build(8) {
        Ok(mut ring) => {
            push(&mut ring, opcode::UringCmd128::new(Fd(null.as_raw_fd()), 1).build());
            ring.submit_and_wait(1).unwrap();
            assert_eq!(ring.completion().next().unwrap().outcome(), Ok(0));
        }
        Err(SetupError::Kernel(_, Errno::EINVAL)) => {
            refused("null_takes_any_command_of_any_size", "IORING_SETUP_SQE_MIXED", (6, 19))
        }
        Err(error) => panic!("{error}"),
    }
}

/// A block device of 1 MiB over a file, gone with it.
struct Loop {
    device: StdFile,
    name: String,
    backing: PathBuf,
}

impl Loop {
    /// Full of 0xff; `None` where this process can't make one.
    fn new(name: &str) -> Option<Self> {
        let backing = std::env::temp_dir().join(format!("bare-uring-{}-{name}", std::process::id()));
        std::fs::write(&backing, vec![0xff; 1 << 20]).unwrap();
        let made = Command::new("losetup").args(["--find", "--show"]).arg(&backing).output();
        let name = match made {
            Ok(output) if output.status.success() => String::from_utf8(output.stdout).unwrap().trim().to_owned(),
            _ => {
                let _ = std::fs::remove_file(&backing);
                return None;
            }
        };
        let device = OpenOptions::new().read(true).write(true).open(&name).unwrap();
        Some(Self { device, name, backing })
    }

    /// Whether its file's file system can make holes, as the kernel says of the device.
    fn discards(&self) -> bool {
        let most = format!("/sys/block/{}/queue/discard_max_bytes", self.name.trim_start_matches("/dev/"));
        std::fs::read_to_string(most).unwrap().trim() != "0"
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["--detach", &self.name]).status();
        let _ = std::fs::remove_file(&self.backing);
    }
}

#[test]
fn a_discarded_range_of_a_device_is_empty() {
    needs!(6, 12, "BLOCK_URING_CMD_DISCARD");
    let Some(device) = Loop::new("discard") else {
        return skip("a_discarded_range_of_a_device_is_empty", "loop devices, or the right to them");
    };
    if !device.discards() {
        return skip("a_discarded_range_of_a_device_is_empty", "discarding by the file system of the loop device");
    }
    on_each_with_file(&device.device, |ring, file| {
        device.device.write_all_at(&[0xff; 16_384], 0).unwrap();
        let discard = |offset, len| for_file!(file, |fd| opcode::BlockDiscard::new(fd, offset, len).build());
        assert_eq!(ring.run(discard(4096, 8192)), Ok(0), "{}", ring.kind());
        let mut content = [1; 16_384];
        device.device.read_exact_at(&mut content, 0).unwrap();
        let expected = [[0xff; 4096], [0; 4096], [0; 4096], [0xff; 4096]].concat();
        assert!(content[..] == expected[..], "{}", ring.kind());
        // Not made of blocks, empty, past the end, or of a device that is open for reading only.
        assert_eq!(ring.run(discard(1, 512)), Err(Errno::EINVAL));
        assert_eq!(ring.run(discard(0, 100)), Err(Errno::EINVAL));
        assert_eq!(ring.run(discard(0, 0)), Err(Errno::EINVAL));
        assert_eq!(ring.run(discard(1 << 20, 4096)), Err(Errno::EINVAL));
        let reading = StdFile::open(&device.name).unwrap();
        let discard = opcode::BlockDiscard::new(Fd(reading.as_raw_fd()), 0, 4096).build();
        assert_eq!(ring.run(discard), Err(Errno::EBADF), "{}", ring.kind());
    });
}
