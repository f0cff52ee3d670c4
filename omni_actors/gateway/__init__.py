"""Life: what happens, in order. Our domain's actors; they have loops and transactions, no rules."""
