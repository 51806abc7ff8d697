//! Reading and writing the accounts that every instruction touches.
//!
//! The bytes are Borsh's, which the types derive as well: the interface is described from that, and the
//! tests hold the two against each other. But Borsh asks of every field whether there are bytes left, and
//! carries an error that nobody reads; that came to half of what a decision cost. Here an account's
//! length is asked once. All fields of fixed size come first, at places the compiler knows; what varies
//! in length comes last.

use anchor_lang::prelude::*;
use std::mem::take;

/// A field of an account.
pub trait Field: Sized {
    /// Takes it from the front of the bytes of fixed size, or of the rest. `None` when the bytes are
    /// none of its values.
    fn read(fixed: &mut &[u8], rest: &mut &[u8]) -> Option<Self>;

    /// Puts it to the front of the bytes left, the fixed ones or the rest. `None` when they do not
    /// suffice.
    fn write(&self, fixed: &mut &mut [u8], rest: &mut &mut [u8]) -> Option<()>;
}

#[inline(always)]
fn read_bytes<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, left) = from.split_first_chunk::<N>()?;
    *from = left;
    Some(*bytes)
}

#[inline(always)]
fn write_bytes(to: &mut &mut [u8], bytes: &[u8]) -> Option<()> {
    let (place, left) = take(to).split_at_mut_checked(bytes.len())?;
    place.copy_from_slice(bytes);
    *to = left;
    Some(())
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Field for $integer {
            #[inline(always)]
            fn read(fixed: &mut &[u8], _: &mut &[u8]) -> Option<Self> {
                read_bytes(fixed).map(<$integer>::from_le_bytes)
            }

            #[inline(always)]
            fn write(&self, fixed: &mut &mut [u8], _: &mut &mut [u8]) -> Option<()> {
                write_bytes(fixed, &self.to_le_bytes())
            }
        }
    )*};
}
integers!(u8, u16, u32, u64, i64);

impl<const N: usize> Field for [u8; N] {
    #[inline(always)]
    fn read(fixed: &mut &[u8], _: &mut &[u8]) -> Option<Self> {
        read_bytes(fixed)
    }

    #[inline(always)]
    fn write(&self, fixed: &mut &mut [u8], _: &mut &mut [u8]) -> Option<()> {
        write_bytes(fixed, self)
    }
}

impl<const N: usize> Field for [i64; N] {
    #[inline(always)]
    fn read(fixed: &mut &[u8], rest: &mut &[u8]) -> Option<Self> {
        let mut values = [0; N];
        for value in &mut values {
            *value = i64::read(fixed, rest)?;
        }
        Some(values)
    }

    #[inline(always)]
    fn write(&self, fixed: &mut &mut [u8], rest: &mut &mut [u8]) -> Option<()> {
        self.iter().try_for_each(|value| value.write(fixed, rest))
    }
}

impl Field for Pubkey {
    #[inline(always)]
    fn read(fixed: &mut &[u8], _: &mut &[u8]) -> Option<Self> {
        read_bytes(fixed).map(Self::new_from_array)
    }

    #[inline(always)]
    fn write(&self, fixed: &mut &mut [u8], _: &mut &mut [u8]) -> Option<()> {
        write_bytes(fixed, self.as_array())
    }
}

#[inline(always)]
fn read_length(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(read_bytes(rest)?)).ok()
}

#[inline(always)]
fn write_length(rest: &mut &mut [u8], length: usize) -> Option<()> {
    write_bytes(rest, &u32::try_from(length).ok()?.to_le_bytes())
}

impl Field for String {
    fn read(_: &mut &[u8], rest: &mut &[u8]) -> Option<Self> {
        let (bytes, left) = {
            let length = read_length(rest)?;
            rest.split_at_checked(length)?
        };
        *rest = left;
        Self::from_utf8(bytes.to_vec()).ok()
    }

    fn write(&self, _: &mut &mut [u8], rest: &mut &mut [u8]) -> Option<()> {
        write_length(rest, self.len())?;
        write_bytes(rest, self.as_bytes())
    }
}

impl Field for Vec<Pubkey> {
    fn read(_: &mut &[u8], rest: &mut &[u8]) -> Option<Self> {
        let (bytes, left) = {
            let length = read_length(rest)?;
            rest.split_at_checked(length.checked_mul(size_of::<Pubkey>())?)?
        };
        *rest = left;
        let (keys, _) = bytes.as_chunks();
        // SAFETY: an address is transparent over its 32 bytes, any of which make one.
        let keys = unsafe { &*(std::ptr::from_ref::<[[u8; 32]]>(keys) as *const [Pubkey]) };
        Some(keys.to_vec())
    }

