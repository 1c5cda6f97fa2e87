//! The real binary, driven as a person would drive it. One binary, modules by theme.

mod analyse;
mod compare;
mod config;
mod errors;
mod examples;
mod export;
mod extension;
mod findings;
mod first_light;
mod formats;
mod harness;
mod import;
mod kill;
mod masks;
mod page;
mod plots;
mod power;
mod prompt;
mod readers;
mod readme;
mod record;
mod report;
mod retained;
mod sql;
mod terminal;
mod tidy;
