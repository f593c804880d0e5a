//! Requests, built by setters.

use super::guard::Guarded;
use super::handle::{Handle, change, free};
use super::memory::text;
use super::status::{FfiError, ScripError, Status};
use crate::base::Wall;
use crate::engine::Request;
use crate::money::{Amount, Currency};
use alloc::boxed::Box;
use alloc::string::{String, ToString};
use zeroize::Zeroizing;

/// Field: who submits; request ids are scoped by it. "local" if not set.
pub const SCRIP_FIELD_CALLER: u32 = 1;
/// Field: the caller's id for the request. Needed.
pub const SCRIP_FIELD_REQUEST_ID: u32 = 2;
/// Field: who sells the card. Needed.
pub const SCRIP_FIELD_SELLER: u32 = 3;
/// Field: the product, by its name in the configuration. Needed.
pub const SCRIP_FIELD_PRODUCT: u32 = 4;
/// Field: the card number as typed or scanned; not set where the product has none.
pub const SCRIP_FIELD_CARD_NUMBER: u32 = 5;
/// Field: the card secret or PIN as typed or scanned.
pub const SCRIP_FIELD_CARD_SECRET: u32 = 6;
/// Field: through which channel it came ("app", "shop", "terminal", ...).
pub const SCRIP_FIELD_CHANNEL: u32 = 7;
/// Field: from which device.
pub const SCRIP_FIELD_DEVICE: u32 = 8;
/// Field: from which network address.
pub const SCRIP_FIELD_IP: u32 = 9;
/// Field: the dynamic token that was shown with the card, as typed or scanned; only for products
/// that have tokens. It is judged at the time of scrip_request_set_received_at. Where the card
/// number is not set, it is taken from the token.
pub const SCRIP_FIELD_TOKEN: u32 = 10;

/// A request to buy a card back. It may be submitted several times and used again; its texts are
/// wiped when they are replaced, reset or freed. From one thread at a time, except that
/// scrip_engine_submit only reads it.
pub struct ScripRequest(pub(super) Guarded<Fields>);

#[derive(Default)]
pub(super) struct Fields {
    texts: [Option<Zeroizing<String>>; 10],
    face: Option<Amount>,
    received_at: Option<Wall>,
    place: Option<(i32, i32)>,
    generation: u32,
}

impl Handle for ScripRequest {
    type Inside = Fields;

    const NAME: &'static str = "request";

    fn guarded(&self) -> &Guarded<Fields> {
        &self.0
    }
}

type Setter = fn(Request, &str) -> Request;

impl Fields {
    fn text(&self, field: u32) -> Option<&str> {
        let place = usize::try_from(field).ok()?.checked_sub(1)?;
        self.texts.get(place)?.as_ref().map(|text| text.as_str())
    }

    fn set(&mut self, field: u32, value: &str) -> Result<(), FfiError> {
        let place = usize::try_from(field).unwrap_or(usize::MAX).checked_sub(1);
        let unknown = FfiError::BadEnum { what: "field", value: field };
        let slot = place.and_then(|place| self.texts.get_mut(place)).ok_or(unknown)?;
        *slot = (!value.is_empty()).then(|| Zeroizing::new(value.to_string()));
        Ok(())
    }

    /// The request as it stands; what is missing is told when it is submitted.
    pub(super) fn request(&self) -> Request {
        let text = |field| self.text(field).unwrap_or_default();
        let mut request =
            Request::new(text(SCRIP_FIELD_REQUEST_ID), text(SCRIP_FIELD_SELLER), text(SCRIP_FIELD_PRODUCT))
                .secret(text(SCRIP_FIELD_CARD_SECRET))
                .generation(self.generation);
        let setters: [(u32, Setter); 6] = [
            (SCRIP_FIELD_CALLER, Request::caller),
            (SCRIP_FIELD_CARD_NUMBER, Request::number),
            (SCRIP_FIELD_CHANNEL, Request::channel),
            (SCRIP_FIELD_DEVICE, Request::device),
            (SCRIP_FIELD_IP, Request::ip),
            (SCRIP_FIELD_TOKEN, Request::token),
        ];
        for (field, set) in setters {
            if let Some(value) = self.text(field) {
                request = set(request, value);
            }
        }
        if let Some(face) = self.face {
            request = request.face(face);
        }
        if let Some(at) = self.received_at {
            request = request.received_at(at);
        }
        match self.place {
            Some((latitude, longitude)) => request.place(latitude, longitude),
            None => request,
        }
    }
}

