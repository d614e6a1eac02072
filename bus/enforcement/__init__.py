"""What follows from a verdict: policies, strikes, sanctions, opening reviews, the log."""
