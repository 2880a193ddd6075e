//! What the features bring, and that they bring only conversions.

#[cfg(feature = "std")]
#[test]
fn an_errno_is_an_io_error_of_the_same_number() {
    let error = std::io::Error::from(bare_uring::Errno::ENOENT);
    assert_eq!((error.raw_os_error(), error.kind()), (Some(2), std::io::ErrorKind::NotFound));
}

#[cfg(feature = "std")]
#[test]
fn a_refused_set_up_is_an_io_error_of_the_kernels_number_or_with_the_reason_in_it() {
    use bare_uring::{Call, Errno, IoUring, SetupError};
    use std::io::{Error, ErrorKind};

    let refused = Error::from(SetupError::Kernel(Call::Setup, Errno::EPERM));
    assert_eq!((refused.raw_os_error(), refused.kind()), (Some(1), ErrorKind::PermissionDenied));

    let unasked = Error::from(IoUring::new(0).unwrap_err());
    assert_eq!((unasked.raw_os_error(), unasked.kind()), (None, ErrorKind::InvalidInput));
    let reason = unasked.get_ref().and_then(|error| error.downcast_ref::<SetupError>());
    assert_eq!(reason, Some(&SetupError::NoEntries));
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
