//! Names of states.

use crate::flow::State;
use core::ffi::c_char;

const ROWS: usize = State::ALL.len();
const WIDTH: usize = 24;

/// The names with a NUL behind each, by number.
static NAMES: [[u8; WIDTH]; ROWS] = names();

#[allow(clippy::indexing_slicing, reason = "runs while compiling, where a wrong index is an error")]
const fn names() -> [[u8; WIDTH]; ROWS] {
    let mut rows = [[0; WIDTH]; ROWS];
    let mut row = 0;
    while row < ROWS {
        let state = State::ALL[row];
        let name = state.name().as_bytes();
        assert!(state.number() as usize == row && name.len() < WIDTH, "states are numbered from 0");
        let mut at = 0;
        while at < name.len() {
            rows[row][at] = name[at];
            at += 1;
        }
        row += 1;
    }
    rows
}

/// The name of a state in snake case, such as "retired"; NULL for a number that is none. It is
/// static: never free it.
#[unsafe(no_mangle)]
pub extern "C" fn scrip_state_name(state: u32) -> *const c_char {
    let row = usize::try_from(state).ok().and_then(|state| NAMES.get(state));
    row.map_or(core::ptr::null(), |row| row.as_ptr().cast())
}

/// Whether a redemption in this state has ended: 1 or 0. Late answers may move it on all the
/// same.
#[unsafe(no_mangle)]
pub extern "C" fn scrip_state_is_end(state: u32) -> u32 {
    let state = u8::try_from(state).ok().and_then(State::from_number);
    u32::from(state.is_some_and(State::is_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_its_name() {
        for state in State::ALL {
            let name = scrip_state_name(u32::from(state.number()));
            // SAFETY: the row ends with a NUL, as the assertion in `names` says.
            let name = unsafe { core::ffi::CStr::from_ptr(name) };
            assert_eq!(name.to_str(), Ok(state.name()));
            assert_eq!(scrip_state_is_end(u32::from(state.number())), u32::from(state.is_end()));
        }
        for none in [State::ALL.len() as u32, u32::MAX] {
            assert!(scrip_state_name(none).is_null());
            assert_eq!(scrip_state_is_end(none), 0);
        }
    }
}
