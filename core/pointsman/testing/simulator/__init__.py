"""A messaging business in virtual time, to prove the choice in: providers that fail, recipients, prices, policies."""
