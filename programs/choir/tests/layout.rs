//! The accounts' own reading and writing against Borsh's, which the interface is described from.

use anchor_lang::{
    prelude::Pubkey, AccountDeserialize, AccountSerialize, AnchorDeserialize, AnchorSerialize,
    Discriminator,
};
use choir::state::{Config, Message, Position, Spec, Thread, Treasury};
use proptest::prelude::*;
use solana_sha256_hasher::hash;
use std::fmt::Debug;

/// Bytes that Borsh reads as an account, or not: at the places of its enumerations and lengths small
/// numbers are more likely than others.
fn bytes(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(0u8..4, length),
        prop::collection::vec(prop_oneof![9 => 0u8..3, 1 => any::<u8>()], length),
        prop::collection::vec(any::<u8>(), length),
    ]
}

/// Reads and writes the same as Borsh, and refuses the same.
fn agrees<T>(name: &str, data: &[u8]) -> Result<bool, TestCaseError>
where
    T: AccountSerialize
        + AccountDeserialize
        + AnchorSerialize
        + AnchorDeserialize
        + Discriminator
        + Debug,
{
    let kind = &hash(format!("account:{name}").as_bytes()).to_bytes()[..8];
    prop_assert_eq!(T::DISCRIMINATOR, kind);
    let account = [kind, data].concat();
    let own = T::try_deserialize(&mut &account[..]);
    let Ok(borsh) = T::deserialize(&mut &data[..]) else {
        prop_assert!(own.is_err());
        return Ok(false);
    };
    let own = own.expect("Borsh has read it");
    prop_assert_eq!(format!("{own:?}"), format!("{borsh:?}"));

    let mut written = Vec::new();
    own.try_serialize(&mut written).expect("it was read");
    let mut expected = kind.to_vec();
    borsh.serialize(&mut expected).expect("it was read");
    prop_assert_eq!(written, expected);

    prop_assert!(T::try_deserialize(&mut &[&[0; 8], data].concat()[..]).is_err());
    prop_assert!(T::try_deserialize(&mut &kind[..7]).is_err());
    Ok(true)
}

fn thread() -> impl Strategy<Value = Vec<u8>> {
    (
        bytes(Thread::FIXED),
        "[a-zäß🦀]{0,16}",
        prop::collection::vec(any::<[u8; 32]>(), 0..=16),
        prop::collection::vec(any::<u8>(), 0..9),
    )
        .prop_map(|(mut data, id, authors, after)| {
            // status and privacy, of few values each
            data[3] %= 4;
            data[4] %= 5;
            id.serialize(&mut data).unwrap();
            authors.serialize(&mut data).unwrap();
            [data, after].concat()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_thread(data in thread(), cut in any::<prop::sample::Index>()) {
        agrees::<Thread>("Thread", &data)?;
        agrees::<Thread>("Thread", &data[..cut.index(data.len())])?;
    }

    #[test]
    fn a_position(data in bytes(Position::FIXED + 3), cut in any::<prop::sample::Index>()) {
        prop_assert!(agrees::<Position>("Position", &data)?);
        agrees::<Position>("Position", &data[..cut.index(data.len())])?;
    }

    #[test]
    fn a_spec(data in bytes(Spec::FIXED), cut in any::<prop::sample::Index>()) {
        agrees::<Spec>("Spec", &data)?;
        agrees::<Spec>("Spec", &data[..cut.index(data.len())])?;
    }

    #[test]
    fn a_message(data in bytes(Message::FIXED), cut in any::<prop::sample::Index>()) {
        agrees::<Message>("Message", &data)?;
        agrees::<Message>("Message", &data[..cut.index(data.len())])?;
    }

    #[test]
    fn a_config(data in bytes(Config::FIXED), cut in any::<prop::sample::Index>()) {
        prop_assert!(agrees::<Config>("Config", &data)?);
        agrees::<Config>("Config", &data[..cut.index(data.len())])?;
    }

    #[test]
    fn a_treasury(
        data in bytes(Treasury::FIXED),
        signers in prop::collection::vec(any::<[u8; 32]>(), 0..=11),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut data = data;
        signers.serialize(&mut data).unwrap();
        prop_assert!(agrees::<Treasury>("Treasury", &data)?);
        agrees::<Treasury>("Treasury", &data[..cut.index(data.len())])?;
    }
}

#[test]
fn a_length_without_end_is_refused() {
    let mut data = vec![0; Treasury::FIXED];
    u32::MAX.serialize(&mut data).unwrap();
    assert!(!agrees::<Treasury>("Treasury", &data).unwrap());
}

#[test]
fn more_than_there_is_room_for_is_not_written() {
    let mut data = vec![0; Treasury::FIXED];
    vec![Pubkey::default(); 12].serialize(&mut data).unwrap();
    let account = [Treasury::DISCRIMINATOR, &data].concat();
    let treasury = Treasury::try_deserialize(&mut &account[..]).unwrap();
    assert!(treasury.try_serialize(&mut Vec::new()).is_err());
}
