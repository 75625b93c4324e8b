"""What everybody who watches a show is told, and the state that it leads to."""
