"""Email, over SMTP and IMAP, or by hook."""
