//! What the features bring, and that they bring only conversions.

#[cfg(feature = "std")]
#[test]
fn an_errno_is_an_io_error_of_the_same_number() {
    let error = std::io::Error::from(bare_uring::Errno::ENOENT);
    assert_eq!((error.raw_os_error(), error.kind()), (Some(2), std::io::ErrorKind::NotFound));
}

#[cfg(feature = "std")]
#[test]
fn owned_and_borrowed_descriptors_are_fds() {
    use bare_uring::types::Fd;
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};

    let file = OwnedFd::from(std::fs::File::open("Cargo.toml").unwrap());
    assert_eq!(Fd::from(&file), Fd(file.as_raw_fd()));
    assert_eq!(Fd::from(file.as_fd()), Fd(file.as_raw_fd()));
}

#[test]
fn errors_display_their_names() {
    use bare_uring::Errno;

    assert_eq!(Errno::EAGAIN.to_string(), "EAGAIN");
    assert_eq!(Errno::from_raw(4000).unwrap().to_string(), "errno 4000");
}
