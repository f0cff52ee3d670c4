"""What Messenger and Instagram are sent, and what their refusals mean."""
