"""What is looked at before a run starts, so that it stops in one line instead of hours later or never."""
