"""Who has an account: known by a UUID and an e-mail address, with no user name."""
