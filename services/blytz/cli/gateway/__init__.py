"""nginx: its configuration, its placeholder certificate, its process."""
