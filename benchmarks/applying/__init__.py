"""Answers on applicability, measured beside the barest SQL that fetches the same rows."""
