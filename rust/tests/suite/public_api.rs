//! The public surface of the crate, item by item, against the listing that a reviewer reads.
//!
//! `UPDATE_PUBLIC_API=1 cargo test public_api` writes the listing anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens as _;
use syn::{Attribute, ImplItem, Item, TraitItem, UseTree, Visibility};

use crate::failures::expanded;

/// What one name shows, line by line.
type Shown = BTreeSet<String>;

/// All that the files of the crate define in public, by name, and the names of each file.
#[derive(Default)]
struct Crate {
    names: BTreeMap<String, Shown>,
    files: BTreeMap<PathBuf, BTreeSet<String>>,
}

fn is_public(of: &Visibility) -> bool {
    matches!(of, Visibility::Public(_))
}

fn is_shown(attributes: &[Attribute]) -> bool {
    let texts = attributes.iter().map(|it| text(it.meta.to_token_stream()));
    !texts
        .into_iter()
        .any(|it| it == "doc(hidden)" || it == "cfg(test)")
}

/// Tokens as a person writes them, near enough.
fn text(tokens: impl quote::ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (spaced, tight) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        (" > ", "> "),
        ("< ", "<"),
        (" >", ">"),
        (" ,", ","),
        (" ;", ";"),
        (" :", ":"),
        ("& ", "&"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" ?", "?"),
        ("[ ", "["),
        (" ]", "]"),
        ("' ", "'"),
        (" . ", "."),
    ] {
        text = text.replace(spaced, tight);
    }
    text.trim().to_owned()
}

/// Printed events have names that the rooms have too.
fn place(file: &Path, name: &str) -> String {
    let printed = if file.starts_with("wire") {
        "wire "
    } else {
        ""
    };
    format!("{printed}{name}")
}

impl Crate {
    /// What a name shows that the root takes from a path.
    fn shown(&self, path: &[String], name: &str) -> &Shown {
        let printed = self.names.get(&format!("wire {name}"));
        let own = self
            .names
            .get(name)
            .filter(|_| path.get(1).is_none_or(|it| it != "wire"));
        own.or(printed)
            .unwrap_or_else(|| panic!("no definition of {name}"))
    }

    fn read(folder: &Path) -> Self {
        let (mut found, mut folders) = (Self::default(), vec![folder.to_path_buf()]);
        while let Some(one) = folders.pop() {
            for entry in fs::read_dir(&one).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") {
                    let source = fs::read_to_string(&path).expect("text");
                    let file = expanded(&source);
                    let within = path.strip_prefix(folder).expect("inside").to_path_buf();
                    file.items.iter().for_each(|item| found.item(item, &within));
                }
            }
        }
        found
    }

    fn define(&mut self, file: &Path, name: &str, line: String) {
        self.names
            .entry(place(file, name))
            .or_default()
            .insert(line);
        let names = self.files.entry(file.to_path_buf()).or_default();
        names.insert(name.to_owned());
    }

    fn item(&mut self, item: &Item, file: &Path) {
        match item {
            Item::Struct(it) if is_public(&it.vis) && is_shown(&it.attrs) => {
                let name = it.ident.to_string();
                self.define(file, &name, format!("struct {name}{}", text(&it.generics)));
                for field in it.fields.iter().filter(|it| is_public(&it.vis)) {
                    let (field, kind) = (field.ident.to_token_stream(), text(&field.ty));
                    self.define(file, &name, format!("{name}.{field}: {kind}"));
                }
            }
            Item::Enum(it) if is_public(&it.vis) && is_shown(&it.attrs) => {
                let name = it.ident.to_string();
                self.define(file, &name, format!("enum {name}{}", text(&it.generics)));
                for one in &it.variants {
                    let shown = format!("{}{}", one.ident, text(&one.fields));
                    self.define(file, &name, format!("{name}::{shown}"));
                }
            }
            Item::Trait(it) if is_public(&it.vis) => {
                let name = it.ident.to_string();
                self.define(
                    file,
                    &name,
                    format!("trait {name}: {}", text(&it.supertraits)),
                );
                for one in &it.items {
                    if let TraitItem::Fn(method) = one {
                        self.define(file, &name, format!("{name}::{}", text(&method.sig)));
                    }
                }
            }
            Item::Type(it) if is_public(&it.vis) => {
                let name = it.ident.to_string();
                let line = format!("type {name}{} = {}", text(&it.generics), text(&it.ty));
                self.define(file, &name, line);
            }
            Item::Fn(it) if is_public(&it.vis) => {
                self.define(file, &it.sig.ident.to_string(), text(&it.sig));
            }
            Item::Impl(it) => self.implemented(it, file),
            _ => {}
        }
    }

    fn implemented(&mut self, item: &syn::ItemImpl, file: &Path) {
        let syn::Type::Path(of) = &*item.self_ty else {
            return;
        };
        let Some(name) = of.path.segments.last().map(|it| it.ident.to_string()) else {
            return;
        };
        if let Some((_, implemented, _)) = &item.trait_ {
            let line = format!("impl {} for {name}", text(implemented));
            let key = place(file, &name);
            self.names.entry(key).or_default().insert(line);
            return;
        }
        for one in &item.items {
            if let ImplItem::Fn(method) = one
                && is_public(&method.vis)
                && is_shown(&method.attrs)
            {
                self.define(file, &name, format!("{name}::{}", text(&method.sig)));
            }
        }
    }
}

