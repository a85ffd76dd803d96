package store

// Shared lets several stores have one PostgreSQL database.
func (c Config) Shared() Config {
	c.shared = true
	return c
}
