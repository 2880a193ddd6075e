//! The request of a client.
#![forbid(unsafe_code)]

use core::ffi::CStr;

use crate::response::Status;

/// The most header lines of a request.
const HEADERS: usize = 64;

/// The longest path, with the zero at its end.
const PATH: usize = 1024;

/// The longest body that is read. A body is thrown away, because no request here uses one.
const BODY: u64 = 65_536;

/// The name that is appended to a path that ends with a slash.
const INDEX: &[u8] = b"index.html";

/// A request whose head is complete.
pub(crate) struct Request {
    /// The number of bytes of its head.
    pub(crate) head: usize,
    /// The number of bytes of its body, which follows the head.
    pub(crate) body: u64,
    /// The answer is sent without its body.
    pub(crate) head_only: bool,
    /// Whether the client lets the connection stay open.
    pub(crate) keep: bool,
    pub(crate) path: Path,
}

/// A path seen from the directory, decoded.
///
/// # Invariants
///
/// The bytes before `len`, which is less than their number, are not zero, all others are.
pub(crate) struct Path {
    bytes: [u8; PATH],
    len: usize,
}

impl Request {
    /// Reads the request that starts here. `None`: its head is not complete yet.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>, Status> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let head = match request.parse(bytes) {
            Ok(httparse::Status::Complete(head)) => head,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(Status::HeadTooLarge),
            Err(httparse::Error::Version) => return Err(Status::VersionNotSupported),
            Err(_) => return Err(Status::BadRequest),
        };
        let newer = request.version == Some(1);
        let fields = Fields::read(request.headers, newer)?;
        let head_only = match request.method {
            Some("GET") => false,
            Some("HEAD") => true,
            _ => return Err(Status::MethodNotAllowed),
        };
        if fields.body > BODY {
            return Err(Status::ContentTooLarge);
        }
        let path = Path::of(request.path.unwrap_or_default())?;
        Ok(Some(Self { head, body: fields.body, head_only, keep: fields.keep, path }))
    }
}

/// What the header lines say, as far as this server uses it.
struct Fields {
    body: u64,
    keep: bool,
}

impl Fields {
    /// Reads the header lines. A message whose length can be read in two ways is refused, because a proxy in front of
    /// the server may read it in the other way.
    fn read(headers: &[httparse::Header<'_>], newer: bool) -> Result<Self, Status> {
        let (mut body, mut host, mut coded) = (None, 0, false);
        let (mut close, mut stay) = (false, false);
        for header in headers {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("content-length") {
                let length = decimal(header.value).ok_or(Status::BadRequest)?;
                if body.is_some_and(|known| known != length) {
                    return Err(Status::BadRequest);
                }
                body = Some(length);
            } else if is("transfer-encoding") {
                coded = true;
            } else if is("host") {
                host += 1;
            } else if is("connection") {
                for token in header.value.split(|&byte| byte == b',') {
                    let token = token.trim_ascii();
                    close |= token.eq_ignore_ascii_case(b"close");
                    stay |= token.eq_ignore_ascii_case(b"keep-alive");
                }
            }
        }
        if host > 1 || (newer && host == 0) || (coded && (body.is_some() || !newer)) {
            return Err(Status::BadRequest);
        }
        if coded {
            return Err(Status::NotImplemented);
        }
        Ok(Self { body: body.unwrap_or(0), keep: !close && (newer || stay) })
    }
}

/// Reads a decimal number that has digits only.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, &digit| {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit <= 9)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

impl Path {
    /// Takes the path out of a request's target: without scheme and host, without query, decoded, and seen from the
    /// directory.
    fn of(target: &str) -> Result<Self, Status> {
        let target = target.as_bytes();
        let target = match target.strip_prefix(b"http://") {
            // Clients send this form to proxies, and some to every server.
            Some(rest) => rest.iter().position(|&byte| byte == b'/').map_or(&b"/"[..], |slash| &rest[slash..]),
            None => target,
        };
        if target.first() != Some(&b'/') {
            return Err(Status::BadRequest);
        }
        let mut path = Self { bytes: [0; PATH], len: 0 };
        let mut rest = target.iter().take_while(|&&byte| byte != b'?' && byte != b'#');
        while let Some(&byte) = rest.next() {
            let byte = match byte {
                b'%' => hex(rest.next())? << 4 | hex(rest.next())?,
                byte => byte,
            };
            path.push(byte)?;
        }
        if path.as_bytes().last().is_none_or(|&byte| byte == b'/') {
            INDEX.iter().try_for_each(|&byte| path.push(byte))?;
        }
        // The kernel refuses a path that leads out of the directory. This also refuses one that only looks like it,
        // because no proper client sends such a path.
        if path.as_bytes().split(|&byte| byte == b'/').any(|name| name == b"..") {
            return Err(Status::BadRequest);
        }
        Ok(path)
    }

    fn push(&mut self, byte: u8) -> Result<(), Status> {
        if byte == 0 {
            return Err(Status::BadRequest);
        }
        if byte == b'/' && self.len == 0 {
            // Seen from the directory, a path has no slash at its start.
            return Ok(());
        }
        match self.bytes.get_mut(self.len) {
            Some(place) if self.len + 1 < PATH => *place = byte,
            _ => return Err(Status::UriTooLong),
        }
        self.len += 1;
        Ok(())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Returns the path as the kernel takes it.
    pub(crate) fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

/// Returns the value of a hexadecimal digit.
fn hex(digit: Option<&u8>) -> Result<u8, Status> {
    let value = digit.and_then(|&digit| char::from(digit).to_digit(16)).ok_or(Status::BadRequest)?;
    // The value is below 16, which fits.
    Ok(value as u8)
}
