"""The video of a show: who may send it, and the clocks that stop while the host is away."""
