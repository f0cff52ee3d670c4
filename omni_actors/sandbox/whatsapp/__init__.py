"""The pretend WhatsApp Cloud API. It shares no table with the adapter: that makes it a check."""
