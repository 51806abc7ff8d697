//! Prints the program's IDL as JSON.
//!
//! `choir-idl <program directory>`
//!
//! What Anchor's own builder gives, plus the accounts that no instruction takes by type and that the
//! builder therefore does not see, so that clients can decode them.

use anchor_lang::{Discriminator, IdlBuild};
use anchor_lang_idl::{
    build::IdlBuilder,
    types::{Idl, IdlAccount},
};
use anyhow::{bail, Context, Result};
use std::collections::BTreeMap;

fn add_account<T: IdlBuild + Discriminator>(idl: &mut Idl, name: &str) -> Result<()> {
    if idl.accounts.iter().any(|account| account.name == name) {
        return Ok(());
    }
    let mut types = BTreeMap::new();
    T::insert_types(&mut types);
    let mut own = T::create_type().with_context(|| format!("{name} has no IDL type"))?;
    own.name = name.to_owned();
    types.insert(name.to_owned(), own);
    for definition in types.into_values() {
        if !idl.types.iter().any(|known| known.name == definition.name) {
            idl.types.push(definition);
        }
    }
    idl.accounts.push(IdlAccount {
        name: name.to_owned(),
        discriminator: T::DISCRIMINATOR.to_vec(),
    });
    idl.accounts.sort_by(|a, b| a.name.cmp(&b.name));
    idl.types.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
}

/// Makes the `cargo` the builder calls the very one that runs this tool.
///
/// Left to itself the builder passes `RUSTUP_TOOLCHAIN` to `rustup toolchain install`, which upgrades
/// the machine's toolchain: it must not see that variable.
fn keep_toolchain() -> Result<()> {
    std::env::remove_var("RUSTUP_TOOLCHAIN");
    let cargo = std::env::var_os("CARGO").context("run this tool with `cargo run`")?;
    let own = std::path::PathBuf::from(cargo);
    let own = own.parent().context("CARGO names no directory")?.to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&path)))?;
    std::env::set_var("PATH", path);
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program] = arguments.as_slice() else {
        bail!("usage: choir-idl <program directory>");
    };
    keep_toolchain()?;
    let mut idl = IdlBuilder::new()
        .program_path(std::fs::canonicalize(program)?)
        .cargo_args(vec!["--lib".into()])
        .build()?;
    add_account::<choir::state::Message>(&mut idl, "Message")?;
    add_account::<choir::state::Treasury>(&mut idl, "Treasury")?;
    println!("{}", serde_json::to_string_pretty(&idl)?);
    Ok(())
}
