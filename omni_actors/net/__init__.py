"""The hands on the network: calls are made here, and nowhere else. Knows no platform."""
