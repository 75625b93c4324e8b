"""`blytz up`: the supervisor and the processes it starts."""
