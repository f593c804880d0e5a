//! EMVCo QR codes: merchant-presented (the payer scans the till) and consumer-presented (the
//! till scans the payer).

mod consumer;
mod merchant;
mod merchant_write;
mod tlv;

pub use consumer::{ConsumerQr, ConsumerQrError, ConsumerQrWriter};
pub use merchant::{MerchantFault, MerchantQr, MerchantQrError, Object, Objects};
pub use merchant_write::{MerchantQrWriter, Template};
pub use tlv::{Tag, Tlv, TlvWriter, Tlvs};
