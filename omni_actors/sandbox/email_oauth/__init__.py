"""The logins of Google and Microsoft for mail accounts, as far as connecting needs them."""