/// An empty request, to be freed with scrip_request_free; NULL only if something went wrong.
#[unsafe(no_mangle)]
pub extern "C" fn scrip_request_new() -> *mut ScripRequest {
    let made = super::guard::catch(|| Box::new(ScripRequest(Guarded::new(Fields::default()))));
    made.map_or(core::ptr::null_mut(), Box::into_raw)
}

/// Frees a request and wipes it; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_request_free(request: *mut ScripRequest) {
    // SAFETY: the pointer is NULL or came from `scrip_request_new` and is not used any more.
    unsafe { free(request, |request| request.0.is_busy()) }
}

/// Sets one of SCRIP_FIELD_* to UTF-8 text; a length of 0 takes it out again. The text is
/// copied. Its contents are checked when the request is submitted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_request_set_text(
    request: *mut ScripRequest,
    field: u32,
    text_utf8: *const u8,
    text_len: usize,
    error: *mut ScripError,
) -> Status {
    // SAFETY: the text is readable for its length.
    let value = || unsafe { text(text_utf8, text_len, "text") };
    // SAFETY: `request` and `error` are as the function is told.
    unsafe { change(request, error, |fields| Ok(fields.set(field, value()?)?)) }
}

/// Sets the declared face value: minor units (fen, cent) and the ISO 4217 numeric currency code.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_request_set_face(
    request: *mut ScripRequest,
    minor: i64,
    currency: u32,
    error: *mut ScripError,
) -> Status {
    let call = |fields: &mut Fields| {
        let known = u16::try_from(currency).ok().and_then(|code| Currency::from_numeric(code).ok());
        let unknown = FfiError::BadEnum { what: "currency (ISO 4217 numeric)", value: currency };
        fields.face = Some(Amount::new(minor, known.ok_or(unknown)?));
        Ok(())
    };
    // SAFETY: `request` and `error` are as the function is told.
    unsafe { change(request, error, call) }
}

/// Sets when the caller received it, in ms since 1970; if not set, the engine's clock says so.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_request_set_received_at(
    request: *mut ScripRequest,
    wall_ms: i64,
    error: *mut ScripError,
) -> Status {
    let call = |fields: &mut Fields| {
        fields.received_at = Some(Wall(wall_ms));
        Ok(())
    };
    // SAFETY: `request` and `error` are as the function is told.
    unsafe { change(request, error, call) }
}

/// Sets the place, in millionths of a degree: latitude to 90,000,000, longitude to 180,000,000,
/// both also below zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_request_set_place(
    request: *mut ScripRequest,
    latitude: i32,
    longitude: i32,
    error: *mut ScripError,
) -> Status {
    let call = |fields: &mut Fields| {
        let on_earth = latitude.unsigned_abs() <= 90_000_000 && longitude.unsigned_abs() <= 180_000_000;
        if !on_earth {
            let expected = "a place on Earth in millionths of a degree";
            return Err(FfiError::BadValue { what: "place", expected }.into());
        }
        fields.place = Some((latitude, longitude));
        Ok(())
    };
    // SAFETY: `request` and `error` are as the function is told.
    unsafe { change(request, error, call) }
}

/// Sets which loading of a reloadable card it is, from 1; 0 for all other cards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_request_set_generation(
    request: *mut ScripRequest,
    generation: u32,
    error: *mut ScripError,
) -> Status {
    let call = |fields: &mut Fields| {
        fields.generation = generation;
        Ok(())
    };
    // SAFETY: `request` and `error` are as the function is told.
    unsafe { change(request, error, call) }
}

/// Empties a request and wipes what it held.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scrip_request_reset(request: *mut ScripRequest, error: *mut ScripError) -> Status {
    let call = |fields: &mut Fields| {
        *fields = Fields::default();
        Ok(())
    };
    // SAFETY: `request` and `error` are as the function is told.
    unsafe { change(request, error, call) }
}
