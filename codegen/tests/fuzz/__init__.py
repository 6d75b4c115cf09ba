"""Random documents: a grammar of shapes whose names and texts are as hostile as can be."""
