//! Prints which file of a crate uses which other, one JSON object a line.
//!
//! A path that begins with `crate` or `super` leads to a file; any other leads outside by its first
//! word. Modules under `cfg(test)` are left out.
//!
//! ```text
//! readers FOLDER
//! ```

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use serde_json::json;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// The files of one crate.
struct Crate {
    folder: PathBuf,
    files: BTreeSet<PathBuf>,
}

impl Crate {
    fn read(folder: &Path) -> io::Result<Self> {
        let mut files = BTreeSet::new();
        let mut folders = vec![folder.to_path_buf()];
        while let Some(one) = folders.pop() {
            for entry in fs::read_dir(&one)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|ending| ending == "rs") {
                    files.insert(path.strip_prefix(folder).unwrap_or(&path).to_path_buf());
                }
            }
        }
        Ok(Self {
            folder: folder.to_path_buf(),
            files,
        })
    }

    /// The file of the longest module path that `words` begin with.
    fn file_of(&self, words: &[String]) -> Option<&PathBuf> {
        (1..=words.len()).rev().find_map(|length| {
            let path: PathBuf = words[..length].iter().collect();
            let inside = path.join("mod.rs");
            self.files
                .get(&path.with_extension("rs"))
                .or_else(|| self.files.get(&inside))
        })
    }
}

/// What one file uses.
struct Uses<'a> {
    known: &'a Crate,
    module: Vec<String>,
    found: BTreeSet<(usize, Vec<String>)>,
}

impl Uses<'_> {
    fn note(&mut self, line: usize, words: Vec<String>) {
        self.found.insert((line, words));
    }

    fn note_tree(&mut self, line: usize, tree: &syn::UseTree, before: &[String]) {
        match tree {
            syn::UseTree::Path(path) => {
                let mut words = before.to_vec();
                words.push(path.ident.to_string());
                self.note_tree(line, &path.tree, &words);
            }
            syn::UseTree::Group(group) => {
                for one in &group.items {
                    self.note_tree(line, one, before);
                }
            }
            syn::UseTree::Name(name) => {
                self.note(line, [before, &[name.ident.to_string()]].concat())
            }
            syn::UseTree::Rename(name) => {
                self.note(line, [before, &[name.ident.to_string()]].concat())
            }
            syn::UseTree::Glob(_) => self.note(line, before.to_vec()),
        }
    }

    /// Prints an edge for each path that was found.
    fn print(&self, from: &Path) {
        for (line, words) in &self.found {
            let mut at = self.module.clone();
            let rest = match words[0].as_str() {
                "crate" => {
                    at.clear();
                    &words[1..]
                }
                "super" => {
                    let ups = words.iter().take_while(|word| *word == "super").count();
                    at.truncate(at.len().saturating_sub(ups));
                    &words[ups..]
                }
                outside => {
                    println!(
                        "{}",
                        json!({"from": from, "line": line, "outside": outside})
                    );
                    continue;
                }
            };
            at.extend(rest.iter().cloned());
            if let Some(to) = self.known.file_of(&at).filter(|to| *to != from) {
                println!("{}", json!({"from": from, "line": line, "to": to}));
            }
        }
    }
}

impl<'ast> Visit<'ast> for Uses<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let tests = module.attrs.iter().any(|attribute| {
            attribute.path().is_ident("cfg") && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string() == "test")
        });
        if !tests {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note_tree(item.span().start().line, &item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            let words = path
                .segments
                .iter()
                .map(|one| one.ident.to_string())
                .collect();
            self.note(path.span().start().line, words);
        }
        visit::visit_path(self, path);
    }
}

fn module_of(file: &Path) -> Vec<String> {
    let mut words: Vec<String> = file
        .with_extension("")
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    if words
        .last()
        .is_some_and(|word| word == "mod" || word == "lib")
    {
        words.pop();
    }
    words
}

fn run(folder: &Path) -> Result<(), String> {
    let known = Crate::read(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for file in &known.files {
        let text = fs::read_to_string(known.folder.join(file))
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let parsed =
            syn::parse_file(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        let mut uses = Uses {
            known: &known,
            module: module_of(file),
            found: BTreeSet::new(),
        };
        uses.visit_file(&parsed);
        uses.print(file);
    }
    Ok(())
}

fn main() {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let outcome = folder
        .as_deref()
        .map_or_else(|| Err("usage: readers FOLDER".to_owned()), run);
    if let Err(problem) = outcome {
        eprintln!("{problem}");
        process::exit(1);
    }
}
