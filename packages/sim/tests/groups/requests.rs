//! Requests on a buffer group, within the contract of `BufRing::take`.

use std::ptr::null_mut;

use bare_uring::opcode;
use bare_uring::squeue::{Entry, Flags};
use bare_uring::types::{Fd, MsgFlags, MsgHdr};
use bare_uring_sim::{Profile, Random};

use crate::streams::{CONTENT, Source, Stream};

pub const GROUP: u16 = 7;

/// What the test knows about a request in flight.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    pub stream: usize,
    /// The number of the group that was registered when the request was pushed.
    pub epoch: u32,
    /// Whether the buffer may be committed when it is picked.
    pub holds: bool,
    pub bundle: bool,
    pub sends: bool,
    /// Whether the result may be more than the bytes that were written.
    pub cut: bool,
    /// The most bytes that are written; 0 for the whole buffer.
    pub asked: u32,
    /// The number of bytes before the payload of a message.
    pub front: usize,
    pub offset: usize,
}

/// The terms that the kernel and the group set.
pub struct Terms<'a> {
    pub profile: &'a Profile,
    pub incremental: bool,
    /// Whether the group has a `min_left`.
    pub min_left: bool,
    pub size: u32,
    /// Whether the completions lie. The test may then break the contract too.
    pub lies: bool,
}

impl Terms<'_> {
    /// Picks the length to ask for.
    fn len(&self, random: &mut Random) -> u32 {
        let rules = self.profile.groups;
        match () {
            () if self.incremental => 0,
            () if !rules.zero_is_all => 1 + random.below(2 * self.size),
            () if random.chance(1, 2) => 0,
            () => 1 + random.below(2 * self.size),
        }
    }

    /// Makes a `READ`.
    fn read(&self, random: &mut Random, stream: &Stream, request: &mut Request) -> Entry {
        let mut read = opcode::Read::new(Fd(stream.near), null_mut(), self.len(random)).buf_group(GROUP);
        if stream.source == Source::Content {
            request.offset = random.below(CONTENT) as usize;
            read = read.offset(request.offset as u64);
        }
        let entry = read.build();
        request.holds = matches!(stream.source, Source::Content | Source::Directory);
        if random.chance(1, 4) {
            request.holds = true;
            return entry.flags(Flags::ASYNC);
        }
        entry
    }

    /// Makes a `RECV`.
    fn receive(&self, random: &mut Random, stream: &Stream, request: &mut Request) -> Entry {
        let rules = self.profile.groups;
        request.asked = self.len(random);
        let mut receive = opcode::Recv::new(Fd(stream.near), null_mut(), request.asked).buf_group(GROUP);
        if random.chance(1, 4) {
            receive = receive.poll_first();
        }
        let bundles = rules.bundles && (!self.incremental || rules.bundles_in_order && !self.min_left || self.lies);
        let cuts = !self.incremental || rules.clamps_cut || self.lies;
        if bundles && stream.source == Source::Socket && random.chance(1, 2) {
            receive = receive.bundle();
            request.bundle = true;
        }
        if cuts && stream.source == Source::Datagrams && random.chance(1, 2) {
            receive = receive.flags(MsgFlags::TRUNC);
            request.cut = true;
        }
        if rules.multishot && random.chance(1, 2) {
            return receive.multishot().build();
        }
        if random.chance(1, 6) {
            request.holds = true;
            return receive.build().flags(Flags::ASYNC);
        }
        receive.build()
    }

    /// Makes a multishot `RECVMSG`, and its message.
    fn message(&self, random: &mut Random, stream: &Stream, request: &mut Request) -> (Entry, Box<MsgHdr>) {
        let (name, control) = (random.below(6), random.below(4));
        let message = MsgHdr::new(null_mut(), 0).from(null_mut(), name).control(null_mut(), control as usize);
        let message = Box::new(message);
        request.front = 16 + name as usize + control as usize;
        let entry = opcode::RecvMsg::new(Fd(stream.near), std::ptr::from_ref(&*message).cast_mut());
        (entry.buf_group(GROUP).multishot().build(), message)
    }

    /// Makes a `SEND`.
    fn send(&self, random: &mut Random, stream: &Stream, request: &mut Request) -> Entry {
        let send = opcode::Send::new(Fd(stream.near), null_mut(), self.len(random)).buf_group(GROUP);
        (request.holds, request.sends) = (true, true);
        request.bundle = random.chance(1, 2) && (!self.min_left || self.lies);
        if request.bundle { send.bundle().build() } else { send.build() }
    }

    /// Makes a request on a stream, and what must outlive its submission.
    pub fn request(
        &self,
        random: &mut Random,
        stream: (usize, &Stream),
        epoch: u32,
    ) -> (Entry, Request, Option<Box<MsgHdr>>) {
        let (number, stream) = stream;
        let mut request = Request {
            stream: number,
            epoch,
            holds: false,
            bundle: false,
            sends: false,
            cut: false,
            asked: 0,
            front: 0,
            offset: 0,
        };
        let entry = match stream.source {
            Source::Sink => self.send(random, stream, &mut request),
            Source::Socket if random.chance(3, 4) => self.receive(random, stream, &mut request),
            Source::Datagrams if self.profile.groups.multishot && random.chance(1, 3) => {
                let (entry, message) = self.message(random, stream, &mut request);
                return (entry, request, Some(message));
            }
            Source::Datagrams => self.receive(random, stream, &mut request),
            Source::Pipe | Source::Socket if self.profile.knows(opcode::ReadMulti::CODE) && random.chance(1, 2) => {
                opcode::ReadMulti::new(Fd(stream.near), GROUP).build()
            }
            _ => self.read(random, stream, &mut request),
        };
        (entry, request, None)
    }
}
