"""People in the loop: reviews, reports, appeals, expiry, dry runs, rule statistics."""
