//! No panic is left in these programs, and the linker sees to it.
//!
//! In a release build the handler calls a function that does not exist. If the optimiser could show for every panic of
//! the library and of the program that it can't happen, then nothing calls the handler, the linker drops it, and with
//! it the call. If one is left, the link ends with
//!
//! ```text
//! undefined reference to `bare_uring_panic_is_reachable'
//! ```
//!
//! A debug build checks overflows and keeps every bound check, so that there the handler says so and ends the program. The
//! feature `report-panics` does the same for a release build of a program whose work is to find faults.

use core::panic::PanicInfo;

#[cfg(not(any(debug_assertions, feature = "report-panics")))]
unsafe extern "C" {
    fn bare_uring_panic_is_reachable() -> !;
}

#[cfg(not(any(debug_assertions, feature = "report-panics")))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: it exists nowhere, so that no program that contains this call comes into being.
    unsafe { bare_uring_panic_is_reachable() }
}

#[cfg(any(debug_assertions, feature = "report-panics"))]
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let (file, line) = info.location().map_or(("?", 0), |place| (place.file(), place.line()));
    crate::print::Line::new().text("panic at ").text(file).text(":").number(u64::from(line)).text("\n").to_stderr();
    crate::sys::exit(101)
}

/// What unwinding would ask how to go on. The precompiled `core` names it, though nothing here unwinds.
#[unsafe(no_mangle)]
pub extern "C" fn rust_eh_personality() {}

/// The same for 32-bit ARM, whose every function names one of two such.
#[unsafe(no_mangle)]
pub extern "C" fn __aeabi_unwind_cpp_pr0() {}

/// See above.
#[unsafe(no_mangle)]
pub extern "C" fn __aeabi_unwind_cpp_pr1() {}
