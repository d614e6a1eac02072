"""What stands around Django for every HTTP request: bounds, headers, where it comes from."""
