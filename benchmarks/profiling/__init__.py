"""Where the processor time of a process goes, by part: a sampler in C, and the rules of parts."""
