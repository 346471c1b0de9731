//! Blocks: whatever is sealed, as sections of bytes that lie together in few pages.
//!
//! A block holds one section per series (and one of times) for a stretch of time. Sections differ
//! in size from a hundred bytes to many pages, which a page store packs badly: what is larger than
//! a page takes a power of two of pages. So sections are laid end to end and cut in pieces that
//! fill one page each, and a directory says where each section lies.

use super::grid::{self, Stretch};
use crate::store::{
    codec::{self, CodecError, Record},
    error::{Doing, InRow, StoreError},
};
use crate::words::{Span, Timestamp};
use redb::{ReadOnlyTable, ReadTransaction, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// (layer, key of the start) → [`Directory`].
pub(super) const BLOCKS: TableDefinition<'static, (u32, u64), &'static [u8]> =
    TableDefinition::new("blocks");
/// (layer, key of the start, number of the piece) → [`Piece`].
pub(super) const PIECES: TableDefinition<'static, (u32, u64, u32), &'static [u8]> =
    TableDefinition::new("pieces");

/// Bytes in a piece: with key, envelope and the page's own header just under one page of 4096.
const PIECE_BYTES: usize = 4_032;

const READING: &str = "reading samples";
const WRITING: &str = "sealing samples";

/// What a block is made of, and the stretch of time it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// Raw samples of an hour, sealed and not merged yet.
    Hour,
    /// Raw samples of a window of eight hours, merged and summed up.
    Window,
    /// Sums per minute of a day.
    Minutes,
    /// Sums per hour of 32 days.
    Hours,
}

impl Layer {
    /// The stretch of time of one block. Each is a multiple of the smaller ones.
    pub(super) const fn length(self) -> i64 {
        match self {
            Self::Hour => Span::hours(1).0,
            Self::Window => Span::hours(8).0,
            Self::Minutes => Span::hours(24).0,
            Self::Hours => Span::hours(24 * 32).0,
        }
    }

    const fn code(self) -> u32 {
        match self {
            Self::Hour => 1,
            Self::Window => 2,
            Self::Minutes => 3,
            Self::Hours => 4,
        }
    }

    fn keys(self, stretch: Stretch) -> std::ops::Range<(u32, u64)> {
        let keys = stretch.keys();
        (self.code(), keys.start)..(self.code(), keys.end)
    }
}

/// Which block. One with very many times comes in parts: the first starts where its stretch does,
/// each other with its own first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Block {
    pub(super) layer: Layer,
    pub(super) start: i64,
}

impl Block {
    pub(super) const fn around(layer: Layer, at: i64) -> Self {
        Self { layer, start: grid::floor(at, layer.length()) }
    }

    /// The whole stretch that this block, or the block that it is a part of, covers.
    pub(super) const fn stretch(self) -> Stretch {
        Stretch::around(self.start, self.layer.length())
    }

    fn key(self) -> (u32, u64) {
        (self.layer.code(), grid::key(self.start))
    }

    fn said(self) -> String {
        let what = match self.layer {
            Layer::Hour => "hour",
            Layer::Window => "window",
            Layer::Minutes => "minutes",
            Layer::Hours => "hours",
        };
        format!("{what} of {}", Timestamp(self.start))
    }
}

/// Row of `blocks`: (section, bytes) in the order in which the sections lie in the pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Directory(pub(in crate::store) Vec<(u32, u32)>);

/// Row of `pieces`: the next bytes of the sections.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Piece(pub(in crate::store) super::packed::Bytes);

impl Record for Directory {
    const KIND: u16 = 6;
    const VERSION: u16 = 1;
    const NAME: &'static str = "directory of a block";
}

impl Record for Piece {
    const KIND: u16 = 7;
    const VERSION: u16 = 1;
    const NAME: &'static str = "piece of a block";
}

impl Directory {
    pub(super) fn sections(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().map(|(section, _)| *section)
    }

    /// Where a section lies in the row of all sections.
    fn place(&self, section: u32) -> Option<(usize, usize)> {
        let mut start = 0;
        for (number, length) in &self.0 {
            let length = usize::try_from(*length).ok()?;
            if *number == section {
                return Some((start, length));
            }
            start += length;
        }
        None
    }
}

/// All blocks at one moment.
pub(super) struct Blocks {
    directories: ReadOnlyTable<(u32, u64), &'static [u8]>,
    pieces: ReadOnlyTable<(u32, u64, u32), &'static [u8]>,
}

