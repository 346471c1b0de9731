//! The section `[models]`: where a trial's model is, and what it must be like.

use super::ModelsConfig;
use super::check::{Mistake, mistake};
use super::file::Models;
use cappuccino_core::model::container::ContainerKind;
use serde_spanned::Spanned;
use std::path::Path;

pub(super) fn models(file: Models, root: &Path) -> Result<ModelsConfig, Mistake> {
    let folders = file.folders.iter().map(|folder| root.join(folder).display().to_string());
    Ok(ModelsConfig {
        folders: folders.collect(),
        timeframe: file.timeframe,
        required: file.required.into_iter().map(weights_file).collect::<Result<_, _>>()?,
        max_bytes: file.max_megabytes.saturating_mul(1024 * 1024),
        tickers: file.tickers.map(tickers).transpose()?,
    })
}

/// A plain name that promises weights: only such files are examined, stored and traded.
fn weights_file(name: Spanned<String>) -> Result<String, Mistake> {
    let is_plain = !name.get_ref().contains(['/', '\0']) && !name.get_ref().starts_with('.');
    if is_plain && ContainerKind::of(name.get_ref()).is_some() {
        return Ok(name.into_inner());
    }
    let what = format!("`{}` is no file of weights", name.get_ref());
    Err(mistake(name.span(), what, "write a file name that ends in .pth, .pt or .safetensors"))
}

fn tickers(names: Spanned<Vec<String>>) -> Result<Vec<String>, Mistake> {
    if names.get_ref().is_empty() {
        let remedy = "name what the trader trades, or leave the line out";
        return Err(mistake(names.span(), "there is no ticker".to_owned(), remedy));
    }
    Ok(names.into_inner())
}