/// The names and modules that the root re-exports.
fn exported(tree: &UseTree, path: &mut Vec<String>, out: &mut Vec<(Vec<String>, String)>) {
    match tree {
        UseTree::Path(it) => {
            path.push(it.ident.to_string());
            exported(&it.tree, path, out);
            path.pop();
        }
        UseTree::Group(it) => it.items.iter().for_each(|one| exported(one, path, out)),
        UseTree::Name(it) => out.push((path.clone(), it.ident.to_string())),
        UseTree::Rename(it) => out.push((path.clone(), it.ident.to_string())),
        UseTree::Glob(_) => panic!("a glob in the root"),
    }
}

fn listing() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let known = Crate::read(&folder);
    let root = fs::read_to_string(folder.join("lib.rs")).expect("the root");
    let mut found = Vec::new();
    for item in syn::parse_file(&root).expect("Rust").items {
        match item {
            Item::Use(it) if is_public(&it.vis) => exported(&it.tree, &mut Vec::new(), &mut found),
            // A room of several files shows what its own root takes from them.
            Item::Mod(it) if is_public(&it.vis) && folder.join(it.ident.to_string()).is_dir() => {
                let room = folder.join(it.ident.to_string()).join("mod.rs");
                let room = fs::read_to_string(room).expect("the room");
                for item in syn::parse_file(&room).expect("Rust").items {
                    if let Item::Use(it) = item
                        && is_public(&it.vis)
                    {
                        exported(&it.tree, &mut Vec::new(), &mut found);
                    }
                }
            }
            Item::Mod(it) if is_public(&it.vis) => {
                found.push((vec!["crate".to_owned()], it.ident.to_string()));
            }
            _ => {}
        }
    }
    let mut lines = BTreeSet::new();
    for (path, name) in found {
        // `pub use crate::wire::actions as action`: the module is named by what it was.
        let module: PathBuf = path[1..].iter().chain([&name]).collect();
        match known.files.get(&module.with_extension("rs")) {
            Some(names) => {
                for one in names {
                    let shown = known.names[&place(&module, one)].iter();
                    lines.extend(shown.map(|line| format!("{name}::{line}")));
                }
            }
            None => lines.extend(known.shown(&path, &name).iter().cloned()),
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

#[test]
fn req_conn_17_the_public_api_is_the_one_that_was_reviewed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("public-api.txt");
    let now = listing();
    if std::env::var_os("UPDATE_PUBLIC_API").is_some() {
        fs::write(&path, &now).expect("written");
    }
    let reviewed = fs::read_to_string(&path).expect("public-api.txt");
    let (now, reviewed): (BTreeSet<_>, BTreeSet<_>) =
        (now.lines().collect(), reviewed.lines().collect());
    let news: Vec<_> = now.difference(&reviewed).collect();
    let gone: Vec<_> = reviewed.difference(&now).collect();
    assert!(
        news.is_empty() && gone.is_empty(),
        "new: {news:#?}\ngone: {gone:#?}\nUPDATE_PUBLIC_API=1 cargo test public_api writes the listing"
    );
}
