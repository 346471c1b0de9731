//! redb behind the promise that effects leave only through a commit.
