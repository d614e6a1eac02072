"""What is run in this repository and never on an installation."""
