//! The dictionary: which series there are, their units and kinds, and the number each stands for.

use super::SERIES_LIMIT;
use crate::store::{
    codec::{self, CodecError, Older, Record},
    error::{Doing, InRow, StoreError},
    tables::TextRows,
};
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(super) const SERIES: TextRows = TableDefinition::new("series");

/// The number that stands for a series in one file; never used again for another.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct SeriesId(pub u32);

/// How the values of a series are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeriesKind {
    /// Each value stands for itself: a temperature, a price.
    #[default]
    Gauge,
    /// Values count up and start again at a restart; differences are what matters.
    Counter,
}

/// One series of the dictionary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesFacts {
    /// Its number in this file.
    pub id: SeriesId,
    /// Its name, as `gpu/0/temperature`.
    pub name: String,
    /// The unit of its values, as `°C` or `bytes`; empty for plain numbers.
    pub unit: String,
    /// How to read its values.
    pub kind: SeriesKind,
}

/// A series said by its number or by its name. A name that is new becomes a gauge without unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesRef<'a> {
    /// By what [`super::Samples::define`] answered.
    Id(SeriesId),
    /// By name.
    Name(&'a str),
}

impl From<SeriesId> for SeriesRef<'_> {
    fn from(id: SeriesId) -> Self {
        Self::Id(id)
    }
}

impl<'a> From<&'a str> for SeriesRef<'a> {
    fn from(name: &'a str) -> Self {
        Self::Name(name)
    }
}

/// Row of `series` in files of format 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct SeriesV1(pub(in crate::store) u32);

/// Row of `series`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct SeriesRow {
    pub(in crate::store) number: u32,
    pub(in crate::store) unit: String,
    pub(in crate::store) kind: SeriesKind,
}

impl Record for SeriesV1 {
    const KIND: u16 = 4;
    const VERSION: u16 = 1;
    const NAME: &'static str = "series";
}

impl Record for SeriesRow {
    const KIND: u16 = 4;
    const VERSION: u16 = 2;
    const NAME: &'static str = "series";

    fn upgrade(older: Older<'_>) -> Result<Self, CodecError> {
        older.read::<SeriesV1>().map(Self::from)
    }
}

impl From<SeriesV1> for SeriesRow {
    fn from(old: SeriesV1) -> Self {
        Self { number: old.0, ..Self::default() }
    }
}

/// All series, in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(BTreeMap<String, SeriesRow>);

impl Names {
    pub(super) fn read(
        table: &impl ReadableTable<&'static str, &'static [u8]>,
    ) -> Result<Self, StoreError> {
        const DOING: &str = "reading the names of series";
        let mut names = BTreeMap::new();
        for row in table.iter().doing(DOING)? {
            let (name, bytes) = row.doing(DOING)?;
            let row = codec::decode(bytes.value()).in_row("series", name.value())?;
            names.insert(name.value().to_owned(), row);
        }
        Ok(Self(names))
    }

    pub(super) fn facts(self) -> Vec<SeriesFacts> {
        let facts = self.0.into_iter().map(|(name, row)| SeriesFacts {
            id: SeriesId(row.number),
            name,
            unit: row.unit,
            kind: row.kind,
        });
        facts.collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&SeriesRow> {
        self.0.get(name)
    }

    pub(super) fn extend(&mut self, added: BTreeMap<String, SeriesRow>) {
        self.0.extend(added);
    }

    /// The number of `series`; a new name is put into `added` and gets the next free one.
    pub(super) fn number(
        &self,
        series: SeriesRef<'_>,
        added: &mut BTreeMap<String, SeriesRow>,
    ) -> Result<u32, StoreError> {
        let name = match series {
            SeriesRef::Id(SeriesId(number)) => return self.known(number),
            SeriesRef::Name(name) => name,
        };
        if let Some(row) = self.0.get(name).or_else(|| added.get(name)) {
            return Ok(row.number);
        }
        let number = self.next(added.len())?;
        added.insert(name.to_owned(), SeriesRow { number, ..SeriesRow::default() });
        Ok(number)
    }

    /// The number of the next new series, when `added` others were not written yet.
    pub(super) fn next(&self, added: usize) -> Result<u32, StoreError> {
        let count = self.0.len() + added;
        let free = u32::try_from(count).ok().filter(|_| count < SERIES_LIMIT);
        free.ok_or(StoreError::TooMany { what: "series", limit: SERIES_LIMIT })
    }

    /// Numbers are given out from 0 without gaps.
    fn known(&self, number: u32) -> Result<u32, StoreError> {
        let is_known = usize::try_from(number).is_ok_and(|number| number < self.0.len());
        if is_known { Ok(number) } else { Err(StoreError::UnknownSeries { number }) }
    }
}

/// Writes new or changed rows of the dictionary.
pub(super) fn write(
    transaction: &WriteTransaction,
    rows: &BTreeMap<String, SeriesRow>,
) -> Result<(), StoreError> {
    const DOING: &str = "writing the names of series";
    if rows.is_empty() {
        return Ok(());
    }
    let mut table = transaction.open_table(SERIES).doing(DOING)?;
    for (name, row) in rows {
        let bytes = codec::encode(row).in_row("series", name)?;
        table.insert(name.as_str(), bytes.as_slice()).doing(DOING)?;
    }
    Ok(())
}
