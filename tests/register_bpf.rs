//! Filters: the bytes that are handed over, what comes back, and a clean refusal where the kernel has none.

mod common;

use bare_uring::register::{BpfFilter, BpfFilterError, Instruction, register_bpf_filter_task};
use bare_uring::uapi::IORING_REGISTER_BPF_FILTER;
use bare_uring::{Errno, Linux};
use common::answering::{Answering, Argument, Fields};
use common::machine::has_filters;
use common::requests::{ring, ring_on, run};
use common::{nop, skip};

/// `BPF_RET | BPF_K`.
const RETURN: u16 = 0x06;
const NOP: u8 = 0;
const SOCKET: u8 = 45;

const fn instruction(code: u16, jt: u8, jf: u8, k: u32) -> Instruction {
    Instruction { code, jt, jf, k }
}

const ALLOW: [Instruction; 1] = [instruction(RETURN, 0, 0, 1)];
const DENY: [Instruction; 1] = [instruction(RETURN, 0, 0, 0)];
/// Loads the first word of the payload, and allows the request if it is 2 (`AF_INET`).
const INTERNET: [Instruction; 4] =
    [instruction(0x20, 0, 0, 16), instruction(0x15, 0, 1, 2), instruction(RETURN, 0, 0, 1), DENY[0]];

#[test]
fn a_kernel_without_filters_refuses_cleanly() {
    if has_filters("a_kernel_with_filters_takes_them") {
        return skip("a_kernel_without_filters_refuses_cleanly", "the kernel has them");
    }
    let mut ring = ring();
    let refused = Err(BpfFilterError::Kernel(Errno::EINVAL));
    assert_eq!(ring.submitter().register_bpf_filter(&BpfFilter::new(NOP, &DENY).deny_rest()), refused);
    assert_eq!(register_bpf_filter_task(&Linux, &BpfFilter::new(NOP, &DENY).deny_rest()), refused);
    assert_eq!(run(&mut ring, nop(1)), Ok(0), "nothing is denied");
}

#[test]
fn a_request_that_the_filter_denies_is_eacces() {
    if !has_filters("a_request_that_the_filter_denies_is_eacces") {
        return;
    }
    let mut ring = ring();
    assert_eq!(ring.submitter().register_bpf_filter(&BpfFilter::new(NOP, &ALLOW)), Ok(0));
    assert_eq!(run(&mut ring, nop(1)), Ok(0));
    assert_eq!(ring.submitter().register_bpf_filter(&BpfFilter::new(NOP, &DENY)), Ok(0));
    assert_eq!(run(&mut ring, nop(2)), Err(Errno::EACCES));
}

#[test]
fn a_payload_of_the_wrong_size_is_told() {
    if !has_filters("a_payload_of_the_wrong_size_is_told") {
        return;
    }
    let ring = ring();
    let socket = BpfFilter::new(SOCKET, &INTERNET);
    let wrong = Err(BpfFilterError::Payload { kernel: 12 });
    assert_eq!(ring.submitter().register_bpf_filter(&socket.payload(24)), wrong);
    assert_eq!(ring.submitter().register_bpf_filter(&socket.payload(8).strict_payload()), wrong);
    assert_eq!(ring.submitter().register_bpf_filter(&socket.payload(8)), Ok(12));
}

/// What the kernel reads of a filter: 72 bytes, and the instructions.
fn expected(opcode: u32, flags: u32, length: u32, payload: u8, address: u64) -> Vec<u8> {
    let bytes = Fields::new().u16(&[1, 0]).u32(&[0, opcode, flags, length]).u8(&[payload, 0, 0, 0]);
    bytes.u64(&[address]).u64(&[0; 5]).0
}

#[test]
fn exactly_these_bytes_are_handed_over() {
    let answer = |argument: Argument| {
        let instructions = Fields::new().u16(&[0x20]).u8(&[0, 0]).u32(&[16]).u16(&[0x15]).u8(&[0, 1]).u32(&[2]);
        let instructions = instructions.u16(&[6, 0]).u32(&[1]).u16(&[6, 0]).u32(&[0]).0;
        assert_eq!(argument.named(24).bytes(32), instructions);
        argument.write(20, 99_u8);
        Ok(0)
    };
    // SAFETY: the operation takes 72 bytes, and each filter here has four instructions.
    let kernel = unsafe { Answering::new(72, answer) };
    let ring = ring_on(&kernel);
    let filter = BpfFilter::new(SOCKET, &INTERNET);
    assert_eq!(ring.submitter().register_bpf_filter(&filter), Ok(99));
    let strict = filter.payload(12).strict_payload().deny_rest();
    assert_eq!(ring.submitter().register_bpf_filter(&strict), Ok(99));
    assert_eq!(register_bpf_filter_task(&kernel, &filter.deny_rest()), Ok(99));
    let asked = kernel.asked();
    let places: Vec<u64> =
        asked.iter().map(|(.., bytes)| u64::from_ne_bytes(bytes[24..32].try_into().unwrap())).collect();
    let operation = IORING_REGISTER_BPF_FILTER;
    let calls = [
        (ring.fd(), operation, 1, expected(45, 0, 4, 0, places[0])),
        (ring.fd(), operation, 1, expected(45, 3, 4, 12, places[1])),
        (-1, operation, 1, expected(45, 1, 4, 0, places[2])),
    ];
    assert_eq!(asked, calls);
}

#[test]
fn a_refusal_for_the_size_tells_the_size() {
    let answer = |argument: Argument| {
        argument.write(20, 12_u8);
        Err(Errno::EMSGSIZE)
    };
    // SAFETY: the operation takes 72 bytes.
    let kernel = unsafe { Answering::new(72, answer) };
    let ring = ring_on(&kernel);
    let filter = BpfFilter::new(SOCKET, &ALLOW).payload(24);
    let error = BpfFilterError::Payload { kernel: 12 };
    assert_eq!(ring.submitter().register_bpf_filter(&filter), Err(error));
    assert_eq!(register_bpf_filter_task(&kernel, &filter), Err(error));
    assert_eq!(error.to_string(), "the kernel's payload has 12 bytes");
}

#[test]
fn other_refusals_come_as_they_are() {
    for errno in [Errno::EINVAL, Errno::EACCES, Errno::EBUSY] {
        // SAFETY: the operation takes 72 bytes.
        let kernel = unsafe { Answering::new(72, move |_| Err(errno)) };
        let refused = Err(BpfFilterError::Kernel(errno));
        assert_eq!(register_bpf_filter_task(&kernel, &BpfFilter::new(NOP, &ALLOW)), refused);
    }
}
