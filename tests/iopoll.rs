//! Requests that are completed by polling the device, and commands to it: on an NVMe disk with polled queues.
//!
//! The tests write to the disk. So they take only a disk whose serial number says that it is theirs: that of a guest of
//! `ci/guests.sh`.

mod common;

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::{Mutex, MutexGuard};

use bare_uring::cqueue::{Entry32, EntryMixed};
use bare_uring::squeue::{Entry, Entry128, EntryMixed as Mixed};
use bare_uring::types::{Fd, Fixed, IoVec, Timespec};
use bare_uring::{Builder, Errno, IoUring, SetupError, SetupFlags, cqueue, opcode, squeue};
use common::ring_memory::{bounded, until};
use common::{memory, needs, push, refused, skip};
use rustix::fs::OFlags;

const SERIAL: &str = "bare-uring-tests";
const BLOCK: usize = 4096;
const COUNT: usize = 16;

/// One test at a time uses the disk.
static TURN: Mutex<()> = Mutex::new(());

/// The disk, and the right to use it.
struct Disk {
    file: File,
    _turn: MutexGuard<'static, ()>,
}

/// Opens the disk, without the page cache in between. Without such a disk it says so.
fn disk(test: &str) -> Option<Disk> {
    let of = |attribute: &str| std::fs::read_to_string(format!("/sys/block/nvme0n1/{attribute}")).unwrap_or_default();
    if of("device/serial").trim() != SERIAL {
        skip(test, "an NVMe disk for tests");
        return None;
    }
    assert_eq!(of("queue/io_poll").trim(), "1", "the disk has polled queues");
    let turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let direct = OFlags::DIRECT.bits().cast_signed();
    let file = OpenOptions::new().read(true).write(true).custom_flags(direct).open("/dev/nvme0n1").unwrap();
    Some(Disk { file, _turn: turn })
}

/// Aligned blocks, each with bytes of its own that `salt` changes, never freed.
fn blocks(salt: u8) -> &'static mut [u8] {
    let fresh = memory(COUNT * BLOCK);
    for (at, byte) in fresh.iter_mut().enumerate() {
        byte.write((at / BLOCK) as u8 ^ (at % 251) as u8 ^ salt);
    }
    // SAFETY: every byte was just written.
    unsafe { fresh.assume_init_mut() }
}

/// The ways to poll that this kernel has.
fn polled() -> Vec<(&'static str, IoUring)> {
    let deferred = SetupFlags::SINGLE_ISSUER.union(SetupFlags::DEFER_TASKRUN);
    let all = [
        ("iopoll", (5, 1), Builder::new().setup_iopoll().clone()),
        ("hybrid", (6, 13), Builder::new().setup_iopoll().setup_hybrid_iopoll().clone()),
        ("deferred", (6, 1), Builder::new().setup_iopoll().setup_flags(deferred).clone()),
        ("sqpoll", (5, 1), Builder::new().setup_iopoll().setup_sqpoll(100).clone()),
    ];
    let ring = |(name, since, builder): (&'static str, (u32, u32), Builder)| match builder.build(32) {
        Ok(ring) => Some((name, ring)),
        Err(SetupError::Kernel(_, Errno::EINVAL)) => {
            refused(name, "such rings", since);
            None
        }
        Err(error) => panic!("{name}: {error}"),
    };
    all.into_iter().filter_map(ring).collect()
}

/// Submits, and waits until so many completions have come: their results by user data.
fn complete<S: squeue::EntryMarker>(ring: &mut IoUring<S>, want: usize) -> Vec<(u64, Result<u32, Errno>)> {
    let mut all = Vec::new();
    while all.len() < want {
        ring.submit_and_wait(want - all.len()).unwrap();
        all.extend(ring.completion().map(|cqe| (cqe.user_data(), cqe.outcome())));
    }
    all.sort_unstable_by_key(|&(user_data, _)| user_data);
    all
}

