package main

// What this service is called, and where it listens unless PORT says otherwise.
const (
	name        = "orders"
	defaultPort = 8080
)
