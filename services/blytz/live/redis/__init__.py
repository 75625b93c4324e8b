"""What the live gateways share in Redis."""
