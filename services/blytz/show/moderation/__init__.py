"""What those who moderate a show may do in its chat, and messages from clients without a socket."""
