"""The checks of `blytz doctor`."""
