//! The C ABI: handles, statuses and the poll loop. `include/scrip.h` is generated from here.
//!
//! What every function keeps:
//! - every pointer is checked for NULL, every length and enum for its range, before anything
//!   happens; what fails has changed nothing and has consumed nothing;
//! - a handle that is used from two threads at once answers [`status::SCRIP_BUSY`];
//! - a panic is caught at the entry and poisons the handle. Without `std` nothing can be caught
//!   and the firmware aborts;
//! - structs carry their size, are written up to the smaller of both sizes, and need no alignment.
//!
//! Left to the caller, because no check can see it: a pointer that is not NULL points to what it
//! says, for as long as the call runs (and a handle is not used after it was freed). That is the
//! safety condition of every `unsafe extern` function here.

#![allow(unsafe_code, reason = "the boundary to C: raw pointers come in, exported names go out")]
#![allow(clippy::missing_safety_doc, reason = "the safety condition is the same for all: see above")]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

// In the header's order.
pub mod status;
pub mod state;
pub mod request;
pub mod output;
pub mod engine;
pub mod view;
pub mod claim;
pub mod candidate;
pub mod scan;
pub mod vault;
pub mod token;

mod decisions;
mod guard;
mod handle;
mod memory;
mod opening;
mod running;
mod shelf;

#[cfg(test)]
mod tests;

/// Version of this header and of the library's functions. It grows with every addition; a
/// library is fit for every header whose version is not above its own.
pub const SCRIP_ABI_VERSION: u32 = 2;

/// The ABI version of the library that is linked: compare it with SCRIP_ABI_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn scrip_abi_version() -> u32 {
    SCRIP_ABI_VERSION
}
