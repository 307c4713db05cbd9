"""How the data is made: paintings in, a published data set folder out."""
