"""Letters that come back by mail: read from a mailbox or handed over by the mail server, then folded."""
