"""Evidence packs: what was in force, decided, sent and received, in one archive that verifies itself."""
