"""WHILE it trains: a server on this machine that shows runs as they grow, and hands on what is asked of them."""
