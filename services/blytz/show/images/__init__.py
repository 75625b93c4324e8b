"""Pictures of shows and lots: taken as a seller has them, kept small and without anything but the picture."""
