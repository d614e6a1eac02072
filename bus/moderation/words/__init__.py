"""Words that may not stand: the lists, where a term counts, and how it is disguised."""
