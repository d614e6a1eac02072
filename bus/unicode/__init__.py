"""What Unicode says of texts: graphemes, directions, normal forms. Pure."""
