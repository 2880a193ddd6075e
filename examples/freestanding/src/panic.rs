//! Panic handlers. A release build links only if no panic is reachable.
//!
//! In a release build the handler calls a function that does not exist. If the optimiser has removed every panic of the
//! library and of the program, nothing calls the handler, and the linker drops it together with that call. If a panic
//! is left, the link fails with
//!
//! ```text
//! undefined reference to `bare_uring_panic_is_reachable'
//! ```
//!
//! A debug build checks overflows and keeps every bounds check, so its handler prints the location and ends the
//! program. The feature `report-panics` selects this handler for a release build of a program that may panic.

use core::panic::PanicInfo;

#[cfg(not(any(debug_assertions, feature = "report-panics")))]
unsafe extern "C" {
    fn bare_uring_panic_is_reachable() -> !;
}

#[cfg(not(any(debug_assertions, feature = "report-panics")))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: the function is defined nowhere, so no program that contains this call can be linked.
    unsafe { bare_uring_panic_is_reachable() }
}

#[cfg(any(debug_assertions, feature = "report-panics"))]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let (file, line) = info.location().map_or(("?", 0), |place| (place.file(), place.line()));
    crate::print::Line::new().text("panic at ").text(file).text(":").number(u64::from(line)).text("\n").to_stderr();
    crate::sys::exit(101)
}

/// Satisfies the precompiled `core`, which refers to this function for unwinding. Nothing here unwinds.
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() {}

/// Satisfies the unwind tables of 32-bit ARM, in which each function refers to this function or the next one.
#[unsafe(no_mangle)]
pub extern "C" fn __aeabi_unwind_cpp_pr0() {}

/// Satisfies the unwind tables of 32-bit ARM, as `__aeabi_unwind_cpp_pr0` does.
#[unsafe(no_mangle)]
pub extern "C" fn __aeabi_unwind_cpp_pr1() {}
