"""What the Meta platforms share; an adapter of one of them may import it."""
