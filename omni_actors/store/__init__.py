"""Durability: our verbs over a database. Doors: `contract`, `verbs`, `queries`, `rows`."""
