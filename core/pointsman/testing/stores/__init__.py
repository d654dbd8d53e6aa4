"""The contract of stores as checks that any store can be put to; `docs/writing-a-store.md` says how."""

from pointsman.testing.stores.kit import STORE_CHECKS, Check, check_store, store_problems
from pointsman.testing.stores.trial import MakeStore, Trial

__all__ = ["STORE_CHECKS", "Check", "MakeStore", "Trial", "check_store", "store_problems"]