    fn write(&self, _: &mut &mut [u8], rest: &mut &mut [u8]) -> Option<()> {
        write_length(rest, self.len())?;
        // SAFETY: an address is transparent over its 32 bytes.
        let keys = unsafe { &*(std::ptr::from_ref::<[Pubkey]>(self) as *const [[u8; 32]]) };
        write_bytes(rest, keys.as_flattened())
    }
}

/// Makes [`Field`]s of enumerations whose values carry nothing: a byte each.
macro_rules! enumerations {
    ($($name:ty),*) => {$(
        impl $crate::layout::Field for $name {
            #[inline(always)]
            fn read(fixed: &mut &[u8], rest: &mut &[u8]) -> Option<Self> {
                let byte = u8::read(fixed, rest)?;
                <Self as AnchorDeserialize>::try_from_slice(&[byte]).ok()
            }

            #[inline(always)]
            fn write(&self, fixed: &mut &mut [u8], rest: &mut &mut [u8]) -> Option<()> {
                (*self as u8).write(fixed, rest)
            }
        }
    )*};
}

/// Makes a [`Field`] of a struct of them, named in order.
macro_rules! record {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::layout::Field for $name {
            #[inline(always)]
            fn read(fixed: &mut &[u8], rest: &mut &[u8]) -> Option<Self> {
                // evaluated as written
                Some(Self { $($field: $crate::layout::Field::read(fixed, rest)?),* })
            }

            #[inline(always)]
            fn write(&self, fixed: &mut &mut [u8], rest: &mut &mut [u8]) -> Option<()> {
                $($crate::layout::Field::write(&self.$field, fixed, rest)?;)*
                Some(())
            }
        }
    };
}

/// Makes an account of a struct, as `#[account]` does, but read and written as above. Takes its
/// discriminator, the first bytes of sha256(`account:` ‖ name), the most its parts of varying length
/// take, in bytes, and its fields in order.
macro_rules! account {
    ($name:ident = $discriminator:expr, varying $varying:expr, { $($field:ident),* $(,)? }) => {
        $crate::layout::record!($name { $($field),* });

        impl anchor_lang::Discriminator for $name {
            const DISCRIMINATOR: &'static [u8] = &$discriminator;
        }

        impl anchor_lang::Owner for $name {
            fn owner() -> Pubkey {
                $crate::ID
            }
        }

        impl anchor_lang::AccountDeserialize for $name {
            #[inline(always)]
            fn try_deserialize(data: &mut &[u8]) -> Result<Self> {
                const KIND: [u8; 8] = $discriminator;
                match data.first_chunk() {
                    Some(&KIND) => Self::try_deserialize_unchecked(data),
                    Some(_) => Err(ErrorCode::AccountDiscriminatorMismatch.into()),
                    None => Err(ErrorCode::AccountDiscriminatorNotFound.into()),
                }
            }

            #[inline(always)]
            fn try_deserialize_unchecked(data: &mut &[u8]) -> Result<Self> {
                let read = || {
                    let (fixed, mut rest) = data.get(8..)?.split_first_chunk::<{ $name::FIXED }>()?;
                    $crate::layout::Field::read(&mut &fixed[..], &mut rest)
                };
                read().ok_or_else(|| ErrorCode::AccountDidNotDeserialize.into())
            }
        }

        impl $name {
            /// Bytes of the fields of fixed size.
            pub const FIXED: usize = $name::INIT_SPACE - $varying;

            /// Writes it, its discriminator first; returns how many bytes that takes.
            #[inline(never)]
            fn encode(&self, bytes: &mut [u8; 8 + $name::INIT_SPACE]) -> Option<usize> {
                let (kind, fields) = bytes.split_at_mut(8);
                kind.copy_from_slice(&$discriminator);
                let (mut fixed, mut rest) = fields.split_at_mut($name::FIXED);
                $crate::layout::Field::write(self, &mut fixed, &mut rest)?;
                (8 + $name::INIT_SPACE).checked_sub(rest.len())
            }
        }

        impl anchor_lang::AccountSerialize for $name {
            fn try_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<()> {
                let mut bytes = [0; 8 + $name::INIT_SPACE];
                self.encode(&mut bytes)
                    .and_then(|length| writer.write_all(bytes.get(..length)?).ok())
                    .ok_or_else(|| ErrorCode::AccountDidNotSerialize.into())
            }
        }
    };
}

pub(crate) use {account, enumerations, record};