fn all_blocks() -> Vec<(u64, Result<u32, Errno>)> {
    (0..COUNT as u64).map(|i| (i, Ok(BLOCK as u32))).collect()
}

#[test]
fn what_was_written_is_read_back() {
    bounded(|| {
        let Some(disk) = disk("what_was_written_is_read_back") else { return };
        let fd = Fd(disk.file.as_raw_fd());
        for (salt, (name, mut ring)) in (1..).zip(polled()) {
            let (written, read) = (blocks(salt), blocks(0));
            for (i, block) in written.chunks(BLOCK).enumerate() {
                let write = opcode::Write::new(fd, block.as_ptr(), BLOCK as u32).offset((i * BLOCK) as u64);
                push(&mut ring, write.build().user_data(i as u64));
            }
            assert_eq!(complete(&mut ring, COUNT), all_blocks(), "{name}");
            for (i, block) in read.chunks_mut(BLOCK).enumerate() {
                let read = opcode::Read::new(fd, block.as_mut_ptr(), BLOCK as u32).offset((i * BLOCK) as u64);
                push(&mut ring, read.build().user_data(i as u64));
            }
            assert_eq!(complete(&mut ring, COUNT), all_blocks(), "{name}");
            assert!(read == written, "{name}: other bytes were read than written");
        }
    });
}

#[test]
fn registered_files_and_buffers_are_polled_too() {
    bounded(|| {
        let Some(disk) = disk("registered_files_and_buffers_are_polled_too") else { return };
        for (salt, (name, mut ring)) in (11..).zip(polled()) {
            let (written, read) = (blocks(salt), blocks(0));
            ring.submitter().register_files(&[disk.file.as_raw_fd()]).unwrap();
            let buffers = [&mut *written, &mut *read].map(|bytes| IoVec::new(bytes.as_mut_ptr(), bytes.len()));
            // SAFETY: the memory is never freed.
            unsafe { ring.submitter().register_buffers(&buffers) }.unwrap();
            for i in 0..COUNT {
                let (start, at) = (written[i * BLOCK..].as_ptr(), (i * BLOCK) as u64);
                let write = opcode::WriteFixed::new(Fixed(0), start, BLOCK as u32, 0).offset(at);
                push(&mut ring, write.build().user_data(i as u64));
            }
            assert_eq!(complete(&mut ring, COUNT), all_blocks(), "{name}");
            for i in 0..COUNT {
                let (start, at) = (read[i * BLOCK..].as_mut_ptr(), (i * BLOCK) as u64);
                let read = opcode::ReadFixed::new(Fixed(0), start, BLOCK as u32, 1).offset(at);
                push(&mut ring, read.build().user_data(i as u64));
            }
            assert_eq!(complete(&mut ring, COUNT), all_blocks(), "{name}");
            assert!(read == written, "{name}: other bytes were read than written");
        }
    });
}

/// How many interrupts the disk's queues have sent. (Queue 0 is that of commands to the controller.)
fn interrupts() -> u64 {
    let table = std::fs::read_to_string("/proc/interrupts").unwrap();
    let of_queues = table.lines().filter(|line| line.contains("nvme0q") && !line.ends_with("nvme0q0"));
    of_queues.flat_map(|line| line.split_whitespace().skip(1).map_while(|word| word.parse::<u64>().ok())).sum()
}

#[test]
fn a_polled_completion_takes_no_interrupt() {
    bounded(|| {
        let Some(disk) = disk("a_polled_completion_takes_no_interrupt") else { return };
        let bytes = blocks(0);
        let mut read = |ring: &mut IoUring| {
            let before = interrupts();
            let read = opcode::Read::new(Fd(disk.file.as_raw_fd()), bytes.as_mut_ptr(), BLOCK as u32);
            for i in 0..COUNT as u64 {
                push(ring, read.build().user_data(i));
            }
            assert_eq!(complete(ring, COUNT), all_blocks());
            interrupts() - before
        };
        for (name, mut ring) in polled() {
            assert_eq!(read(&mut ring), 0, "{name}");
        }
        assert!(read(&mut IoUring::new(32).unwrap()) > 0);
    });
}

