"""What viewers report to those who moderate a show."""
