"""The live gateway: bids in, events out, over WebSocket."""
