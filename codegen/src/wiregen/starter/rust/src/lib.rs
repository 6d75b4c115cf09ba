//! The example protocol; `wire` is printed by `wiregen generate`.

pub mod wire;
