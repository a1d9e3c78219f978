"""The comparison of two texts of a policy: what was inserted, deleted, reworded, moved, linked elsewhere."""

from policy_versions.diff.blocks import Block, Blocks, read
from policy_versions.diff.engine import compare
from policy_versions.diff.model import ENGINE, BlockChange, Change, Kind, Piece, Section

__all__ = ["ENGINE", "Block", "BlockChange", "Blocks", "Change", "Kind", "Piece", "Section", "compare", "read"]
