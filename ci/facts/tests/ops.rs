//! The names and releases of the requests that the safe operations name, compared with the table.

mod source;

use bare_uring_ops::Request;
use facts::{Kind, Version};
use source::{none, row};

#[test]
fn what_is_missing_is_named_with_the_release_of_the_table() {
    let mut faults = Vec::new();
    for request in Request::ALL {
        let (major, minor) = request.since();
        let stated: Version = (major.into(), minor.into());
        match row(request.name(), Some(Kind::Opcode)).map(|fact| fact.since) {
            Some(since) if since == stated => {}
            since => faults.push(format!("{}: since {stated:?}, the table has {since:?}", request.name())),
        }
    }
    none(&faults);
    assert!(Request::ALL.len() >= 20, "{}", Request::ALL.len());
}
