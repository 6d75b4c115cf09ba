//! The payloads of errors as their macros print them, for the tests that read the source.

use std::collections::BTreeMap;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::{File, Item};

/// A file with the payloads that its `failure!` stands for written out.
pub(crate) fn expanded(source: &str) -> File {
    let mut file = syn::parse_file(source).expect("Rust");
    let mut facts = BTreeMap::new();
    let mut printed = Vec::new();
    for item in &file.items {
        let Item::Macro(it) = item else { continue };
        if it.ident.as_ref().is_some_and(|name| name == "fact") {
            facts = arms(it.mac.tokens.clone());
        } else if it.mac.path.is_ident("failure") {
            printed.push(payload(it.mac.tokens.clone(), &facts));
        }
    }
    let written = syn::parse2::<File>(quote!(#(#printed)*)).expect("payloads");
    file.items.extend(written.items);
    file
}

/// The accessor that each pattern of `fact!` stands for.
fn arms(tokens: TokenStream) -> BTreeMap<String, TokenStream> {
    let mut pattern = None;
    let mut found = BTreeMap::new();
    for token in tokens {
        let TokenTree::Group(group) = token else {
            continue;
        };
        match (group.delimiter(), pattern.take()) {
            (Delimiter::Brace, Some(of)) => drop(found.insert(of, group.stream())),
            _ => pattern = Some(group.stream().to_string()),
        }
    }
    found
}

/// The struct of one `failure!`, with its accessors.
fn payload(tokens: TokenStream, facts: &BTreeMap<String, TokenStream>) -> TokenStream {
    let mut name = format_ident!("none");
    let mut accessors = TokenStream::new();
    for token in tokens {
        match token {
            TokenTree::Ident(it) => name = it,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let named = group.stream().to_string();
                let named = named.split(',').map(str::trim).filter(|it| !it.is_empty());
                accessors.extend(named.map(|it| facts[it].clone()));
            }
            _ => {} // its documentation
        }
    }
    quote!(pub struct #name; impl #name { #accessors })
}
