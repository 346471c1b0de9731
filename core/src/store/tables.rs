//! The tables of `state.redb`: their names, keys and purpose. Values are envelopes.

use super::error::{Doing, StoreError};
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use std::fmt;

pub(super) type TextRows = TableDefinition<'static, &'static str, &'static [u8]>;
pub(super) type NumberRows = TableDefinition<'static, u64, &'static [u8]>;

/// About the file itself: `file` and `history` (head of the chain).
pub(super) const META: TextRows = TableDefinition::new("meta");
/// Sequence number → chained entry; see [`super::history`].
pub(super) const HISTORY: NumberRows = TableDefinition::new("history");

/// A table whose rows the layers above own. New tables come with a new file format version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// One state machine each, by its name (`study`, `process/worker-1`, …).
    Machines,
    /// Answers to operators' requests, by request id: asking twice acts once.
    Requests,
    /// Models that were considered for going live, by revision id.
    Revisions,
    /// Effects asked for and not yet resolved, by intent id.
    Intents,
}

/// What the keys of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyShape {
    /// Text, ordered by bytes.
    Text,
    /// A number.
    Number,
}

/// The key of a row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// For tables of [`KeyShape::Number`].
    Number(u64),
    /// For tables of [`KeyShape::Text`].
    Text(String),
}

impl Table {
    /// Every table, in the order of the enum.
    pub const ALL: [Self; 4] = [Self::Machines, Self::Requests, Self::Revisions, Self::Intents];

    /// The table's name in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Machines => "machines",
            Self::Requests => "requests",
            Self::Revisions => "revisions",
            Self::Intents => "intents",
        }
    }

    /// What its keys are.
    pub const fn key_shape(self) -> KeyShape {
        match self {
            Self::Machines | Self::Requests => KeyShape::Text,
            Self::Revisions | Self::Intents => KeyShape::Number,
        }
    }

    pub(super) const fn text(self) -> TextRows {
        TableDefinition::new(self.name())
    }

    pub(super) const fn number(self) -> NumberRows {
        TableDefinition::new(self.name())
    }
}

/// Makes the tables that are not there yet.
pub(super) fn create_all(transaction: &WriteTransaction) -> Result<(), StoreError> {
    const DOING: &str = "creating the tables";
    for table in Table::ALL {
        match table.key_shape() {
            KeyShape::Text => drop(transaction.open_table(table.text()).doing(DOING)?),
            KeyShape::Number => drop(transaction.open_table(table.number()).doing(DOING)?),
        }
    }
    transaction.open_table(HISTORY).map(drop).doing(DOING)
}

/// Hands every row of `table` to `each`, in key order.
pub(super) fn each_row<K, E>(
    table: &impl ReadableTable<K, &'static [u8]>,
    mut each: E,
) -> Result<(), StoreError>
where
    K: redb::Key + 'static,
    E: FnMut(K::SelfType<'_>, &[u8]) -> Result<(), StoreError>,
{
    const DOING: &str = "reading rows";
    for row in table.iter().doing(DOING)? {
        let (key, value) = row.doing(DOING)?;
        each(key.value(), value.value())?;
    }
    Ok(())
}

impl From<u64> for Key {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "`{text}`"),
        }
    }
}