#[test]
fn an_empty_submit_polls_until_the_completion_is_there() {
    bounded(|| {
        let Some(disk) = disk("an_empty_submit_polls_until_the_completion_is_there") else { return };
        let bytes = blocks(0);
        for (name, mut ring) in polled() {
            let read = opcode::Read::new(Fd(disk.file.as_raw_fd()), bytes.as_mut_ptr(), BLOCK as u32);
            push(&mut ring, read.build().user_data(7));
            assert_eq!(ring.submit(), Ok(1), "{name}");
            until("the read completes", || {
                assert_eq!(ring.submit(), Ok(0), "{name}");
                !ring.completion().is_empty()
            });
            assert_eq!(complete(&mut ring, 1), [(7, Ok(BLOCK as u32))], "{name}");
        }
    });
}

#[test]
fn requests_in_the_device_are_waited_for_when_the_ring_is_drained() {
    needs!(6, 0, "IORING_REGISTER_SYNC_CANCEL");
    bounded(|| {
        let Some(disk) = disk("requests_in_the_device_are_waited_for_when_the_ring_is_drained") else { return };
        let bytes = blocks(0);
        for (name, mut ring) in polled() {
            let read = opcode::Read::new(Fd(disk.file.as_raw_fd()), bytes.as_mut_ptr(), BLOCK as u32);
            for i in 0..COUNT as u64 {
                push(&mut ring, read.build().user_data(i));
            }
            assert_eq!(ring.submit(), Ok(COUNT), "{name}");
            until("everything was consumed", || ring.submission().is_empty());
            let mut all = Vec::new();
            let drained = ring.cancel_and_drain(Timespec::new(20, 0), |cqe| {
                all.push((cqe.user_data(), cqe.outcome()));
                all.len() == COUNT
            });
            all.sort_unstable_by_key(|&(user_data, _)| user_data);
            assert_eq!((drained, all), (Ok(()), all_blocks()), "{name}");
        }
    });
}

/// Needs no disk: what has no device to be polled is not even started.
#[test]
fn what_cannot_be_polled_is_refused() {
    let scratch = common::files::Scratch::new("iopoll");
    let file = scratch.file("cached", b"bytes");
    for (name, mut ring) in polled() {
        let mut bytes = [0_u8; 5];
        push(&mut ring, opcode::Read::new(Fd(file.as_raw_fd()), bytes.as_mut_ptr(), 5).build().user_data(1));
        assert_eq!(complete(&mut ring, 1), [(1, Err(Errno::EOPNOTSUPP))], "{name}");
        assert_eq!(bytes, [0; 5], "{name}");
    }
}

const URING_CMD_IO: u32 = 0xc048_4e80;
const URING_CMD_ADMIN: u32 = 0xc048_4e82;
const READ: u8 = 2;
const WRITE: u8 = 1;
const IDENTIFY: u8 = 6;
const GET_FEATURES: u8 = 10;

