"""Whether a change of a policy is significant, with findings that say why."""

from policy_versions.significance.decision import ENGINE, Decision, decide
from policy_versions.significance.findings import Finding
from policy_versions.significance.report import text

__all__ = ["ENGINE", "Decision", "Finding", "decide", "text"]
