//! Decompression of WAL and base backups, piece by piece, which tells what kind of damage there is.
//!
//! [`decode()`] reads an object of any size in bounded memory. The one idea: whether an object is cut,
//! damaged, or could not be read is decided by how its bytes ended, and not by the errors of the
//! codecs, which mix them up. What must never break: a failure of the reader, and a stream that
//! demands much memory, are no faults of the object.
//!
//! A fault does not say yet what a restore does with it: [`reaction`] does, as far as that can be
//! known, because Barman passes over some of them.

mod content;
mod decode;
mod fault;
mod input;
mod restore;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use content::ends_in_framing;
pub use content::{Content, magic};
pub use decode::{DecodeLimits, Decoded, LaterStreams, decode};
pub use fault::{CodecFault, DecodeError, TrailingBytes};
pub use restore::{Reaction, RestoreKind, reaction, reaction_to_several_streams};
