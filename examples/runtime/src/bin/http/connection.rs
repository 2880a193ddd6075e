//! A connection, from its first request to its end.
#![forbid(unsafe_code)]

use bare_uring::Errno;
use bare_uring::types::{OpenFlags, OpenHow, ResolveFlags, ShutdownHow, Timespec};
use bare_uring_ops::{Buffer, File};
use linux_raw_sys::general::{
    O_LARGEFILE, O_NOCTTY, O_NONBLOCK, RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS, S_IFMT, S_IFREG,
};

use crate::Site;
use crate::request::Request;
use crate::response::{self, Status};
use crate::tasks::{Busy, stopping};

/// The most pieces in which the head of a request may come, and the most for its body.
const PIECES: u32 = 64;

/// The most sends that one buffer of an answer may take.
const SENDS: u32 = 64;

/// The most pieces that are received and thrown away from a client that still sends after its last answer.
const LINGER: u32 = 32;

/// How long each of these pieces may take.
const LINGER_TIME: Timespec = Timespec::new(1, 0);

/// The connection is of no more use.
struct Gone;

/// Why no request came.
enum Ended {
    /// The client has left, or is too slow.
    Gone,
    /// The request is answered with this status, and then no more is read.
    Refused(Status),
}

impl From<Gone> for Ended {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// Answers requests until one side has had enough.
pub(crate) async fn serve(site: &Site, socket: &File) {
    // The bytes that came. Behind one request, the next may follow.
    let Some(mut received) = site.slab.buffer() else { return refuse(site, socket).await };
    loop {
        let request;
        (request, received) = match next_request(site, socket, received).await {
            Ok(next) => next,
            Err(Ended::Gone) => return,
            Err(Ended::Refused(status)) => return last_answer(site, socket, status).await,
        };
        let busy = Busy::new();
        let keep = request.keep && !stopping();
        let answered = answer(site, socket, &request, keep).await;
        drop(busy);
        if answered.is_err() {
            return;
        }
        if !keep {
            return linger(site, socket).await;
        }
        received = match discard(site, socket, received, request.body).await {
            Ok(received) => received,
            Err(Gone) => return,
        };
    }
}

/// Tells a client to come later.
pub(crate) async fn refuse(site: &Site, socket: &File) {
    last_answer(site, socket, Status::Unavailable).await;
}

/// Receives until the head of a request is complete, and takes it out of the buffer.
async fn next_request(site: &Site, socket: &File, mut received: Buffer) -> Result<(Request, Buffer), Ended> {
    let mut pieces = 0;
    loop {
        if !received.is_empty()
            && let Some(request) = Request::parse(&received).map_err(Ended::Refused)?
        {
            received.consume(request.head);
            return Ok((request, received));
        }
        received.compact();
        if received.room() == 0 {
            return Err(Ended::Refused(Status::HeadTooLarge));
        }
        if pieces == PIECES {
            return Err(Ended::Gone);
        }
        pieces += 1;
        received = receive(site, socket, received).await?;
    }
}

/// Throws a request's body away.
async fn discard(site: &Site, socket: &File, mut received: Buffer, mut left: u64) -> Result<Buffer, Gone> {
    let mut pieces = 0;
    loop {
        let here = left.min(received.len() as u64);
        // The count is at most the buffer's length, which fits.
        received.consume(here as usize);
        left -= here;
        if left == 0 {
            return Ok(received);
        }
        received.clear();
        if pieces == PIECES {
            return Err(Gone);
        }
        pieces += 1;
        received = receive(site, socket, received).await?;
    }
}

/// Receives the next bytes.
async fn receive(site: &Site, socket: &File, buffer: Buffer) -> Result<Buffer, Gone> {
    match site.slab.receive(socket, buffer).within(site.patience).await {
        (Ok(1..), buffer) => Ok(buffer),
        _ => Err(Gone),
    }
}

/// Sends the bytes in the buffer, and gives the buffer back empty.
async fn send(site: &Site, socket: &File, mut buffer: Buffer) -> Result<Buffer, Gone> {
    for _ in 0..SENDS {
        let sent;
        (sent, buffer) = site.slab.send(socket, buffer).within(site.patience).await;
        match sent {
            Ok(1..) if buffer.is_empty() => {
                buffer.clear();
                return Ok(buffer);
            }
            Ok(1..) => {}
            _ => return Err(Gone),
        }
    }
    Err(Gone)
}

/// Answers one request.
async fn answer(site: &Site, socket: &File, request: &Request, keep: bool) -> Result<(), Gone> {
    let mut buffer = site.slab.buffer().ok_or(Gone)?;
    let (file, size) = match open(site, request).await {
        Ok(opened) => opened,
        Err(status) => {
            response::whole(&mut buffer, status, !request.head_only, keep);
            return send(site, socket, buffer).await.map(drop);
        }
    };
    response::head(&mut buffer, Status::Ok, response::content_type(&request.path), size, keep);
    if request.head_only || size == 0 {
        return send(site, socket, buffer).await.map(drop);
    }
    // The first bytes of the file go into the buffer of the head as well.
    let mut at = 0;
    while at < size {
        let before = buffer.len();
        let read;
        (read, buffer) = site.slab.read(&file, buffer, at).await;
        // If the file has grown meanwhile, the bytes beyond the promised size are not sent.
        let count = read.ok().map_or(0, |count| size.min(at + count as u64) - at);
        if count == 0 {
            // The file has become shorter than was promised. Only the end of the connection can tell that.
            return Err(Gone);
        }
        at += count;
        // The count is at most what was read, which fits.
        buffer.truncate(before + count as usize);
        buffer = send(site, socket, buffer).await?;
    }
    Ok(())
}

/// Opens the file that is asked for, and returns it with its size.
async fn open(site: &Site, request: &Request) -> Result<(File, u64), Status> {
    // O_NONBLOCK, so that opening a pipe does not wait.
    let flags = OpenFlags(O_NONBLOCK | O_NOCTTY | O_LARGEFILE);
    let how = OpenHow::new().flags(flags).resolve(ResolveFlags(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS));
    let file = site.slab.open(Some(&site.root), request.path.as_c_str(), how).await.map_err(|errno| match errno {
        Errno::EACCES | Errno::EPERM => Status::Forbidden,
        Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOBUFS | Errno::EBUSY => Status::Unavailable,
        Errno::EIO => Status::InternalError,
        Errno::ENAMETOOLONG => Status::UriTooLong,
        // ENOENT, ENOTDIR; ELOOP, and EXDEV of a path that leads out.
        _ => Status::NotFound,
    })?;
    let stat = site.slab.stat(&file).await.map_err(|_| Status::InternalError)?;
    if u32::from(stat.stx_mode) & S_IFMT != S_IFREG {
        return Err(Status::NotFound);
    }
    Ok((file, stat.stx_size))
}

/// Sends an answer after which nothing more of the connection is read as a request.
async fn last_answer(site: &Site, socket: &File, status: Status) {
    let busy = Busy::new();
    let Some(mut buffer) = site.slab.buffer() else { return };
    response::whole(&mut buffer, status, true, false);
    let sent = send(site, socket, buffer).await;
    drop(busy);
    if sent.is_ok() {
        linger(site, socket).await;
    }
}

/// Ends a connection so that the client sees the answer. A connection that is closed while bytes of the client are
/// unread is reset, and the answer might be lost on the way.
async fn linger(site: &Site, socket: &File) {
    let Some(mut buffer) = site.slab.buffer() else { return };
    if site.slab.shutdown(socket, ShutdownHow::WRITE).await.is_err() {
        return;
    }
    for _ in 0..LINGER {
        buffer.clear();
        let received;
        (received, buffer) = site.slab.receive(socket, buffer).within(LINGER_TIME).await;
        if !matches!(received, Ok(1..)) {
            return;
        }
    }
}
