"""The pretend Instagram. It shares no table with the adapter: that makes it a check."""
