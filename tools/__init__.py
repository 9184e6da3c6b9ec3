"""Tools that make what is shipped. Not shipped themselves."""
