"""Pointsman routes SMS, Viber and HLR lookups over several providers."""
