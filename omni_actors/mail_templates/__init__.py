"""Templates of mails: compiled, checked and rendered in a process of their own."""