impl Blocks {
    pub(super) fn open(transaction: &ReadTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            directories: transaction.open_table(BLOCKS).doing(READING)?,
            pieces: transaction.open_table(PIECES).doing(READING)?,
        })
    }

    /// Blocks that start in a stretch, in order of time.
    pub(super) fn list(&self, layer: Layer, stretch: Stretch) -> Result<Vec<Block>, StoreError> {
        let range = self.directories.range(layer.keys(stretch)).doing(READING)?;
        let blocks = range.map(|row| {
            let (key, _) = row.doing(READING)?;
            Ok(Block { layer, start: grid::time(key.value().1) })
        });
        blocks.collect()
    }

    /// The earliest block that starts in a stretch.
    pub(super) fn first(
        &self,
        layer: Layer,
        stretch: Stretch,
    ) -> Result<Option<Block>, StoreError> {
        let row = self.directories.range(layer.keys(stretch)).doing(READING)?.next();
        let row = row.transpose().doing(READING)?;
        Ok(row.map(|(key, _)| Block { layer, start: grid::time(key.value().1) }))
    }

    /// The latest block of all.
    pub(super) fn last(&self, layer: Layer) -> Result<Option<Block>, StoreError> {
        let keys = layer.keys(Stretch::EVER);
        let row = self.directories.range(keys).doing(READING)?.next_back();
        let row = row.transpose().doing(READING)?;
        Ok(row.map(|(key, _)| Block { layer, start: grid::time(key.value().1) }))
    }

    /// The directory of a block; empty when there is no such block.
    pub(super) fn directory(&self, block: Block) -> Result<Directory, StoreError> {
        match self.directories.get(block.key()).doing(READING)? {
            Some(bytes) => codec::decode(bytes.value()).in_row("blocks", block.said()),
            None => Ok(Directory::default()),
        }
    }

    /// The record in a section of a block, if it has that section.
    pub(super) fn section<R: Record>(
        &self,
        block: Block,
        directory: &Directory,
        section: u32,
    ) -> Result<Option<R>, StoreError> {
        let bytes = self.bytes(block, directory, section)?;
        let record = bytes.map(|bytes| codec::decode(&bytes)).transpose();
        record.in_row("pieces", format!("{}, section {section}", block.said()))
    }

    /// The bytes of a section.
    pub(super) fn bytes(
        &self,
        block: Block,
        directory: &Directory,
        section: u32,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Some((start, length)) = directory.place(section) else { return Ok(None) };
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let at = start + bytes.len();
            let piece = self.piece(block, at / PIECE_BYTES)?;
            let rest = piece.get(at % PIECE_BYTES..).unwrap_or_default();
            let here = rest.get(..length - bytes.len()).unwrap_or(rest);
            if here.is_empty() {
                return Err(missing(block));
            }
            bytes.extend_from_slice(here);
        }
        Ok(Some(bytes))
    }

    fn piece(&self, block: Block, number: usize) -> Result<Vec<u8>, StoreError> {
        let (layer, start) = block.key();
        let number = u32::try_from(number).map_err(|_large| missing(block))?;
        let Some(bytes) = self.pieces.get((layer, start, number)).doing(READING)? else {
            return Err(missing(block));
        };
        let piece: Piece = codec::decode(bytes.value()).in_row("pieces", block.said())?;
        Ok(piece.0.0)
    }
}

fn missing(block: Block) -> StoreError {
    let why = format!("the block of the {} lacks a piece", block.said());
    StoreError::Damaged { why }
}

/// Writes a block in place of one that may be there.
pub(super) fn write(
    transaction: &WriteTransaction,
    block: Block,
    sections: &BTreeMap<u32, Vec<u8>>,
) -> Result<(), StoreError> {
    remove(transaction, block)?;
    let row =
        |(section, bytes): (&u32, &Vec<u8>)| Some((*section, u32::try_from(bytes.len()).ok()?));
    let too_large = CodecError::TooLarge { name: Directory::NAME, bytes: usize::MAX };
    let directory = sections.iter().map(row).collect::<Option<_>>().ok_or(too_large);
    let directory = directory.and_then(|rows| codec::encode(&Directory(rows)));
    let directory = directory.in_row("blocks", block.said())?;
    let mut directories = transaction.open_table(BLOCKS).doing(WRITING)?;
    directories.insert(block.key(), directory.as_slice()).doing(WRITING)?;
    let mut pieces = transaction.open_table(PIECES).doing(WRITING)?;
    let (layer, start) = block.key();
    let bytes = sections.values().flatten().copied().collect::<Vec<u8>>();
    for (number, piece) in (0..).zip(bytes.chunks(PIECE_BYTES)) {
        let piece = Piece(super::packed::Bytes(piece.to_vec()));
        let bytes = codec::encode(&piece).in_row("pieces", block.said())?;
        pieces.insert((layer, start, number), bytes.as_slice()).doing(WRITING)?;
    }
    Ok(())
}

/// Removes a block whole.
pub(super) fn remove(transaction: &WriteTransaction, block: Block) -> Result<(), StoreError> {
    let (layer, start) = block.key();
    let mut directories = transaction.open_table(BLOCKS).doing(WRITING)?;
    directories.remove(block.key()).map(drop).doing(WRITING)?;
    let mut pieces = transaction.open_table(PIECES).doing(WRITING)?;
    let all = (layer, start, 0)..=(layer, start, u32::MAX);
    pieces.retain_in(all, |_, _| false).doing(WRITING)
}
