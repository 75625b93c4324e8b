"""What `blytz show` does: shows and their lots, made and run from the terminal."""
