//! The answer to a client.
#![forbid(unsafe_code)]

use bare_uring_ops::Buffer;

use crate::request::Path;

/// The statuses that an answer can have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Ok,
    BadRequest,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    ContentTooLarge,
    UriTooLong,
    HeadTooLarge,
    InternalError,
    NotImplemented,
    Unavailable,
    VersionNotSupported,
}

impl Status {
    /// Returns the number and the phrase.
    const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::BadRequest => "400 Bad Request",
            Self::Forbidden => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::MethodNotAllowed => "405 Method Not Allowed",
            Self::ContentTooLarge => "413 Content Too Large",
            Self::UriTooLong => "414 URI Too Long",
            Self::HeadTooLarge => "431 Request Header Fields Too Large",
            Self::InternalError => "500 Internal Server Error",
            Self::NotImplemented => "501 Not Implemented",
            Self::Unavailable => "503 Service Unavailable",
            Self::VersionNotSupported => "505 HTTP Version Not Supported",
        }
    }

    /// Returns further header lines that belong to the status.
    const fn lines(self) -> &'static str {
        match self {
            Self::MethodNotAllowed => "Allow: GET, HEAD\r\n",
            Self::Unavailable => "Retry-After: 1\r\n",
            _ => "",
        }
    }
}

/// Types by the ends of names.
const TYPES: &[(&[u8], &str)] = &[
    (b".html", "text/html; charset=utf-8"),
    (b".css", "text/css; charset=utf-8"),
    (b".js", "text/javascript; charset=utf-8"),
    (b".txt", "text/plain; charset=utf-8"),
    (b".json", "application/json"),
    (b".svg", "image/svg+xml"),
    (b".png", "image/png"),
    (b".jpg", "image/jpeg"),
    (b".wasm", "application/wasm"),
];

/// Returns the type of the file at a path.
pub(crate) fn content_type(path: &Path) -> &'static str {
    TYPES.iter().find(|(end, _)| path.as_bytes().ends_with(end)).map_or("application/octet-stream", |(_, name)| name)
}

/// Writes the head of an answer into an empty buffer, which has room for any.
pub(crate) fn head(buffer: &mut Buffer, status: Status, content_type: &str, length: u64, keep: bool) {
    let mut digits = [0; 20];
    let keep = if keep { "keep-alive" } else { "close" };
    for piece in [
        "HTTP/1.1 ",
        status.line(),
        "\r\nServer: bare-uring\r\n",
        status.lines(),
        "Content-Type: ",
        content_type,
        "\r\nContent-Length: ",
        decimal(&mut digits, length),
        "\r\nConnection: ",
        keep,
        "\r\n\r\n",
    ] {
        // There is room: a head is much shorter than a buffer.
        let _ = buffer.extend(piece.as_bytes());
    }
}

/// Writes an answer whose body is the text of its status.
pub(crate) fn whole(buffer: &mut Buffer, status: Status, with_body: bool, keep: bool) {
    let body = status.line();
    // One more byte for the end of the line.
    head(buffer, status, "text/plain; charset=utf-8", body.len() as u64 + 1, keep);
    if with_body {
        let _ = buffer.extend(body.as_bytes());
        let _ = buffer.extend(b"\n");
    }
}

/// Writes a number in decimal, for which there is always room.
fn decimal(digits: &mut [u8; 20], mut number: u64) -> &str {
    let mut start = digits.len();
    for place in digits.iter_mut().rev() {
        // The value is a single digit, which fits.
        *place = b'0' + (number % 10) as u8;
        start -= 1;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    digits.get(start..).and_then(|digits| core::str::from_utf8(digits).ok()).unwrap_or_default()
}
