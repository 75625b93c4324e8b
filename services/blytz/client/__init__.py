"""The reference client of the protocol, over HTTP and WebSocket. Commands, simulation and tests use it."""
