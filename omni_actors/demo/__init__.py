"""The demo: the built program and pretend platforms on loopback, and customers who write to it."""
