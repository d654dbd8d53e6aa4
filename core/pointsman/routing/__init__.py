"""Pure decisions: price, choice, breakers, failover. `now` and `random` are always arguments."""
