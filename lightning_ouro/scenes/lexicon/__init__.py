"""What nouns name and which things are kinds of which, from Open English WordNet."""
