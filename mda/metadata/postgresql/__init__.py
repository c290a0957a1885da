"""PostgreSQL itself: the embedded server, connections, what we insist on, what its errors mean."""