/// `struct nvme_uring_cmd`: the command `code`, its data at `start`, and its words 10 to 12.
fn nvme(code: u8, namespace: u32, start: *mut u8, len: usize, words: [u32; 3]) -> [u8; 80] {
    let mut bytes = [0; 80];
    bytes[0] = code;
    bytes[4..8].copy_from_slice(&namespace.to_ne_bytes());
    bytes[24..32].copy_from_slice(&(start.expose_provenance() as u64).to_ne_bytes());
    bytes[36..40].copy_from_slice(&(len as u32).to_ne_bytes());
    for (word, at) in words.into_iter().zip([40, 44, 48]) {
        bytes[at..at + 4].copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}

/// Words 10 to 12 of a command for this one of the blocks.
fn place(block: usize) -> [u32; 3] {
    let sector = std::fs::read_to_string("/sys/block/nvme0n1/queue/logical_block_size").unwrap();
    let sector: usize = sector.trim().parse().unwrap();
    // The count is that of the sectors after the first.
    [(block * BLOCK / sector) as u32, 0, (BLOCK / sector - 1) as u32]
}

/// The disk's namespace, or its controller, as the file that takes commands.
fn commands_to(name: &str) -> File {
    OpenOptions::new().read(true).write(true).open(format!("/dev/{name}")).unwrap()
}

type Large = IoUring<Entry128, Entry32>;

/// Runs one command: its result, and the second one.
fn run(ring: &mut Large, entry: Entry128) -> (Result<u32, Errno>, [u64; 2]) {
    push(ring, entry);
    ring.submit().unwrap();
    until("the command completes", || {
        ring.submit_and_wait(1).unwrap();
        !ring.completion().is_empty()
    });
    ring.completion().next().map(|cqe| (cqe.outcome(), cqe.big())).unwrap()
}

#[test]
fn the_controller_answers_in_both_results() {
    needs!(6, 0, "NVME_URING_CMD_ADMIN");
    bounded(|| {
        let Some(_disk) = disk("the_controller_answers_in_both_results") else { return };
        let controller = commands_to("nvme0");
        let fd = Fd(controller.as_raw_fd());
        let mut ring = Large::builder().build(4).unwrap();
        let page = memory(BLOCK);
        let identify = nvme(IDENTIFY, 0, page.as_mut_ptr().cast(), BLOCK, [1, 0, 0]);
        let entry = opcode::UringCmd80::new(fd, URING_CMD_ADMIN).cmd(identify).build();
        assert_eq!(run(&mut ring, entry), (Ok(0), [0, 0]));
        // SAFETY: the memory was zeroed when it was allocated, and the controller has filled it.
        let page = unsafe { page.assume_init_ref() };
        assert_eq!(std::str::from_utf8(&page[4..24]).unwrap().trim_end(), SERIAL);
        // Feature 7: the numbers of queues, less one each; the machine has as many of both sorts, and more than one.
        let queues = nvme(GET_FEATURES, 0, std::ptr::null_mut(), 0, [7, 0, 0]);
        let entry = opcode::UringCmd80::new(fd, URING_CMD_ADMIN).cmd(queues).build();
        let (outcome, [second, _]) = run(&mut ring, entry);
        assert_eq!((outcome, second >> 16), (Ok(0), second & 0xffff));
        assert!(second > 0);
        // The device's own refusal: there is no such feature.
        let wrong = nvme(GET_FEATURES, 0, std::ptr::null_mut(), 0, [0, 0, 0]);
        let entry = opcode::UringCmd80::new(fd, URING_CMD_ADMIN).cmd(wrong).build();
        assert!(matches!(run(&mut ring, entry).0, Ok(1..)), "the status is the result");
    });
}

#[test]
fn commands_read_and_write_the_disk() {
    needs!(5, 19, "NVME_URING_CMD_IO");
    bounded(|| {
        let Some(disk) = disk("commands_read_and_write_the_disk") else { return };
        let namespace = commands_to("ng0n1");
        let fd = Fd(namespace.as_raw_fd());
        let mut rings = vec![("interrupts", Large::builder().build(4).unwrap())];
        if !common::older_than(6, 1) {
            rings.push(("iopoll", Large::builder().setup_iopoll().build(4).unwrap()));
        }
        for (salt, (name, mut ring)) in (21..).zip(rings) {
            let (written, read, check) = (blocks(salt), blocks(0), blocks(0));
            let command = |code, start, block| {
                let cmd = nvme(code, 1, start, BLOCK, place(block));
                opcode::UringCmd80::new(fd, URING_CMD_IO).cmd(cmd)
            };
            for block in 0..COUNT {
                let start = written[block * BLOCK..].as_mut_ptr();
                assert_eq!(run(&mut ring, command(WRITE, start, block).build()).0, Ok(0), "{name}");
            }
            disk.file.read_exact_at(check, 0).unwrap();
            assert!(check == written, "{name}: the disk has other bytes than those written");
            for block in 0..COUNT {
                let start = read[block * BLOCK..].as_mut_ptr();
                assert_eq!(run(&mut ring, command(READ, start, block).build()).0, Ok(0), "{name}");
            }
            assert!(read == written, "{name}: other bytes were read than written");
            if common::older_than(6, 1) {
                continue;
            }
            let fixed = blocks(0);
            let buffers = [IoVec::new(fixed.as_mut_ptr(), fixed.len())];
            // SAFETY: the memory is never freed.
            unsafe { ring.submitter().register_buffers(&buffers) }.unwrap();
            let entry = command(READ, fixed[BLOCK..].as_mut_ptr(), 5).fixed_buffer(0).build();
            assert_eq!(run(&mut ring, entry).0, Ok(0), "{name}");
            assert!(fixed[BLOCK..2 * BLOCK] == written[5 * BLOCK..6 * BLOCK], "{name}: by a registered buffer");
        }
    });
}

#[test]
fn a_command_needs_room_for_both_results() {
    needs!(5, 19, "NVME_URING_CMD_IO");
    bounded(|| {
        let Some(_disk) = disk("a_command_needs_room_for_both_results") else { return };
        let namespace = commands_to("ng0n1");
        let bytes = blocks(0);
        let cmd = nvme(READ, 1, bytes.as_mut_ptr(), BLOCK, place(0));
        let entry = opcode::UringCmd80::new(Fd(namespace.as_raw_fd()), URING_CMD_IO).cmd(cmd).build();
        let mut ring = Builder::<Entry128, cqueue::Entry>::new().build(4).unwrap();
        push(&mut ring, entry.user_data(1));
        assert_eq!(complete(&mut ring, 1), [(1, Err(Errno::EOPNOTSUPP))]);
        let mut ring = Builder::<Entry, Entry32>::new().build(4).unwrap();
        push(&mut ring, opcode::UringCmd16::new(Fd(namespace.as_raw_fd()), URING_CMD_IO).build());
        ring.submit_and_wait(1).unwrap();
        assert_eq!(ring.completion().next().unwrap().outcome(), Err(Errno::EOPNOTSUPP));
    });
}

/// The opcode that is large by itself, on a ring of both sizes.
#[test]
fn a_ring_of_both_sizes_takes_large_commands_among_small_requests() {
    bounded(|| {
        let test = "a_ring_of_both_sizes_takes_large_commands_among_small_requests";
        let Some(disk) = disk(test) else { return };
        let mut ring = match Builder::<Mixed, EntryMixed>::new().build(8) {
            Ok(ring) => ring,
            Err(SetupError::Kernel(_, Errno::EINVAL)) => return refused(test, "IORING_SETUP_SQE_MIXED", (6, 19)),
            Err(error) => panic!("{error}"),
        };
        let written = blocks(31);
        disk.file.write_all_at(written, 0).unwrap();
        let namespace = commands_to("ng0n1");
        let read = blocks(0);
        // Three slots a round, of eight: in every third one the command would stand across the array's end.
        for block in 0..COUNT {
            let start = read[block * BLOCK..].as_mut_ptr();
            let cmd = nvme(READ, 1, start, BLOCK, place(block));
            let command = opcode::UringCmd128::new(Fd(namespace.as_raw_fd()), URING_CMD_IO).cmd(cmd).build();
            push(&mut ring, common::nop(1));
            push(&mut ring, command.user_data(2));
            let mut all = Vec::new();
            while all.len() < 2 {
                ring.submit_and_wait(2 - all.len()).unwrap();
                all.extend(ring.completion().map(|cqe| (cqe.user_data(), cqe.outcome(), cqe.big().is_some())));
            }
            all.sort_unstable_by_key(|&(user_data, ..)| user_data);
            assert_eq!(all, [(1, Ok(0), false), (2, Ok(0), true)]);
        }
        assert!(read == written, "other bytes were read than written");
    });
}
