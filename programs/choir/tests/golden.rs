//! The program's formulas against the golden vectors the Python library's are run against too.

// An overflow in a test is a failed test.
#![allow(clippy::arithmetic_side_effects)]

use choir::{
    math::{self, Rounding},
    state::PrivacyLevel,
};
use serde::Deserialize;
use serde_json::{json, Value};

#[derive(Deserialize)]
struct Vector {
    function: String,
    arguments: Vec<u64>,
    result: Value,
}

#[derive(Deserialize)]
struct Chain {
    thread_id: String,
    thread_id_hash: String,
    genesis: String,
    messages: Vec<ChainMessage>,
}

#[derive(Deserialize)]
struct ChainMessage {
    author: String,
    content_hash: String,
    head: String,
}

fn read(name: &str) -> String {
    let path = format!(
        "{}/../../tests/program/golden/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn small<T: TryFrom<u64>>(number: u64) -> T
where
    T::Error: std::fmt::Debug,
{
    T::try_from(number).unwrap()
}

fn level(number: u64) -> PrivacyLevel {
    use PrivacyLevel::*;
    [Public, Premium, ThreadOnly, Encrypted][small::<usize>(number)]
}

fn evaluate(vector: &Vector) -> Value {
    let a = &vector.arguments;
    match vector.function.as_str() {
        "mul_div_down" => json!(math::mul_div(a[0], a[1], a[2], Rounding::Down)),
        "mul_div_up" => json!(math::mul_div(a[0], a[1], a[2], Rounding::Up)),
        "shares_for_deposit" => json!(math::shares_for_deposit(a[0], a[1], a[2])),
        "shares_for_divest" => json!(math::shares_for_divest(a[0], a[1], a[2])),
        "value_of_shares" => json!(math::value_of_shares(a[0], a[1], a[2])),
        "settle" => json!(math::settle(a[0], small(a[1]), small(a[2])).map(|s| [
            s.per_approver,
            s.to_approvers,
            s.to_thread,
            s.to_treasury
        ])),
        "deposit_is_too_coarse" => json!(math::deposit_is_too_coarse(a[0], a[1], a[2])),
        "rebased_shares" => json!(math::rebased_shares(a[0], a[1])),
        "stricter_privacy" => json!(level(a[0]).stricter(level(a[1])) as u64),
        "count_message" => json!(math::count_message(
            small(a[0]),
            small(a[1]),
            small(a[2]),
            small(a[3]),
            small(a[4])
        )),
        other => panic!("no formula {other}"),
    }
}

#[test]
fn formulas_give_the_golden_results() {
    for name in ["money", "privacy", "rate"] {
        let vectors: Vec<Vector> = serde_json::from_str(&read(name)).unwrap();
        assert!(vectors.len() >= 16);
        for vector in &vectors {
            let found = evaluate(vector);
            assert_eq!(
                found, vector.result,
                "{} {:?}",
                vector.function, vector.arguments
            );
        }
    }
}

fn hex(text: &str) -> [u8; 32] {
    let bytes: Vec<u8> = (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect();
    bytes.try_into().unwrap()
}

#[test]
fn chains_give_the_golden_heads() {
    let chains: Vec<Chain> = serde_json::from_str(&read("chain")).unwrap();
    assert_eq!(chains.len(), 4);
    for chain in chains {
        let id_hash = math::thread_id_hash(&chain.thread_id);
        assert_eq!(id_hash, hex(&chain.thread_id_hash));
        let mut head = math::genesis_head(&id_hash);
        assert_eq!(head, hex(&chain.genesis));
        for (index, message) in (0u64..).zip(&chain.messages) {
            let (author, content) = (hex(&message.author), hex(&message.content_hash));
            head = math::next_head(&head, index, &author, &content);
            assert_eq!(head, hex(&message.head));
        }
    }
}
