"""What the pretend Messenger and the pretend Instagram share: Meta's Graph, logins, and manners."""
