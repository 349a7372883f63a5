"""The private stack that scripts/stack starts: MariaDB, peers, responders and nginx under one directory."""
