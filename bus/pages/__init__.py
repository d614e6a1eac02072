"""What people see: the lobby, rooms, and the way in."""
