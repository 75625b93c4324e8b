"""How `blytz watch` shows an auction in a terminal."""
