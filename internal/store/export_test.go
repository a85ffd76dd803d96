package store

// Shared lets several stores have one PostgreSQL database.
func (c Config) Shared() Config {
	c.shared = true
	return c
}

// ShortLog makes SQLite's write-ahead log begin anew after so many pages.
func (c Config) ShortLog(pages int) Config {
	c.walPages = pages
	return c
}
