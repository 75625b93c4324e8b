"""Topics: recovery, order and fan-out."""
